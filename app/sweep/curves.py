"""The curves of a cell, for the panel beside the picture."""

from collections.abc import Sequence
from typing import Any

from app import run_names
from trainer.config.text import significant
from trainer.store.listing import runs_of
from trainer.store.run import Run
from trainer.store.sparklines import sparklines
from trainer.store.store import Store
from trainer.store.table import results


def curves(store: Store, runs: Sequence[int], metric: str) -> list[dict[str, Any]]:
    """For each run its state, its epochs, its best and last value as text, and a few points of its
    metric and its LR.
    """
    found = [run for run in runs_of(store, runs) if isinstance(run, Run)]
    lines = sparklines(store, {run.id: metric for run in found})
    known = results(store, {run.id: metric for run in found})
    return [
        {
            "run": run.id,
            "seed": run.config.seed if run.config else None,
            "status": run_names.status(run),
            "epoch": run.done,
            "epochs": run.epochs,
            "best": _text(known[run.id].best),
            "at": known[run.id].epoch,
            "last": _text(known[run.id].last),
            "metric": lines[run.id].metric,
            "lr": lines[run.id].lr,
        }
        for run in found
    ]


def _text(value: float | None) -> str:
    return "" if value is None else significant(value)
