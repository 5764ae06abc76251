"""The view Runs: all runs in a table that is sorted, filtered, searched and changed."""

from collections.abc import Callable
from typing import Any, TypeVar

import dash_ag_grid as dag
import dash_mantine_components as dmc
from dash import ClientsideFunction, Dash, Input, html
from dash.development.base_component import Component
from flask import Response, abort, jsonify, request
from pydantic import BaseModel, ValidationError

from app import exporting, ids
from app.run_names import WORDS
from app.runs.asking import BLOCK, MOST_SHOWN, MOST_TEXT, Block, Change, Shown, block, change, news
from app.runs.columns import ON_A_PHONE, definitions
from trainer.store.faults import StoreError
from trainer.store.listing import Listing, differing
from trainer.store.notes import NOTE_LENGTH
from trainer.store.store import Store

STATES = (
    "training", "paused", "queued", "finished", "stopped", "diverged", "failed", "interrupted",
    "imported",
)  # fmt: skip
B = TypeVar("B", bound=BaseModel)


def layout(store: Store, _: str) -> Component:
    """The view as the address's query asks for it."""
    trouble, different = "", set[str]()
    try:
        different = differing(store)
    except StoreError as error:  # the page says so, and lists the runs when it can
        trouble = str(error)
    return html.Main([_tools(), _bar(trouble), _table(different)], className="runs")


def _tools() -> Component:
    """What chooses the rows and the columns."""
    named: dict[str, Any] = {"aria-label": "Search the runs"}
    states: dict[str, Any] = {"aria-label": "States"}
    return html.Div(
        [
            dmc.TextInput(
                id=ids.RUNS_SEARCH,
                value="",
                placeholder="Search name, tags, note, schedule, data, model or #",
                className="runs-search",
                **named,
            ),
            dmc.MultiSelect(
                id=ids.RUNS_STATES,
                data=[{"value": state, "label": WORDS.get(state, state)} for state in STATES],
                value=[],
                placeholder="any status",
                clearable=True,
                className="runs-states",
                **states,
            ),
            dmc.Switch(id=ids.RUNS_ARCHIVED, label="archived", checked=False, size="sm"),
            html.Details(
                [html.Summary("Columns"), html.Div(className="runs-choice")], id=ids.RUNS_COLUMNS
            ),
        ],
        className="runs-tools",
    )


def _bar(trouble: str) -> Component:
    """How many runs there are; what can be done with the selected ones; what was deleted."""
    told: dict[str, Any] = {"role": "status"}
    refused: dict[str, Any] = {"role": "alert"}
    group: dict[str, Any] = {"role": "group", "aria-label": "The selected runs"}
    noted: dict[str, Any] = {
        "data-note": str(NOTE_LENGTH),
        "data-tag": str(MOST_TEXT),
        "data-seeds": "2",
    }
    return html.Div(
        [
            html.H2("Runs"),
            html.Span(id=ids.RUNS_COUNT, **told),
            html.Div(
                [
                    html.A("Compare", id=ids.RUNS_COMPARE, href="/compare"),
                    html.A(
                        "Sweep",
                        id=ids.RUNS_SWEEP,
                        href="/sweep",
                        hidden=True,
                        title="Train its settings with several values",
                    ),
                    exporting.menu(identity=ids.RUNS_EXPORT),
                    *(_button(word, what, hint) for what, word, hint in ACTIONS),
                ],
                id=ids.RUNS_SELECTION,
                hidden=True,
                **group,
            ),
            html.Div(
                [
                    html.Label("", htmlFor=ids.RUNS_NOTED),
                    html.Span(className="runs-field", **noted),
                    _button("Save", "save"),
                    _button("Cancel", "cancel"),
                ],
                id=ids.RUNS_NOTING,
                hidden=True,
            ),
            html.Span(trouble, id=ids.RUNS_TROUBLE, **refused),
            html.Span(id=ids.RUNS_REFUSED, **refused),
            html.Div(
                [html.Span(**told), _button("Undo", "restore")],
                id=ids.RUNS_DELETED,
                hidden=True,
            ),
        ],
        className="runs-bar",
    )


