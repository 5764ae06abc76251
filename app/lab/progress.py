"""The displayed run's progress and times, which change with every batch. Pure."""

from collections.abc import Sequence
from statistics import median
from typing import Any

from app import ids
from app.run_names import origin
from trainer.config.text import duration, epochs_text
from trainer.schedule.epoch import Epoch
from trainer.store.run import Run


def progress(
    run: Run | None, last: Sequence[Epoch] = (), behind: str | None = None
) -> dict[str, Any]:
    """The percentage and the two texts of the progress bar.

    Args:
        run: the displayed run, None before the first.
        last: its last epochs, from whose seconds the rest is estimated.
        behind: what a run waits for that is queued.
    """
    left, right = ids.PROGRESS_LEFT, ids.PROGRESS_RIGHT
    if run is None:
        todo = "Choose a learning rate and press Start."
        return {"percent": 0, "now": None, left: todo, right: ""}
    return {
        "percent": round(100 * _done(run), 1),
        "now": None
        if run.over or not run.known_batches
        else round(run.epoch + 0.5 + run.inside, 3),
        left: _left(run, behind),
        right: _right(run, last),
    }


def _done(run: Run) -> float:
    """The share of the run's batches that are done; 0 where nobody knows how many there will be."""
    return 0.0 if run.open_ended else min((run.epoch + run.inside) / run.epochs, 1.0)


def _left(run: Run, behind: str | None) -> str:
    if run.status == "queued" and not run.epoch:
        return f"Waiting for {behind or 'its turn'}."
    if run.source == "imported":
        if not run.open_ended:
            return f"{epochs_text(run.epoch)} of {origin(run)}; nothing was trained here."
        if run.stopping:
            return f"{epochs_text(run.epoch)} · stopping"
        if not run.epoch:
            return f"Waiting for the first epoch of {origin(run)}."
        return f"{epochs_text(run.epoch)} so far"
    has_begun = run.started or (run.sweep is not None and run.epoch)
    if not has_begun and run.status == "stopped" and run.source == "trained":
        return "Stopped before it started."
    if not has_begun and run.source == "trained":
        return "" if run.over else (run.activity or "Getting ready.").capitalize()
    at = f"epoch {run.epoch}"
    if run.open_ended and not (run.epoch or run.over):
        at = "first epoch"
    elif not run.open_ended:
        at += f" of {run.epochs}"
    if run.follows:
        at += " · shared"
    elif run.status == "queued":
        at += f" · waiting{f' for {behind}' if behind else ''}"
    elif run.batch and not (run.known_batches or run.over):
        at = f"batch {run.batch:,} of epoch {run.epoch + 1}"  # all that shows that it moves
    elif run.source == "watched":
        at += " · watched"
    return f"{at} · stopping: waiting for the batch" if run.stopping else at


def _right(run: Run, last: Sequence[Epoch]) -> str:
    elapsed = run.elapsed
    if elapsed is None or (run.started is None and run.source != "watched"):
        return ""
    if run.over:
        tested = f" · test {100 * run.test_accuracy:.1f} %" if run.test_accuracy is not None else ""
        return f"took {duration(elapsed)}{tested}"
    an_epoch = seconds_an_epoch(run, last)
    if an_epoch is None or run.paused or run.stopping or run.open_ended:
        return f"{duration(elapsed)} elapsed"
    if run.pace:
        an_epoch = max(an_epoch, 1 / run.pace)
    left = an_epoch * max(run.epochs - run.epoch - run.inside, 0.0)
    return f"{duration(elapsed)} · {duration(left)} left"


def seconds_an_epoch(run: Run, last: Sequence[Epoch]) -> float | None:
    """How long an epoch takes without waiting; None before anything is known of it."""
    if last:
        return median(row.seconds for row in last)
    if run.epoch == (run.parent_epoch or 0) and run.batch and run.known_batches and run.elapsed:
        return run.elapsed / run.inside
    return None
