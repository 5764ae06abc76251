"""Series -> plotly figure, as plain dicts (validation would cost more than the drawing). Pure."""

import math
from typing import Any, NamedTuple

from app import ids
from app.charts.series import Line, Mark, Series
from trainer.config.run import RunConfig

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

GREY = "#868e96"  # read on light and on dark alike
GREY_KINDS = {"turn", "hand", "fork"}

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


class Trace(NamedTuple):
    """One curve of the charts: which series it draws, in which colour, and how."""

    series: str
    name: str
    colour: str
    style: dict[str, Any]
    hollow: bool = False
    fill: str = "00"  # the opacity of what is filled, in hexadecimal


SILENT = {"hoverinfo": "skip"}
CUT = {"mode": "markers", "marker": {"size": 10, "symbol": "triangle-down"}}
NO_EFFECT = {
    "mode": "markers",
    "marker": {"size": 10, "symbol": "triangle-down", "line": {"width": 1.5}},
}
SENTENCE = {"hovertemplate": "%{text}<extra></extra>"}
LR = {"yaxis": "y2"}

# In the order in which they are drawn, the last on top.
FADED = {"opacity": 0.35, "hoverinfo": "skip"}
TRACES = (
    Trace("behind_train", "train loss of the parent", "train", {"mode": "lines", **FADED}),
    Trace("behind_val", "validation loss of the parent", "val", {"mode": "lines", **FADED}),
    Trace("behind_lr", "learning rate of the parent", "lr", {"mode": "lines", **FADED, **LR}),
    Trace(
        "cooldown", "cooldown", "faint",
        {"mode": "lines", "line": {"width": 0}, "fill": "tozeroy", "yaxis": "y3", **SILENT},
        fill="2e",
    ),
    Trace(
        "best", "best so far", "level",
        {"mode": "lines", "line": {"width": 1, "shape": "hv"}},
    ),
    Trace(
        "level", "level to beat next", "level",
        {"mode": "lines", "line": {"width": 1.5, "dash": "dash", "shape": "hv"}, "fill": "tonexty"},
        fill="2e",
    ),
    Trace("train_loss", "train loss", "train", {"mode": "lines", "line": {"width": 2}}),
    Trace("val_loss", "validation loss", "val", {"mode": "lines", "line": {"width": 2}}),
    Trace(
        "val_error", "validation error", "val",
        {"mode": "lines", "line": {"width": 2, "dash": "dot"}},
    ),
    Trace(
        "bad_epochs", "bad epoch", "val",
        {"mode": "markers", "marker": {"size": 7, "line": {"width": 1.5}}, **SILENT},
        hollow=True,
    ),
    Trace("cuts", "cut", "cut", {**CUT, **SENTENCE}),
    Trace("no_effects", "cut without effect", "cut", {**NO_EFFECT, **SENTENCE}, hollow=True),
    Trace(
        "lr", "learning rate", "lr",
        {"mode": "lines", "line": {"width": 2.5}, **LR, **SILENT},
    ),
    Trace(
        "lr_used", "learning rate", "lr",
        # Only to be hovered: one line that is not seen, where markers would be an element an epoch.
        {"mode": "lines", "line": {"width": 0}, **LR},
    ),
    Trace("lr_cuts", "cut", "cut", {**CUT, **LR, **SILENT}),
    Trace(
        "lr_no_effects", "cut without effect", "cut", {**NO_EFFECT, **LR, **SILENT}, hollow=True
    ),
)  # fmt: skip


# What a what-if adds, drawn by the browser's half.
WHAT_IF = (
    Trace(
        "", "learning rate, what if", "lr",
        {"mode": "lines", "line": {"width": 2, "dash": "dash"}, **LR},
    ),
    Trace(
        "", "cut, what if", "lr",
        {**NO_EFFECT, **LR, **SILENT}, hollow=True,
    ),
)  # fmt: skip


def template(scheme: str) -> dict[str, Any]:
    """Everything coloured, by the order of the traces: changing it recolours a drawn chart."""
    colour = PALETTES[scheme]
    axis = {
        "gridcolor": colour["grid"],
        "linecolor": colour["axis"],
        "tickcolor": colour["axis"],
        "zeroline": False,
        "ticklabeloverflow": "allow",  # else each label is measured at each drawing
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
        "data": {"scatter": [_coloured(trace, colour) for trace in (*TRACES, *WHAT_IF)]},
    }


