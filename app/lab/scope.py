"""The charts: loss, rule strip and learning rate in one panel, on one epoch axis."""

from typing import Any

import dash_mantine_components as dmc
from dash import dcc, html
from dash.development.base_component import Component

from app import exporting, ids
from app.charts import figures, rule
from app.lab import control, others

CELLS_HELP = {
    "best": "The epoch's value is a new best.",
    "bad": "Bad epochs, which did not beat the level to beat: the bar rises with their count.",
    "cooldown": "After a cut bad epochs are not counted.",
    "cut": "The schedule reduced the learning rate.",
    "no effect": "A cut was attempted, but eps or min LR kept the learning rate the same.",
    "warm-up": "The learning rate rises to where the schedule starts.",
    "moved": "The schedule moved the learning rate.",
    "turn": "The learning rate turned: a peak, a low or a restart.",
    "kept": "The schedule kept the learning rate.",
    "diverged": "The loss became infinite or not a number.",
}


def layout(refused: str, shown: int | None) -> Component:
    """The panel of the `shown` run; `refused` says why none can be shown."""
    hidden: dict[str, Any] = {"aria-hidden": "true"}
    state: dict[str, Any] = {"data-state": "none"}
    closed: dict[str, Any] = {
        "aria-expanded": "false",
        "aria-controls": ids.TABLE,
        "title": "The numbers of the charts, as a table",
    }
    table: dict[str, Any] = {"aria-label": "The numbers of the charts"}
    return html.Div(
        [
            html.Div(
                [
                    html.H2("loss"),
                    html.Span("every batch, thin; every epoch, thick", className="card-small"),
                    html.Ul(
                        [
                            html.Li(
                                look.name,
                                className=f"key key-{kind.replace(' ', '-')}",
                                title=CELLS_HELP[kind],
                                hidden=True,
                            )
                            for kind, look in rule.LOOKS.items()
                        ],
                        className="legend",
                    ),
                    exporting.menu([shown] if shown else []),
                    html.Button("table", id=ids.TABLE_BUTTON, className="plain", **closed),
                    _scale(ids.LOSS_SCALE, "loss"),
                ],
                className="chart-head",
            ),
            others.layout(),
            html.Div(
                [
                    dcc.Graph(
                        id=ids.CHART,
                        figure=figures.BLANK,
                        config=figures.CONFIG,
                        responsive=True,
                        className="chart",
                    ),
                    html.Div(
                        id=ids.TABLE,
                        className="table",
                        role="region",
                        tabIndex="0",
                        hidden=True,
                        **table,
                    ),
                    html.Div(id=ids.LABELS, className="labels", **hidden),
                    html.Div(refused, id=ids.NOTICE, className="notice", role="status"),
                    html.Div(
                        [
                            html.H2("learning rate"),
                            *control.layout(),
                            _scale(ids.LR_SCALE, "LR"),
                            html.Div(id=ids.REFUSED, className="start-error", role="alert"),
                        ],
                        id=ids.LR_HEAD,
                        className="lr-head",
                        **state,
                    ),
                ],
                className="chart-area",
            ),
        ],
        className="panel chart-panel",
    )


def _scale(identity: str, axis: str) -> Any:
    """A button that says the scale of an axis, and changes it."""
    return html.Span(
        dmc.Button(
            "log",
            id=identity,
            size="compact-xs",
            variant="default",
            **{"aria-label": f"Scale of the {axis} axis: log or linear"},
        ),
        title=f"The {axis} axis is logarithmic or linear.",
    )
