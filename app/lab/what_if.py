"""The panel "What if": the run on show, replayed with other parameters."""

from collections.abc import Sequence
from typing import Any

import dash_mantine_components as dmc
from dash import ClientsideFunction, Dash, Input, Output, State, ctx, dcc, html, no_update
from dash.development.base_component import Component
from dash.exceptions import PreventUpdate

from app import form, ids
from app.charts import figures
from app.charts.series import Line
from app.lab import cut_map
from trainer.config import table as settings
from trainer.config.run import RunConfig
from trainer.config.table import ConfigError
from trainer.replay.comparison import Comparison, compare, monitored, rules
from trainer.store import lineage as family
from trainer.store.rows import Epoch, Run
from trainer.store.store import Store
from trainer.worker import Worker

PLACE = "what-if"
FIELDS, SLIDERS = ids.every("field", PLACE), ids.every("slider", PLACE)
RULES_HELP = {
    "Keras": "keras.callbacks.ReduceLROnPlateau with these parameters: it fires one bad epoch "
    "earlier, and knows no relative threshold (min_delta is 1e-4 then).",
    "fastai": "fastai's ReduceLROnPlateau with these parameters: it fires one bad epoch earlier, "
    "and knows neither a relative threshold (min_delta is 0 then) nor a cooldown.",
}
MOST_CUTS = 6  # named, before "and 12 more"


def layout() -> Component:
    """The answer in words, the controls, and the cut map."""
    return html.Div(
        [
            html.Div("Choose a run.", id=ids.ANSWER, className="answer", role="status"),
            dmc.Button(
                "Measure it",
                id=ids.MEASURE,
                size="compact-sm",
                variant="light",
                style={"display": "none"},
            ),
            html.Div(
                [html.Div(id=ids.WHAT_IF_FORM), html.Div(id=ids.WHAT_IF_OWNED)],
                className="what-if-form",
            ),
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
                ],
                id="map-panel",
            ),
            dcc.Store(ids.WHAT_IF),
            dcc.Store(ids.WHAT_IF_EPOCH),
            dcc.Store(ids.WHAT_IF_PROBLEMS),
            dcc.Store(ids.MAP_DATA),
        ],
        className="what-if",
    )


def _axis(identity: str, name: str) -> Any:
    return dmc.Select(id=identity, size="xs", allowDeselect=False, **{"aria-label": name})


def controls(config: RunConfig) -> list[Component]:
    """The what-if's controls that every schedule has, showing a run's own config."""
    values = settings.from_config(config)
    named = {s.key: s for s in settings.SETTINGS if s.owner is None}

    def draw(key: str) -> Any:
        return form.control(named[key], named[key].text(values[key]), PLACE)

    return [draw("schedule"), draw("warmup")]


def owned(config: RunConfig) -> list[Component]:
    """The controls of the schedule: first those at hand in the form, then the rest."""
    values = settings.from_config(config)
    own = [s for s in settings.chosen(values) if s.group == "schedule"]
    own.sort(key=lambda s: not s.main)
    return [form.control(s, s.text(values[s.key]), PLACE) for s in own]


def answer(
    comparison: Comparison, rules: dict[str, list[int]], surprises: Sequence[str]
) -> list[Component]:
    """A comparison in words: how far it is exact, who cuts when, and what may surprise."""
    first = comparison.first
    known = [e for e in comparison.would_cut if first is None or e < first]
    guessed = [e for e in comparison.would_cut if first is not None and e >= first]
    said = [html.P(comparison.sentence)]
    if comparison.remedy:
        said.append(html.P(comparison.remedy))
    rows = [
        ("This run", _epochs(comparison.cuts), "What the run did."),
        ("What if", _epochs(known, guessed), "What torch's class would do; in italics a guess."),
        *((name, _epochs(cuts), RULES_HELP[name]) for name, cuts in rules.items()),
    ]
    table = html.Table(
        [
            html.Thead(html.Tr([html.Th(""), html.Th("cuts after epoch")])),
            html.Tbody(
                [html.Tr([html.Th(name, title=help), html.Td(cuts)]) for name, cuts, help in rows]
            ),
        ],
        className="cuts-table",
    )
    told = html.Ul([html.Li(sentence) for sentence in surprises], className="surprises")
    return [*said, table, *([told] if surprises else [])]


def _epochs(known: Sequence[int], guessed: Sequence[int] = ()) -> list[Any]:
    """Epochs as a person reads them, the guessed ones in italics; at most MOST_CUTS of them."""
    if not known and not guessed:
        return ["none"]
    shown, more = [*known, *guessed][:MOST_CUTS], len(known) + len(guessed) - MOST_CUTS
    parts: list[Any] = []
    for i, epoch in enumerate(shown):
        text = f"{', ' if i else ''}{epoch}"
        parts.append(text if i < len(known) else html.Em(text))
    return [*parts, f"… +{more}"] if more > 0 else parts


def overlay(comparison: Comparison) -> dict[str, Any]:
    """What a what-if adds to the charts: the LR that would have been, and its cuts, from the first
    differing epoch on.
    """
    first = comparison.first
    steps = [s for s in comparison.steps if first is not None and s.epoch >= first]
    cuts = [s for s in steps if s.decision.kind == "cut"]
    lr = Line(
        [x for s in steps for x in (s.epoch - 0.5, s.epoch + 0.5)],
        [y for s in steps for y in (s.lr, s.lr_last)],
    )
    at = Line([s.epoch for s in cuts], [s.lr_last for s in cuts])
    return {"x": [lr.x, at.x], "y": [lr.y, at.y], "first": first}


