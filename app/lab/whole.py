"""The displayed run as a whole: all that a page needs to draw it, or why it cannot be shown."""

import itertools
from collections.abc import Callable
from typing import Any

from app import ids
from app.charts import figures
from app.charts.best import LOSS, best_of
from app.charts.lr_scale import lr_scale
from app.charts.series import Mark, sentences, series, with_parent
from app.lab.progress import progress
from app.lab.readout import LAST_EPOCHS, after_epoch, state, unreadable
from app.lab.received import (
    Cursor,
    best_of_run,
    checksum,
    done_by,
    token_of,
    traced_to,
    traces_of,
    waits_for,
)
from trainer.config.recipe import Recipe
from trainer.schedule.epoch import Epoch
from trainer.schedule.interventions import RecordedIntervention
from trainer.store.faults import StoreError
from trainer.store.lineage import lineage, own, prefix
from trainer.store.rows import UnreadableError
from trainer.store.run import Run
from trainer.store.store import Store

Why = Callable[[Run | None], str | None]
"""Why nothing is trained, or recorded of the displayed run; None if all is well."""

_view = itertools.count(1)


def all_well(_: Run | None) -> None:
    """Nothing is in the way of any run."""


def view_of(store: Store, run: int | None, begun: int, trouble: Why = all_well) -> dict[str, Any]:
    """Everything about one run that the page displays; the reason, if the run or the store cannot
    be read.

    Args:
        begun: the page knows of the started runs up to this id.
        trouble: why nothing is trained, or recorded of a run.
    """
    try:
        return _view_of(store, run, begun, trouble)
    except StoreError as error:
        view = _view_of(store, None, begun, trouble)
        return {
            **view,
            "readout": {**view["readout"], **reason(error)},
            "cursor": {**view["cursor"], "run": run},
        }


def _view_of(store: Store, run: int | None, begun: int, trouble: Why) -> dict[str, Any]:
    row = store.run(run) if run is not None else None
    rows = own(store, row) if row else []
    interventions = store.interventions(row.id) if row else []
    past, parent, theirs = _forebears(store, row)
    recipe = row.recipe if row else Recipe()
    batches, planned = (row.batches, row.epochs) if row else (1, recipe.epochs)
    traces = traces_of(store, row, 0) if row else {}
    points = series(recipe, rows, interventions, batches, planned, traces)
    if past:  # a fork's loss curves start at the epoch that it was forked from
        joined = series(recipe, past[-1:] + rows, (), batches, planned)
        points = points._replace(metrics=joined.metrics, level=joined.level)
    if row and row.parent and row.sweep is None:
        points = with_parent(points, recipe, parent, theirs, batches)
        fork = Mark((row.parent_epoch or 0) + 0.5, None, "fork", f"fork of {row.parent}")
        points.marks.insert(0, fork)
    unknown = row.stand_ins if row else ()
    # Once for each view: the axis does not jump while a run trains.
    scale = lr_scale(recipe, unknown, rows, points.lrs)
    figure = figures.figure(recipe, points, planned, scale)
    view = f"{run}-{next(_view)}"
    figure["layout"]["meta"]["view"] = view
    last, found = done_by(row, rows)[-LAST_EPOCHS:], best_of(past, LOSS)
    before = (found.epoch, found.value) if found else None
    best, texts = best_of_run(store, row, before), state(row, last, trouble(row))
    cursor = Cursor(
        run=run,
        view=view,
        epoch=rows[-1].epoch if rows else 0,
        intervention=interventions[-1].id if interventions else 0,
        token=token_of(texts),
        begun=begun,
        follows=run is None or run >= begun or run == store.newest(),
        last=checksum(rows[-1]) if rows else None,
        traced=traced_to(traces, batches, planned),
        planned=planned,
        before=before,
        behind=parent[-1].epoch if parent else 0,
    )
    return {
        "figure": figure,
        "templates": figures.chart_templates(points),
        "ends": figures.ends(points),
        "marks": points.marks,
        "best": best and best.marker,
        "kinds": sorted(kind for kind, cells in points.cells.items() if cells.x),
        "log": sentences(past + rows, interventions, planned),
        "readout": {
            **progress(row, last, waits_for(store, row)),
            **texts,
            **after_epoch(row, last, best, interventions),
        },
        "forked": (row.parent_epoch or 0) if row and row.sweep is None else 0,
        "cursor": cursor.model_dump(),
    }


def _forebears(
    store: Store, run: Run | None
) -> tuple[list[Epoch], list[Epoch], list[RecordedIntervention]]:
    """A fork's epochs before the fork, and all epochs and interventions of its parent; none if they
    cannot be read. A sweep's cell has all of them for its own.
    """
    if run is None or run.parent is None or run.sweep is not None:
        return [], [], []
    try:
        past, parent = prefix(store, run.id), lineage(store, run.parent)
    except UnreadableError:
        return [], [], []
    return past, parent, store.interventions(run.parent)


def reason(error: StoreError) -> dict[str, Any]:
    """The readout that says why nothing can be shown: of one run, or of all."""
    if isinstance(error, UnreadableError):
        return unreadable(str(error))
    return {ids.NOTICE: str(error)}
