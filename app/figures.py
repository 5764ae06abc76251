"""Series -> plotly figure, as plain dicts (validation would cost more than the drawing). Pure."""

import math
from typing import Any

from app.series import Line, Mark, Series
from trainer.config import RunConfig

FONT = "Inter, system-ui, sans-serif"

# One meaning a colour, in both themes.
PALETTES = {
    "light": {
        "train": "#1c7ed6",
        "val": "#e8590c",
        "level": "#7950f2",
        "lr": "#099268",
        "cut": "#e03131",
        "text": "#343a40",
        "faint": "#868e96",
        "grid": "#edf0f2",
        "axis": "#ced4da",
        "paper": "#ffffff",
    },
    "dark": {
        "train": "#4dabf7",
        "val": "#ffa94d",
        "level": "#9775fa",
        "lr": "#63e6be",
        "cut": "#ff8787",
        "text": "#d6d7d9",
        "faint": "#90959b",
        "grid": "#2f3134",
        "axis": "#4a4d52",
        "paper": "#242424",
    },
}

CONFIG: Any = {
    "showSendToCloud": False,
    "displaylogo": False,
    "displayModeBar": False,
    "responsive": True,
}

# Before the first view: without axes, since plotly cannot draw its own before the chart has a size.
BLANK = {
    "data": [],
    "layout": {
        "xaxis": {"visible": False},
        "yaxis": {"visible": False},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
    },
}


def template(scheme: str) -> dict[str, Any]:
    """Everything coloured, by the order of the traces: changing it recolours a drawn chart."""
    colour = PALETTES[scheme]
    axis = {
        "gridcolor": colour["grid"],
        "linecolor": colour["axis"],
        "tickcolor": colour["axis"],
        "zeroline": False,
        "tickfont": {"size": 12, "color": colour["faint"]},
        "title": {"font": {"size": 12, "color": colour["faint"]}},
    }
    return {
        "layout": {
            "font": {"family": FONT, "color": colour["text"], "size": 13},
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "xaxis": axis,
            "yaxis": axis,
            "hoverlabel": {
                "bgcolor": colour["paper"],
                "bordercolor": colour["axis"],
                "font": {"family": FONT, "size": 12, "color": colour["text"]},
            },
            "shapedefaults": {"line": {"color": colour["cut"], "width": 1.5, "dash": "dot"}},
            "annotationdefaults": {"font": {"size": 11, "color": colour["cut"]}},
        },
        "data": {
            "scatter": [
                {"line": {"color": colour["train"]}},
                {"line": {"color": colour["val"]}},
                {"line": {"color": colour["level"]}},
                {"marker": {"color": colour["paper"], "line": {"color": colour["val"]}}},
                {"marker": {"color": colour["cut"]}},
                {"line": {"color": colour["lr"]}},
                {"marker": {"color": colour["lr"]}},
            ]
        },
    }


def figure(config: RunConfig, series: Series) -> dict[str, Any]:
    """The loss above, the learning rate below, one epoch axis and one hover across both.

    Its traces stand in the order of `lines(series)`, so that new rows extend them by index.
    """
    watched = {"train_loss": "train"}.get(config.monitor, "validation")
    styles: list[dict[str, Any]] = [
        {"name": "train loss", "mode": "lines", "line": {"width": 2}},
        {"name": "validation loss", "mode": "lines", "line": {"width": 2}},
        {
            "name": "level to beat",
            "mode": "lines",
            "line": {"width": 1.5, "dash": "dash", "shape": "hvh"},
        },
        {
            "name": f"bad epoch ({watched})",
            "mode": "markers",
            "marker": {"size": 7, "line": {"width": 1.5}},
            "hoverinfo": "skip",
        },
        {
            "name": "cut",
            "mode": "markers",
            "marker": {"size": 10, "symbol": "triangle-down"},
            "hovertemplate": "%{text}<extra></extra>",
        },
        {
            "name": "learning rate",
            "mode": "lines",
            "line": {"width": 2.5},
            "yaxis": "y2",
            "hoverinfo": "skip",
        },
        {
            "name": "learning rate",
            "mode": "markers",
            "marker": {"size": 6, "opacity": 0},
            "yaxis": "y2",
        },
    ]
    traces = []
    for style, line in zip(styles, lines(series), strict=True):
        trace = {
            "type": "scatter",
            "x": line.x,
            "y": line.y,
            "hovertemplate": "%{y:.3g}",
            "connectgaps": False,
            **style,
        }
        if trace.get("hoverinfo"):
            del trace["hovertemplate"]
        if line.text is not None:
            trace["text"] = line.text
        traces.append(trace)
    frame = layout(config.epochs, series.marks)
    if not series.train_loss.x:
        # Without a point plotly would choose odd axes; the first point sets them free.
        lr = math.log10(config.lr)
        frame["yaxis"]["range"], frame["yaxis2"]["range"] = [-2.2, 0.6], [lr - 1, lr + 1]
    return {"data": traces, "layout": frame}


def lines(series: Series) -> list[Line]:
    """The curves in the order of the traces."""
    return [
        series.train_loss,
        series.val_loss,
        series.level,
        series.bad_epochs,
        series.cuts,
        series.lr,
        series.lr_used,
    ]


def extension(series: Series) -> dict[str, Any]:
    """New rows as `Plotly.extendTraces` takes them, with the shapes that they add."""
    added = lines(series)
    return {
        "x": [line.x for line in added],
        "y": [line.y for line in added],
        "text": [line.text for line in added],
        "shapes": [shape(mark) for mark in series.marks],
        "annotations": [annotation(mark) for mark in series.marks],
    }


def layout(epochs: int, marks: list[Mark]) -> dict[str, Any]:
    """The frame: fixed on the planned epochs, so that nothing jumps while a run trains."""
    log = {"type": "log", "exponentformat": "power"}
    ticks = {"dtick": 1} if epochs <= 10 else {}
    return {
        "xaxis": {
            "range": [0.5, epochs + 0.5],
            "anchor": "free",
            "position": 0,
            "title": {"text": "epoch", "standoff": 6},
            "showline": True,
            **ticks,
            "hoverformat": "d",
            "unifiedhovertitle": {"text": "epoch %{x:d}"},
        },
        "yaxis": {**log, "domain": [0.36, 1], "title": {"text": "loss"}},
        "yaxis2": {
            **log,
            "domain": [0, 0.28],
            "title": {"text": "learning rate"},
            "anchor": "x",
        },
        "hovermode": "x unified",
        "hoversubplots": "axis",
        "showlegend": False,
        "margin": {"l": 68, "r": 30, "t": 8, "b": 40},
        "shapes": [shape(mark) for mark in marks],
        "annotations": [annotation(mark) for mark in marks],
        "uirevision": "keep",
        "dragmode": "zoom",
    }


def shape(mark: Mark) -> dict[str, Any]:
    """A line through both charts."""
    return {
        "type": "line",
        "xref": "x",
        "yref": "paper",
        "x0": mark.x,
        "x1": mark.x,
        "y0": 0,
        "y1": 1,
    }


def annotation(mark: Mark) -> dict[str, Any]:
    return {
        "xref": "x",
        "yref": "paper",
        "x": mark.x,
        "y": 1,
        "xanchor": "left",
        "yanchor": "top",
        "text": mark.label,
        "showarrow": False,
    }
