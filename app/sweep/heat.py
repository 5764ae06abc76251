"""The heat map of a sweep: what was measured, nothing between. Pure.

Everything is placed in cells: the axes count them, so a panel is so many cells wide and lies beside
or under the one before. What is drawn has a click's runs as `customdata`.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from app.charts import shades, theme
from app.charts.curves import safe
from app.charts.figures import templates
from app.sweep.heat_cells import SIGNS, Place, cells, cost, texts
from trainer.config.metrics import label as metric_label
from trainer.sweep.reading import SEED, Read
from trainer.sweep.settings import Standing, Tried, choices, in_prose, label, order, text, tried

# Pixels. A cell is as wide as there is room for; its number is written from LEAST_WIDTH on.
WIDEST, LEAST_WIDTH, HEIGHT, LETTER, MARGIN = 84, 34, 32, 7.2, 8
HEAD, GAP = 0.75, 0.4  # cells above a panel for its columns' values, and between panels


class Axes(NamedTuple):
    """The settings along the map, by key; None for one that there is not."""

    y: str
    x: str | None = None
    panels: str | None = None


class Map(NamedTuple):
    """A heat map as the page takes it.

    Attributes:
        figure: as plotly takes it, `height` pixels high.
        templates: of both schemes.
        legend: each sign and outline in it, with what it means.
        note: what a cell's value is, in a sentence or two.
    """

    figure: dict[str, Any]
    templates: dict[theme.Scheme, dict[str, Any]]
    legend: list[dict[str, str]]
    note: str
    height: int


def default_axes(read: Read) -> Axes:
    """The first three keys; the seed only where nothing else differs."""
    y, x, panels = (*read.keys[:3], None, None, None)[:3]
    return Axes(y or SEED, x, panels)


def heat_map(
    read: Read, settings: Sequence[Tried], standing: Standing, axes: Axes, width: int = 720
) -> Map:
    """The map of a sweep.

    Args:
        settings, standing: of `trainer.sweep.settings`.
        axes: of `choices`.
        width: the pixels that there are.
    """
    if SEED in axes and settings and SEED not in settings[0].values:
        # Nothing is told of single seeds beside each other.
        settings, standing = tried(read, [SEED]), Standing(None, frozenset(), None, 1)
    ys, xs, panels = (order(settings, key) if key else [None] for key in axes)
    chosen, marks = _chosen(settings, standing, read.metric, axes)
    room = max((len(text(axes.y, y)) for y in ys), default=1) * LETTER + 2 * MARGIN
    beside, cell = _fitted(len(xs), len(panels), width - room - MARGIN)
    rows = -(-len(panels) // beside)
    across = beside * len(xs) + (beside - 1) * GAP
    down = rows * (len(ys) + _head(axes) + GAP) + GAP
    at = {
        (y, x, p): Place(
            i % beside * (len(xs) + GAP) + xs.index(x),
            i // beside * (len(ys) + _head(axes) + GAP) + _head(axes) + len(ys) - 1 - ys.index(y),
        )
        for i, p in enumerate(panels)
        for y in ys
        for x in xs
    }
    places = {at[key]: settings[i] for key, i in chosen.items()}
    outlined = {at[key]: marks[i] for key, i in chosen.items() if i in marks}
    size = 12 if cell >= 46 else 11 if cell >= 40 else 10
    written = cell >= LEAST_WIDTH
    costs = [cost(read.metric, its.mean) for its in places.values()]
    strong, times = shades.strengths(costs)
    strength = dict(zip(places, strong, strict=True))
    traces, looks = cells(read, places, strength, outlined, settings, standing, (size, written))
    labels = _labels(axes, ys, xs, panels, beside)
    traces += labels
    looks += [dict.fromkeys(theme.COLOURS, its) for its in ("faint", "ink", "faint", "faint")]
    height = round(down * HEIGHT + 2 * MARGIN)
    figure = {"data": traces, "layout": _layout(axes, at, across, down, room, (cell, width))}
    note = _note(read, settings, standing, axes, len(chosen), times)
    return Map(figure, _templates(traces, looks), _legend(places.values(), standing), note, height)


def _chosen(
    settings: Sequence[Tried], standing: Standing, metric: str, axes: Axes
) -> tuple[dict[tuple[Any, Any, Any], int], dict[int, str]]:
    """The setting that each cell shows: of several that differ in what is no axis the best; and how
    it is outlined.
    """
    found: dict[tuple[Any, Any, Any], int] = {}
    marks = dict.fromkeys(standing.within, "within")
    if standing.best is not None:
        marks[standing.best] = "best"
    for i, its in enumerate(settings):
        y, x, panel = (its.values.get(key) if key else None for key in axes)
        other = found.get((y, x, panel))
        if other is None or _better(settings, standing, metric, i, other):
            found[y, x, panel] = i
    return found, marks


def _better(
    settings: Sequence[Tried], standing: Standing, metric: str, one: int, other: int
) -> bool:
    if standing.best in (one, other):
        return standing.best == one
    first, second = (cost(metric, settings[i].mean) for i in (one, other))
    return first is not None and (second is None or first < second)


def _fitted(columns: int, panels: int, width: float) -> tuple[int, float]:
    """How many panels lie side by side, as many as leave room for numbers; the width of a cell."""
    for beside in range(panels, 0, -1):
        cell = width / (beside * columns + (beside - 1) * GAP)
        if cell >= 46 or beside == 1:
            return beside, min(cell, WIDEST)
    return 1, WIDEST


def _head(axes: Axes) -> float:
    return HEAD * (2 if axes.panels else 1)


def _labels(
    axes: Axes, ys: Sequence[Any], xs: Sequence[Any], panels: Sequence[Any], beside: int
) -> list[dict[str, Any]]:
    """The values of the columns over each panel, and what the panel has."""
    wide, high = len(xs) + GAP, len(ys) + _head(axes) + GAP
    columns = [
        (Place(i % beside * wide + j, i // beside * high + _head(axes) - HEAD), text(axes.x, x))
        for i in range(len(panels))
        for j, x in enumerate(xs)
        if axes.x
    ]
    above = [
        (
            Place(i % beside * wide + len(xs) / 2 - 0.5, i // beside * high),
            f"{label(axes.panels)} {text(axes.panels, panel)}",
        )
        for i, panel in enumerate(panels)
        if axes.panels
    ]
    count = -(-len(panels) // beside)
    rows = [(Place(-0.5, high * i + _head(axes) - HEAD), label(axes.y)) for i in range(count)]
    below = Place((min(beside, len(panels)) * wide - GAP) / 2 - 0.5, high * count - GAP)
    names = [(below, label(axes.x))] if axes.x else []
    return [
        texts(key, [place for place, _ in its], [safe(told) for _, told in its], size, **style)
        for key, its, size, style in (
            ("columns", columns, 11, {}),
            ("panels", above, 12, {}),
            ("rows", rows, 11, {"textposition": "middle left"}),
            ("names", names, 11, {}),
        )
    ]


def _layout(
    axes: Axes,
    at: Mapping[tuple[Any, Any, Any], Place],
    across: float,
    down: float,
    room: float,
    widths: tuple[float, int],
) -> dict[str, Any]:
    cell, width = widths
    ticks = sorted({(place.y + 0.5, text(axes.y, y)) for (y, _, _), place in at.items()})
    plain = {"showgrid": False, "zeroline": False, "fixedrange": True, "ticks": ""}
    return {
        "height": round(down * HEIGHT + 2 * MARGIN),
        "xaxis": {
            **plain,
            "range": [0, max(across, (width - room - MARGIN) / cell)],
            "showticklabels": False,
        },
        "yaxis": {
            **plain,
            "range": [down, 0],
            "tickvals": [value for value, _ in ticks],
            "ticktext": [safe(told) for _, told in ticks],
        },
        "margin": {"l": round(room), "r": MARGIN, "t": MARGIN, "b": MARGIN},
        "showlegend": False,
        "hovermode": "closest",
        "dragmode": False,
        "uirevision": "keep",
    }


def _templates(
    traces: Sequence[dict[str, Any]], looks: Sequence[dict[theme.Scheme, str]]
) -> dict[theme.Scheme, dict[str, Any]]:
    """The colours of the map: plotly takes them in the order of the traces of each type."""
    found = templates(
        lambda colour: {
            "heatmap": [
                {"colorscale": shades.scale(colour)},
                {"colorscale": [[0, colour["grid"]], [1, colour["grid"]]]},
            ]
        }
    )
    for scheme, own in found.items():
        colour = theme.colours(scheme)
        own["data"]["scatter"] = [
            {"line": {"color": colour[look[scheme]]}, "textfont": {"color": colour[look[scheme]]}}
            for trace, look in zip(traces, looks, strict=True)
            if trace["type"] == "scatter"
        ]
    return found


def _legend(settings: Any, standing: Standing) -> list[dict[str, str]]:
    """The marks in the map and what they mean."""
    shown = {its.status for its in settings if its.reached}
    found = [{"outline": "best", "text": "the best"}] if standing.best is not None else []
    if standing.within:
        found.append({"outline": "within", "text": "cannot be told from it"})
    signs = dict.fromkeys(SIGNS[status] for status in SIGNS if status in shown)
    return [*found, *({"sign": sign, "text": word} for sign, word in signs)]


def _note(
    read: Read,
    settings: Sequence[Tried],
    standing: Standing,
    axes: Axes,
    shown: int,
    times: float,
) -> str:
    """What a cell's value is."""
    seeds = max((len(its.cells) for its in settings), default=1)
    of = f"mean of {seeds} seeds" if seeds > 1 else "one seed"
    best = f"best {metric_label(read.metric)}, {of}"
    told = [f"{best[0].upper()}{best[1:]}; faintest: {times:.2g} times the best, or more."]
    if shown < len(settings):
        rest = [in_prose(key) for key in choices(read) if key not in axes and key != SEED]
        told.append(f"Each cell is the best of those that differ in {' and '.join(rest)}.")
    if standing.best is not None and standing.seeds == 1:
        told.append("One seed tells no setting from another.")
    return " ".join(told)
