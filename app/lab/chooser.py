"""The displayed run's name: it can be changed, and another run be chosen in its place."""

from typing import Any

import dash_mantine_components as dmc
from dash import ClientsideFunction, Dash, Input, Output, State, dcc, html
from dash.development.base_component import Component
from dash.exceptions import PreventUpdate
from typing_extensions import TypedDict  # the one that pydantic reads before Python 3.12

from app import ids, run_picker
from app.checked import RunChoice, Whole
from app.lab import again
from trainer.store.faults import CommandError
from trainer.store.notes import NAME_LENGTH
from trainer.store.store import Store


class Renamed(TypedDict):
    """A run's new name; `clicks` tells two of them apart."""

    run: RunChoice
    name: str
    clicks: Whole


def layout(runs: list[dict[str, Any]], shown: int | None, beside: list[str]) -> Component:
    """The control with these choices, the pencil, the runs `beside` the shown one, and what the
    name leaves out.
    """
    named: dict[str, Any] = {"aria-label": "Displayed run"}
    rename: dict[str, Any] = {"aria-label": "Rename this run"}
    box: dict[str, Any] = {"aria-label": "Name of this run", "data-most": str(NAME_LENGTH)}
    return html.Div(
        [
            dmc.Select(
                id=ids.RUN,
                data=runs,
                value=str(shown) if shown is not None else None,
                placeholder="No run yet",
                nothingFoundMessage="No run has these words.",
                searchable=True,
                selectFirstOptionOnChange=True,
                allowDeselect=False,
                maxDropdownHeight=420,
                renderOption={"function": "runs.option"},
                filter={"function": "runs.filter"},
                comboboxProps={"width": "max-content", "position": "bottom-start"},
                classNames={"option": "run-choice", "dropdown": "run-choices"},
                className="run",
                **named,
            ),
            html.Button("✎", id=ids.RENAME, className="rename", title="Rename", **rename),
            again.layout(beside),
            html.Span(id=ids.RUN_DETAILS, className="run-details"),
            dmc.TextInput(id=ids.NAME, value="", className="new-name", **box),
            dcc.Store(ids.RUNS_ASKED),
            dcc.Store(ids.RENAMED),
        ],
        className="run-name",
    )


def register(app: Dash, store: Store) -> None:
    """Keep the choices fresh; rename a run."""

    @app.callback(
        Output(ids.RUN, "data", allow_duplicate=True),
        Input(ids.RUNS_ASKED, "data"),
        State(ids.RUN, "value"),
        State(ids.RUN, "data"),
        prevent_initial_call=True,
    )
    def refresh(
        asked: run_picker.Asked | None, run: RunChoice | None, listed: Any
    ) -> list[dict[str, Any]]:
        text = asked["text"] if asked else ""
        choices = run_picker.choices(store, int(run) if run else None, text)
        if choices == listed:  # dmc.Select loses a choice made while its data change
            raise PreventUpdate
        return choices

    @app.callback(
        Output(ids.RUN, "data", allow_duplicate=True),
        Input(ids.RENAMED, "data"),
        prevent_initial_call=True,
    )
    def rename(renamed: Renamed | None) -> list[dict[str, Any]]:
        if renamed is None:
            raise PreventUpdate
        run = int(renamed["run"])
        try:
            store.rename(run, renamed["name"])
        except CommandError:
            raise PreventUpdate from None
        return run_picker.choices(store, run)

    app.clientside_callback(
        ClientsideFunction("chooser", "show"),
        Output(ids.RUN_DETAILS, "children"),
        Output(ids.RUN_DETAILS, "title"),
        Input(ids.RUN, "value"),
        Input(ids.RUN, "data"),
    )
    app.clientside_callback(
        ClientsideFunction("chooser", "rename"),
        Input(ids.RENAME, "n_clicks"),
        prevent_initial_call=True,
    )
