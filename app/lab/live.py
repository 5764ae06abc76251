"""The displayed run: the data that an open page requests and receives."""

import itertools
import json
import math
import sqlite3
import zlib
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from dash import ClientsideFunction, Dash, Input, Output, State, ctx
from flask import Response, abort, jsonify, request
from pydantic import BaseModel, ValidationError

from app import ids, run_picker
from app.charts import figures
from app.charts.series import Mark, by_hand, sentences, series
from app.checked import RunChoice, Whole
from app.lab.progress import progress, seconds_an_epoch
from app.lab.readout import CHANCE_EPOCHS, after_epoch, state, unreadable
from app.lab.trouble import Trouble
from app.lab.turns import Turns
from trainer.config.recipe import Recipe
from trainer.schedule.epoch import Epoch
from trainer.schedule.interventions import RecordedIntervention
from trainer.store.faults import StoreError
from trainer.store.lineage import lineage, prefix
from trainer.store.rows import Run, UnreadableError
from trainer.store.store import Store
from trainer.worker import Worker

LIVE_MS = 250
MID_EPOCH_MS = 1000
LATE_MS = 50  # how long after its expected end to look for an epoch's record
IDLE_MS = 1000
PACES = {"1": "1/s", "5": "5/s", "max": "max"}

Why = Callable[[Run | None], str | None]
"""Why nothing is trained, or recorded of the displayed run; None if all is well."""

_view = itertools.count(1)


def all_well(_: Run | None) -> None:
    """Nothing is in the way of any run."""


class Cursor(BaseModel):
    """What a page has already received: the last epoch of the displayed run, a checksum of it
    (`last`), the last intervention, the token of its state's texts, and the highest id of a started
    run (`begun`). `view` identifies the drawing; a page `follows` new runs unless an older run was
    chosen.
    """

    run: Whole | None
    view: str
    epoch: Whole
    intervention: Whole
    token: int | None
    begun: Whole
    follows: bool
    last: int | None = None


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
            "readout": {**view["readout"], **_reason(error)},
            "cursor": {**view["cursor"], "run": run},
        }


def _view_of(store: Store, run: int | None, begun: int, trouble: Why) -> dict[str, Any]:
    row = store.run(run) if run is not None else None
    rows = store.epochs(row.id) if row else []
    interventions = store.interventions(row.id) if row else []
    past, parent, theirs = _forebears(store, row)
    recipe = row.recipe if row else Recipe()
    batches = row.batches if row else 1
    # A fork's loss curve starts at the epoch that it was forked from, its LR curve after it.
    points = series(recipe, past[-1:] + rows, interventions, batches, parent, theirs)
    if past:
        points = points._replace(lr=series(recipe, rows, interventions, batches).lr)
    points.marks.extend(by_hand(interventions, batches))
    if row and row.parent:
        points.marks.append(Mark((row.parent_epoch or 0) + 0.5, "fork", f"fork of {row.parent}"))
    points.marks.sort(key=lambda mark: mark.x)
    figure = figures.figure(recipe, points, row.epochs if row else None)
    view = f"{run}-{next(_view)}"
    figure["layout"]["meta"] = view
    last, best = _done(row, rows)[-CHANCE_EPOCHS:], _best(store, row)
    texts = state(row, last, trouble(row))
    cursor = Cursor(
        run=run,
        view=view,
        epoch=rows[-1].epoch if rows else 0,
        intervention=interventions[-1].id if interventions else 0,
        token=_token(texts),
        begun=begun,
        follows=run is None or run >= begun or run == store.newest(),
        last=_checksum(rows[-1]) if rows else None,
    )
    return {
        "figure": figure,
        "templates": figures.chart_templates(points),
        "log": sentences(past + rows, interventions),
        "best": best.epoch if best else None,
        "readout": {**progress(row, last), **texts, **after_epoch(row, last, best)},
        "pace": pace_key(row.pace) if row and not row.over else None,
        "forked": (row.parent_epoch or 0) if row else 0,
        "cursor": cursor.model_dump(),
    }


