"""The picture of a comparison: curves of many runs, bands of settings, rule strips, LRs. Pure."""

import zlib
from collections.abc import Sequence
from functools import lru_cache
from itertools import accumulate
from statistics import median
from typing import Any, NamedTuple

from app.charts import theme
from app.charts.curves import Curve, safe
from app.charts.figures import ALIASES, LR_TICKS, curve_templates, trace
from app.charts.series import Line
from app.charts.thinning import corners, smoothed, thinned
from app.compare.strips import Strip, strip_curves
from trainer.store.selection import Columns

SILENT = {"hoverinfo": "skip"}
LINES = {"mode": "lines", "connectgaps": True}
LR_AXIS = {"yaxis": "y2"}
BAND, MUTED = "24", 0.35  # the opacities of a band and of a seed within it
DASHES = ("solid", "dash", "dot", "dashdot")  # each for as many curves as there are colours
DECADE = 10  # LRs that differ by as much are drawn on a log axis
MOST_LABEL = 11  # characters for which there is room at the end of a curve
KEPT = 512  # lines that are kept, so that a change of one run computes only its own
X_TITLES = {"epochs": "epoch", "batches": "batch", "time": "seconds", "lr": "learning rate"}


class Subject(NamedTuple):
    """A run to draw: its label, its look, and its setting's place in the list of settings.

    Attributes:
        batches: batches an epoch.
        hidden: whether it is in the list and not in the picture.
    """

    run: int
    label: str
    colour: str
    dash: str
    group: int
    columns: Columns
    batches: int
    hidden: bool = False


class Look(NamedTuple):
    """A setting to draw: its name in the hover, at the end of its curve, and its colour."""

    name: str
    short: str
    colour: str
    dash: str = DASHES[0]


class Wanted(NamedTuple):
    """How to draw: see `app.compare.address.Asked`."""

    metric: str
    x: str = "epochs"
    scale: str = "log"
    smooth: float = 0.0
    group: bool = True


class Picture(NamedTuple):
    """Every trace with its points, in drawing order, and the layout."""

    curves: list[tuple[Curve, Line]]
    layout: dict[str, Any]

    def figure(self) -> dict[str, Any]:
        """As plotly takes it, with the templates of both schemes and the labels at the ends."""
        drawn = [curve for curve, _ in self.curves]
        return {
            "figure": {
                "data": [trace(curve, line) for curve, line in self.curves],
                "layout": self.layout,
            },
            "templates": curve_templates(drawn),
            "ends": {curve.key: [curve.end, curve.colour] for curve in drawn if curve.end},
            "tokens": self.tokens(),
        }

    def tokens(self) -> dict[str, int]:
        """A checksum of each trace's points, by its key."""
        return {curve.key: zlib.crc32(repr(line).encode()) for curve, line in self.curves}


def picture(
    subjects: Sequence[Subject],
    looks: Sequence[Look],
    wanted: Wanted,
    strips: Sequence[Strip] = (),
    epochs: int = 1,
) -> Picture:
    """The picture of these runs.

    Args:
        looks: the settings, by their places.
        strips: the rule strips to draw, each under the one before.
        epochs: the planned epochs of the longest run, the length of the axis.
    """
    over_lr = wanted.x == "lr"
    found: list[tuple[Curve, Line]] = []
    bands, medians = [], []
    for place, look in enumerate(looks):
        its = [s for s in subjects if s.group == place]
        if wanted.group and not over_lr and len(its) > 1:
            shown = tuple((s.columns, s.batches) for s in its if not s.hidden)
            band, middle = _band(shown, wanted.metric, wanted.x, wanted.smooth)
            bands.append((_band_curve(place, look), band))
            end = _end(look, [s.run for s in its], looks)
            medians.append((_median_curve(place, look, end), middle))
    several = {s.group for s in subjects if sum(o.group == s.group for o in subjects) > 1}
    found += bands
    for subject in subjects:
        alone = len(looks) > 1 and subject.group not in several
        muted = wanted.group and not over_lr and subject.group in several
        found.append((_run_curve(subject, looks, muted, alone), _line(subject, wanted)))
    found += medians
    if not over_lr:
        found += [(_lr_curve(s), _lr_line(s.columns, s.batches, wanted.x)) for s in subjects]
        by_run = {s.run: s for s in subjects}
        placed = [
            s._replace(place=_edges(by_run[s.run].columns, by_run[s.run].batches, wanted.x))
            for s in strips
        ]
        found += strip_curves(placed)
    lrs = [lr for s in subjects for lr in (*s.columns.lrs[:1], *s.columns.last_lrs)]
    return Picture(found, _layout(wanted, strips, lrs, epochs))


