"""A run as one record: what it is, how far it is and what came of it. torch-free."""

from collections.abc import Sequence

from ..store import table
from ..store.run import Run
from ..store.store import Store
from .tables import Record


def summaries(store: Store, runs: Sequence[Run]) -> list[Record]:
    """The records of runs, in two queries. Times are seconds since 1970."""
    results = table.results(store, {run.id: run.recipe.monitor for run in runs})
    return [_summary(run, results[run.id]) for run in runs]


def _summary(run: Run, result: table.Result) -> Record:
    recipe, config = run.recipe, run.config
    return {
        "run": run.id,
        "name": run.name,
        "starred": run.starred,
        "tags": [*run.tags],
        "archived": run.archived,
        "status": "paused" if run.paused else run.status,
        "source": run.source,
        "dataset": config and config.dataset,
        "model": config and config.model,
        "optimizer": run.optimizer,
        "schedule": run.schedule,
        "lr": recipe.lr,
        "monitor": recipe.monitor,
        "best": result.best,
        "best_epoch": result.epoch,
        "last": result.last,
        "test_accuracy": run.test_accuracy,
        "epoch": run.epoch,
        "epochs": run.epochs,
        "seconds": run.elapsed,
        "created": run.created,
        "parent": run.parent,
        "parent_epoch": run.parent_epoch,
    }
