"""A sweep before it is started: its cells, or what is wrong; and what it costs."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from app import own
from app.sweep import values
from app.sweep.address import MOST_TEXT
from trainer.config.grid import Cell, Grid, cells, grid, label, rungs
from trainer.config.run import RunConfig
from trainer.config.table import SETTINGS, ConfigError
from trainer.config.text import duration
from trainer.store import selection
from trainer.store.store import Store


class Plan(NamedTuple):
    """A grid over a config, and its cells."""

    config: RunConfig
    grid: Grid
    cells: list[Cell]


class PlanError(Exception):
    """A sweep cannot be: a sentence for each row at fault, by its number, and the others."""

    def __init__(self, rows: Mapping[int, str], others: Sequence[str] = ()) -> None:
        super().__init__(" ".join([*rows.values(), *others]))
        self.rows = rows
        self.others = others


def plan(
    config: RunConfig, rows: Sequence[tuple[str, str]], seeds: int = 1, halving: bool = False
) -> Plan:
    """The sweep that these rows describe.

    Args:
        rows: a setting's key and its values as text; rows without a key are left out.

    Raises:
        PlanError: it cannot be.
    """
    given: dict[str, list[str]] = {}
    wrong = {}
    for number, (key, text) in enumerate(rows):
        if key in given:
            wrong[number] = f"{label(key)} is named twice: write its values in one row."
        elif key and len(text) > MOST_TEXT:
            told = f"{label(key)} has {len(text):,} characters of values"
            wrong[number] = f"{told}, and {MOST_TEXT:,} is the most: name fewer."
        elif key:
            try:
                given[key] = values.split(key, text)
            except ConfigError as error:
                wrong[number] = str(error)
    if wrong:
        raise PlanError(wrong)
    try:
        made = grid(config, given, seeds=seeds, mode="halving" if halving else "grid")
        found = cells(config, made)
        for cell in found:
            own.check(cell.config)
        return Plan(config, made, found)
    except ConfigError as error:
        raise by_row(error, [key for key, _ in rows]) from error


def by_row(error: ConfigError, keys: Sequence[str]) -> PlanError:
    """An error with each sentence beside the row of its setting; `keys` are those of the rows."""
    rows: dict[int, str] = {}
    others = []
    for (path, owner), sentence in error.problems.items():
        named = {path} | {s.key for s in SETTINGS if s.path == path and owner in (None, s.owner)}
        row = next((number for number, key in enumerate(keys) if key and key in named), None)
        if row is None:
            others.append(sentence)
        else:
            rows[row] = " ".join(filter(None, (rows.get(row), sentence)))
    return PlanError(rows, others)


def cost(store: Store, plan: Plan) -> list[str]:
    """What the page says of a sweep before it starts: its cells and epochs at most; what halving
    does; how long it takes at most.
    """
    epochs = _epochs(plan)
    count, trained = _counted(len(plan.cells), "cell"), round(sum(epochs.values()))
    if plan.grid.mode == "halving":
        told = [f"{count}, about {_counted(trained, 'epoch')}.", _halving(plan)]
    else:
        told = [f"{count}, {_counted(trained, 'epoch')} at most."]
    return [*told, time_told(store, epochs)]


def time_told(store: Store, epochs: Mapping[tuple[str, str, int], float]) -> str:
    """How long so many epochs take at most, by data, network and batch size, in a sentence."""
    seconds = 0.0
    for kind, trained in epochs.items():
        each = selection.seconds_an_epoch(store, *kind)
        if each is None:
            return (
                "How long that takes is not known: no run with this data, network and batch size "
                "was trained here yet."
            )
        seconds += each * trained
    return f"{duration(seconds).capitalize()} at most, as fast as earlier runs."


def _epochs(plan: Plan) -> dict[tuple[str, str, int], float]:
    """How many epochs are trained at most, by data, network and batch size."""
    asked: Counter[tuple[str, str, int]] = Counter()
    for config in (cell.config for cell in plan.cells):
        asked[config.dataset, config.model, config.batch_size] += config.epochs
    share = _halved(plan) / sum(asked.values()) if plan.grid.mode == "halving" else 1.0
    return {kind: epochs * share for kind, epochs in asked.items()}


def _halved(plan: Plan) -> int:
    """How many epochs halving trains, without what goes on since it is equal."""
    left, since, epochs = len(plan.cells), 0, max(cell.config.epochs for cell in plan.cells)
    total = 0
    for epoch, going in rungs(plan.grid, left, epochs):
        total += left * (epoch - since)
        left, since = going, epoch
    return total + left * (epochs - since)


def _halving(plan: Plan) -> str:
    stops = rungs(plan.grid, len(plan.cells), max(cell.config.epochs for cell in plan.cells))
    if not stops:
        return "Halving stops none of so few cells."
    (epoch, going), *others = stops
    told = "".join(f", {left} after epoch {at}" for at, left in others)
    on = "goes on" if going == 1 else "go on"
    return (
        f"Those that lag stop early: of {len(plan.cells)} cells {going} {on} after epoch "
        f"{epoch}{told}; of equal ones all."
    )


def _counted(n: int, word: str) -> str:
    return f"{n:,} {word}{'' if n == 1 else 's'}"