@lru_cache(maxsize=KEPT)
def _places(columns: Columns, batches: int, x: str) -> list[float]:
    """Where the values of a run's epochs are drawn."""
    match x:
        case "batches":
            return [float(epoch * batches) for epoch in columns.epochs]
        case "time":
            return [round(seconds, 3) for seconds in accumulate(columns.seconds)]
        case "lr":
            return list(columns.last_lrs)
        case _:
            return [float(epoch) for epoch in columns.epochs]


@lru_cache(maxsize=KEPT)
def _edges(columns: Columns, batches: int, x: str) -> dict[int, tuple[float, float]]:
    """Where each epoch begins and ends: on the axis of epochs, half an epoch around its number."""
    places = _places(columns, batches, x)
    if x == "epochs":
        return {e: (e - 0.5, e + 0.5) for e in columns.epochs}
    before = [0.0, *places[:-1]]
    if x == "batches" and places:
        before[0] = places[0] - batches
    return dict(zip(columns.epochs, zip(before, places, strict=True), strict=True))


@lru_cache(maxsize=KEPT)
def _values(columns: Columns, metric: str, smooth: float) -> list[float | None]:
    return smoothed(columns.metric(metric), smooth)


def _line(subject: Subject, wanted: Wanted) -> Line:
    return _drawn(subject.columns, subject.batches, wanted.metric, wanted.x, wanted.smooth)


@lru_cache(maxsize=KEPT)
def _drawn(columns: Columns, batches: int, metric: str, x: str, smooth: float) -> Line:
    return thinned(Line(_places(columns, batches, x), _values(columns, metric, smooth)))


@lru_cache(maxsize=KEPT)
def _band(
    its: tuple[tuple[Columns, int], ...], metric: str, x: str, smooth: float
) -> tuple[Line, Line]:
    """The outline from the lowest to the highest value at each epoch of these runs, each with its
    batches an epoch; and the median.
    """
    at: dict[int, list[tuple[float, float]]] = {}
    for columns, batches in its:
        places, values = _places(columns, batches, x), _values(columns, metric, smooth)
        for epoch, place, value in zip(columns.epochs, places, values, strict=True):
            if value is not None:
                at.setdefault(epoch, []).append((place, value))
    epochs = sorted(at)
    middle = [median(place for place, _ in at[epoch]) for epoch in epochs]
    every = [[value for _, value in at[epoch]] for epoch in epochs]
    low, high = (thinned(Line(middle, [end(values) for values in every])) for end in (min, max))
    outline = Line(high.x + low.x[::-1], high.y + low.y[::-1])
    return outline, thinned(Line(middle, [median(values) for values in every]))


@lru_cache(maxsize=KEPT)
def _lr_line(columns: Columns, batches: int, x: str) -> Line:
    """The LR over each epoch, never smoothed. An LR of 0 has no place on a log axis."""
    line, edges = Line([], []), _edges(columns, batches, x)
    for epoch, lr, last in zip(columns.epochs, columns.lrs, columns.last_lrs, strict=True):
        line.x.extend(edges[epoch])
        line.y.extend((lr, last))
    return thinned(corners(line))


def _hidden(subject: Subject) -> dict[str, Any]:
    return {"visible": False} if subject.hidden else {}


