"""The displayed run: what is new of it, and the callbacks that show, pace and stop it."""

import math
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from dash import ClientsideFunction, Dash, Input, Output, State, ctx
from flask import Response, abort, jsonify, request
from pydantic import ValidationError

from app import ids, run_picker
from app.charts import figures
from app.charts.best import Best
from app.charts.series import by_hand, sentences, series, with_parent
from app.checked import RunChoice, Whole
from app.lab import coming
from app.lab.control import pace_of
from app.lab.progress import progress, seconds_an_epoch
from app.lab.readout import LAST_EPOCHS, after_epoch, state
from app.lab.received import (
    Cursor,
    best_of_run,
    checksum,
    done_by,
    retraced,
    token_of,
    traced_to,
    traces_of,
    waits_for,
)
from app.lab.trouble import Trouble
from app.lab.turns import Turns
from app.lab.verdicts import Verdicts
from app.lab.whole import Why, all_well, reason, view_of
from trainer.config.table import ConfigError
from trainer.schedule.epoch import Epoch
from trainer.schedule.interventions import RecordedIntervention
from trainer.schedule.torch_changed import TorchChangedError
from trainer.store.faults import StoreError
from trainer.store.lineage import own
from trainer.store.rows import UnreadableError
from trainer.store.run import Run
from trainer.store.store import Store
from trainer.worker import Worker

LIVE_MS = 250
MID_EPOCH_MS = 1000
LATE_MS = 50  # how long after its expected end to look for an epoch's record
IDLE_MS = 1000


def news(
    store: Store,
    cursor: Cursor,
    trouble: Why = all_well,
    torch: bool = False,
    verdicts: Verdicts | None = None,
) -> dict[str, Any]:
    """What a page has not received yet, and in how many milliseconds to ask again.

    Args:
        trouble: why nothing is trained, or recorded of a run.
        torch: whether torch is loaded here, which says what is ahead of the run.
        verdicts: say how the run stands.
    """
    try:
        newest = store.newest() or 0
        if newest > max(cursor.begun, cursor.run or 0):
            # A run has started, here or in another process.
            answer = {
                "runs": run_picker.choices(store, cursor.run),
                "begun": newest,
                "wait": LIVE_MS,
            }
            return {**answer, "follow": str(newest)} if _leaves(store, cursor) else answer
        return _news_of(store, cursor, trouble, torch, verdicts)
    except StoreError as error:
        token = token_of({"reason": str(error)})
        return {"drawn": None, "readout": reason(error), "token": token, "wait": IDLE_MS}


def _leaves(store: Store, cursor: Cursor) -> bool:
    """Whether a page goes on to a run that has started: never from one that trains, whose buttons
    somebody may be about to press.
    """
    shown = store.run(cursor.run) if cursor.run is not None else None
    return cursor.follows and (shown is None or shown.over)


def _news_of(
    store: Store, cursor: Cursor, trouble: Why, torch: bool, verdicts: Verdicts | None
) -> dict[str, Any]:
    """What is new in the run of a cursor."""
    row = store.run(cursor.run) if cursor.run is not None else None
    found = own(store, row, cursor.epoch - 1) if row else []
    rows = recent = [epoch for epoch in found if epoch.epoch > cursor.epoch]
    retrained = cursor.last not in (None, *map(checksum, found[:1]))
    if row and (retrained or retraced(store, row, cursor)):
        return {"redraw": True, "wait": LIVE_MS}
    if row and len(rows) < LAST_EPOCHS:
        recent = done_by(row, own(store, row, row.epoch - LAST_EPOCHS))
    recent = recent[-LAST_EPOCHS:]
    readout, texts = progress(row, recent, waits_for(store, row)), state(row, recent, trouble(row))
    token = token_of(texts)
    moved = token != cursor.token
    if moved:
        readout |= texts
    made = store.interventions(row.id) if row else []
    new = [each for each in made if each.id > cursor.intervention]
    best = best_of_run(store, row, cursor.before) if moved or rows or new else None
    if moved or rows or new:
        readout |= after_epoch(row, recent, best, made)
    wait = IDLE_MS
    if row and not row.over:
        wait = interval(row, recent)
    drawn = _drawn(store, row, rows, made, new, cursor, best) if row else None
    answer: dict[str, Any] = {"drawn": drawn, "readout": readout, "token": token, "wait": wait}
    if torch and row and (cursor.ahead is None or row.paused or moved or "log" in (drawn or {})):
        ahead = _if_it_can(lambda: coming.of(store, row))
        if ahead and ahead["token"] != cursor.ahead:
            answer["ahead"] = ahead
    if verdicts and row and (rows or moved or cursor.verdict is None):
        verdict = _if_it_can(lambda: verdicts.of(row))
        if verdict and verdict["token"] != cursor.verdict:
            answer["verdict"] = verdict
    return answer


