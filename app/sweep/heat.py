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
SMALL = 6.2  # a letter over a column
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
    """The first three keys that every cell has, so that each place of the map can be filled; the
    seed only where nothing else differs.
    """
    own = [key for key in read.keys if all(key in cell.values for cell in read.cells)]
    y, x, panels = (*(own or read.keys)[:3], None, None, None)[:3]
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
    ys, xs, of_panels = (order(settings, key) if key else [None] for key in axes)
    chosen, marks = _chosen(settings, standing, read.metric, axes)
    room = max((len(text(axes.y, y)) for y in ys), default=1) * LETTER + 2 * MARGIN
    # A panel has the columns that there are in it: a setting of one schedule has no other's.
    columns = {p: [x for x in xs if any((y, x, p) in chosen for y in ys)] for p in of_panels}
    named = max(len(text(axes.x, x)) for x in xs) * LETTER if axes.x else 0
    beside, cell = _fitted([*map(len, columns.values())], width - room - MARGIN, named)
    panels = _placed(columns, beside, len(ys) + _head(axes) + GAP)
    across = max(panel.left + len(panel.xs) for panel in panels)
    rows = -(-len(panels) // beside)
    down = rows * (len(ys) + _head(axes) + GAP) + GAP
    at = {
        (y, x, panel.value): Place(
            panel.left + i, panel.top + _head(axes) + len(ys) - 1 - ys.index(y)
        )
        for panel in panels
        for y in ys
        for i, x in enumerate(panel.xs)
    }
    places = {at[key]: settings[i] for key, i in chosen.items()}
    outlined = {at[key]: marks[i] for key, i in chosen.items() if i in marks}
    size = 12 if cell >= 46 else 11 if cell >= 40 else 10
    written = cell >= LEAST_WIDTH
    costs = [cost(read.metric, its.mean) for its in places.values()]
    strong, times = shades.strengths(costs)
    strength = dict(zip(places, strong, strict=True))
    traces, looks = cells(read, places, strength, outlined, settings, standing, (size, written))
    labels = _labels(axes, ys, panels, cell)
    traces += labels
    looks += [dict.fromkeys(theme.COLOURS, its) for its in ("faint", "ink", "faint", "faint")]
    height = round(down * HEIGHT + 2 * MARGIN)
    figure = {"data": traces, "layout": _layout(axes, at, across, down, room, (cell, width))}
    note = _note(read, settings, axes, (len(chosen), len(at)), times)
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


class Panel(NamedTuple):
    """A panel: its value, that of each of its columns, and where it begins, in cells."""

    value: Any
    xs: list[Any]
    left: float
    top: float


def _fitted(columns: Sequence[int], width: float, named: float) -> tuple[int, float]:
    """How many panels, each of so many columns, lie side by side, as many as leave room for
    numbers; the width of a cell, which has room for the longest name of a column if there is any.
    """
    for beside in range(len(columns), 0, -1):
        lines = (columns[i : i + beside] for i in range(0, len(columns), beside))
        cell = width / max(sum(line) + (len(line) - 1) * GAP for line in lines)
        if cell >= 46 or beside == 1:
            return beside, min(cell, max(WIDEST, named))
    return 1, WIDEST


def _placed(columns: Mapping[Any, list[Any]], beside: int, high: float) -> list[Panel]:
    """The panels, so many side by side, each line of them so high."""
    found, left = list[Panel](), 0.0
    for i, (value, xs) in enumerate(columns.items()):
        left = 0.0 if i % beside == 0 else left
        found.append(Panel(value, xs, left, i // beside * high))
        left += len(xs) + GAP
    return found


def _head(axes: Axes) -> float:
    return HEAD * (2 if axes.panels else 1)


def _labels(
    axes: Axes, ys: Sequence[Any], panels: Sequence[Panel], cell: float
) -> list[dict[str, Any]]:
    """The values of the columns over each panel, and what the panel has."""
    columns = [
        (
            Place(panel.left + j, panel.top + _head(axes) - HEAD),
            _cut(text(axes.x, x), cell),
        )
        for panel in panels
        for j, x in enumerate(panel.xs)
        if axes.x
    ]
    above = [
        (
            Place(panel.left + len(panel.xs) / 2 - 0.5, panel.top),
            _cut(f"{label(axes.panels)} {text(axes.panels, panel.value)}", cell * len(panel.xs)),
        )
        for panel in panels
        if axes.panels
    ]
    tops = sorted({panel.top for panel in panels})
    rows = [(Place(-0.5, top + _head(axes) - HEAD), label(axes.y)) for top in tops]
    across = max(panel.left + len(panel.xs) for panel in panels)
    below = Place(across / 2 - 0.5, tops[-1] + len(ys) + _head(axes))
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


def _cut(told: str, width: float) -> str:
    """A text with as many of its letters as there is room for."""
    most = max(1, int(width / SMALL))
    return told if len(told) <= most else f"{told[: most - 1]}\N{HORIZONTAL ELLIPSIS}"


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
    read: Read, settings: Sequence[Tried], axes: Axes, shown: tuple[int, int], times: float
) -> str:
    """What a cell's value is; `shown` is how many cells there are, and places for them."""
    cells, places = shown
    seeds = max((len(its.cells) for its in settings), default=1)
    of = f"mean of {seeds} seeds" if seeds > 1 else "one seed"
    best = f"best {metric_label(read.metric)}, {of}"
    told = [f"{best[0].upper()}{best[1:]}; faintest: {times:.2g} times the best, or more."]
    if cells < len(settings):
        rest = [in_prose(key) for key in choices(read) if key not in axes and key != SEED]
        told.append(f"Each cell is the best of those that differ in {' and '.join(rest)}.")
    if cells < places:
        told.append("Where there is no cell, there is no such combination.")
    return " ".join(told)