def _run_curve(subject: Subject, looks: Sequence[Look], muted: bool, alone: bool) -> Curve:
    width = theme.HAIR if muted else theme.CURVE
    label = _end(looks[subject.group], [subject.run], looks) if alone else subject.label
    style: dict[str, Any] = {
        **LINES,
        "line": {"width": width, "dash": subject.dash},
        **({"opacity": MUTED} if muted else {}),
        **_hidden(subject),
        "hovertemplate": "%{y:.3g}",
    }
    return Curve(
        f"run:{subject.run}",
        safe(f"{subject.label} {looks[subject.group].name}"),
        subject.colour,
        style,
        end="" if muted or subject.hidden else label,
    )


def _end(look: Look, runs: Sequence[int], looks: Sequence[Look]) -> str:
    """The label of a setting; the numbers of its runs, where its end would be cut and what is left
    of it is another's, too.
    """
    kept = look.short[:MOST_LABEL]
    if sum(other.short[:MOST_LABEL] == kept for other in looks) == 1:
        return look.short
    more = ["\N{HORIZONTAL ELLIPSIS}"] if len(runs) > 2 else []
    return ", ".join([*(f"#{run}" for run in runs[:2]), *more])


def _band_curve(place: int, look: Look) -> Curve:
    style = {"mode": "lines", "line": {"width": 0}, "fill": "toself", **SILENT}
    return Curve(f"band:{place}", safe(look.name), look.colour, style, fill=BAND)


def _median_curve(place: int, look: Look, end: str) -> Curve:
    style = {
        **LINES,
        "line": {"width": theme.BOLD, "dash": look.dash},
        "hovertemplate": "median %{y:.3g}",
    }
    return Curve(f"median:{place}", safe(look.name), look.colour, style, end=end)


def _lr_curve(subject: Subject) -> Curve:
    style = {
        **LINES,
        **LR_AXIS,
        "line": {"width": theme.THIN, "dash": subject.dash},
        "opacity": 0.8,
        **_hidden(subject),
        "hovertemplate": "LR %{y:.3g}",
    }
    return Curve(f"lr:{subject.run}", safe(subject.label), subject.colour, style)


def _layout(
    wanted: Wanted, strips: Sequence[Strip], lrs: Sequence[float], epochs: int
) -> dict[str, Any]:
    """The layout; the browser sets the panes' heights."""
    log = {"type": "log", "tickformat": "~r", "nticks": 6}
    positive = [lr for lr in lrs if lr > 0]
    spread = max(positive) / min(positive) if positive else 1.0
    kind = "log" if spread >= DECADE else "linear"
    lr_axis = {"type": kind, "tickformat": LR_TICKS[kind], "labelalias": ALIASES}
    frame: dict[str, Any] = {
        "xaxis": {"showline": True, "title": {"text": X_TITLES[wanted.x]}, "rangemode": "tozero"},
        "yaxis": log if wanted.scale == "log" else {"nticks": 6},
        "hovermode": "closest",
        "showlegend": False,
        "margin": {"l": 64, "r": 104, "t": 6, "b": 38},
        # What is drawn on the axes: as long as it stays the same, a zoom stays too.
        "uirevision": "-".join([wanted.metric, wanted.x, wanted.scale]),
        "dragmode": "zoom",
        "meta": {"strips": len(strips), "lr": wanted.x != "lr"},
    }
    if wanted.x == "lr":
        frame["xaxis"] |= {**lr_axis, "rangemode": "normal"}
        return frame
    if wanted.x == "epochs":
        frame["xaxis"]["range"] = [0.5, epochs + 0.5]
    bottom = "y2"
    frame["xaxis"] |= {"anchor": bottom}
    frame["yaxis2"] = {**lr_axis, "rangemode": "tozero", "nticks": 3}
    count = len(strips)
    frame["yaxis3"] = {
        "range": [0, max(count, 1)],
        "tickvals": [count - i - 0.5 for i in range(count)],
        "ticktext": [strip.label for strip in strips],
        "showgrid": False,
        "fixedrange": True,
        "visible": bool(count),
    }
    return frame
