"""The run on show: what an open page asks for, and what is answered."""

import itertools
import json
import math
import time
import zlib
from typing import Any

from dash import ClientsideFunction, Dash, Input, Output, State, ctx
from flask import Response, abort, jsonify, request
from pydantic import BaseModel, ValidationError

from app import ids
from app.charts import figures
from app.charts.series import Mark, by_hand, sentences, series
from app.lab.progress import progress
from app.lab.readout import CHANCE_EPOCHS, after_epoch, state, title, unreadable
from trainer.config.recipe import Recipe
from trainer.schedule.epoch import Epoch
from trainer.store.lineage import lineage, prefix
from trainer.store.rows import Run, Unreadable, UnreadableError
from trainer.store.store import Store
from trainer.worker import Worker

LIVE_MS = 250
MID_EPOCH_MS = 1000
LATE_MS = 50  # an epoch's record is looked for so much after its expected end
IDLE_MS = 1000
LISTED_RUNS = 50
PACES = {"1": "1/s", "5": "5/s", "max": "max"}

_view = itertools.count(1)


class Cursor(BaseModel):
    """Up to where a page has seen: epochs and interventions of the run on show, by their number;
    the texts of its state, by their token; the runs that have begun, by the highest number.
    `view` is the drawing; a page `follows` unless an older run was chosen.
    """

    run: int | None
    view: str
    epoch: int
    intervention: int
    token: int | None
    begun: int
    follows: bool


def shown(store: Store, run: int | None, begun: int) -> dict[str, Any]:
    """Everything about one run that the page draws, from one read of the store; of the runs that
    have begun the page has seen those up to `begun`. Of a run that cannot be read, the reason.
    """
    try:
        return _shown(store, run, begun)
    except UnreadableError as error:
        view = _shown(store, None, begun)
        return {**view, "readout": {**view["readout"], **unreadable(str(error))}}


def _shown(store: Store, run: int | None, begun: int) -> dict[str, Any]:
    row = store.run(run) if run is not None else None
    rows = store.epochs(row.id) if row else []
    made = store.interventions(row.id) if row else []
    past = prefix(store, row.id) if row else []
    parent = lineage(store, row.parent) if row and row.parent else []
    theirs = store.interventions(row.parent) if row and row.parent else []
    recipe = row.recipe if row else Recipe()
    batches = row.batches if row else 1
    # A fork's own losses begin at the epoch that it was forked from, its own LR after it.
    points = series(recipe, past[-1:] + rows, made, batches, parent, theirs)
    if past:
        points = points._replace(lr=series(recipe, rows, made, batches).lr)
    points.marks.extend(by_hand(made, batches))
    if row and row.parent:
        points.marks.append(Mark((row.parent_epoch or 0) + 0.5, "fork", f"fork of {row.parent}"))
    points.marks.sort(key=lambda mark: mark.x)
    figure = figures.figure(recipe, points, row.epochs if row else None)
    view = f"{run}-{next(_view)}"
    figure["layout"]["meta"] = view
    last, best = rows[-CHANCE_EPOCHS:], _best(store, row)
    texts = state(row, last)
    cursor = Cursor(
        run=run,
        view=view,
        epoch=rows[-1].epoch if rows else 0,
        intervention=made[-1].id if made else 0,
        token=_token(texts),
        begun=begun,
        follows=run is None or run >= begun or run == store.newest(),
    )
    return {
        "figure": figure,
        "templates": figures.chart_templates(points),
        "log": sentences(past + rows, made),
        "readout": {**progress(row), **texts, **after_epoch(row, last, best)},
        "pace": pace_key(row.pace) if row and not row.over else None,
        "forked": (row.parent_epoch or 0) if row else 0,
        "cursor": cursor.model_dump(),
    }


def news(store: Store, cursor: Cursor) -> dict[str, Any]:
    """What a page has not seen yet, its texts, and in how many milliseconds to ask again."""
    newest = store.newest() or 0
    if newest > max(cursor.begun, cursor.run or 0):
        # A run began, here or in another process.
        answer = {"runs": runs(store), "begun": newest, "wait": LIVE_MS}
        return {**answer, "follow": str(newest)} if cursor.follows else answer
    row = store.run(cursor.run) if cursor.run is not None else None
    rows = recent = store.epochs(row.id, cursor.epoch) if row else []
    if row and len(rows) < CHANCE_EPOCHS:
        recent = store.epochs(row.id, row.epoch - CHANCE_EPOCHS)
    readout, texts = progress(row), state(row, recent)
    token = _token(texts)
    moved = token != cursor.token
    if moved:
        readout |= texts
    if moved or rows:
        readout |= after_epoch(row, recent, _best(store, row))
    wait = IDLE_MS
    if row and not row.over:
        wait = interval(row, recent[-1] if recent else None, time.time())
    return {
        "drawn": _drawn(store, row, rows, cursor) if row else None,
        "readout": readout,
        "token": token,
        "wait": wait,
    }