def register(app: Dash, store: Store, worker: Worker) -> None:
    """The callbacks of the panel."""

    def recorded(run: str | None) -> tuple[Run, list[Epoch]] | None:
        row = store.run(int(run)) if run else None
        if row is None:
            return None
        return row, family.lineage(store, row.id)

    @app.callback(
        Output(ids.WHAT_IF_FORM, "children"),
        Output(ids.WHAT_IF_OWNED, "children"),
        Input(ids.VIEW, "data"),
        Input(ids.TAB, "value"),
        State(ids.RUN, "value"),
        State(ids.WHAT_IF, "data"),
        prevent_initial_call=True,
    )
    def fill(_: Any, tab: str, run: str | None, result: Any) -> Any:
        row = store.run(int(run)) if run else None
        if tab != PLACE or row is None or (result and result["run"] == row.id):
            raise PreventUpdate
        return controls(row.config), owned(row.config)

    @app.callback(
        Output(ids.WHAT_IF_OWNED, "children", allow_duplicate=True),
        Input(ids.field("schedule", None, PLACE), "value"),
        State(ids.RUN, "value"),
        prevent_initial_call=True,
    )
    def choose(name: str, run: str | None) -> Any:
        row = store.run(int(run)) if run else None
        if row is None:
            raise PreventUpdate
        return owned(settings.changed(row.config, {"schedule": name}))

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
        values: list[Any], _: Any, fields: list[dict[str, str]], run: str | None, tab: str
    ) -> tuple[Any, ...]:
        found = recorded(run)
        if tab != PLACE or not fields or found is None or not worker.loaded():
            raise PreventUpdate
        row, rows = found
        try:
            other = settings.changed(row.config, form.given(fields, values))
        except ConfigError as refusal:
            return no_update, no_update, form.problems(refusal, PLACE), no_update, no_update
        if not rows:
            early = "There is nothing to replay before the first epoch has ended."
            return None, early, [], "", {"display": "none"}
        comparison = compare(row.config, rows, other, row.batches)
        # A run that trains keeps its map: too dear to be drawn again after every epoch.
        stale_map = not row.over and ctx.triggered_id == ids.WHAT_IF_EPOCH
        result = {"run": row.id, "config": other.model_dump(), "stale_map": stale_map}
        from trainer.replay.cautions import cautions
        from trainer.replay.replay import preview

        told = cautions(other, preview(other, row.batches), monitored(other, rows))
        said = answer(comparison, rules(comparison), told)
        first = comparison.first or 0
        offered = {} if first > 1 and not row.source else {"display": "none"}
        label = f"Measure it: fork after epoch {first - 1}"
        return {**result, **overlay(comparison)}, said, [], label, offered

    @app.callback(
        Output(ids.MAP_X, "data"),
        Output(ids.MAP_X, "value"),
        Output(ids.MAP_Y, "data"),
        Output(ids.MAP_Y, "value"),
        Input(ids.WHAT_IF, "data"),
        State(ids.MAP_X, "value"),
        State(ids.MAP_Y, "value"),
    )
    def offer(result: Any, x: str | None, y: str | None) -> Any:
        if not result:
            raise PreventUpdate
        config = RunConfig.model_validate(result["config"])
        choices = [{"value": s.key, "label": s.label} for s in cut_map.axes(config)]
        keys = {choice["value"] for choice in choices}
        if not {x, y} <= keys:
            x, y = cut_map.default_axes(config)
        return choices, x, choices, y

    @app.callback(
        Output(ids.MAP_DATA, "data"),
        Input(ids.WHAT_IF, "data"),
        Input(ids.MAP_X, "value"),
        Input(ids.MAP_Y, "value"),
        State(ids.RUN, "value"),
        prevent_initial_call=True,
    )
    def sweep(result: Any, x: str | None, y: str | None, run: str | None) -> Any:
        found = recorded(run)
        if not result or found is None or str(result["run"]) != run:
            raise PreventUpdate
        row, rows = found
        other = RunConfig.model_validate(result["config"])
        if not {x, y} <= {s.key for s in cut_map.axes(other)} or not x or not y:
            raise PreventUpdate
        if result["stale_map"] and ctx.triggered_id == ids.WHAT_IF:
            raise PreventUpdate
        cells = cut_map.shown(row.config, rows, row.batches, other, x, y)
        return {
            "cells": cells,
            "figures": {measure: cut_map.figure(cells, measure) for measure in cut_map.MEASURES},
        }

    app.clientside_callback(
        ClientsideFunction("lab", "drawMap"),
        Output(ids.MAP, "figure"),
        Input(ids.MAP_DATA, "data"),
        Input(ids.MAP_SHOWS, "value"),
        State(ids.TEMPLATES, "data"),
        prevent_initial_call=True,
    )
    app.clientside_callback(
        ClientsideFunction("lab", "whatIfEpoch"),
        Output(ids.WHAT_IF_EPOCH, "data"),
        Input(ids.TAB, "value"),
        prevent_initial_call=True,
    )

    for name, *dependencies in (
        ("whatIf", Input(ids.WHAT_IF, "data"), Input(ids.TAB, "value")),
        ("click", Input(ids.MAP, "clickData"), State(ids.MAP_DATA, "data"), State(FIELDS, "id")),
        ("follow", Input(FIELDS, "value"), Input(SLIDERS, "value"), State(FIELDS, "id"),
         State(SLIDERS, "id"), State(SLIDERS, "scale"), State(SLIDERS, "step")),
        ("tellProblems", Input(ids.WHAT_IF_PROBLEMS, "data"), State(FIELDS, "id"),
         State(FIELDS, "error")),
    ):  # fmt: skip
        app.clientside_callback(
            ClientsideFunction("lab", name), *dependencies, prevent_initial_call=True
        )