def templates() -> dict[str, dict[str, Any]]:
    """The template of each chart, by its id, in both themes."""
    made: dict[str, dict[str, Any]] = {ids.CHART: {}, ids.PREVIEW_CHART: {}, ids.MAP: {}}
    for scheme, colour in PALETTES.items():
        made[ids.CHART][scheme] = template(scheme)
        lr = {"line": {"color": colour["lr"]}, "fillcolor": f"{colour['lr']}22"}
        cells = {"colorscale": [[0, colour["grid"]], [1, colour["lr"]]]}
        marks = {"marker": {"color": colour["text"], "line": {"color": colour["text"]}}}
        made[ids.MAP][scheme] = {
            **template(scheme),
            "data": {"heatmap": [cells], "scatter": [marks]},
        }
        made[ids.PREVIEW_CHART][scheme] = {**template(scheme), "data": {"scatter": [lr]}}
    return made


def _coloured(trace: Trace, colour: dict[str, str]) -> dict[str, Any]:
    """A trace's part of the template: hollow markers are filled with the paper."""
    own = colour[trace.colour]
    hollow = {"color": colour["paper"], "line": {"color": own}}
    return {
        "line": {"color": own},
        "marker": hollow if trace.hollow else {"color": own},
        "fillcolor": f"{own}{trace.fill}",
    }


def figure(config: RunConfig, series: Series, epochs: int | None = None) -> dict[str, Any]:
    """The loss above, the learning rate below, one epoch axis and one hover across both, over so
    many epochs, the config's if None.

    Its traces stand in the order of `lines(series)`, so that new rows extend them by index.
    """
    traces = []
    nothing = [Line([], [])] * len(WHAT_IF)
    for trace, line in zip((*TRACES, *WHAT_IF), [*lines(series), *nothing], strict=True):
        drawn = {
            "type": "scatter",
            "name": trace.name,
            "x": line.x,
            "y": line.y,
            "connectgaps": False,
            **trace.style,
        }
        if "hoverinfo" not in drawn:
            drawn.setdefault("hovertemplate", "%{y:.3g}")
        if line.text is not None:
            drawn["text"] = line.text
        traces.append(drawn)
    frame = layout(epochs or config.epochs, series.marks)
    losses = [*series.train_loss.y, *series.val_loss.y]
    if any(loss is not None and loss <= 0 for loss in losses):  # an imported curve's may be
        frame["yaxis"]["type"] = "linear"
    if not series.train_loss.x and not series.behind_train.x:
        # Without a point plotly would choose odd axes; the first point sets them free.
        lr = math.log10(config.lr)
        frame["yaxis"]["range"], frame["yaxis2"]["range"] = [-2.2, 0.6], [lr - 1, lr + 1]
    return {"data": traces, "layout": frame}


def lines(series: Series) -> list[Line]:
    """The curves in the order of the traces."""
    return [getattr(series, trace.series) for trace in TRACES]


def extension(series: Series) -> dict[str, Any]:
    """New rows by the trace that they extend, an (index, x, y) or (index, x, y, text) each where
    there is a point, with the shapes that they add.
    """
    return {
        "traces": [
            [i, line.x, line.y] + ([line.text] if line.text else [])
            for i, line in enumerate(lines(series))
            if line.x
        ],
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
        "yaxis": {**log, "nticks": 8, "domain": [0.36, 1], "title": {"text": "loss"}},
        "yaxis2": {
            **log,
            "nticks": 5,
            "domain": [0, 0.28],
            "title": {"text": "learning rate"},
            "anchor": "x",
        },
        "yaxis3": {
            "overlaying": "y",
            "range": [0, 1],
            "visible": False,
            "fixedrange": True,
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
    """A line through both charts: red where the LR was cut, grey elsewhere."""
    return {
        **({"line": {"color": GREY}} if mark.kind in GREY_KINDS else {}),
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
        **({"font": {"color": GREY}} if mark.kind in GREY_KINDS else {}),
    }
