"""The cells of a heat map as traces of plotly: colours, outlines, numbers, hover texts. Pure."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from app.charts import shades, theme
from app.charts.curves import safe
from trainer.compare.seeds import percent
from trainer.config.metrics import label as metric_label
from trainer.config.metrics import rises
from trainer.config.text import significant
from trainer.sweep.reading import Cell, Read
from trainer.sweep.settings import Standing, Tried, words

SIGNS = {
    "diverged": ("\N{MULTIPLICATION X}", "diverged"),
    "failed": ("!", "failed"),
    "stopped": ("\N{BLACK SQUARE}", "stopped early"),
    "interrupted": ("\N{VERTICAL FOUR DOTS}", "interrupted"),
    "training": ("\N{HORIZONTAL ELLIPSIS}", "still trains"),
    "queued": ("\N{HORIZONTAL ELLIPSIS}", "still trains"),
}
OUTLINES = {"reached": theme.HAIR, "within": theme.THIN, "best": 2 * theme.CURVE}


class Place(NamedTuple):
    """Where a setting is drawn: its column and its row, in cells, from the top left."""

    x: float
    y: float


def cost(metric: str, value: float | None) -> float | None:
    """What is the lower the better: the value, of a metric that rises 1 minus it."""
    return None if value is None else 1 - value if rises(metric) else value


def cells(
    read: Read,
    places: Mapping[Place, Tried],
    strength: Mapping[Place, float | None],
    outlined: Mapping[Place, str],
    settings: Sequence[Tried],
    standing: Standing,
    numbers: tuple[int, bool],
) -> tuple[list[dict[str, Any]], list[dict[theme.Scheme, str]]]:
    """The traces of the cells, and the colour of each by scheme: what is measured and what is not,
    their outlines, and what is written on them.

    Args:
        strength: from 0 to 1; None where there is no value.
        outlined: by place, the key of OUTLINES.
        numbers: the size of a number in pixels, and whether there is room for it.
    """
    best = None if standing.best is None else settings[standing.best]
    hovers = {place: _hover(read, its, best) for place, its in places.items()}
    measured = {place: value for place, value in strength.items() if value is not None}
    lost = {place: 0.0 for place, its in places.items() if its.mean is None and its.reached}
    empty = [place for place in places if place not in measured and place not in lost]
    traces = [_grid(its, places, hovers, key) for key, its in (("cells", measured), ("lost", lost))]
    ink = dict.fromkeys(theme.COLOURS, "ink")
    looks = [ink, ink]
    kinds = {"reached": empty} | {
        kind: [place for place, own in outlined.items() if own == kind]
        for kind in ("within", "best")
    }
    for kind, its in kinds.items():
        line = {"width": OUTLINES[kind]}
        traces.append(_lines(f"outline:{kind}", its, line))
        looks.append(dict.fromkeys(theme.COLOURS, "axis" if kind == "reached" else "ink"))
    size, written = numbers
    inks = [*shades.inks(), dict.fromkeys(theme.COLOURS, "faint")]
    inked: list[list[Place]] = [[] for _ in inks]
    for place, value in measured.items():
        inked[inks.index(shades.ink(value))].append(place)
    inked[-1] = [*lost]
    for i, (colour, own) in enumerate(zip(inks, inked, strict=True)):
        told = [_written(places[p], written, outlined.get(p) == "best") for p in own]
        traces.append(texts(f"number:{i}", own, told, size))
        looks.append(colour)
    return traces, looks


def _grid(
    own: Mapping[Place, float], places: Mapping[Place, Tried], hovers: Mapping[Place, str], key: str
) -> dict[str, Any]:
    """A heat map of these cells, by the edges between all columns and all rows."""
    lefts, tops = (sorted({place[i] for place in places}) for i in range(2))
    x, y = _edges(lefts), _edges(tops)
    columns = {left: x.index(left) for left in lefts}
    lines = {top: y.index(top) for top in tops}
    z: list[list[float | None]] = [[None] * (len(x) - 1) for _ in range(len(y) - 1)]
    told: list[list[Any]] = [[""] * (len(x) - 1) for _ in range(len(y) - 1)]
    runs: list[list[Any]] = [[None] * (len(x) - 1) for _ in range(len(y) - 1)]
    for place, value in own.items():
        line, column = lines[place.y], columns[place.x]
        z[line][column] = value
        told[line][column] = hovers[place]
        runs[line][column] = [cell.run for cell in _first_best(places[place])]
    return {
        "type": "heatmap",
        "meta": key,
        "x": x,
        "y": y,
        "z": z,
        "zmin": 0,
        "zmax": 1,
        "xgap": 2,
        "ygap": 2,
        "showscale": False,
        "hoverongaps": False,
        "text": told,
        "customdata": runs,
        "hovertemplate": "%{text}<extra></extra>",
    }


def _first_best(its: Tried) -> list[Cell]:
    return [its.best, *(cell for cell in its.cells if cell is not its.best)]


def _edges(starts: Sequence[float]) -> list[float]:
    """The edges of cells that begin at these, 1 wide, and of the gaps between them."""
    found: list[float] = []
    for start in starts:
        if found and math.isclose(found[-1], start):
            found[-1] = start
        else:
            found.append(start)
        found.append(start + 1)
    return found


def _lines(key: str, places: Sequence[Place], line: dict[str, Any]) -> dict[str, Any]:
    """The outlines of these cells."""
    x, y = list[float | None](), list[float | None]()
    for left, top in places:
        inset = 0.03
        a, b, c, d = left + inset, left + 1 - inset, top + inset, top + 1 - inset
        x += [a, b, b, a, a, b, None]
        y += [c, c, d, d, c, c, None]
    return {
        "type": "scatter",
        "meta": key,
        "mode": "lines",
        "x": x,
        "y": y,
        "line": line,
        "hoverinfo": "skip",
    }


def texts(
    key: str, places: Sequence[Place], written: Sequence[str], size: int, **style: Any
) -> dict[str, Any]:
    """A text in the middle of each of these cells, `size` pixels high."""
    return {
        "type": "scatter",
        "meta": key,
        "mode": "text",
        "x": [place.x + 0.5 for place in places],
        "y": [place.y + 0.5 for place in places],
        "text": list(written),
        "textfont": {"size": size},
        "hoverinfo": "skip",
        "cliponaxis": False,
        **style,
    }


def _written(its: Tried, numbers: bool, best: bool) -> str:
    sign = SIGNS.get(its.status, ("", ""))[0]
    if its.mean is None:
        return sign
    if not numbers:
        return sign
    number = significant(its.mean)
    after = f"\N{NARROW NO-BREAK SPACE}{sign}" if sign else ""
    return f"<b>{number}</b>{after}" if best else number + after


def _hover(read: Read, its: Tried, best: Tried | None) -> str:
    """What is told of a cell, a line each."""
    told = [f"<b>{safe(words(its.values))}</b>"]
    if its.mean is not None:
        beside = "" if best is None or best is its else _beside(read.metric, its, best)
        at = "" if its.at is None else f", epoch {its.at}"
        told.append(f"{metric_label(read.metric)} {significant(its.mean)}{at}{beside}")
    if len(its.cells) > 1 and its.low is not None:
        count = sum(cell.best is not None for cell in its.cells)
        told.append(f"{count} seeds, from {significant(its.low)} to {significant(its.high)}")
    if its.status in SIGNS:
        told += _not_finished(its)
    told.append(", ".join(f"#{run}" for run in its.runs[:8]) + (", …" if its.runs[8:] else ""))
    return "<br>".join(told)


def _beside(metric: str, its: Tried, best: Tried) -> str:
    costs = [cost(metric, each.mean) for each in (its, best)]
    if not costs[0] or not costs[1] or min(costs[0], costs[1]) <= 0:
        return ""
    return f", {percent(math.log(costs[0] / costs[1]), signed=True)} to the best"


def _not_finished(its: Tried) -> list[str]:
    own = [cell for cell in its.cells if cell.status == its.status]
    epochs = sorted({cell.epoch for cell in own})
    span = f"{epochs[0]}" if len(epochs) == 1 else f"{epochs[0]} to {epochs[-1]}"
    which = "" if len(its.cells) == 1 else f" {len(own)} of {len(its.cells)},"
    word = its.status if its.status != "queued" else "waiting"
    told = [f"{word},{which} after epoch {span} of {own[0].epochs}"]
    if own[0].reason and its.status in ("stopped", "failed"):
        told.append(safe(own[0].reason))
    return told
