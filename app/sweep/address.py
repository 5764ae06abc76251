"""The address of the view Sweep: the sweep on show, or the settings of the next one."""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple
from urllib.parse import parse_qsl, urlencode

from app import address, form
from trainer.config.grid import MOST_CELLS
from trainer.config.run import RunConfig
from trainer.config.table import SETTINGS, declared, unknown
from trainer.sweep.find.plans import PLANS

MOST_SHOWN = 40  # characters of what was refused
MOST_QUERY = 8000  # characters of an address that the page writes
LONGEST = 8 * MOST_QUERY  # of one that it is opened with: a server takes no longer one
MOST_TEXT = 25 * MOST_CELLS  # characters of a setting's values: a number has at most 22
OVER = "over-"  # before the key of a setting that takes several values
FIND = "find-"  # before the key of a setting of a way to find an LR
NUMBER = re.compile(r"[1-9][0-9]{0,17}")
COUNTS = ("seeds", "workers")
ROWS = 8  # settings that take several values


class Look(NamedTuple):
    """How a sweep is drawn: a metric, the settings along the heat map, by key, and what colours the
    tree; "" for the usual ones, or for none where `y` is named.
    """

    metric: str = ""
    y: str = ""
    x: str = ""
    by: str = ""
    tree: str = ""


class Asked(NamedTuple):
    """What an address asks for; `refused` has a sentence for each part of it that is left out.

    Attributes:
        sweep: the sweep on show; None for a new one.
        look: how it is drawn.
        run: the run whose settings are the base, if one is named.
        config: what the cells have in common.
        over: the values of settings, as text by key.
        way: how to find an LR, a `trainer.store.sweeps.Kind`; "" for a grid.
        plan: what that way needs to know, as text by key; what is not given has its default.
    """

    sweep: int | None = None
    run: int | None = None
    config: RunConfig = RunConfig()
    over: Mapping[str, str] = {}
    seeds: int = 1
    workers: int = 1
    halving: bool = False
    refused: Sequence[str] = ()
    look: Look = Look()
    way: str = ""
    plan: Mapping[str, str] = {}


def read(query: str) -> Asked:
    """What a URL query asks for: "?sweep=3", or "?model=mlp&over-lr=0.001,0.01&seeds=3",
    "?mode=which&find-seeds=3", or "?from=19". A wrong part does not cost the others.
    """
    given = dict(parse_qsl(query.removeprefix("?"), keep_blank_values=True))
    refused: list[str] = []
    sweep = _number(given.pop("sweep", ""), "sweep", refused)
    run = _number(given.pop("from", ""), "run", refused)
    counts = {key: _number(given.pop(key, "1"), key, refused) or 1 for key in COUNTS}
    mode = given.pop("mode", "grid")
    if mode not in (modes := ("grid", "halving", *PLANS)):
        named = f"{', '.join(modes[:-1])} or {modes[-1]}"
        refused.append(f"mode must be {named}, not {mode[:MOST_SHOWN]!r}.")
    look = Look(*(given.pop(part, "")[:MOST_SHOWN] for part in Look._fields))
    over = {key.removeprefix(OVER): given.pop(key) for key in [*given] if OVER in key[:5]}
    plan = {
        key.removeprefix(FIND): given.pop(key)[:MOST_SHOWN] for key in [*given] if FIND in key[:5]
    }
    refused += _unknown(over, {setting.key for setting in SETTINGS})
    known = {setting.key for setting in declared(PLANS[mode])} if mode in PLANS else set()
    refused += _unknown(plan, known | ({"epochs"} if mode == "find" else set()))
    if len(over) > ROWS:
        left_out = ", ".join([*over][ROWS:])[:MOST_SHOWN]
        refused.append(f"At most {ROWS} settings can take several values, without {left_out}.")
        over = dict([*over.items()][:ROWS])
    settings = address.read(urlencode(given))
    refused += settings.refused
    return Asked(
        sweep, run, settings.config, over, counts["seeds"], counts["workers"],
        mode == "halving", tuple(refused), look, mode if mode in PLANS else "", plan,
    )  # fmt: skip


def write(asked: Asked) -> str:
    """The query for the settings of a new sweep; `read` reads it back."""
    parts = dict(parse_qsl(form.to_query(asked.config).removeprefix("?"), keep_blank_values=True))
    parts |= {OVER + key: text for key, text in asked.over.items()}
    parts |= {key: str(getattr(asked, key)) for key in COUNTS if getattr(asked, key) != 1}
    parts |= {"mode": "halving"} if asked.halving else {}
    parts |= {"mode": asked.way} if asked.way else {}
    parts |= {FIND + key: text for key, text in asked.plan.items()}
    return f"?{urlencode(parts, safe=',')}" if parts else ""


def _unknown(given: dict[str, str], known: set[str]) -> list[str]:
    """Take what is no setting out of those given, with a sentence for each."""
    wrong = [key for key in given if key not in known]
    for key in wrong:
        del given[key]
    return [unknown(key, known) for key in wrong]


def _number(text: str, word: str, refused: list[str]) -> int | None:
    if not text or NUMBER.fullmatch(text):
        return int(text) if text else None
    if word in COUNTS:
        refused.append(f"{word} must be a whole number from 1 on, not {text[:MOST_SHOWN]!r}.")
    else:
        refused.append(f"There is no {word} {text[:MOST_SHOWN]!r}.")
    return None