def _if_it_can(part: Callable[[], dict[str, Any]]) -> dict[str, Any] | None:
    """A part of the news that the page can do without; None where it cannot be told, for instance
    of a fork whose parent cannot be read.
    """
    try:
        return part()
    except (UnreadableError, ConfigError, TorchChangedError):
        return None


def _drawn(
    store: Store,
    row: Run,
    rows: list[Epoch],
    made: list[RecordedIntervention],
    new: list[RecordedIntervention],
    cursor: Cursor,
    best: Best | None,
) -> dict[str, Any] | None:
    """The additions to charts and log, and the cursor after them; None if there is nothing new."""
    traces = traces_of(store, row, cursor.traced[0] - 1)
    traced = traced_to(traces, row.batches, row.epochs, cursor.traced)
    parent, theirs = _behind(store, row, cursor.behind)
    if not (rows or new or traced != cursor.traced or parent):
        return None
    # An epoch's LR curve has a step at each intervention within it.
    inside = made if rows else []
    points = series(row.recipe, rows, inside, row.batches, row.epochs, traces, cursor.traced)
    marks = [mark for mark in points.marks if mark.kind != "hand"] + by_hand(new, row.batches)
    if parent:
        points = with_parent(points, row.recipe, parent, theirs, row.batches)
    return {
        **figures.extension(points._replace(marks=marks)),
        "traced": traced,
        "planned": row.epochs,
        **({"behind": parent[-1].epoch} if parent else {}),
        **(
            {
                "log": sentences(rows, new, row.epochs),
                "epoch": rows[-1].epoch if rows else cursor.epoch,
                "last": checksum(rows[-1]) if rows else cursor.last,
                "epochs": row.epochs,
            }
            if rows or new
            else {}
        ),
        **({"best": best and best.marker} if rows else {}),
        **({"intervention": new[-1].id} if new else {}),
    }


def _behind(store: Store, run: Run, after: int) -> tuple[list[Epoch], list[RecordedIntervention]]:
    """The epochs that a fork's parent has trained after this one, and its interventions; none if
    they cannot be read.
    """
    try:
        parent = store.run(run.parent) if run.parent and run.sweep is None else None
        if parent is None or parent.epoch <= after:
            return [], []
        return store.epochs(parent.id, after), store.interventions(parent.id)
    except UnreadableError:
        return [], []


def interval(run: Run, last: list[Epoch]) -> int:
    """Milliseconds until the page should ask again about a run that trains: at the expected end of
    the epoch, and rarely before it, since drawing competes with training for the cores.
    """
    seconds = seconds_an_epoch(run, last) if run.started else None
    if seconds is None or len(last) == 1:  # the first epoch also warms up
        return LIVE_MS
    left = 1000 * seconds * (1 - run.inside) + LATE_MS
    return max(round(left / math.ceil(left / MID_EPOCH_MS)), LIVE_MS)


def register(
    app: Dash,
    store: Store,
    worker: Worker,
    turns: Turns,
    when_asked: Callable[[], None] = lambda: None,
) -> None:
    """The callbacks that display a run, update it, stop it and set its pace.

    Args:
        turns: when pages may ask again.
        when_asked: called when a page asks for news.
    """
    trouble, verdicts = Trouble(store, worker), Verdicts(store)

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
        when_asked()
        answer = news(store, cursor, trouble.of, worker.has_loaded, verdicts)
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
        elif run and (row := store.run(int(run))) and not row.disobeys("stop"):
            store.stop(row.id)
        return False

    app.clientside_callback(
        ClientsideFunction("pace", "choose"),
        Output(ids.CHOSEN_PACE, "data"),
        Input(ids.PACE, "value"),
        prevent_initial_call=True,
    )

    @app.callback(
        Input(ids.CHOSEN_PACE, "data"), State(ids.RUN, "value"), prevent_initial_call=True
    )
    def pace(pace: str, run: RunChoice | None) -> None:
        row = store.run(int(run)) if run else None
        if row is None or row.over or row.disobeys("pace") or row.pace == pace_of(pace):
            return
        store.set_pace(row.id, pace_of(pace))

    app.clientside_callback(
        ClientsideFunction("live", "draw"),
        Output(ids.CHART, "figure"),
        Input(ids.VIEW, "data"),
    )
    app.clientside_callback(
        ClientsideFunction("charts", "point"),
        Input(ids.CHART, "clickData"),
        prevent_initial_call=True,
    )
    app.clientside_callback(
        ClientsideFunction("charts", "rescale"),
        Input(ids.LOSS_SCALE, "n_clicks"),
        Input(ids.LR_SCALE, "n_clicks"),
        prevent_initial_call=True,
    )
