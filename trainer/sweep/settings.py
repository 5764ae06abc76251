"""The settings of a sweep: its cells without the seed, and which of them cannot be told apart."""

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import cache, lru_cache
from typing import Any, NamedTuple

from ..compare.additive import ranking
from ..compare.groups import in_words
from ..compare.seeds import logarithm
from ..config.metrics import rises
from ..config.table import SETTINGS, Setting
from ..config.text import lr_text
from .reading import SEED, Cell, Read

# What is said of a setting whose cells do not stand alike: the first of these that one of them has.
ORDER = (
    "diverged", "failed", "stopped", "interrupted", "training", "queued", "finished",
)  # fmt: skip
LOST = ("diverged", "failed")
NONE = "\N{EN DASH}"


class Tried(NamedTuple):
    """A combination of values and its cells, one for each seed.

    Attributes:
        mean: the mean of their best values, by the logarithm; None if there is none, or if one has
            diverged or failed, which no mean of the others makes good.
        low, high: the lowest and the highest of them.
        at: the epoch of the best value, in the middle of the seeds.
        status: that of its cells; where they differ, the one that matters most.
    """

    values: Mapping[str, Any]
    cells: tuple[Cell, ...]
    mean: float | None
    low: float | None
    high: float | None
    at: int | None
    status: str

    @property
    def runs(self) -> list[int]:
        return [cell.run for cell in self.cells]

    @property
    def best(self) -> Cell:
        """Its best cell, else its first."""
        return min(self.cells, key=lambda cell: (cell.cost, cell.run))

    @property
    def reached(self) -> bool:
        """Whether one of its cells has an epoch."""
        return any(cell.epoch for cell in self.cells)


class Standing(NamedTuple):
    """What the values show: the best setting, by its place, those that cannot be told from it, and
    within how much of it.

    Attributes:
        reach: of the logarithm; None if it is not known.
        seeds: how many seeds the best has.
    """

    best: int | None
    within: frozenset[int]
    reach: float | None
    seeds: int


def tried(
    read: Read, keys: Collection[str] = (), made: dict[int, Tried] | None = None
) -> list[Tried]:
    """The settings of a sweep, in the order of its cells.

    Args:
        keys: if the seed is among them, a cell of another seed is another setting.
        made: the settings of a moment ago, by their first run, which is brought up to date: one
            whose cells have not changed is the same object.
    """
    made = {} if made is None else made
    by_seed = SEED in keys
    apart = (*read.keys, SEED) if by_seed else read.keys
    found: dict[tuple[Any, ...], list[Cell]] = {}
    for cell in read.cells:
        own = [cell.values.get(key) for key in read.keys]
        found.setdefault((*own, cell.seed) if by_seed else tuple(own), []).append(cell)
    settings = []
    for its, cells in found.items():
        known = made.get(cells[0].run)
        if known is None or not _same(known.cells, cells):
            made[cells[0].run] = known = _tried(apart, its, cells, read.metric)
        settings.append(known)
    return settings


def _same(known: Sequence[Cell], cells: Sequence[Cell]) -> bool:
    if len(cells) == 1:  # as a rule
        return known[0] is cells[0] and len(known) == 1
    return {*map(id, known)} == {*map(id, cells)}


