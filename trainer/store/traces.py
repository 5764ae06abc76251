"""The table of traces, written as an epoch trains and when it ends. torch-free."""

import sqlite3
from typing import Any

from ..schedule.trace import Trace
from . import rows

DIGITS = 4  # of a stored number


def statement(epoch: int, trace: Trace) -> tuple[str, dict[str, Any]]:
    """The SQL, and its values except `run`, that makes this an epoch's trace; an empty one is not
    kept.
    """
    if not trace.losses:
        return "DELETE FROM traces WHERE run = :run AND epoch = :epoch", {"epoch": epoch}
    return (
        "INSERT INTO traces (run, epoch, trace) VALUES (:run, :epoch, :trace) "
        "ON CONFLICT (run, epoch) DO UPDATE SET trace = excluded.trace",
        {"epoch": epoch, "trace": text(trace)},
    )


def without_later(epoch: int) -> tuple[str, dict[str, Any]]:
    """The SQL, and its values except `run`, that deletes the traces of later epochs."""
    return "DELETE FROM traces WHERE run = :run AND epoch > :epoch", {"epoch": epoch}


def text(trace: Trace) -> str:
    """A trace as it is stored: its losses and its LRs as JSON, at most 2 KB."""
    # By hand, in half of json's time: it is written many times a second.
    losses = ",".join(["null" if loss is None else f"{loss:.{DIGITS}g}" for loss in trace.losses])
    lrs = ",".join([f"{lr:.{DIGITS}g}" for lr in trace.lrs])
    return f"[[{losses}],[{lrs}]]"


def after(connection: sqlite3.Connection, run: int, epoch: int) -> dict[int, Trace]:
    """The run's traces after that epoch, by epoch, in order."""
    found = connection.execute(
        "SELECT epoch, trace FROM traces WHERE run = ? AND epoch > ? ORDER BY epoch", (run, epoch)
    )
    return dict(rows.trace(run, row) for row in found)
