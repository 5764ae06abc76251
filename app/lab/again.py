"""The displayed run again, with other seeds or with and without its schedule; or beside others."""

from collections.abc import Callable
from typing import Annotated, Any

import dash_mantine_components as dmc
from dash import ClientsideFunction, Dash, Input, Output, State, dcc, html, no_update
from dash.development.base_component import Component
from pydantic import Field

from app import ids, repeating, seeds_box
from app.address import MOST_BESIDE
from app.checked import RunChoice
from app.paths import SWEEP, comparison, sweep_from
from app.seeds_box import Count
from trainer.config.table import ConfigError
from trainer.store.faults import CommandError
from trainer.store.store import Store

Chosen = Annotated[list[RunChoice], Field(max_length=MOST_BESIDE)]


def layout(beside: list[str]) -> Component:
    """The button, and what it opens: with the runs `beside` the displayed one chosen."""
    named: dict[str, Any] = {"aria-label": "Run again, or compare"}
    others: dict[str, Any] = {"aria-label": "Compare with"}
    button: dict[str, Any] = {"variant": "default", "size": "sm"}
    content = [
        html.Strong("Run again"),
        html.Div(id=ids.AGAIN_LEFT_OUT, className="card-small"),
        html.Div(
            [
                seeds_box.layout(ids.AGAIN_COUNT, "Other seeds"),
                dmc.Button("Run with other seeds", id=ids.AGAIN_SEEDS, **button),
            ],
            className="again-seeds",
        ),
        dmc.Button(
            "With and without the schedule", id=ids.AGAIN_CONSTANT, fullWidth=True, **button
        ),
        dmc.Button("Sweep from its settings", id=ids.AGAIN_SWEEP, fullWidth=True, **button),
        html.Div(
            [
                html.Strong("Compare with"),
                dmc.Button("Open in Compare", id=ids.AGAIN_COMPARE, **button),
            ],
            className="again-with",
        ),
        dmc.MultiSelect(
            id=ids.AGAIN_WITH,
            data=[
                {"value": run, "label": f"#{run}", "status": ["", ""], "details": ""}
                for run in beside
            ],
            value=beside,
            placeholder="Search the runs",
            nothingFoundMessage="No run has these words.",
            searchable=True,
            selectFirstOptionOnChange=True,
            maxValues=MOST_BESIDE,
            renderOption={"function": "runs.option"},
            filter={"function": "runs.filter"},
            comboboxProps={"width": "max-content", "withinPortal": False},
            classNames={"option": "run-choice", "dropdown": "run-choices"},
            size="xs",
            **others,
        ),
        html.Div(id=ids.AGAIN_REFUSED, className="start-error", role="alert"),
    ]
    return html.Div(
        [
            html.Details(
                [
                    html.Summary(
                        "↻",
                        id=ids.AGAIN_OPEN,
                        className="rename",
                        title="Run again, or compare",
                        **named,
                    ),
                    html.Div(content, className="again-panel"),
                ],
                id=ids.AGAIN,
                className="again",
            ),
            dcc.Store(ids.AGAIN_ADDRESS),
        ]
    )


def register(app: Dash, store: Store) -> None:
    """Queue the runs, and go to the comparison with all of them."""

    def told(queue: Callable[[], list[int]]) -> tuple[Any, str]:
        try:
            return comparison(queue()), ""
        except (CommandError, ConfigError) as refused:
            return no_update, str(refused)

    @app.callback(
        Output(ids.AGAIN_LEFT_OUT, "children"),
        Input(ids.AGAIN_OPEN, "n_clicks"),
        State(ids.RUN, "value"),
        prevent_initial_call=True,
    )
    def left_out(_: Any, run: RunChoice | None) -> str:
        return repeating.left_out(store, [int(run)] if run else [])

    @app.callback(
        Output(ids.AGAIN_ADDRESS, "data"),
        Output(ids.AGAIN_REFUSED, "children"),
        Input(ids.AGAIN_SEEDS, "n_clicks"),
        State(ids.AGAIN_COUNT, "value"),
        State(ids.RUN, "value"),
        prevent_initial_call=True,
    )
    def other_seeds(_: Any, count: Count, run: RunChoice | None) -> tuple[Any, str]:
        return told(lambda: repeating.other_seeds(store, int(run or 0), count))

    @app.callback(
        Output(ids.AGAIN_ADDRESS, "data", allow_duplicate=True),
        Output(ids.AGAIN_REFUSED, "children", allow_duplicate=True),
        Input(ids.AGAIN_CONSTANT, "n_clicks"),
        State(ids.RUN, "value"),
        prevent_initial_call=True,
    )
    def constant_too(_: Any, run: RunChoice | None) -> tuple[Any, str]:
        return told(lambda: repeating.compared_with_constant(store, int(run or 0)))

    @app.callback(
        Output(ids.AGAIN_ADDRESS, "data", allow_duplicate=True),
        Input(ids.AGAIN_COMPARE, "n_clicks"),
        State(ids.RUN, "value"),
        State(ids.AGAIN_WITH, "value"),
        prevent_initial_call=True,
    )
    def compare(_: Any, run: RunChoice | None, others: Chosen | None) -> str:
        return comparison(map(int, [*([run] if run else []), *(others or [])]))

    @app.callback(
        Output(ids.AGAIN_ADDRESS, "data", allow_duplicate=True),
        Input(ids.AGAIN_SWEEP, "n_clicks"),
        State(ids.RUN, "value"),
        prevent_initial_call=True,
    )
    def sweep(_: Any, run: RunChoice | None) -> str:
        return sweep_from(int(run)) if run else SWEEP

    app.clientside_callback(
        ClientsideFunction("again", "go"),
        Input(ids.AGAIN_ADDRESS, "data"),
        prevent_initial_call=True,
    )
    app.clientside_callback(
        ClientsideFunction("again", "offer"),
        Input(ids.RUN, "data"),
        Input(ids.RUN, "value"),
        State(ids.AGAIN_WITH, "value"),
    )
