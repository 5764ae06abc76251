"""The Lab view: set up a run, start it, watch it."""

from typing import Any

import dash_mantine_components as dmc
from dash import Dash, dcc, html
from dash.development.base_component import Component

from app import ids, run_picker
from app.charts import figures
from app.lab import control, family, forking, live, preview, setup, what_if
from app.lab.live import PACES
from app.lab.readout import CARDS
from trainer.store.faults import StoreError
from trainer.store.store import Store
from trainer.worker import Worker

LEGEND = {
    "train": "train loss",
    "val": "validation loss",
    "bad": "bad epoch",
    "best": "best so far",
    "level": "level to beat",
    "cooldown": "cooldown",
    "lr": "learning rate",
    "cut": "cut",
    "no-effect": "cut without effect",
}
LEGEND_HELP = {
    "train": "Mean loss over the training images, measured during training.",
    "val": "Mean loss over images that are not used for training.",
    "bad": "An epoch whose monitored value did not beat the level to beat.",
    "best": "The best value of the monitor so far.",
    "level": "The best so far with the threshold applied; an epoch must beat it to improve.",
    "cooldown": "Epochs after a cut in which bad epochs are not counted.",
    "lr": "The learning rate used in the epoch.",
    "cut": "The schedule reduced the learning rate.",
    "no-effect": "A cut was attempted, but eps or min LR kept the learning rate the same.",
}


def layout(store: Store, query: str) -> Component:
    """The Lab with the newest run displayed and the form's settings from the address."""
    runs: list[dict[str, str]] = []
    newest, begun, refused = None, 0, ""
    try:
        runs, newest, begun = run_picker.choices(store), store.newest(), store.newest_started()
    except StoreError as error:  # the page says so, and shows the runs when it can
        refused = str(error)
    name: dict[str, Any] = {"aria-label": "What the schedule does"}
    return html.Div(
        [
            setup.layout(query),
            html.Main(
                [
                    _header(runs, newest, refused),
                    control.layout(),
                    html.Div(_cards(), className="cards"),
                    html.Div(
                        [
                            html.Div([_legend(), _loss_scale()], className="chart-head"),
                            dcc.Graph(
                                id=ids.CHART,
                                figure=figures.BLANK,
                                config=figures.CONFIG,
                                responsive=True,
                                className="chart",
                            ),
                        ],
                        className="panel chart-panel",
                    ),
                ],
                id=ids.RUN_PANEL,
            ),
            html.Aside(
                [_schedule_panel(), _tabs()],
                className="explains",
                id=ids.EXPLAINS,
                **name,
            ),
            dcc.Store(ids.VIEW),
            dcc.Store(ids.BEGUN, data=begun),
            dcc.Store(ids.QUERY),
            dcc.Store(ids.PROBLEMS),
            dcc.Store(ids.POINTED),
            dcc.Store(ids.FORK_BEFORE),
            dcc.Store(ids.REDRAW),
        ],
        className="lab",
    )


def _header(runs: list[dict[str, str]], newest: int | None, refused: str) -> Component:
    named: dict[str, Any] = {"aria-label": "Progress of the run"}
    return html.Div(
        [
            html.Div(
                [
                    html.Span("ready", id=ids.STATUS, className="status", role="status"),
                    dmc.Select(
                        id=ids.RUN,
                        data=runs,
                        value=str(newest) if newest is not None else None,
                        placeholder="No run yet",
                        allowDeselect=False,
                        comboboxProps={"width": "max-content", "position": "bottom-start"},
                        className="run",
                        **{"aria-label": "Displayed run"},
                    ),
                    dmc.SegmentedControl(
                        id=ids.PACE,
                        data=[{"value": key, "label": label} for key, label in PACES.items()],
                        value="5",
                        size="sm",
                        **{"aria-label": "Pace: epochs per second"},
                    ),
                    *control.pause_and_step(),
                    dmc.Button("Stop", id=ids.STOP, color="red", variant="light", disabled=True),
                ],
                className="run-head",
            ),
            html.Progress(id=ids.PROGRESS, value="0", max="100", **named),
            html.Div(
                [html.Span(id=ids.PROGRESS_LEFT), html.Span(id=ids.PROGRESS_RIGHT)],
                className="progress-text",
            ),
            html.Div(refused, id=ids.NOTICE, className="notice", role="status"),
        ],
        className="head",
    )


def _cards() -> list[Component]:
    return [
        html.Div(
            [
                html.Span(label, className="card-label"),
                html.Span(id=ids.card(name, "value"), className=f"card-value {name}"),
                html.Span(id=ids.card(name, "small"), className="card-small"),
            ],
            className="panel card",
        )
        for name, label in CARDS.items()
    ]


def _legend() -> Component:
    return html.Ul(
        [
            html.Li(label, className=f"key key-{name}", title=LEGEND_HELP[name])
            for name, label in LEGEND.items()
        ],
        className="legend",
    )


def _loss_scale() -> Any:
    return dmc.SegmentedControl(
        id=ids.LOSS_SCALE,
        data=[{"value": "log", "label": "log"}, {"value": "linear", "label": "linear"}],
        value="log",
        size="xs",
        **{"aria-label": "Scale of the loss axis"},
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


def _tabs() -> Any:
    """What happened, what would have, and which runs belong together: one panel."""
    named: dict[str, Any] = {"aria-label": "Events, newest first"}
    pressed: dict[str, Any] = {"aria-pressed": "false"}
    log = html.Ol(id=ids.LOG, className="log", tabIndex="0", role="listbox", **named)
    tabs = {
        "events": ("Events", log),
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
        value="events",
        className="panel tabs",
    )


def register(app: Dash, store: Store, worker: Worker) -> None:
    """The callbacks of the view."""
    setup.register(app, store)
    preview.register(app, worker)
    what_if.register(app, store, worker)
    control.register(app, store)
    forking.register(app, store)
    family.register(app, store)
    live.register(app, store, worker)
