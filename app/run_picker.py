"""The choices of the control that picks a run."""

from collections.abc import Collection
from typing import Annotated, Any

from pydantic import Field
from typing_extensions import TypedDict  # the one that pydantic reads before Python 3.12

from app import run_names
from trainer.config.text import significant
from trainer.store.listing import Query, order, runs_of
from trainer.store.rows import Unreadable
from trainer.store.run import Run
from trainer.store.store import Store
from trainer.store.table import Result, results

LISTED_RUNS = 50


class Asked(TypedDict):
    """What is typed into the control; `clicks` tells two of them apart."""

    text: Annotated[str, Field(max_length=1000)]
    clicks: int


def choices(
    store: Store, shown: int | Collection[int] | None, text: str = ""
) -> list[dict[str, Any]]:
    """The newest runs, newest first; those on show, also when they are older; and the newest of the
    older ones that have the words of a text, which are given as `found`.
    """
    newest = store.runs(LISTED_RUNS)
    listed = {run.id for run in newest}
    kept = [shown] if isinstance(shown, int) else shown or []
    older = [run for run in kept if run not in listed]
    sought = order(store, Query(text=text)) if text.strip() else []
    found = [run for run in sought if run not in listed and run not in older][:LISTED_RUNS]
    runs = newest + runs_of(store, older + found)
    metrics = {run.id: run.ranked_by for run in runs if isinstance(run, Run)}
    known = results(store, metrics)
    made = [_choice(run, known.get(run.id)) for run in runs]
    return [c | {"found": text} if int(c["value"]) in found else c for c in made]


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
