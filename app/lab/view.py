"""The Lab view: set up a run, start it, watch it."""

from collections.abc import Callable
from typing import Any

import dash_mantine_components as dmc
from dash import Dash, dcc, html
from dash.development.base_component import Component

from app import address, ids, run_picker
from app.lab import (
    again,
    cards,
    chooser,
    control,
    family,
    forking,
    live,
    others,
    own,
    preview,
    scope,
    setup,
    verdicts,
    what_if,
)
from app.lab.turns import Turns
from app.run_columns import RunColumns
from trainer.store import selection
from trainer.store.faults import StoreError
from trainer.store.store import Store
from trainer.worker import Worker


def layout(store: Store, query: str) -> Component:
    """The Lab with the run, the tab and the form's settings that the address names; else with the
    newest run.
    """
    asked = address.read(query)
    runs: list[dict[str, Any]] = []
    beside: list[str] = []
    shown, begun, unreadable = None, 0, ""
    try:
        begun = store.newest_started()  # first: a run that starts meanwhile is followed
        shown = asked.run if store.has(asked.run) else store.newest()
        runs = run_picker.choices(store, shown)
        if asked.run and shown != asked.run:
            asked.refused.append(f"There is no run {asked.run}.")
        there = selection.runs(store, asked.others) if asked.others else {}
        asked.refused.extend(f"There is no run {run}." for run in asked.others if run not in there)
        beside = [str(run) for run in asked.others if run in there]
    except StoreError as error:  # the page says so, and shows the runs when it can
        unreadable = str(error)
    left_out = "The address is followed except for this. " if asked.refused else ""
    name: dict[str, Any] = {"aria-label": "What the schedule does"}
    return html.Div(
        [
            setup.layout(asked.config, left_out + " ".join(asked.refused)),
            html.Main(
                [
                    _header(runs, shown, beside),
                    html.Div([*_cards(), _progress()], className="numbers"),
                    scope.layout(unreadable, shown),
                ],
                id=ids.RUN_PANEL,
                tabIndex="-1",
            ),
            html.Aside(
                [_schedule_panel(), verdicts.layout(), _tabs(asked.tab)],
                className="explains",
                id=ids.EXPLAINS,
                **name,
            ),
            dcc.Store(ids.VIEW),
            dcc.Store(ids.BEGUN, data=begun),
            dcc.Store(ids.QUERY),
            dcc.Store(ids.CHOSEN_PACE),
            dcc.Store(ids.PROBLEMS),
            dcc.Store(ids.POINTED),
            dcc.Store(ids.STARTED),
            dcc.Store(ids.FORK_BEFORE),
            dcc.Store(ids.REDRAW),
        ],
        className="lab",
    )


def _header(runs: list[dict[str, Any]], shown: int | None, beside: list[str]) -> Component:
    named: dict[str, Any] = {"aria-label": "Progress of the run"}
    return html.Div(
        [
            html.Div(
                [
                    html.Span("ready", id=ids.STATUS, className="status", role="status"),
                    chooser.layout(runs, shown, beside),
                    control.pace(),
                    *control.pause_and_step(),
                    control.commanded(
                        "stop",
                        dmc.Button(
                            "Stop", id=ids.STOP, color="red", variant="light", disabled=True
                        ),
                    ),
                ],
                className="run-head",
            ),
            html.Progress(id=ids.PROGRESS, value="0", max="100", **named),
            html.Div(id=ids.CELL_OF, className="card-small"),
        ],
        className="head",
    )


def _cards() -> list[Component]:
    return [
        html.Div(
            [
                html.Span(id=ids.card(name, "value"), className=f"card-value {name}"),
                html.Span(
                    [
                        html.Span(label, id=ids.card(name, "label"), title=label),
                        " ",
                        html.Span(id=ids.card(name, "small"), title=""),
                    ],
                    className="card-about",
                ),
            ],
            className="card",
        )
        for name, label in cards.CARDS.items()
    ]


def _progress() -> Component:
    return html.Div(
        [html.Strong(id=ids.PROGRESS_LEFT), html.Span(id=ids.PROGRESS_RIGHT)],
        className="progress-text",
    )


def _schedule_panel() -> Component:
    return html.Div(
        [
            html.Div(
                [
                    html.Span(id=ids.schedule("heading"), className="card-label"),
                    html.Span(id=ids.schedule("cooldown"), className="card-small"),
                ],
                className="counting",
            ),
            html.Strong(id=ids.schedule("value"), className="schedule-value"),
            html.Div(id=ids.METER, className="meter"),
            html.P(id=ids.schedule("sentence"), className="schedule-sentence"),
        ],
        className="panel",
        id=ids.SCHEDULE_PANEL,
    )


def _tabs(chosen: str) -> Any:
    """What happened, what would have, and which runs belong together: one panel."""
    named: dict[str, Any] = {"aria-label": "Events, newest first"}
    pressed: dict[str, Any] = {"aria-pressed": "false"}
    first: dict[str, Any] = {"data-first": address.TABS[0]}
    log = html.Ol(id=ids.LOG, className="log", tabIndex="0", role="listbox", **named)
    tabs = {
        address.EVENTS: ("Events", log),
        what_if.PLACE: ("What if", what_if.layout()),
        family.PLACE: ("Family", family.layout()),
    }
    return dmc.Tabs(
        [
            html.Div(
                [
                    dmc.TabsList([dmc.TabsTab(name, value=tab) for tab, (name, _) in tabs.items()]),
                    html.Button("all epochs", id=ids.ALL_EPOCHS, className="all-epochs", **pressed),
                ],
                className="tabs-head",
            ),
            *(dmc.TabsPanel(panel, value=tab) for tab, (_, panel) in tabs.items()),
        ],
        id=ids.TAB,
        value=chosen,
        className="panel tabs",
        **first,
    )


def register(
    app: Dash,
    store: Store,
    worker: Worker,
    columns: RunColumns,
    when_asked: Callable[[], None],
) -> None:
    """The callbacks of the view.

    Args:
        columns: reads the runs behind the displayed one.
        when_asked: called when a page asks for news.
    """
    turns = Turns()
    setup.register(app, store)
    own.register(app)
    preview.register(app, store, worker)
    what_if.register(app, store, worker)
    chooser.register(app, store)
    again.register(app, store)
    control.register(app, store)
    forking.register(app, store)
    family.register(app, store)
    verdicts.register(app, store)
    others.register(app, columns, turns)
    live.register(app, store, worker, turns, when_asked)
