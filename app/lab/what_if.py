"""The What if panel: the displayed run, replayed with other parameters."""

from typing import Any

import dash_mantine_components as dmc
from dash import ClientsideFunction, Dash, Input, Output, State, ctx, dcc, html, no_update
from dash.development.base_component import Component
from dash.exceptions import PreventUpdate

from app import address, form, ids
from app.charts import figures
from app.checked import RunChoice
from app.lab import cut_map
from app.lab.answer import Result, answer, overlay
from app.lab.forking import Fork
from trainer.config import table as settings
from trainer.config.recipe import Recipe
from trainer.config.table import ConfigError
from trainer.replay.comparison import compare, rules
from trainer.schedule.epoch import Epoch, monitored
from trainer.schedule.torch_changed import TorchChangedError
from trainer.store.lineage import lineage, stretches
from trainer.store.rows import UnreadableError
from trainer.store.run import Run
from trainer.store.store import Store
from trainer.worker import Worker

PLACE = address.WHAT_IF
PLATEAU = Recipe().schedule.name  # the default is the plateau rule
HIDDEN = {"visibility": "hidden"}  # its room stays: nothing moves under the hand
FIELDS, SLIDERS = ids.every("field", PLACE), ids.every("slider", PLACE)


def layout() -> Component:
    """The answer as text, the controls, and the cut map."""
    return html.Div(
        [
            html.Div(
                [
                    html.Div(
                        "Choose a run.",
                        id=ids.ANSWER,
                        className="answer",
                        role="status",
                        tabIndex="0",
                    ),
                    dmc.Button(
                        "Measure it",
                        id=ids.MEASURE,
                        className="measure",
                        size="compact-sm",
                        variant="light",
                        style=HIDDEN,
                    ),
                ],
                className="answered",
            ),
            html.Div(html.Div(id=ids.WHAT_IF_OWNED), id=ids.WHAT_IF_FORM, className="what-if-form"),
            html.Div(
                [
                    html.H3("Cut map"),
                    dmc.SegmentedControl(
                        id=ids.MAP_SHOWS,
                        data=[{"value": k, "label": v} for k, v in cut_map.MEASURES.items()],
                        value="first",
                        size="xs",
                        fullWidth=True,
                    ),
                    html.Div(
                        [_axis(ids.MAP_X, "Across"), html.Span("×"), _axis(ids.MAP_Y, "Up")],
                        className="map-axes",
                    ),
                    dcc.Graph(
                        id=ids.MAP,
                        figure=figures.BLANK,
                        config=figures.CONFIG,
                        responsive=True,
                        style={"height": 230},
                    ),
                    html.Ul(id=ids.MAP_LEGEND, className="map-legend"),
                ],
                id=ids.MAP_PANEL,
            ),
            dcc.Store(ids.WHAT_IF),
            dcc.Store(ids.WHAT_IF_RUN),
            dcc.Store(ids.WHAT_IF_EPOCH),
            dcc.Store(ids.WHAT_IF_PROBLEMS),
            dcc.Store(ids.MAP_DATA),
        ],
        className="what-if",
    )


def _axis(identity: str, name: str) -> Any:
    return dmc.Select(id=identity, size="xs", allowDeselect=False, **{"aria-label": name})


def is_fork(run: Run) -> bool:
    """Whether a what-if applies only from where it was forked on."""
    return bool(run.parent and run.parent_epoch)


def offered(run: Run) -> Recipe:
    """What a what-if of a run begins with: its own recipe; for a watched one without a schedule
    that LRScope knows, what a plateau rule would have done.
    """
    if run.source == "watched" and run.recipe.schedule.name == "none":
        return settings.changed(run.recipe, {"schedule": PLATEAU})
    return run.recipe


def controls(run: Run) -> list[Component]:
    """The what-if's controls, with the values that it begins with."""
    recipe = offered(run)
    values = settings.from_config(recipe)
    named = {s.key: s for s in settings.SETTINGS if s.owner is None}

    def draw(key: str) -> Any:
        return form.control(named[key], named[key].text(values[key]), PLACE)

    # The schedule's own are drawn within the same answer: Dash asks for what depends on a control
    # that it inserts, and that answer would come while someone types into the first one's.
    owned = html.Div(schedule_controls(recipe), id=ids.WHAT_IF_OWNED)
    return [draw("schedule"), *([] if is_fork(run) else [draw("warmup")]), owned]


