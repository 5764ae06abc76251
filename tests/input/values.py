"""What people and programs type, paste and send as the value of a setting."""

import math
from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

from trainer.config.run import OF_OWN_DATA
from trainer.config.table import SETTINGS, Setting

DIGITS = ["٣", "३", "３", "五", "Ⅷ", "²", "½", "−1", "1٫5"]  # noqa: RUF001
WRITTEN = [
    "", " ", "0", "-0", "-1", "+1", "1", "10", "007", " 5 ", "5\n", "1e3", "1e-3", "1E-3", "1.",
    ".5", "1,5", "1_000", "1 000", "1'000", "0x10", "0b1", "1e400", "-1e400", "1e-400", "5e-324",
    "2.2e-308", "1e308", "nan", "NaN", "-nan", "inf", "Infinity", "-inf", "True", "on", "off",
    "yes", "None", "null", "[]", "[1]", "{}", "1/2", "50%", "64 images", "0.1s", "1e", "e1", "--",
    "-", "--lr", "1;2", "1 2 3", "3,,4", "\0", "\x1b[31m1", "<b>1</b>", "'", '"', "\\", "$(id)",
    "😀", "\u202e1", "\u200b1", "1\u00a0", "9" * 400, "9" * 5000, "0." + "0" * 400 + "1",
    "x" * 10_000, "1," * 60, *DIGITS,
]  # fmt: skip
SENT: list[Any] = [
    None, True, False, [], [1], [[]], {}, {"name": 1}, b"1", "\ud800", 10**400, -(10**400),
    10**5000, math.nan, math.inf, -math.inf, 5e-324, 1e308, 2**53 + 1, 2**63, -1, 0, -0.0, 1j,
    object, [1, None], ["1", 2.5], [10**400],
]  # fmt: skip
PLAIN = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30)
NESTED = st.recursive(
    PLAIN, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=5
)


def edges(setting: Setting) -> list[Any]:
    """Numbers at and beside the ends of what is permitted."""
    if setting.least is None or setting.most is None:
        return []
    ends = [setting.least, setting.most]
    if setting.kind == "int":
        return [int(end) + beside for end in ends for beside in (-1, 0, 1)]
    return [n for end in ends for n in (end, math.nextafter(end, -1e9), math.nextafter(end, 1e9))]


def texts(setting: Setting) -> st.SearchStrategy[str]:
    """Texts for a setting, some of which it takes."""
    known = [*setting.choices, *map(str, edges(setting)), setting.text(setting.default)]
    numbers = st.floats() | st.integers() | st.floats(0, 1) | st.integers(0, 100)
    return st.one_of(
        st.sampled_from(WRITTEN), st.sampled_from(known), numbers.map(str), st.text(max_size=30)
    )


def anything(setting: Setting) -> st.SearchStrategy[Any]:
    """Values of any type for a setting."""
    beside = st.sampled_from([*edges(setting), None])
    return st.one_of(texts(setting), st.sampled_from(SENT), beside, NESTED)


def given_to(setting: Setting, value: Any) -> dict[str, Any]:
    """A setting's value by key, with the schedule or the optimizer that it belongs to."""
    owner: dict[str, Any] = {} if setting.group == "run" else {setting.group: setting.owner}
    if setting.name in OF_OWN_DATA:
        owner = {"dataset": "/data/flowers"}
    return {**owner, setting.key: value}


def each_setting(
    values: Callable[[Setting], st.SearchStrategy[Any]],
) -> st.SearchStrategy[tuple[Setting, Any]]:
    """Each setting with such a value."""
    drawn = [st.tuples(st.just(setting), values(setting)) for setting in SETTINGS]
    return st.one_of(drawn)


settings_with_text = each_setting(texts)
settings_with_anything = each_setting(anything)