def _drawn(store: Store, row: Run, rows: list[Epoch], cursor: Cursor) -> dict[str, Any] | None:
    """What is added to charts and log, and the cursor after it; None where nothing is new."""
    made = store.interventions(row.id, cursor.intervention)
    if not (rows or made):
        return None
    # The LR of an epoch takes its steps from interventions that came before its end.
    inside = store.interventions(row.id) if rows and (made or cursor.intervention) else []
    points = series(row.recipe, rows, inside, row.batches)
    points.marks.extend(by_hand(made, row.batches))
    return {
        **figures.extension(points),
        "log": sentences(rows, made),
        "epoch": rows[-1].epoch if rows else cursor.epoch,
        "intervention": made[-1].id if made else cursor.intervention,
        "epochs": row.epochs,
    }


def _token(texts: dict[str, Any]) -> int:
    """What these texts are known by, so that a page that shows them is not sent them again."""
    return zlib.crc32(json.dumps(texts).encode())


def interval(run: Run, last: Epoch | None, now: float) -> int:
    """Milliseconds until the next look at a run that trains and whose last epoch is given: one at
    the expected end of the epoch, and few before it, where there is nothing to draw and drawing
    takes the cores that train.
    """
    if not (run.started and run.began and (last or run.batch)):
        return LIVE_MS
    seconds = last.seconds if last else (now - run.began) * run.batches / run.batch
    left = 1000 * seconds * (1 - run.batch / run.batches) + LATE_MS
    return max(round(left / math.ceil(left / MID_EPOCH_MS)), LIVE_MS)


def pace_key(pace: float | None) -> str:
    """The choice of the pace control for so many epochs a second."""
    return "max" if pace is None else f"{pace:g}"


def pace_of(key: str | None) -> float | None:
    """Epochs a second of a choice of the pace control; None for as fast as it goes."""
    return float(key) if key in PACES and key != "max" else None


def runs(store: Store) -> list[dict[str, str]]:
    """The choices of the run selector, newest first."""
    return [
        {"value": str(run.id), "label": f"{run.id} · {_named(run)}"}
        for run in store.runs(LISTED_RUNS)
    ]


def _named(run: Run | Unreadable) -> str:
    return "cannot be read" if isinstance(run, Unreadable) else title(run)


def _best(store: Store, run: Run | None) -> Epoch | None:
    """The epoch that the validation card calls the best."""
    return store.best(run.id, "val_loss", "min") if run else None


def register(app: Dash, store: Store, worker: Worker) -> None:
    """The callbacks that show a run, follow it, stop it and set its pace."""

    # A page asks for a redrawing where a metric comes that its figure has no curve for.
    @app.callback(
        Output(ids.VIEW, "data"),
        Input(ids.RUN, "value"),
        Input(ids.REDRAW, "data"),
        State(ids.BEGUN, "data"),
    )
    def show(run: str | None, _: Any, opened_at: int) -> dict[str, Any]:
        # What began while the page was opening is news to it.
        begun = store.newest_started() if ctx.triggered_id else opened_at
        return shown(store, int(run) if run else None, begun)

    # Not a callback: each step of one makes Dash look at every component of the page, which took
    # ten times the work of what there is to show, on cores that train.
    @app.server.post("/live")  # type: ignore[untyped-decorator]
    def live() -> Response:
        worker.expect()
        try:
            cursor = Cursor.model_validate_json(request.get_data())
        except ValidationError:
            abort(400, "This is not a page's cursor; reload the page.")
        return jsonify(news(store, cursor))

    @app.callback(
        Output(ids.STOP, "loading"),
        Input(ids.STOP, "n_clicks"),
        State(ids.RUN, "value"),
        prevent_initial_call=True,
    )
    def stop(_: int, run: str | None) -> bool:
        if run:
            store.stop(int(run))
        return False

    @app.callback(Input(ids.PACE, "value"), State(ids.RUN, "value"), prevent_initial_call=True)
    def pace(pace: str, run: str | None) -> None:
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