def schedule_controls(recipe: Recipe) -> list[Component]:
    """The controls of the schedule, the main ones first."""
    values = settings.from_config(recipe)
    own = [s for s in settings.chosen(values) if s.group == "schedule"]
    own.sort(key=lambda s: not s.main)
    return [form.control(s, s.text(values[s.key]), PLACE) for s in own]


def register(app: Dash, store: Store, worker: Worker) -> None:
    """The callbacks of the panel."""

    def recorded(run: RunChoice | None) -> tuple[Run, list[Epoch]] | None:
        row = store.run(int(run)) if run else None
        if row is None:
            return None
        return row, lineage(store, row.id)

    def imagined(result: Result) -> tuple[Recipe, bool]:
        """The recipe of a what-if's result, and whether its run is a fork."""
        row = store.run(result["run"])
        if row is None:
            raise PreventUpdate
        return settings.changed(row.recipe, result["values"]), is_fork(row)

    @app.callback(
        Output(ids.WHAT_IF_FORM, "children"),
        Output(ids.WHAT_IF_RUN, "data"),
        Output(ids.ANSWER, "children", allow_duplicate=True),
        Output(ids.WHAT_IF, "data", allow_duplicate=True),
        Output(ids.MEASURE, "style", allow_duplicate=True),
        Input(ids.VIEW, "data"),
        Input(ids.TAB, "value"),
        Input(ids.FORK_CANCEL, "n_clicks"),
        State(ids.RUN, "value"),
        State(ids.WHAT_IF_RUN, "data"),
        State(ids.FORK_OF, "data"),
        prevent_initial_call=True,
    )
    def fill(
        _: Any,
        tab: str,
        _cancelled: Any,
        run: RunChoice | None,
        drawn: RunChoice | None,
        fork: Fork | None,
    ) -> Any:
        # A fork that was to measure a what-if takes it along when it is given up.
        given_up = ctx.triggered_id == ids.FORK_CANCEL and bool(fork and fork["values"])
        if not run or not (given_up or (tab == PLACE and run != drawn)):
            raise PreventUpdate
        try:
            row = store.run(int(run))
            lineage(store, int(run))
        except UnreadableError as error:
            return html.Div(html.Div(id=ids.WHAT_IF_OWNED)), None, str(error), None, HIDDEN
        if row is None:
            raise PreventUpdate
        return controls(row), run, no_update, no_update, no_update

    @app.callback(
        Output(ids.WHAT_IF_OWNED, "children"),
        Input(ids.field("schedule", None, PLACE), "value"),
        State(ids.RUN, "value"),
        prevent_initial_call=True,
    )
    def choose(name: str, run: RunChoice | None) -> Any:
        row = store.run(int(run)) if run else None
        if row is None:
            raise PreventUpdate
        if name == offered(row).schedule.name:
            return schedule_controls(offered(row))
        # Its defaults, also where they do not suit the run's LR: that is said beside the control.
        return schedule_controls(settings.to_config({"schedule": name}))

    @app.callback(
        Output(ids.WHAT_IF, "data"),
        Output(ids.ANSWER, "children"),
        Output(ids.WHAT_IF_PROBLEMS, "data"),
        Output(ids.MEASURE, "children"),
        Output(ids.MEASURE, "style"),
        Input(FIELDS, "value"),
        Input(ids.WHAT_IF_EPOCH, "data"),
        State(FIELDS, "id"),
        State(ids.RUN, "value"),
        State(ids.TAB, "value"),
        prevent_initial_call=True,
    )
    def compute(
        values: list[str | None],
        _: Any,
        fields: list[dict[str, str]],
        run: RunChoice | None,
        tab: str,
    ) -> tuple[Any, ...]:
        found = recorded(run)
        if tab != PLACE or not fields or found is None or not worker.loaded():
            raise PreventUpdate
        row, rows = found
        try:
            other = settings.changed(row.recipe, form.given(fields, values))
        except ConfigError as refusal:
            return no_update, no_update, form.problems(refusal, PLACE), no_update, no_update
        if not rows:
            early = "There is nothing to replay before the first epoch has ended."
            return None, early, [], "", HIDDEN
        try:
            comparison = compare(row.recipe, rows, other, row.batches, stretches(store, row.id))
        except ConfigError as refusal:
            return no_update, no_update, form.problems(refusal, PLACE), no_update, no_update
        except TorchChangedError as error:
            return None, str(error), [], "", HIDDEN
        # While a run trains its map is not updated: redrawing it every epoch would cost too much.
        stale_map = not row.over and ctx.triggered_id == ids.WHAT_IF_EPOCH
        own = settings.from_config(other)
        result = {
            "run": row.id,
            "epoch": rows[-1].epoch,
            "values": own,
            "stale_map": stale_map,
        }
        from trainer.replay.cautions import cautions
        from trainer.replay.replay import preview

        known = cautions(other, preview(other, row.batches), monitored(other.monitor, rows))
        words = answer(comparison, rules(comparison), [caution.sentence for caution in known])
        first = comparison.first or 0
        offered = {} if first > 1 and row.config is not None else HIDDEN
        label = f"Measure it: fork after {first - 1}"
        return {**result, **overlay(comparison)}, words, [], label, offered

    @app.callback(
        Output(ids.MAP_X, "data"),
        Output(ids.MAP_X, "value"),
        Output(ids.MAP_Y, "data"),
        Output(ids.MAP_Y, "value"),
        Output(ids.MAP_PANEL, "hidden"),
        Input(ids.WHAT_IF, "data"),
        State(ids.MAP_X, "value"),
        State(ids.MAP_Y, "value"),
    )
    def offer(result: Result | None, x: str | None, y: str | None) -> Any:
        if not result:
            raise PreventUpdate
        recipe, fork = imagined(result)
        choices = [{"value": s.key, "label": s.label} for s in cut_map.axes(recipe, fork)]
        keys = {choice["value"] for choice in choices}
        if not {x, y} <= keys:
            x, y = cut_map.default_axes(recipe, fork) or (None, None)
        return choices, x, choices, y, not choices

    @app.callback(
        Output(ids.MAP_DATA, "data"),
        Input(ids.WHAT_IF, "data"),
        Input(ids.MAP_X, "value"),
        Input(ids.MAP_Y, "value"),
        State(ids.RUN, "value"),
        prevent_initial_call=True,
    )
    def sweep(result: Result | None, x: str | None, y: str | None, run: RunChoice | None) -> Any:
        found = recorded(run)
        if not result or found is None or str(result["run"]) != run:
            raise PreventUpdate
        row, rows = found
        other, fork = imagined(result)
        if not {x, y} <= {s.key for s in cut_map.axes(other, fork)} or not x or not y:
            raise PreventUpdate
        if result["stale_map"] and ctx.triggered_id == ids.WHAT_IF:
            raise PreventUpdate
        past = stretches(store, row.id)
        cells = cut_map.view_of(row.recipe, rows, row.batches, other, x, y, past)
        return {
            "cells": cells,
            "maps": {
                measure: {
                    "figure": cut_map.figure(cells, measure),
                    "templates": figures.templates(cut_map.coloured(measure)),
                    "legend": cut_map.legend(cells, measure),
                    "colour": cut_map.COLOURS[measure],
                }
                for measure in cut_map.MEASURES
            },
        }

    app.clientside_callback(
        ClientsideFunction("what_if", "drawMap"),
        Output(ids.MAP, "figure"),
        Input(ids.MAP_DATA, "data"),
        Input(ids.MAP_SHOWS, "value"),
        prevent_initial_call=True,
    )
    app.clientside_callback(
        ClientsideFunction("what_if", "open"),
        Output(ids.WHAT_IF_EPOCH, "data"),
        Input(ids.TAB, "value"),
        prevent_initial_call=True,
    )

    for role, name, *dependencies in (
        ("what_if", "show", Input(ids.WHAT_IF, "data"), Input(ids.TAB, "value")),
        ("what_if", "choose", Input(ids.MAP, "clickData"), State(ids.MAP_DATA, "data"),
         State(FIELDS, "id")),
        ("form", "follow", Input(FIELDS, "value"), Input(SLIDERS, "value"), State(FIELDS, "id"),
         State(SLIDERS, "id"), State(SLIDERS, "scale"), State(SLIDERS, "step")),
        ("form", "showProblems", Input(ids.WHAT_IF_PROBLEMS, "data"), State(FIELDS, "id"),
         State(FIELDS, "error")),
    ):  # fmt: skip
        app.clientside_callback(
            ClientsideFunction(role, name), *dependencies, prevent_initial_call=True
        )
