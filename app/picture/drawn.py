"""What is drawn of a run: its epochs, its curves and its events, read from the store."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.charts.batches import an_epoch
from app.charts.best import LOSS as VALIDATION
from app.charts.best import Best, best_of
from app.charts.series import Mark, Sentence, Series, sentences, series, with_parent
from trainer.config.metrics import rises
from trainer.schedule.epoch import Epoch
from trainer.schedule.interventions import RecordedIntervention
from trainer.schedule.trace import Trace
from trainer.store.faults import CommandError
from trainer.store.lineage import lineage
from trainer.store.rows import UnreadableError
from trainer.store.run import Run
from trainer.store.store import Store


@dataclass(frozen=True)
class Drawn:
    """A run as it is drawn, a fork with the epochs that it shares with its ancestors.

    Attributes:
        rows: its epochs, from the first.
        made: what was changed in them by hand or by the engine.
        series: their curves; a fork's has its parent's behind them.
        events: a sentence for each epoch and change, oldest first.
    """

    run: Run
    rows: list[Epoch]
    made: list[RecordedIntervention]
    series: Series
    events: list[Sentence]

    @property
    def best(self) -> Best | None:
        """Its best epoch by its validation loss, or without one by what it is ranked by."""
        return best_of(self.rows, VALIDATION, self.run.ranked_by)


def drawn(store: Store, run: int) -> Drawn:
    """What is drawn of a run.

    Raises:
        CommandError: there is no such run.
        UnreadableError: it cannot be read.
    """
    row = store.run(run)
    if row is None:
        raise CommandError(f"There is no run {run}.")
    rows, made = lineage(store, run), _made(store, row)
    traces = _traces(store, row) if an_epoch(row.epochs) else {}
    points = series(row.recipe, rows, made, row.batches, row.epochs, traces)
    if row.parent:
        theirs = lineage(store, row.parent), store.interventions(row.parent)
        points = with_parent(points, row.recipe, *theirs, row.batches)
        fork = Mark((row.parent_epoch or 0) + 0.5, None, "fork", f"fork of {row.parent}")
        points.marks.insert(0, fork)
    return Drawn(row, rows, made, points, sentences(rows, made, row.epochs))


def _made(store: Store, run: Run) -> list[RecordedIntervention]:
    before = _parent(store, run)
    shared = _made(store, before) if before else []
    kept = [made for made in shared if made.epoch <= (run.parent_epoch or 0)]
    return [*kept, *store.interventions(run.id)]


def _traces(store: Store, run: Run) -> dict[int, Trace]:
    """The traces of a run's epochs and of those that it shares; none that cannot be read."""
    before = _parent(store, run)
    shared = _traces(store, before) if before else {}
    try:
        own = store.traces(run.id)
    except UnreadableError:
        own = {}
    return {e: trace for e, trace in shared.items() if e <= (run.parent_epoch or 0)} | own


def _parent(store: Store, run: Run) -> Run | None:
    return store.run(run.parent) if run.parent and run.parent_epoch else None


def common_metric(runs: Sequence[Drawn]) -> str:
    """The metric by which runs are compared: their monitor if they have the same, else the
    validation loss, else the first that all of them have.
    """
    monitors = {one.run.recipe.monitor for one in runs}
    if len(monitors) == 1:
        return monitors.pop()
    shared = [set(one.series.metrics) for one in runs]
    names = [name for name in runs[0].series.metrics if all(name in its for its in shared)]
    losses = [name for name in names if not rises(name)]
    return VALIDATION if VALIDATION in names else (losses or names or [VALIDATION])[0]
