"""Turns a series into a plotly figure, as plain dicts: validation costs more than drawing. Pure."""

import math
from collections.abc import Callable
from typing import Any

from app.charts import theme
from app.charts.curves import WHAT_IF_CUTS, WHAT_IF_LR, Curve, curves
from app.charts.series import Line, Mark, Series
from trainer.config.metrics import rises
from trainer.config.recipe import Recipe

NEUTRAL = theme.SHARED["neutral"]
NEUTRAL_KINDS = {"turn", "hand", "fork"}

CONFIG: Any = {
    "showSendToCloud": False,
    "displaylogo": False,
    "displayModeBar": False,
    "responsive": True,
}

# Shown before the first view. It has no axes: plotly cannot draw them before the chart has a size.
BLANK = {
    "data": [],
    "layout": {
        "xaxis": {"visible": False},
        "yaxis": {"visible": False},
        "paper_bgcolor": theme.TRANSPARENT,
        "plot_bgcolor": theme.TRANSPARENT,
    },
}


def figure(recipe: Recipe, series: Series, epochs: int | None = None) -> dict[str, Any]:
    """The loss above and the learning rate below, with a shared epoch axis and hover. `epochs` is
    the length of the axis, the recipe's if None. Its colours come from `chart_templates`.
    """
    traces = []
    for curve, line in curves(series):
        drawn = {
            "type": "scatter",
            "meta": curve.key,
            "name": curve.name,
            "x": line.x,
            "y": line.y,
            "connectgaps": False,
            **curve.style,
        }
        if "hoverinfo" not in drawn:
            drawn.setdefault("hovertemplate", "%{y:.3g}")
        if line.text is not None:
            drawn["text"] = line.text
        traces.append(drawn)
    frame = layout(epochs or recipe.epochs, series.marks)
    losses = [line.y for name, line in series.metrics.items() if not rises(name)]
    # An imported run may have losses below zero.
    if any(loss is not None and loss <= 0 for y in losses for loss in y):
        frame["yaxis"]["type"] = "linear"
    if not series.lr_used.x and not series.behind_lr.x:
        # Without points plotly would choose odd axes; the first point makes them automatic again.
        lr = math.log10(recipe.lr)
        frame["yaxis"]["range"], frame["yaxis2"]["range"] = [-2.2, 0.6], [lr - 1, lr + 1]
    return {"data": traces, "layout": frame}


def extension(series: Series) -> dict[str, Any]:
    """The new points of each trace that has any, as (key, x, y) or (key, x, y, text), and the
    shapes and labels that they add, if any.
    """
    traces = [
        [curve.key, line.x, line.y] + ([line.text] if line.text else [])
        for curve, line in curves(series)
        if line.x
    ]
    if not series.marks:
        return {"traces": traces}
    return {
        "traces": traces,
        "shapes": [shape(mark) for mark in series.marks],
        "annotations": [annotation(mark) for mark in series.marks],
    }


def what_if(lr: Line, cuts: Line, first: int | None) -> dict[str, Any]:
    """What a what-if adds to a figure: the points of its traces by key, and a line before the first
    differing epoch, if there is one.
    """
    place = {"name": "what-if", "xref": "x", "yref": "paper"}
    x = (first or 0) - 0.5
    line = {"color": NEUTRAL, "dash": theme.DASHED}
    text = {"text": "differs from here", "showarrow": False, "font": {"color": NEUTRAL}}
    return {
        "traces": {WHAT_IF_LR.key: [lr.x, lr.y], WHAT_IF_CUTS.key: [cuts.x, cuts.y]},
        "shapes": [{**place, "type": "line", "x0": x, "x1": x, "y0": 0, "y1": 1, "line": line}]
        if first
        else [],
        "annotations": [{**place, "x": x, "y": 0.32, "xanchor": "left", **text}] if first else [],
    }


def templates(
    data: Callable[[dict[str, str]], dict[str, Any]],
) -> dict[theme.Scheme, dict[str, Any]]:
    """A figure's colours in both schemes, as plotly templates, so that a chart can be recoloured.

    Args:
        data: makes the traces' part of a template from a scheme's colours by meaning.
    """
    found = {}
    for scheme in theme.COLOURS:
        colour = theme.colours(scheme)
        found[scheme] = {"layout": _layout_template(colour), "data": data(colour)}
    return found


def chart_templates(series: Series) -> dict[theme.Scheme, dict[str, Any]]:
    """The templates of `figure`: plotly assigns the colours to the traces in order."""
    drawn = [curve for curve, _ in curves(series)]
    return templates(lambda colour: {"scatter": [_coloured(curve, colour) for curve in drawn]})


def _coloured(curve: Curve, colour: dict[str, str]) -> dict[str, Any]:
    """A trace's part of the template; hollow markers are filled with the panel's colour."""
    own = colour[curve.colour]
    hollow = {"color": colour["panel"], "line": {"color": own}}
    return {
        "line": {"color": own},
        "marker": hollow if curve.hollow else {"color": own},
        "fillcolor": f"{own}{curve.fill}",
    }


def _layout_template(colour: dict[str, str]) -> dict[str, Any]:
    axis = {
        "gridcolor": colour["grid"],
        "linecolor": colour["axis"],
        "tickcolor": colour["axis"],
        "zeroline": False,
        "ticklabeloverflow": "allow",  # otherwise plotly measures each label at each drawing
        "tickfont": {"size": 12, "color": colour["faint"]},
        "title": {"font": {"size": 12, "color": colour["faint"]}},
    }
    return {
        "font": {"family": theme.FONT, "color": colour["ink"], "size": 13},
        "paper_bgcolor": theme.TRANSPARENT,
        "plot_bgcolor": theme.TRANSPARENT,
        "xaxis": axis,
        "yaxis": axis,
        "hoverlabel": {
            "bgcolor": colour["panel"],
            "bordercolor": colour["axis"],
            "font": {"family": theme.FONT, "size": 12, "color": colour["ink"]},
        },
        "shapedefaults": {
            "line": {"color": colour["cut"], "width": theme.THIN, "dash": theme.DOTTED}
        },
        "annotationdefaults": {"font": {"size": 11, "color": colour["cut"]}},
    }


def layout(epochs: int, marks: list[Mark]) -> dict[str, Any]:
    """The layout: fixed to the planned epochs, so that nothing jumps while a run trains."""
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
        **({"line": {"color": NEUTRAL}} if mark.kind in NEUTRAL_KINDS else {}),
        "type": "line",
        "xref": "x",
        "yref": "paper",
        "x0": mark.x,
        "x1": mark.x,
        "y0": 0,
        "y1": 1,
    }


def annotation(mark: Mark) -> dict[str, Any]:
    """The label at the top of a mark's line."""
    return {
        "xref": "x",
        "yref": "paper",
        "x": mark.x,
        "y": 1,
        "xanchor": "left",
        "yanchor": "top",
        "text": mark.label,
        "showarrow": False,
        **({"font": {"color": NEUTRAL}} if mark.kind in NEUTRAL_KINDS else {}),
    }
