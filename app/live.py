"""The run on show: what an open page asks for, and what is answered."""

import itertools
import time
from typing import Any

from dash import ClientsideFunction, Dash, Input, Output, State, ctx, no_update

from app import figures, ids
from app.readout import CARDS, CHANCE_EPOCHS, readout, title
from app.series import Mark, by_hand, sentences, series
from trainer import family
from trainer.config import RunConfig
from trainer.rows import Run
from trainer.store import Store
from trainer.worker import Worker

LIVE_MS = 250
MID_EPOCH_MS = 600
IDLE_MS = 1000
LISTED_RUNS = 50
PACES = {"1": "1/s", "5": "5/s", "max": "max"}

_view = itertools.count(1)


def shown(store: Store, run: int | None, newest: int | None) -> dict[str, Any]:
    """Everything about one run that the page draws, from one read of the store."""
    row = store.run(run) if run is not None else None
    rows = store.epochs(row.id) if row else []
    changes = store.changes(row.id) if row else []
    past = family.prefix(store, row.id) if row else []
    parent = family.lineage(store, row.parent) if row and row.parent else []
    theirs = store.changes(row.parent) if row and row.parent else []
    config = row.config if row else RunConfig()
    batches = row.batches if row else 1
    # A fork's own losses begin at the epoch that it was forked from, its own LR after it.
    points = series(config, past[-1:] + rows, changes, batches, parent, theirs)
    if past:
        points = points._replace(lr=series(config, rows, changes, batches).lr)
    points.marks.extend(by_hand(changes, batches))
    if row and row.parent:
        points.marks.append(Mark((row.parent_epoch or 0) + 0.5, "fork", f"fork of {row.parent}"))
    points.marks.sort(key=lambda mark: mark.x)
    figure = figures.figure(config, points, row.epochs if row else None)
    view = f"{run}-{next(_view)}"
    figure["layout"]["meta"] = view
    return {
        "figure": figure,
        "log": sentences(past + rows, changes),
        "readout": readout(row, rows[-CHANCE_EPOCHS:], store.best(row.id) if row else None),
        "pace": pace_key(row.pace) if row and not row.over else None,
        "cursor": {
            "run": run,
            "epoch": rows[-1].epoch if rows else 0,
            "change": changes[-1].id if changes else 0,
            "epochs": row.epochs if row else 0,
            "forked": (row.parent_epoch or 0) if row else 0,
            "view": view,
            "newest": newest,
        },
    }


def delta(store: Store, cursor: dict[str, Any]) -> dict[str, Any] | None:
    """What is new after the cursor; None where its run is gone."""
    row = store.run(cursor["run"]) if cursor["run"] is not None else None
    if row is None:
        return None
    rows = store.epochs(row.id, cursor["epoch"])
    recent = rows
    if len(rows) < CHANCE_EPOCHS:
        recent = store.epochs(row.id, row.epoch - CHANCE_EPOCHS)
    new = store.changes(row.id, cursor["change"])
    # The LR of an epoch takes its steps from changes that came before its end.
    inside = store.changes(row.id) if rows and (new or cursor["change"]) else []
    points = series(row.config, rows, inside, row.batches)
    points.marks.extend(by_hand(new, row.batches))
    return {
        "cursor": {key: cursor[key] for key in ("view", "epoch", "change")},
        "next": {
            "epoch": rows[-1].epoch if rows else cursor["epoch"],
            "change": new[-1].id if new else cursor["change"],
            "epochs": row.epochs,
        },
        "points": figures.extension(points) if rows or new else None,
        "log": sentences(rows, new),
        "readout": readout(row, recent, store.best(row.id)),
    }


def interval(run: Run, now: float) -> int:
    """Milliseconds until the next poll of a run that trains: fewer in the middle of a long epoch,
    where there is nothing to draw and drawing takes the cores that train.
    """
    if not (run.started and run.began and (done := run.epoch * run.batches + run.batch)):
        return LIVE_MS
    left = (run.batches - run.batch) * (now - run.began) / done
    return round(min(max(1000 * left - LIVE_MS, LIVE_MS), MID_EPOCH_MS))