def _forebears(
    store: Store, run: Run | None
) -> tuple[list[Epoch], list[Epoch], list[RecordedIntervention]]:
    """A fork's epochs before the fork, and all epochs and interventions of its parent; none if they
    cannot be read.
    """
    if run is None or run.parent is None:
        return [], [], []
    try:
        past, parent = prefix(store, run.id), lineage(store, run.parent)
    except UnreadableError:
        return [], [], []
    return past, parent, store.interventions(run.parent)


def news(store: Store, cursor: Cursor, trouble: Why = all_well) -> dict[str, Any]:
    """What a page has not received yet, and in how many milliseconds to ask again.

    Args:
        trouble: why nothing is trained, or recorded of a run.
    """
    try:
        newest = store.newest() or 0
        if newest > max(cursor.begun, cursor.run or 0):
            # A run has started, here or in another process.
            answer = {"runs": run_picker.choices(store), "begun": newest, "wait": LIVE_MS}
            return {**answer, "follow": str(newest)} if cursor.follows else answer
        return _news_of(store, cursor, trouble)
    except StoreError as error:
        token = _token({"reason": str(error)})
        return {"drawn": None, "readout": _reason(error), "token": token, "wait": IDLE_MS}


def _reason(error: StoreError) -> dict[str, Any]:
    """The readout that says why nothing can be shown: of one run, or of all."""
    if isinstance(error, UnreadableError):
        return unreadable(str(error))
    return {ids.NOTICE: str(error)}


def _news_of(store: Store, cursor: Cursor, trouble: Why) -> dict[str, Any]:
    """What is new in the run of a cursor."""
    row = store.run(cursor.run) if cursor.run is not None else None
    found = store.epochs(row.id, cursor.epoch - 1) if row else []
    rows = recent = [epoch for epoch in found if epoch.epoch > cursor.epoch]
    if row and cursor.last not in (None, *map(_checksum, found[:1])):
        return {"redraw": True, "wait": LIVE_MS}
    if row and len(rows) < CHANCE_EPOCHS:
        recent = _done(row, store.epochs(row.id, row.epoch - CHANCE_EPOCHS))
    recent = recent[-CHANCE_EPOCHS:]
    readout, texts = progress(row, recent), state(row, recent, trouble(row))
    token = _token(texts)
    moved = token != cursor.token
    if moved:
        readout |= texts
    best = _best(store, row) if moved or rows else None
    if moved or rows:
        readout |= after_epoch(row, recent, best)
    wait = IDLE_MS
    if row and not row.over:
        wait = interval(row, recent)
    return {
        "drawn": _drawn(store, row, rows, cursor, best) if row else None,
        "readout": readout,
        "token": token,
        "wait": wait,
    }


def _drawn(
    store: Store, row: Run, rows: list[Epoch], cursor: Cursor, best: Epoch | None
) -> dict[str, Any] | None:
    """The additions to charts and log, and the cursor after them; None if there is nothing new."""
    new = store.interventions(row.id, cursor.intervention)
    if not (rows or new):
        return None
    # An epoch's LR curve has a step at each intervention within it.
    inside = store.interventions(row.id) if rows and (new or cursor.intervention) else []
    points = series(row.recipe, rows, inside, row.batches)
    points.marks.extend(by_hand(new, row.batches))
    return {
        **figures.extension(points),
        "log": sentences(rows, new),
        "epoch": rows[-1].epoch if rows else cursor.epoch,
        "last": _checksum(rows[-1]) if rows else cursor.last,
        "epochs": row.epochs,
        **({"intervention": new[-1].id} if new else {}),
        **({"best": best.epoch} if best else {}),
    }


def _done(run: Run | None, rows: list[Epoch]) -> list[Epoch]:
    """Those epochs that a run has done; a run that was resumed trains later ones again."""
    return [row for row in rows if run and row.epoch <= run.epoch]


