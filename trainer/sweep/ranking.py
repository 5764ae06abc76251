"""A sweep's settings in the order of their results. torch-free."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from ..config.metrics import rises
from ..config.table import from_config
from ..store.run import Run
from ..store.store import Store
from ..store.table import Result, results


@dataclass(frozen=True, slots=True)
class Ranked:
    """One setting of a sweep, and its cells: one for each seed.

    Attributes:
        values: the value of each of the sweep's settings, by key; without the seed.
        cells: oldest first.
        best: the best value of the metric in each cell, None where there is none.
        mean: their geometric mean, of an accuracy that of the errors taken from 1; None while a
            cell has none.
    """

    values: dict[str, Any]
    cells: tuple[Run, ...]
    best: tuple[float | None, ...]
    mean: float | None


def ranked(store: Store, cells: Sequence[Run], keys: Sequence[str], metric: str) -> list[Ranked]:
    """The settings of a sweep, the best first, those without a result last.

    Args:
        keys: the settings that the sweep varies.
    """
    return rank(cells, keys, metric, results(store, {cell.id: metric for cell in cells}))


def rank(
    cells: Sequence[Run], keys: Sequence[str], metric: str, found: Mapping[int, Result]
) -> list[Ranked]:
    """The same, of results that are at hand."""
    named = [key for key in keys if key != "seed"]
    groups: dict[tuple[Any, ...], list[Run]] = {}
    for cell in cells:
        own = from_config(cell.recipe)
        groups.setdefault(tuple(own.get(key) for key in named), []).append(cell)
    rows = []
    for values, members in groups.items():
        best = tuple(found[cell.id].best if cell.id in found else None for cell in members)
        known = dict(zip(named, values, strict=True))
        rows.append(Ranked(known, tuple(members), best, _mean(best, metric)))
    return sorted(rows, key=lambda row: _order(row.mean, metric))


def _order(mean: float | None, metric: str) -> float:
    if mean is None:
        return math.inf
    return -mean if rises(metric) else mean


def _mean(values: Sequence[float | None], metric: str) -> float | None:
    known = [value for value in values if value is not None]
    if not known or len(known) < len(values):
        return None
    costs = [1 - value for value in known] if rises(metric) else known
    if min(costs) <= 0:
        return fmean(known)
    mean = math.exp(fmean(map(math.log, costs)))
    return 1 - mean if rises(metric) else mean
