"""The heat map of a sweep: what was measured, nothing between. Pure.

The page draws it (`assets/sweep/map.js`), in the room that it has.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from app.charts import shades
from app.sweep.heat_cells import SIGNS, cell, cost
from trainer.config.metrics import label as metric_label
from trainer.sweep.reading import SEED, Read
from trainer.sweep.settings import Standing, Tried, choices, in_prose, label, order, text, tried


class Axes(NamedTuple):
    """The settings along the map, by key; None for one that there is not."""

    y: str
    x: str | None = None
    panels: str | None = None


class Map(NamedTuple):
    """A heat map as the page takes it.

    Attributes:
        rows, panels: the values of these axes as text, from the top and from the left; one empty
            text where there is no such axis.
        columns: the same of the axis across, for each panel: those that there are in it.
        names: what the axes down and across are called.
        cells: see `app.sweep.heat_cells.cell`; from the first panel on, each from its top left.
        legend: each sign and outline in it, with what it means.
        note: what a cell's value is, in a sentence or two.
    """

    rows: list[str]
    columns: list[list[str]]
    panels: list[str]
    names: list[str]
    cells: list[dict[str, Any]]
    legend: list[dict[str, str]]
    note: str


def default_axes(read: Read) -> Axes:
    """The first three keys that every cell has, so that each place of the map can be filled; the
    seed only where nothing else differs.
    """
    own = [key for key in read.keys if all(key in cell.values for cell in read.cells)]
    y, x, panels = (*(own or read.keys)[:3], None, None, None)[:3]
    return Axes(y or SEED, x, panels)


# By run, what a cell was made of, and the cell; of one sweep, metric and choice of axes.
Made = dict[int, tuple[tuple[Any, ...], dict[str, Any]]]


def heat_map(
    read: Read,
    settings: Sequence[Tried],
    standing: Standing,
    axes: Axes,
    made: Made | None = None,
) -> Map:
    """The map of a sweep.

    Args:
        settings, standing: of `trainer.sweep.settings`.
        axes: of `choices`.
        made: the cells of a moment ago, which is brought up to date: one that has not changed is
            the same object.
    """
    made = {} if made is None else made
    if SEED in axes and settings and SEED not in settings[0].values:
        # Nothing is told of single seeds beside each other.
        settings, standing = tried(read, [SEED]), Standing(None, frozenset(), None, 1)
    ys, xs, panels = (order(settings, key) if key else [None] for key in axes)
    ys.reverse()
    costs = [cost(read.metric, its.mean) for its in settings]
    chosen = _chosen(settings, standing, costs, axes)
    strong, times = shades.strengths([costs[i] for i in chosen.values()])
    marks = dict.fromkeys(standing.within, "within")
    if standing.best is not None:
        marks[standing.best] = "best"
    best = None if standing.best is None else settings[standing.best]
    # A panel has the columns that there are in it: a setting of one schedule has no other's.
    there = {(x, panel) for _, x, panel in chosen}
    columns = {panel: [x for x in xs if (x, panel) in there] for panel in panels}
    in_panels, in_rows = _places(panels), _places(ys)
    in_columns = {panel: _places(own) for panel, own in columns.items()}
    cells = []
    for ((y, x, panel), i), strength in zip(chosen.items(), strong, strict=True):
        its, at = settings[i], (in_panels[panel], in_rows[y], in_columns[panel][x])
        shade, mark = shades.percent(strength), marks.get(i, "")
        of, run = (its.cells, best and best.cells, at, shade, mark), its.cells[0].run
        known = made.get(run)
        if known is None or known[0] != of:
            made[run] = known = of, cell(read.metric, its, best, at, shade, mark)
        cells.append(known[1])
    cells.sort(key=lambda its: its["at"])
    shown = [settings[i] for i in chosen.values()]
    return Map(
        [text(axes.y, y) for y in ys],
        [[text(axes.x, x) if axes.x else "" for x in own] for own in columns.values()],
        [f"{label(axes.panels)} {text(axes.panels, p)}" if axes.panels else "" for p in panels],
        [label(axes.y), label(axes.x) if axes.x else ""],
        cells,
        _legend(shown, standing),
        _note(read, settings, axes, (len(chosen), len(ys) * len(there)), times),
    )


def _places(values: Sequence[Any]) -> dict[Any, int]:
    return {value: i for i, value in enumerate(values)}


def _chosen(
    settings: Sequence[Tried], standing: Standing, costs: Sequence[float | None], axes: Axes
) -> Mapping[tuple[Any, Any, Any], int]:
    """The setting that each cell shows: of several that differ in what is no axis the best."""
    found: dict[tuple[Any, Any, Any], int] = {}
    for i, its in enumerate(settings):
        y, x, panel = axes
        at = (
            its.values.get(y),
            its.values.get(x) if x else None,
            its.values.get(panel) if panel else None,
        )
        other = found.setdefault(at, i)
        if other != i and _better(standing, costs, i, other):
            found[at] = i
    return found


def _better(standing: Standing, costs: Sequence[float | None], one: int, other: int) -> bool:
    if standing.best in (one, other):
        return standing.best == one
    first, second = costs[one], costs[other]
    return first is not None and (second is None or first < second)


def _legend(settings: Sequence[Tried], standing: Standing) -> list[dict[str, str]]:
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
    # Of a metric that rises it is that of what is missing to 1.
    of = f"geometric mean of {seeds} seeds" if seeds > 1 else "one seed"
    best = f"best {metric_label(read.metric)}, {of}"
    told = [f"{best[0].upper()}{best[1:]}; faintest: {times:.2g} times the best, or more."]
    if cells < len(settings):
        rest = [in_prose(key) for key in choices(read) if key not in axes and key != SEED]
        told.append(f"Each cell is the best of those that differ in {' and '.join(rest)}.")
    if cells < places:
        told.append("Where there is no cell, there is no such combination.")
    return " ".join(told)
