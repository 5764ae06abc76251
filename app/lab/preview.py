"""The preview under the form: the LR over the planned epochs, and cautions."""

from typing import Any

from dash import ClientsideFunction, Dash, Input, Output, dcc, html
from dash.development.base_component import Component

from app import form, ids
from app.charts import figures, theme
from app.charts.series import Line
from trainer.config.run import RunConfig
from trainer.config.table import ConfigError
from trainer.config.text import lr_text
from trainer.schedule.torch_changed import TorchChangedError
from trainer.worker import Worker

PREVIEW_HEIGHT = 84
HELP = (
    "Computed by the schedule itself. Under the plateau rule the LR stays within the shaded area: "
    "on its lower edge if no epoch improves, on its upper edge if every epoch does."
)
MOST_EPOCHS = 400  # points to draw; the chart has fewer pixels


def layout() -> Component:
    """The curve, one sentence, and the cautions."""
    return html.Div(
        [
            dcc.Graph(
                id=ids.PREVIEW_CHART,
                figure=figures.BLANK,
                config=figures.CONFIG,
                responsive=True,
                style={"height": PREVIEW_HEIGHT},
            ),
            html.P(
                "The planned learning rate.",
                id=ids.PREVIEW_TEXT,
                className="preview-text",
                title=HELP,
            ),
            html.Ul(id=ids.CAUTIONS, className="cautions"),
            dcc.Store(ids.PREVIEW),
        ],
        className="preview",
    )


def view_of(config: RunConfig) -> dict[str, Any]:
    """A run's preview: its figure and colours, one sentence, and cautions."""
    from trainer.replay.cautions import cautions
    from trainer.replay.replay import preview

    ahead = preview(config, config.batches)
    curves = [_line(ahead.steps)]
    if ahead.flat is not None:
        curves.append(_line(ahead.flat))
    return {
        "figure": figure(config, curves),
        "templates": figures.templates(_coloured),
        "text": _sentence(ahead),
        "cautions": cautions(config, ahead),
    }


def _coloured(colour: dict[str, str]) -> dict[str, Any]:
    lr = colour["lr"]
    return {"scatter": [{"line": {"color": lr}, "fillcolor": f"{lr}22"}]}


def _line(steps: list[Any]) -> Line:
    """The LR of epoch e from e - 1/2 to e + 1/2; for a long run only every nth epoch."""
    every = -(-len(steps) // MOST_EPOCHS)
    kept = list(enumerate(steps, 1))[::every]
    return Line(
        [x for e, _ in kept for x in (e - 0.5, e - 0.5 + every)],
        [lr for _, step in kept for lr in (step.lr, step.lr_last)],
    )


def _sentence(ahead: Any) -> str:
    if ahead.flat is not None:
        if ahead.first_cut is None:
            return "No cut is possible in this run."
        return f"First cut possible after epoch {ahead.first_cut}."
    first, last = ahead.steps[0].lr, ahead.steps[-1].lr_last
    top = ahead.top
    if first == last == top:
        return f"The LR stays at {lr_text(first)}."
    by = f" up to {lr_text(top)}, then" if top > max(first, last) else ""
    return f"From {lr_text(first)}{by} to {lr_text(last)}."


def figure(config: RunConfig, curves: list[Line]) -> dict[str, Any]:
    """The planned LR: one curve, or the upper and lower limits under the plateau rule."""
    traces: list[dict[str, Any]] = [
        {
            "type": "scatter",
            "mode": "lines",
            "x": line.x,
            "y": line.y,
            "line": {"width": theme.CURVE},
            "hovertemplate": "epoch %{x:.0f}: %{y:.3g}<extra></extra>",
        }
        for line in curves
    ]
    if len(traces) == 2:
        traces[1]["fill"] = "tonexty"
    axis = {"showgrid": False, "showline": True, "tickfont": {"size": 11}}
    scale = config.schedule.traits.axis
    return {
        "data": traces,
        "layout": {
            "xaxis": {**axis, "range": [0.5, config.epochs + 0.5], "nticks": 6},
            "yaxis": {
                **axis,
                "type": scale,
                "nticks": 4,
                "exponentformat": "power",
                "rangemode": "tozero",
            },
            "margin": {"l": 44, "r": 10, "t": 6, "b": 20},
            "showlegend": False,
            "hovermode": "closest",
            "dragmode": False,
            "uirevision": scale,
        },
    }


def register(app: Dash, worker: Worker) -> None:
    """Redraw the preview whenever the form's config changes."""

    @app.callback(Output(ids.PREVIEW, "data"), Input(ids.QUERY, "data"), prevent_initial_call=True)
    def draw(query: str) -> dict[str, Any]:
        if not worker.loaded():
            return {"figure": None, "text": "torch cannot be loaded.", "cautions": []}
        try:
            return view_of(form.from_query(query))
        except (ConfigError, TorchChangedError) as error:
            return {"figure": None, "text": str(error), "cautions": []}

    app.clientside_callback(
        ClientsideFunction("form", "preview"),
        Output(ids.PREVIEW_CHART, "figure"),
        Output(ids.PREVIEW_TEXT, "children"),
        Input(ids.PREVIEW, "data"),
        prevent_initial_call=True,
    )
