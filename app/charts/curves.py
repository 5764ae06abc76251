"""The curves of the charts: the series, colour and style of each. Pure.

The browser finds a trace by its key, stored in `meta`, so a figure may have any curves. (plotly
uses `uid` in CSS selectors, which a metric's name could break.)
"""

from collections.abc import Iterator, Sequence
from html import escape
from typing import Any, NamedTuple

from app.charts import rule, theme
from app.charts.series import Line, Series
from trainer.config.metrics import TRAINED, label, rises


class Curve(NamedTuple):
    """How one trace is drawn: its key, its name, its colour by meaning, its style; and its label at
    the right end, if it has one.
    """

    key: str
    name: str
    colour: str
    style: dict[str, Any]
    hollow: bool = False
    fill: str = "00"  # the fill's opacity, in hexadecimal
    end: str = ""


LINES = {"mode": "lines"}
SILENT = {"hoverinfo": "skip"}
FADED = {"opacity": 0.35, **SILENT}
LR, STRIP, OVER = {"yaxis": "y2"}, {"yaxis": "y3"}, {"yaxis": "y4"}
UNSEEN = {"yaxis": "y5"}

BATCHES = Curve(
    "batches", "loss of the batches", "train",
    {**LINES, "line": {"width": theme.HAIR}, "opacity": 0.4, **SILENT},
)  # fmt: skip
LEVEL = Curve(
    "level", "level to beat next", "level",
    {
        **LINES,
        "line": {"width": theme.THIN, "dash": theme.DOTTED, "shape": "hv"},
        "connectgaps": True,
    },
    end="to beat",
)  # fmt: skip
# Each marker is an element of the page: more of them than pixels would only slow it down.
LOST = Curve(
    "lost", "not finite", "cut",
    {"mode": "markers", "marker": {"size": 8, "symbol": "x-thin", "maxdisplayed": 200,
     "line": {"width": theme.CURVE}}, **OVER, "hovertemplate": "not a finite number"},
    hollow=True,
)  # fmt: skip
BEHIND_LR = Curve("behind_lr", "learning rate of the parent", "lr", {**LINES, **FADED, **LR})
USED = (
    Curve("lr", "learning rate", "lr", {**LINES, "line": {"width": theme.BOLD}, **LR, **SILENT}),
    # An invisible line for hovering only; markers would add one element per epoch.
    Curve(
        "lr_used",
        "learning rate",
        "lr",
        {**LINES, "line": {"width": 0}, **LR, "hovertemplate": "%{y:.3g}<br>%{text}"},
    ),
)

# The traces below are in every figure, empty until the browser fills them: what is ahead of the
# run (under the plateau rule a band), the schedule that the form describes, in grey so that it is
# not taken for the run's own, and the what-if.
DASHED = {**LINES, "line": {"width": theme.THIN, "dash": theme.DASHED}, **LR, **SILENT}
DOTTED = {**LINES, "line": {"width": theme.THIN, "dash": theme.DOTTED}, **LR, **SILENT}
AHEAD_HIGH = Curve("ahead:high", "learning rate ahead", "lr", DASHED, end="if all improve")
AHEAD_LOW = Curve(
    "ahead:low", "learning rate ahead", "lr", {**DASHED, "fill": "tonexty"}, fill="1f",
    end="if none does",
)  # fmt: skip
AHEAD_LR = Curve("ahead:lr", "learning rate ahead", "lr", DASHED)
PLAN_LR = Curve("plan:lr", "learning rate of the next run", "faint", DOTTED, end="next run")
PLAN_HIGH = Curve("plan:high", "learning rate of the next run", "faint", DOTTED)
PLAN_LOW = Curve(
    "plan:low", "learning rate of the next run", "faint", {**DOTTED, "fill": "tonexty"}, fill="12",
    end="next run",
)  # fmt: skip
EARLIEST = Curve(
    "ahead:cut", "earliest cut", "cut",
    {**LINES, "line": {"width": theme.CURVE, "dash": theme.DOTTED}, **STRIP, **SILENT},
)  # fmt: skip
WHAT_IF_LR = Curve(
    "what-if:lr", "learning rate, what if", "lr",
    {**LINES, "line": {"width": theme.CURVE, "dash": theme.DASHED}, **LR}, end="what if",
)  # fmt: skip
WHAT_IF_CUTS = Curve(
    "what-if:cuts", "cut, what if", "cut",
    {"mode": "markers", "marker": {"size": 10, "symbol": "triangle-down", "maxdisplayed": 200},
     **LR, **SILENT},
)  # fmt: skip
# A guess has the colour of the curve that is guessed; hollow, it would be a cut without effect.
WHAT_IF_GUESSES = Curve("what-if:guesses", "guessed cut, what if", "lr", WHAT_IF_CUTS.style)
FILLED_BY_THE_BROWSER = (
    AHEAD_HIGH, AHEAD_LOW, AHEAD_LR, PLAN_HIGH, PLAN_LOW, PLAN_LR, EARLIEST,
    WHAT_IF_LR, WHAT_IF_CUTS, WHAT_IF_GUESSES,
)  # fmt: skip


