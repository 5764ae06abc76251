"""Sweeps whose cells have measured what a test says."""

from collections.abc import Callable, Mapping
from itertools import product
from typing import Any

from trainer.sweep.reading import Cell, Read


def measured(
    values: Mapping[str, list[Any]],
    best: Callable[[dict[str, Any], int], float | None],
    seeds: int = 1,
    metric: str = "val_loss",
    **changes: Any,
) -> Read:
    """A finished grid; `best` gives a cell's best value from its values and its seed."""
    cells = []
    combined = product(*values.values(), range(seeds))
    for run, (*chosen, seed) in enumerate(combined, 1):
        own = dict(zip(values, chosen, strict=True))
        value = best(own, seed)
        cost = float("inf") if value is None else -value if "acc" in metric else value
        cell = Cell(run, own, seed, "finished", None, 20, 20, value, 15, cost)
        cells.append(cell._replace(**changes))
    return Read(tuple(values), metric, cells)
