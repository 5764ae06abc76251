"""The run that a number names: the nearest to a wrong one, and what a shell completes it to."""

from collections.abc import Iterator
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Any

from app.cli.refusals import fail
from trainer import folders

if TYPE_CHECKING:
    from trainer.store.run import Run
    from trainer.store.store import Store

MOST_COMPLETED = 100  # runs, the newest


def known(store: "Store", run: int) -> "Run":
    """The run with that number; if there is none, the command ends and names the nearest."""
    from trainer.store import table

    row = store.run(run)
    if row is None:
        near = min(table.ids(store), key=lambda other: abs(other - run), default=None)
        hint = "" if near is None else f" The nearest is run {near}."
        raise fail(f"There is no run {run}.{hint}")
    return row


def complete_run(ctx: Any, incomplete: str) -> Iterator[tuple[str, str]]:
    """The numbers of runs that begin so, newest first, each with what the run is called."""
    from app import run_names
    from trainer.store import table
    from trainer.store.faults import StoreError
    from trainer.store.run import Run
    from trainer.store.store import existing

    home = ctx.params.get("home") or folders.home()
    # Nothing may be said among what is typed.
    with suppress(StoreError, OSError), closing(existing(home)) as store:
        found = table.newest(store, MOST_COMPLETED, lambda run: str(run.id).startswith(incomplete))
        yield from ((str(run.id), run_names.name(run)) for run in found if isinstance(run, Run))