def metric(name: str, error: bool = False) -> Curve:
    """The curve of a metric by name or, with `error`, of 1 minus the metric."""
    text = label(name)
    if error:
        text = text.replace("accuracy", "error") if "accuracy" in text else f"1 - {text}"
    colour = {"train_loss": "train"}.get(name, "val" if name.startswith("val") else "neutral")
    line: dict[str, Any] = {"width": theme.CURVE}
    if error:
        line["dash"] = theme.DOTTED
    elif name not in TRAINED:
        line["dash"] = theme.DASH_DOTTED
    end = text if error else text.removesuffix(" loss")
    # A value that is not finite leaves no hole: a curve with every second one would be invisible.
    style = {**LINES, "line": line, "connectgaps": True}
    return Curve(f"metric:{name}", safe(text), colour, style, end=end)


def safe(name: str) -> str:
    """The name of a trace for plotly, which reads markup and its own %{...} in it."""
    return escape(name, quote=False).replace("%{", "%&#x7b;")


def behind(name: str) -> Curve:
    """The curve of a metric of a fork's parent."""
    own = metric(name)
    dashes = {key: own.style["line"][key] for key in own.style["line"].keys() & {"dash"}}
    style = {**LINES, **FADED, **({"line": dashes} if dashes else {})}
    return Curve(f"behind:{name}", f"{own.name} of the parent", own.colour, style)


def told(name: str) -> Curve:
    """A metric without a curve, for hovering and the table only."""
    style = {**LINES, "line": {"width": 0}, **UNSEEN, "hovertemplate": "%{y:.4~g}"}
    return Curve(f"told:{name}", safe(label(name)), "neutral", style)


def group(number: int) -> Curve:
    """The LR of a parameter group after the first; its value is among the other metrics."""
    style = {**LINES, "line": {"width": theme.THIN}, "opacity": 0.6, **LR, **SILENT}
    name = group_names([number])
    return Curve(f"group:{number}", f"learning rate, {name}", "lr", style, end=name)


def group_names(numbers: Sequence[int]) -> str:
    """What parameter groups with the same LR are called at the end of its curve."""
    if len(numbers) > 3:
        return f"{len(numbers)} groups"
    return f"group{'s' if len(numbers) > 1 else ''} {', '.join(map(str, numbers))}"


def cells(kind: str) -> Curve:
    """The cells of a kind in the rule strip."""
    look = rule.LOOKS[kind]
    style: dict[str, Any] = {**LINES, **STRIP, **SILENT}
    if look.hollow:
        return Curve(
            f"cell:{kind}", look.name, look.colour, {**style, "line": {"width": theme.THIN}}
        )
    style |= {"line": {"width": 0}, "fill": "tozeroy"}
    return Curve(f"cell:{kind}", look.name, look.colour, style, fill=look.fill)


def curves(series: Series) -> Iterator[tuple[Curve, Line]]:
    """Every trace with its points, in drawing order, the last on top."""
    for name, line in series.behind.items():
        yield behind(name), line
    yield BEHIND_LR, series.behind_lr
    yield BATCHES, series.batches
    yield LEVEL, series.level
    for name, line in series.metrics.items():
        yield metric(name, rises(name)), line
    for name, line in series.told.items():
        yield told(name), line
    yield LOST, series.lost
    for kind, line in series.cells.items():
        yield cells(kind), line
    for curve in FILLED_BY_THE_BROWSER:
        yield curve, Line([], [])
    for number, line in series.groups.items():
        yield group(number), line
    lr, used = USED
    yield lr._replace(end=group_names([1]) if series.groups else ""), series.lr
    yield used, series.lr_used
