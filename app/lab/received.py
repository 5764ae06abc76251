"""What an open page has received of the displayed run, and how it is told what is new."""

import json
import zlib
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from app.charts import batches as within
from app.charts.batches import an_epoch
from app.charts.best import LOSS, Best, best_of
from app.checked import Whole
from trainer.schedule.epoch import Epoch
from trainer.schedule.trace import Trace
from trainer.store.lineage import own_traces
from trainer.store.rows import UnreadableError
from trainer.store.run import Run
from trainer.store.store import Store
from trainer.store.table import results


class Cursor(BaseModel):
    """What a page has already received: the last epoch of the displayed run and a checksum of it
    (`last`), an epoch and how many points of its trace (`traced`) where so many epochs were
    `planned`, the last intervention, checksums of its state's texts (`token`), of what is ahead and
    of the verdict, and the highest id of a started run (`begun`). `view` identifies the drawing; a
    page `follows` new runs unless an older run was chosen. `before` is the best of a fork's epochs
    before the fork, by its validation loss, `behind` the last epoch of its parent.
    """

    run: Whole | None
    view: str
    epoch: Whole
    intervention: Whole
    token: int | None
    begun: Whole
    follows: bool
    last: int | None = None
    traced: tuple[Whole, Whole] = (0, 0)
    planned: Whole = 1
    before: tuple[Whole, float] | None = None
    behind: Whole = 0
    ahead: int | None = None
    verdict: int | None = None


def traces_of(store: Store, run: Run, after: int) -> dict[int, Trace]:
    """The traces of a run's own epochs after that one; none for a run so long that they are not
    drawn, while nobody knows how many batches an epoch has, or where they cannot be read.
    """
    config = run.config
    if not an_epoch(run.epochs) or (config and not (run.started or config.batches)):
        return {}
    try:
        return own_traces(store, run, after)
    except UnreadableError:
        return {}


def traced_to(
    traces: Mapping[int, Trace], batches: int, epochs: int, since: tuple[int, int] = (0, 0)
) -> tuple[int, int]:
    """The last epoch of these traces, and how many points of it are drawn."""
    most = an_epoch(epochs)
    if not traces or not most:
        return since
    epoch = max(traces)
    return epoch, len(within.points(epoch, traces[epoch], batches, most))


def retraced(store: Store, run: Run, cursor: Cursor) -> bool:
    """Whether the trace that was drawn is no longer how it begins: the run was resumed before
    it, or other points of it are drawn since epochs were added.
    """
    epoch, count = cursor.traced
    if not count:
        return False
    if an_epoch(run.epochs) != an_epoch(cursor.planned):
        return True
    traces = traces_of(store, run, epoch - 1)
    return (epoch, count) > traced_to(traces, run.batches, run.epochs) and run.epoch < epoch


def done_by(run: Run | None, rows: list[Epoch]) -> list[Epoch]:
    """Those epochs that a run has done; a run that was resumed trains later ones again."""
    return [row for row in rows if run and row.epoch <= run.epoch]


def checksum(row: Epoch) -> int:
    """A checksum of what is drawn of an epoch. A run that was resumed replaces its epochs, on
    another machine by other numbers.
    """
    return zlib.crc32(repr((row.epoch, row.lr, row.lr_last, row.metrics)).encode())


def token_of(texts: dict[str, Any]) -> int:
    """A checksum of these texts, so that a page does not receive them twice."""
    return zlib.crc32(json.dumps(texts).encode())


def waits_for(store: Store, run: Run | None) -> str | None:
    """What this process trains while a run is queued; None of a cell, which its sweep trains."""
    waits = run is not None and run.status == "queued" and run.sweep is None
    return store.trained_here() if waits else None


def best_of_run(store: Store, run: Run | None, before: tuple[int, float] | None) -> Best | None:
    """The run's best epoch by its validation loss, or without one by what it is ranked by; a fork's
    own, or one before the fork.
    """
    if run is None:
        return None
    if run.sweep is not None:
        found = results(store, {run.id: LOSS})[run.id]
        before = (found.epoch, found.best) if found.epoch and found.best is not None else None
    metrics = dict.fromkeys((LOSS, run.ranked_by))
    trained = best_of(filter(None, (store.best(run.id, metric) for metric in metrics)), *metrics)
    if before is None:
        return trained
    return min(Best(*before), trained or Best(*before), key=lambda best: best.value)