def _button(word: str, what: str, hint: str | None = None) -> Component:
    named: dict[str, Any] = {"data-what": what}
    return html.Button(word, title=hint, **named)


ACTIONS = (
    ("seeds", "Other seeds…", "Run them again with other seeds"),
    ("without", "With and without", "Run them again, with the schedule and with a constant LR"),
    ("star", "★ Star", "Star them, or take their stars away"),
    ("tag", "Tag…", "Give them a tag"),
    ("note", "Note…", "Write a note on them"),
    ("rename", "Rename", "Rename in the table"),
    ("archive", "Archive", "Leave them out of lists, or list them again"),
    ("delete", "Delete", "Delete them; for a minute this can be undone"),
)


def _table(different: set[str]) -> Component:
    known: dict[str, Any] = {
        "data-phone": " ".join(ON_A_PHONE),
        "data-block": str(BLOCK),
        "data-most": str(MOST_SHOWN),
    }
    return html.Div(
        dag.AgGrid(
            id=ids.RUNS_TABLE,
            columnDefs=definitions(different),
            defaultColDef={"resizable": True, "minWidth": 40, "suppressHeaderMenuButton": True},
            rowModelType="infinite",
            getRowId="params.data.id + ''",
            columnSize=None,
            style={"height": "100%", "width": "100%"},
            dashGridOptions={
                "cacheBlockSize": BLOCK,
                "maxBlocksInCache": 8,  # all of them are read again where the order changes
                "infiniteInitialRowCount": 1,
                "rowHeight": 34,
                "headerHeight": 34,
                "rowSelection": {
                    "mode": "multiRow",
                    "headerCheckbox": False,
                    "enableClickSelection": False,
                },
                "selectionColumnDef": {"width": 40, "headerName": "Selected"},
                "stopEditingWhenCellsLoseFocus": True,
                "suppressDragLeaveHidesColumns": True,
                "animateRows": False,
                "tooltipShowDelay": 600,
                "suppressCsvExport": True,
            },
        ),
        className="runs-table",
        **known,
    )


def register(app: Dash, store: Store) -> None:
    """What the view's table asks for. Not callbacks: a page on which no callback runs takes less of
    the cores that train, and an answer that does not come can be asked for again.
    """
    listing = Listing(store)

    @app.server.post("/runs/rows")  # type: ignore[untyped-decorator]
    def rows() -> Response:
        return _answer(Block, lambda asked: block(listing, asked))

    @app.server.post("/runs/news")  # type: ignore[untyped-decorator]
    def new() -> Response:
        return _answer(Shown, lambda asked: news(listing, asked))

    @app.server.post("/runs/change")  # type: ignore[untyped-decorator]
    def changed() -> Response:
        def made(asked: Change) -> dict[str, Any]:
            refused = change(store, asked)
            listing.forget()
            return {"refused": refused}

        return _answer(Change, made)

    app.clientside_callback(
        ClientsideFunction("runs", "ask"),
        Input(ids.RUNS_SEARCH, "value"),
        Input(ids.RUNS_STATES, "value"),
        Input(ids.RUNS_ARCHIVED, "checked"),
    )
    # The grid asks for its first rows as soon as it can be asked for anything.
    app.clientside_callback(
        ClientsideFunction("runs", "open"),
        Input(ids.RUNS_TABLE, "getRowsRequest"),
        prevent_initial_call=True,
    )


def _answer(form: type[B], made: Callable[[B], dict[str, Any]]) -> Response:
    """The answer to a request of this form, or the sentence on the store's fault."""
    try:
        asked = form.model_validate_json(request.get_data())
    except ValidationError:
        abort(400, "This is not what the page sends; reload it.")
    try:
        return jsonify(made(asked))
    except StoreError as error:
        return jsonify({"trouble": str(error)})
