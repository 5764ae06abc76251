"""The page's address: which run, which others behind it and which tab are on show, and the settings
of the form.
"""

import re
from typing import NamedTuple
from urllib.parse import parse_qsl

from trainer.config.run import RunConfig
from trainer.config.table import SETTINGS, ConfigError, to_config

MOST_BESIDE = 50  # runs
MOST_SHOWN = 40  # characters of what was refused
NUMBER = re.compile(r"[1-9][0-9]{0,16}")
EVENTS, WHAT_IF, FAMILY = TABS = ("events", "what-if", "family")


class Address(NamedTuple):
    """What an address asks for; `refused` has a sentence for each part of it that is left out.

    Attributes:
        others: the runs behind the one on show.
    """

    run: int | None
    others: tuple[int, ...]
    tab: str
    config: RunConfig
    refused: list[str]


def read(query: str) -> Address:
    """What a URL query asks for: "?run=19&with=3,4&tab=what-if&lr=0.02". A wrong part does not cost
    the others.
    """
    given = dict(parse_qsl(query.removeprefix("?"), keep_blank_values=True))
    run, tab = given.pop("run", ""), given.pop("tab", TABS[0])
    beside = given.pop("with", "")
    config, refused = _settings(given)
    others = _others(beside, refused)
    number = int(run) if NUMBER.fullmatch(run) else None
    if run and not number:
        refused.append(_no_run(run))
    return Address(number, others, tab if tab in TABS else TABS[0], config, refused)


def _others(text: str, refused: list[str]) -> tuple[int, ...]:
    """The runs of a list: "3,4"."""
    parts = [part.strip() for part in text.split(",") if part.strip()]
    refused.extend(_no_run(part) for part in parts if not NUMBER.fullmatch(part))
    found = tuple(dict.fromkeys(int(part) for part in parts if NUMBER.fullmatch(part)))
    if len(found) > MOST_BESIDE:
        refused.append(f"At most {MOST_BESIDE} runs can be chosen: the others are left out.")
    return found[:MOST_BESIDE]


def _no_run(text: str) -> str:
    return f"There is no run {text[:MOST_SHOWN]!r}."


def _settings(given: dict[str, str]) -> tuple[RunConfig, list[str]]:
    refused: list[str] = []
    while True:
        try:
            return to_config(given), refused
        except ConfigError as error:
            refused.extend(error.problems.values())
            at_fault = {path for path, _ in error.problems}
            at_fault |= {setting.key for setting in SETTINGS if setting.path in at_fault}
            if not at_fault & given.keys():
                return RunConfig(), refused
            given = {key: value for key, value in given.items() if key not in at_fault}
