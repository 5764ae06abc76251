"""The address of a comparison: which runs, and how they are drawn."""

import re
from typing import NamedTuple
from urllib.parse import parse_qsl

from trainer.config.table import SETTINGS

MOST_RUNS = 100
MOST_SHOWN = 40  # characters of what was refused
AXES = {"epochs": "epochs", "batches": "batches", "time": "time", "lr": "loss over LR"}
SCALES = ("log", "linear")
SETTING, RUN = "setting", "run"
COLOURED_BY = (SETTING, RUN, *dict.fromkeys(setting.key for setting in SETTINGS))
MOST_SMOOTH = 0.95
NUMBER = re.compile(r"[1-9][0-9]{0,17}")


class Asked(NamedTuple):
    """What an address asks for; `refused` has a sentence for each part of it that is left out.

    Attributes:
        hidden: runs of the list that are not drawn.
        smooth: the weight of the past in the exponential mean, 0 for none.
        metric: its name; "" for the runs' own monitor.
    """

    runs: tuple[int, ...] = ()
    hidden: frozenset[int] = frozenset()
    metric: str = ""
    x: str = "epochs"
    scale: str = "log"
    smooth: float = 0.0
    colour: str = SETTING
    group: bool = True
    refused: tuple[str, ...] = ()


def read(query: str) -> Asked:
    """What a URL query asks for: "?runs=1,2,3&metric=val_loss&x=time". A wrong part does not cost
    the others.
    """
    given = dict(parse_qsl(query.removeprefix("?"), keep_blank_values=True))
    refused: list[str] = []
    runs = _numbers(given.pop("runs", ""), refused)
    if len(runs) > MOST_RUNS:
        refused.append(f"At most {MOST_RUNS} runs are compared: the others are left out.")
    choices = {
        "x": tuple(AXES), "scale": SCALES, "colour": COLOURED_BY, "group": ("on", "off"),
    }  # fmt: skip
    defaults = Asked()
    chosen = {"x": defaults.x, "scale": defaults.scale, "colour": SETTING, "group": "on"}
    for key, allowed in choices.items():
        value = given.pop(key, chosen[key])
        if value in allowed:
            chosen[key] = value
        else:
            named = ", ".join(allowed) if key != "colour" else f"{SETTING}, {RUN} or a setting"
            refused.append(f"{key} must be one of {named}, not {value[:MOST_SHOWN]!r}.")
    hidden = _numbers(given.pop("off", ""), refused)
    metric, smooth = given.pop("metric", ""), _smooth(given.pop("smooth", "0"), refused)
    refused += [f"There is nothing called {key[:MOST_SHOWN]!r} in a comparison." for key in given]
    return Asked(
        runs[:MOST_RUNS], frozenset(hidden), metric[:200], chosen["x"], chosen["scale"], smooth,
        chosen["colour"], chosen["group"] == "on", tuple(refused),
    )  # fmt: skip


def _numbers(text: str, refused: list[str]) -> tuple[int, ...]:
    found = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        if NUMBER.fullmatch(part):
            found.append(int(part))
        else:
            refused.append(f"There is no run {part[:MOST_SHOWN]!r}.")
    return tuple(dict.fromkeys(found))


def _smooth(text: str, refused: list[str]) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if 0 <= value <= MOST_SMOOTH:
        return value
    refused.append(f"smooth must be from 0 to {MOST_SMOOTH}, not {text[:MOST_SHOWN]!r}.")
    return 0.0