def pace_key(pace: float | None) -> str:
    """The choice of the pace control that stands for so many epochs a second."""
    return "max" if pace is None else f"{pace:g}"


def pace_of(key: str | None) -> float | None:
    """Epochs a second of a choice of the pace control; None for as fast as it goes."""
    return float(key) if key in PACES and key != "max" else None


def runs(store: Store) -> list[dict[str, str]]:
    """The choices of the run selector, newest first."""
    return [
        {"value": str(run.id), "label": f"{run.id} · {title(run)}"}
        for run in store.runs(LISTED_RUNS)
    ]


def register(app: Dash, store: Store, worker: Worker) -> None:
    """The callbacks that show a run, follow it, stop it and set its pace."""

    @app.callback(Output(ids.VIEW, "data"), Input(ids.RUN, "value"))
    def show(run: str | None) -> dict[str, Any]:
        number = int(run) if run else None
        # A page that opens knows of no newer run than its own: one that began since is followed.
        return shown(store, number, store.newest() if ctx.triggered_id else number)

    @app.callback(
        Output(ids.DELTA, "data"),
        Output(ids.POLL, "interval"),
        Output(ids.RUN, "data"),
        Output(ids.RUN, "value"),
        Input(ids.POLL, "n_intervals"),
        State(ids.CURSOR, "data"),
        running=[(Output(ids.POLL, "disabled"), True, False)],
        prevent_initial_call=True,
    )
    def poll(_: int, cursor: dict[str, Any] | None) -> Any:
        worker.expect()
        if cursor is None:
            return no_update, no_update, no_update, no_update
        newest = store.newest()
        if newest not in (cursor["newest"], cursor["run"]):
            # A run began, here or in another process: every open page follows it.
            return no_update, LIVE_MS, runs(store), str(newest)
        news = delta(store, cursor)
        row = store.run(cursor["run"]) if news else None
        ms = interval(row, time.time()) if row and not row.over else IDLE_MS
        return news or no_update, ms, no_update, no_update

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
        ClientsideFunction("lab", "draw"),
        Output(ids.CHART, "figure"),
        Output(ids.CURSOR, "data"),
        Input(ids.VIEW, "data"),
        State(ids.TEMPLATES, "data"),
        State(ids.LOSS_SCALE, "value"),
    )
    app.clientside_callback(
        ClientsideFunction("lab", "extend"),
        Output(ids.CURSOR, "data", allow_duplicate=True),
        Input(ids.DELTA, "data"),
        State(ids.CURSOR, "data"),
        prevent_initial_call=True,
    )
    app.clientside_callback(
        ClientsideFunction("lab", "point"), Input(ids.CHART, "clickData"), prevent_initial_call=True
    )
    app.clientside_callback(
        ClientsideFunction("lab", "rescale"),
        Input(ids.LOSS_SCALE, "value"),
        prevent_initial_call=True,
    )
    readouts = [
        Output(ids.STATUS, "children"),
        Output(ids.STATUS, "data-state"),
        Output(ids.PROGRESS, "value"),
        Output(ids.PROGRESS_LEFT, "children"),
        Output(ids.PROGRESS_RIGHT, "children"),
        Output(ids.NOTICE, "children"),
        Output(ids.NOTICE, "hidden"),
        Output(ids.STOP, "disabled"),
        Output(ids.PAUSE, "disabled"),
        Output(ids.PAUSE, "children"),
        Output(ids.STEP, "disabled"),
        Output(ids.STRIP, "data-state"),
        Output(ids.FORETOLD, "children"),
        Output(ids.FORK, "children"),
        Output(ids.METER, "style"),
        *[
            Output(ids.schedule(p), "children")
            for p in ("heading", "value", "cooldown", "sentence")
        ],
        *[Output(ids.card(name, p), "children") for name in CARDS for p in ("value", "small")],
        Output(ids.PACE, "value"),
    ]
    app.clientside_callback(
        ClientsideFunction("lab", "read"),
        *readouts,
        Input(ids.VIEW, "data"),
        Input(ids.DELTA, "data"),
        State(ids.CURSOR, "data"),
        prevent_initial_call=True,
    )
