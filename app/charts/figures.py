"""Turns a series into a plotly figure, as plain dicts: validation costs more than drawing. Pure."""

import math
from collections.abc import Callable, Sequence
from typing import Any

from app.charts import theme
from app.charts.curves import WHAT_IF_CUTS, WHAT_IF_GUESSES, WHAT_IF_LR, Curve, curves
from app.charts.series import Line, Mark, Series, ratio
from trainer.config.metrics import rises
from trainer.config.recipe import Recipe
from trainer.schedule.decisions import Decision

NEUTRAL = theme.SHARED["neutral"]
MINUS = "\u2212"  # as plotly writes it
# The labels of the LR axis: 1e-5, but 0.001 and not 1e-3.
LR_TICKS = {"log": "~e", "linear": "~g"}
ALIASES = {
    f"{m}e{e:+}".replace("-", MINUS): f"{m * 10.0**e:g}" for m in (1, 2, 5) for e in range(-3, 3)
}

CONFIG: Any = {
    "showSendToCloud": False,
    "displaylogo": False,
    "displayModeBar": False,
    "showTips": False,
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


def figure(
    recipe: Recipe, series: Series, epochs: int | None = None, scale: str | None = None
) -> dict[str, Any]:
    """The loss, the rule strip below it and the learning rate at the bottom, with a shared epoch
    axis and hover. Its colours come from `chart_templates`, its panes' heights from the browser.

    Args:
        epochs: the length of the axis, the recipe's if None.
        scale: of the LR axis, the one that fits the recipe's schedule if None (see `lr_scale`).
    """
    traces = [trace(curve, line) for curve, line in curves(series)]
    frame = layout(epochs or recipe.epochs)
    losses = [line.y for name, line in series.metrics.items() if not rises(name)]
    # An imported run may have losses below zero.
    if any(loss is not None and loss <= 0 for y in losses for loss in y):
        frame["yaxis"]["type"] = "linear"
    scale = scale or recipe.schedule.traits.axis
    frame["yaxis2"] |= {"type": scale, "tickformat": LR_TICKS[scale]}
    # Without points plotly would choose odd axes; the first point makes them automatic again.
    if not any(line.x for line in series.metrics.values()) and not series.behind:
        frame["yaxis"]["range"] = [-2.2, 0.6]
    if not series.lr.x and not series.behind_lr.x:
        lr, axis = recipe.lr, frame["yaxis2"]
        decade = math.log10(lr)
        # A little less than two decades: the name of a tick at the edge would be cut.
        axis["range"] = [decade - 0.9, decade + 0.9] if axis["type"] == "log" else [0, lr]
    frame["shapes"] = [shape(mark) for mark in series.marks if mark.kind == "fork"]
    return {"data": traces, "layout": frame}


def trace(curve: Curve, line: Line) -> dict[str, Any]:
    """A curve with these points as plotly's trace."""
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
    return drawn


def ends(series: Series) -> dict[str, list[str]]:
    """The label at the right end of each trace that has one, and its colour by meaning."""
    return {curve.key: [curve.end, curve.colour] for curve, _ in curves(series) if curve.end}


def extension(series: Series) -> dict[str, Any]:
    """The new points of each trace that has any, as (key, x, y), and the marks that they add."""
    traces = [[curve.key, line.x, line.y] for curve, line in curves(series) if line.x]
    return {"traces": traces, **({"marks": series.marks} if series.marks else {})}


def what_if(
    lr: Line, exact: Sequence[Decision], guessed: Sequence[Decision], first: int | None
) -> dict[str, Any]:
    """What a what-if adds to a figure: the points of its traces by key, marks that say its cuts,
    and a line before the first differing epoch, if there is one.
    """
    place = {"name": "what-if", "xref": "x", "yref": "paper"}
    x = (first or 0) - 0.5
    line = {"color": NEUTRAL, "dash": theme.DASHED, "width": theme.HAIR}
    marks = [Mark(x, None, "what-if", "differs from here")] if first else []
    for kind, cuts, doubt in (("cut", exact, ""), ("guess", guessed, "?")):
        for cut in cuts:
            text = f"{ratio(cut.lr, cut.next_lr)}{doubt}"
            marks.append(Mark(cut.epoch + 0.5, cut.next_lr, kind, text))
    return {
        "traces": {
            WHAT_IF_LR.key: [lr.x, lr.y],
            WHAT_IF_CUTS.key: _places(exact),
            WHAT_IF_GUESSES.key: _places(guessed),
        },
        "shapes": [{**place, "type": "line", "x0": x, "x1": x, "y0": 0, "y1": 1, "line": line}]
        if first
        else [],
        "marks": marks,
    }


def _places(cuts: Sequence[Decision]) -> list[list[float]]:
    return [[cut.epoch + 0.5 for cut in cuts], [cut.next_lr for cut in cuts]]


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
    """The templates of `figure`."""
    return curve_templates([curve for curve, _ in curves(series)])


def curve_templates(drawn: Sequence[Curve]) -> dict[theme.Scheme, dict[str, Any]]:
    """The templates of a figure of these curves: plotly assigns the colours to them in order."""
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
    }


def layout(epochs: int) -> dict[str, Any]:
    """The layout: fixed to the planned epochs, so that nothing jumps while a run trains. The
    domains are replaced by those that fit the height of the page.
    """
    log = {"type": "log", "exponentformat": "power", "tickformat": "~r"}
    over = {"overlaying": "y", "range": [0, 1.03], "visible": False, "fixedrange": True}
    return {
        "xaxis": {
            "range": [0.5, epochs + 0.5],
            "anchor": "free",
            "position": 0,
            "showline": True,
            "hoverformat": "d",
            "unifiedhovertitle": {"text": "epoch %{x:d}"},
        },
        "yaxis": {**log, "nticks": 5, "domain": [0.46, 1]},
        "yaxis2": {
            "type": "log",
            # Without a format plotly writes 5 for 0.05.
            "tickformat": LR_TICKS["log"],
            "labelalias": ALIASES,
            "rangemode": "tozero",  # a constant LR would get an axis from below zero to 1
            "nticks": 3,
            "domain": [0, 0.28],
            "anchor": "x",
        },
        "yaxis3": {"domain": [0.4, 0.44], "range": [0, 1], "visible": False, "fixedrange": True},
        "yaxis4": over,
        # A value that is out of the range of its axis could not be pointed at.
        "yaxis5": {"overlaying": "y", "visible": False, "fixedrange": True},
        "meta": {"lr_ticks": LR_TICKS},
        "hovermode": "x unified",
        "hoversubplots": "axis",
        "showlegend": False,
        "margin": {"l": 56, "r": 96, "t": 6, "b": 24},
        "shapes": [],
        "uirevision": "keep",
        "dragmode": "zoom",
    }


def shape(mark: Mark) -> dict[str, Any]:
    """A grey line through all panes."""
    return {
        "name": mark.kind,
        "line": {"color": NEUTRAL, "width": theme.HAIR, "dash": theme.DOTTED},
        "type": "line",
        "xref": "x",
        "yref": "paper",
        "x0": mark.x,
        "x1": mark.x,
        "y0": 0,
        "y1": 1,
    }
