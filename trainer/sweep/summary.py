"""What came of a sweep, as one record. torch-free."""

from typing import Any

from ..store.store import Store
from ..store.sweeps import Sweep
from .ranking import Ranked, ranked

FOUND = ("lr", "schedule")  # what the cells of a way to find an LR differ in


def metric(sweep: Sweep) -> str:
    """The metric by which a sweep ranks: its monitor, but no loss of the training data."""
    return "val_loss" if sweep.config.monitor == "train_loss" else sweep.config.monitor


def ranking(store: Store, sweep: Sweep) -> list[Ranked]:
    """A sweep's settings, the best first."""
    keys = [axis.key for axis in sweep.grid.axes] if sweep.kind == "grid" else list(FOUND)
    return ranked(store, store.cells(sweep.id), keys, metric(sweep))


def summary(store: Store, sweep: Sweep) -> dict[str, Any]:
    """A sweep as one record: its number and status, how many runs it has, how many epochs they have
    in all and how many were trained, and its best setting so far with its runs and their mean.
    """
    rows, epochs = ranking(store, sweep), store.epochs_of(sweep.id)
    best = rows[0] if rows and rows[0].mean is not None else None
    found: dict[str, Any] = {
        "sweep": sweep.id,
        "status": sweep.status,
        "cells": sum(len(row.cells) for row in rows),
        "asked": epochs.asked,
        "trained": epochs.trained,
        "best": best
        and {
            **{key: value for key, value in best.values.items() if value is not None},
            "runs": [run.id for run in best.cells],
            metric(sweep): best.mean,
        },
    }
    return found if sweep.reason is None else {**found, "reason": sweep.reason}
