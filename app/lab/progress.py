"""The displayed run's progress and times, which change with every batch. Pure."""

import time
from typing import Any

from app import ids
from app.run_picker import origin
from trainer.config.text import epochs_text
from trainer.store.rows import Run


def progress(run: Run | None) -> dict[str, Any]:
    """The percentage and the two texts of the progress bar; `run` is None before the first run."""
    left, right = ids.PROGRESS_LEFT, ids.PROGRESS_RIGHT
    if run is None:
        return {"percent": 0, left: "Choose a learning rate and press Start.", right: ""}
    return {
        "percent": round(100 * _done(run), 1),
        left: _left(run),
        right: _right(run, time.time()),
    }


def _done(run: Run) -> float:
    """The share of the run's batches that are done."""
    inside = run.batch / run.started.batches if run.started else 0.0
    return min((run.epoch + inside) / run.epochs, 1.0)


def _left(run: Run) -> str:
    if run.status == "queued":
        return "Waiting for its turn."
    if run.config is None:
        return f"{epochs_text(run.epoch)} of {origin(run)}; nothing was trained here."
    if run.started is None and run.status == "stopped":
        return "Stopped before it started."
    if run.started is None:
        return "" if run.over else (run.activity or "Getting ready.").capitalize()
    at = f"epoch {run.epoch} of {run.epochs}"
    if run.batch and not run.over:
        at += f" · batch {run.batch:,} of {run.started.batches:,}"
    return at


def _right(run: Run, now: float) -> str:
    if run.began is None or run.started is None:
        return ""
    elapsed = (run.ended or now) - run.began
    if run.over:
        tested = (
            f" · test accuracy {100 * run.test_accuracy:.1f} %"
            if run.test_accuracy is not None
            else ""
        )
        return f"{duration(elapsed)} in total{tested}"
    done = _done(run)
    if done == 0:
        return f"{duration(elapsed)} elapsed"
    return f"{duration(elapsed)} elapsed · {duration(elapsed * (1 - done) / done)} left"


def duration(seconds: float) -> str:
    """4.8 s, 2 min 05 s, 1 h 03 min."""
    if seconds < 10:
        return f"{max(seconds, 0):.1f} s"
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"
