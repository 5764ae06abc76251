"""The curves of the charts: the series, colour and style of each. Pure.

The browser finds a trace by its key, stored in `meta`, so a figure may have any curves. (plotly
uses `uid` in CSS selectors, which a metric's name could break.)
"""

from collections.abc import Iterator
from html import escape
from typing import Any, NamedTuple

from app.charts import theme
from app.charts.series import Line, Series
from trainer.config.metrics import TRAINED, label, rises


class Curve(NamedTuple):
    """How one trace is drawn: its key, its label, its colour by meaning, its style."""

    key: str
    name: str
    colour: str
    style: dict[str, Any]
    hollow: bool = False
    fill: str = "00"  # the fill's opacity, in hexadecimal


LINES = {"mode": "lines"}
SILENT = {"hoverinfo": "skip"}
FADED = {"opacity": 0.35, **SILENT}
TRIANGLE = {"size": 10, "symbol": "triangle-down"}
CUT = {"mode": "markers", "marker": TRIANGLE}
NO_EFFECT = {"mode": "markers", "marker": {**TRIANGLE, "line": {"width": theme.THIN}}}
SENTENCE = {"hovertemplate": "%{text}<extra></extra>"}
LR = {"yaxis": "y2"}

# Each key is the field of Series that the curve draws.
BEHIND_LR = Curve("behind_lr", "learning rate of the parent", "lr", {**LINES, **FADED, **LR})
BELOW_METRICS = (
    Curve(
        "cooldown", "cooldown", "faint",
        {**LINES, "line": {"width": 0}, "fill": "tozeroy", "yaxis": "y3", **SILENT},
        fill="2e",
    ),
    Curve("best", "best so far", "level", {**LINES, "line": {"width": theme.HAIR, "shape": "hv"}}),
    Curve(
        "level", "level to beat next", "level",
        {
            **LINES,
            "line": {"width": theme.THIN, "dash": theme.DASHED, "shape": "hv"},
            "fill": "tonexty",
        },
        fill="2e",
    ),
)  # fmt: skip
ABOVE_METRICS = (
    Curve(
        "bad_epochs", "bad epoch", "val",
        {"mode": "markers", "marker": {"size": 7, "line": {"width": theme.THIN}}, **SILENT},
        hollow=True,
    ),
    Curve("cuts", "cut", "cut", {**CUT, **SENTENCE}),
    Curve("no_effects", "cut without effect", "cut", {**NO_EFFECT, **SENTENCE}, hollow=True),
    Curve("lr", "learning rate", "lr", {**LINES, "line": {"width": theme.BOLD}, **LR, **SILENT}),
    # An invisible line for hovering only; markers would add one element per epoch.
    Curve("lr_used", "learning rate", "lr", {**LINES, "line": {"width": 0}, **LR}),
    Curve("lr_cuts", "cut", "cut", {**CUT, **LR, **SILENT}),
    Curve(
        "lr_no_effects", "cut without effect", "cut", {**NO_EFFECT, **LR, **SILENT}, hollow=True
    ),
)  # fmt: skip

# The what-if's curves: in every figure, empty until the browser fills them.
WHAT_IF_LR = Curve(
    "what-if:lr", "learning rate, what if", "lr",
    {**LINES, "line": {"width": theme.CURVE, "dash": theme.DASHED}, **LR},
)  # fmt: skip
WHAT_IF_CUTS = Curve(
    "what-if:cuts", "cut, what if", "lr", {**NO_EFFECT, **LR, **SILENT}, hollow=True
)


def metric(name: str, error: bool = False) -> Curve:
    """The curve of a metric by name or, with `error`, of 1 minus the metric."""
    # plotly reads markup and its own %{...} in a trace's name.
    text = escape(label(name), quote=False).replace("%{", "%&#x7b;")
    if error:
        text = text.replace("accuracy", "error") if "accuracy" in text else f"1 - {text}"
    colour = {"train_loss": "train"}.get(name, "val" if name.startswith("val") else "neutral")
    line: dict[str, Any] = {"width": theme.CURVE}
    if error:
        line["dash"] = theme.DOTTED
    elif name not in TRAINED:
        line["dash"] = theme.DASH_DOTTED
    return Curve(f"metric:{name}", text, colour, {**LINES, "line": line})


def behind(name: str) -> Curve:
    """The curve of a metric of a fork's parent."""
    own = metric(name)
    dashes = {key: own.style["line"][key] for key in own.style["line"].keys() & {"dash"}}
    style = {**LINES, **FADED, **({"line": dashes} if dashes else {})}
    return Curve(f"behind:{name}", f"{own.name} of the parent", own.colour, style)


def curves(series: Series) -> Iterator[tuple[Curve, Line]]:
    """Every trace with its points, in drawing order, the last on top."""
    for name, line in series.behind.items():
        yield behind(name), line
    for curve in (BEHIND_LR, *BELOW_METRICS):
        yield curve, getattr(series, curve.key)
    for name, line in series.metrics.items():
        yield metric(name, rises(name)), line
    for curve in ABOVE_METRICS:
        yield curve, getattr(series, curve.key)
    for curve in (WHAT_IF_LR, WHAT_IF_CUTS):
        yield curve, Line([], [])