def _checksum(row: Epoch) -> int:
    """A checksum of what is drawn of an epoch. A run that was resumed replaces its epochs, on
    another machine by other numbers.
    """
    return zlib.crc32(repr((row.epoch, row.lr, row.lr_last, row.metrics)).encode())


def _token(texts: dict[str, Any]) -> int:
    """A checksum of these texts, so that a page does not receive them twice."""
    return zlib.crc32(json.dumps(texts).encode())


def interval(run: Run, last: list[Epoch]) -> int:
    """Milliseconds until the page should ask again about a run that trains: at the expected end of
    the epoch, and rarely before it, since drawing competes with training for the cores.
    """
    seconds = seconds_an_epoch(run, last) if run.started else None
    if seconds is None:
        return LIVE_MS
    left = 1000 * seconds * (1 - run.batch / run.batches) + LATE_MS
    return max(round(left / math.ceil(left / MID_EPOCH_MS)), LIVE_MS)


def pace_key(pace: float | None) -> str:
    """The option of the pace control for a number of epochs per second."""
    return "max" if pace is None else f"{pace:g}"


def pace_of(key: str | None) -> float | None:
    """Epochs per second for an option of the pace control; None for no limit."""
    return float(key) if key in PACES and key != "max" else None


def _best(store: Store, run: Run | None) -> Epoch | None:
    """The best epoch on the validation card."""
    return store.best(run.id, "val_loss") if run else None


def register(app: Dash, store: Store, worker: Worker) -> None:
    """The callbacks that display a run, update it, stop it and set its pace."""
    turns, trouble = Turns(), Trouble(store, worker)

    # A page requests a redraw when there is a metric without a curve in its figure.
    @app.callback(
        Output(ids.VIEW, "data"),
        Input(ids.RUN, "value"),
        Input(ids.REDRAW, "data"),
        State(ids.BEGUN, "data"),
    )
    def show(run: RunChoice | None, _: Any, opened_at: Whole) -> dict[str, Any]:
        # Runs that started while the page was opening count as new.
        begun = store.newest_started() if ctx.triggered_id else opened_at
        return view_of(store, int(run) if run else None, begun, trouble.of)

    # Not a callback: for each one Dash visits every component of the page, which takes ten times as
    # long as the update itself, on the cores that train.
    @app.server.post("/live")  # type: ignore[untyped-decorator]
    def live() -> Response:
        worker.expect()
        try:
            cursor = Cursor.model_validate_json(request.get_data())
        except ValidationError:
            abort(400, "This is not a valid cursor; reload the page.")
        answer = news(store, cursor, trouble.of)
        return jsonify({**answer, "wait": turns.wait(answer["wait"])})

    @app.callback(
        Output(ids.STOP, "loading"),
        Input(ids.STOP, "n_clicks"),
        State(ids.RUN, "value"),
        prevent_initial_call=True,
    )
    def stop(_: Any, run: RunChoice | None) -> bool:
        if run and worker.stop_run(int(run)):
            with suppress(sqlite3.Error):  # it stops also where the store cannot take the command
                store.stop(int(run))
        elif run:
            store.stop(int(run))
        return False

    @app.callback(Input(ids.PACE, "value"), State(ids.RUN, "value"), prevent_initial_call=True)
    def pace(pace: str, run: RunChoice | None) -> None:
        if run and (row := store.run(int(run))) and not row.over and row.pace != pace_of(pace):
            store.set_pace(row.id, pace_of(pace))

    app.clientside_callback(
        ClientsideFunction("live", "draw"),
        Output(ids.CHART, "figure"),
        Input(ids.VIEW, "data"),
        State(ids.LOSS_SCALE, "value"),
    )
    app.clientside_callback(
        ClientsideFunction("charts", "point"),
        Input(ids.CHART, "clickData"),
        prevent_initial_call=True,
    )
    app.clientside_callback(
        ClientsideFunction("charts", "rescale"),
        Input(ids.LOSS_SCALE, "value"),
        prevent_initial_call=True,
    )
