"""What came of a sweep, as one record. torch-free."""

from typing import Any

from ..store.store import Store
from ..store.sweeps import Epochs, Sweep
from .reading import Reading
from .settings import Tried, ranked
from .shown import Shown, shown

FOUND = ("lr", "schedule")  # what the cells of a way to find an LR differ in


def metric(sweep: Sweep) -> str:
    """The metric by which a sweep ranks: its monitor, but no loss of the training data."""
    return "val_loss" if sweep.config.monitor == "train_loss" else sweep.config.monitor


def stand(reading: Reading, sweep: Sweep) -> tuple[Shown, list[Tried]]:
    """What a sweep shows by that metric, and its settings, the best first."""
    found = shown(reading, sweep, metric(sweep))
    places = ranked(found.settings, found.standing, found.read.metric)
    return found, [found.settings[i] for i in places]


def summary(store: Store, sweep: Sweep) -> dict[str, Any]:
    """A sweep as one record: its number and status, how many runs it has, how many epochs they have
    in all and how many were trained, and its best setting so far with its runs and their mean.
    """
    (found, rows), epochs = stand(Reading(store), sweep), store.epochs_of(sweep.id)
    best = rows[0] if rows and rows[0].mean is not None else None
    record: dict[str, Any] = {
        "sweep": sweep.id,
        "status": sweep.status,
        "cells": len(found.read.cells),
        "asked": epochs.asked,
        "trained": epochs.trained,
        "best": best and {**named(sweep, best), "runs": best.runs, found.read.metric: best.mean},
    }
    return record if sweep.reason is None else {**record, "reason": sweep.reason}


def counted(cells: int, epochs: Epochs) -> str:
    """How much of a sweep is done: 12 runs, 144 of 144 epochs done, 67 trained."""
    runs = f"{cells:,} run{'' if cells == 1 else 's'}"
    done = f"{epochs.done:,} of {epochs.asked:,} epochs done"
    return f"{runs}, {done}, {epochs.trained:,} trained"


def named(sweep: Sweep, its: Tried) -> dict[str, Any]:
    """The values by which a setting is told from the others."""
    return {k: v for k, v in its.values.items() if sweep.kind == "grid" or k in FOUND}