def _tried(keys: Sequence[str], values: Sequence[Any], cells: list[Cell], metric: str) -> Tried:
    named = {key: value for key, value in zip(keys, values, strict=True) if value is not None}
    if len(cells) == 1:  # the same as below, in a tenth of the time
        [cell] = cells
        mean = None if cell.status in LOST else cell.best
        return Tried(named, (cell,), mean, cell.best, cell.best, cell.at, cell.status)
    cells = sorted(cells, key=lambda cell: cell.seed)
    status = min((cell.status for cell in cells), key=_rank)
    bests = [cell.best for cell in cells if cell.best is not None]
    epochs = sorted(cell.at for cell in cells if cell.at is not None)
    mean = None if status in LOST else _mean(bests, metric)
    return Tried(
        named,
        tuple(cells),
        mean,
        min(bests, default=None),
        max(bests, default=None),
        epochs[len(epochs) // 2] if epochs else None,
        status,
    )


def _rank(status: str) -> int:
    return ORDER.index(status) if status in ORDER else len(ORDER)


def _mean(values: Sequence[float], metric: str) -> float | None:
    """The mean by the logarithm; the plain one where a value has none."""
    if not values:
        return None
    if len(values) == 1:
        return values[0]
    logs = [log for value in values if (log := logarithm(metric, value)) is not None]
    if len(logs) < len(values):
        return sum(values) / len(values)
    cost = math.exp(sum(logs) / len(logs))
    return 1 - cost if rises(metric) else cost


def standing(
    settings: Sequence[Tried],
    metric: str,
    noise: Callable[[Cell], float | None] = lambda _: None,
) -> Standing:
    """Which setting is the best, and which cannot be told from it.

    With several seeds the noise is what seed and setting leave unexplained (see
    `trainer.compare.additive`); those that are not finished count as far as they are.

    Args:
        noise: of the logarithm of the best run, asked where there is one seed only; see
            `trainer.sweep.statement.noise`.
    """
    logs = {
        i: {c.seed: log for c in its.cells if (log := logarithm(metric, c.best)) is not None}
        for i, its in enumerate(settings)
        if its.mean is not None
    }
    found = ranking(logs)
    if found is None:
        return Standing(None, frozenset(), None, 0)
    seeds = len(logs[found.lowest])
    reach = noise(settings[found.lowest].best) if found.reach is None else None
    if reach is None:
        return Standing(found.lowest, found.within, found.reach, seeds)
    lowest = min(logs[found.lowest].values())
    within = {
        i
        for i, its in logs.items()
        if its and i != found.lowest and min(its.values()) - lowest <= reach
    }
    return Standing(found.lowest, frozenset(within), reach, seeds)


def ranked(settings: Sequence[Tried], standing: Standing, metric: str) -> list[int]:
    """The places of the settings, the best first; those without a value come last."""
    sign = -1 if rises(metric) else 1

    def rank(i: int) -> tuple[bool, bool, float, int]:
        mean = settings[i].mean
        return i != standing.best, mean is None, sign * (mean or 0.0), i

    return sorted(range(len(settings)), key=rank)


def choices(read: Read) -> list[str]:
    """The keys that can be an axis."""
    seeds = len({cell.seed for cell in read.cells}) > 1
    return [*read.keys, *([SEED] if seeds else [])]


def order(settings: Iterable[Tried], key: str) -> list[Any]:
    """The values of a key, in their own order if they are numbers, else in that of the cells; None,
    where it does not apply, is last.
    """
    found = dict.fromkeys(its.values.get(key) for its in settings)
    known = [value for value in found if value is not None]
    if all(isinstance(value, float | int) for value in known):
        known.sort()
    return [*known, *([None] if None in found else [])]


@cache
def setting(key: str) -> Setting:
    """A setting by its key; of several that share it the first."""
    return next(s for s in SETTINGS if s.key == key)


def label(key: str) -> str:
    """A setting's label, short enough for an axis."""
    return "LR" if key == "lr" else setting(key).label


def in_prose(key: str) -> str:
    """A setting's label within a sentence."""
    own = label(key)
    return own if own[1:2].isupper() else own[0].lower() + own[1:]


def text(key: str, value: Any) -> str:
    """A value of a setting, a number with three digits."""
    if value is None:
        return NONE
    own = setting(key)
    return lr_text(value) if own.kind == "float" else own.shown(value).split(" (")[0]


def words(values: Mapping[str, Any]) -> str:
    """A combination of values: LR 0.01, factor 0.1, patience 5."""
    return ", ".join(_in_words(key, value) for key, value in values.items())


@lru_cache(maxsize=4096, typed=True)  # many cells have the same value
def _in_words(key: str, value: Any) -> str:
    return f"seed {value}" if key == SEED else in_words(setting(key), value)
