"""The choices of the control that picks a run."""

from typing import Any

from app import run_names
from trainer.config.text import significant
from trainer.store.rows import Run, Unreadable, UnreadableError
from trainer.store.store import Store
from trainer.store.table import Result, results

LISTED_RUNS = 50


def choices(store: Store, shown: int | None) -> list[dict[str, Any]]:
    """The newest runs, newest first, and the one on show, also when it is older."""
    runs = store.runs(LISTED_RUNS)
    if shown is not None and shown not in {run.id for run in runs}:
        runs += _older(store, shown)
    metrics = {run.id: _metric(run) for run in runs if isinstance(run, Run)}
    found = results(store, metrics)
    return [_choice(run, found.get(run.id)) for run in runs]


def _older(store: Store, run: int) -> list[Run | Unreadable]:
    try:
        found = store.run(run)
    except UnreadableError as error:
        return [Unreadable(run, str(error))]
    return [found] if found else []


def _metric(run: Run) -> str:
    return "val_loss" if run.config else run.recipe.monitor


def _choice(run: Run | Unreadable, result: Result | None) -> dict[str, Any]:
    """A choice: its label is what the closed control shows; `given` is the name that a person gave
    it, `called` the one that it has without; `when` is in seconds since 1970.
    """
    if isinstance(run, Unreadable):
        label, status = f"#{run.id} cannot be read", ["unreadable", "unreadable"]
        return {"value": str(run.id), "label": label, "status": status, "details": ""}
    best = result.best if result else None
    return {
        "value": str(run.id),
        "label": f"#{run.id} {run_names.name(run)}",
        "given": run.name or "",
        "called": run_names.default_name(run),
        "details": run_names.details(run),
        "status": run_names.status(run),
        "result": "" if best is None else significant(best),
        "when": run.ended or run.created,
    }
