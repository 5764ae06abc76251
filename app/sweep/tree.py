"""The tree of a sweep's stages: who trained which epochs, for how many cells. Pure.

A cell that has epochs of its own has a bar, from the epoch where it parted to its last; it is as
thick as the cells that share it, and a thin line leads to it from the bar that it parted from. A
cell without epochs of its own is in the bar of the one that it follows.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from app.charts import shades, theme
from app.charts.curves import safe
from app.charts.figures import templates
from app.sweep.reading import SEED, Cell, Read
from app.sweep.settings import choices, words
from trainer.config.metrics import label as metric_label
from trainer.config.metrics import rises
from trainer.config.text import epochs_text, significant
from trainer.store.sweeps import Epochs

MOST_BARS = 160  # more cannot be told apart
LANE, LEAST_LANE, MOST_HEIGHT = 15, 4, 640  # pixels
THICK, THIN = 0.86, 0.16  # of a lane: a bar that all cells share, and one of a single cell
PALE = 0.25  # the faintest shade of a bar, which must be seen without a number in it


@dataclass(slots=True)
class Bar:
    """Epochs that one cell has trained, or several that are drawn as one.

    Attributes:
        first: the epochs before it; it has those from first + 1 to last.
        counts: how many cells share it after each epoch where that changes, the first at `first`.
        trained: how many epochs it stands for.
        followers: the cells that have no epochs of their own, and all of it.
        parts: what has parted from it, with the epoch after which.
    """

    cells: list[Cell]
    first: int
    last: int
    trained: int
    counts: list[tuple[int, int]] = field(default_factory=list)
    parts: list["Bar"] = field(default_factory=list)
    followers: list[Cell] = field(default_factory=list)
    drawn_as_one: int = 1

    @property
    def best(self) -> Cell:
        return min(self.cells, key=lambda cell: (cell.cost, cell.run))


class Tree(NamedTuple):
    """The picture, as `app.sweep.heat.Map` is one."""

    figure: dict[str, Any]
    templates: dict[theme.Scheme, dict[str, Any]]
    note: str
    height: int


def saved(epochs: Epochs) -> str:
    """What sharing has saved so far: 1,440 epochs asked, 374 trained: 3.8 times as many."""
    asked, done, trained = epochs.asked, epochs.done, epochs.trained
    so_far = "" if done == asked else f", {done:,} of them done"
    times = f": {done / trained:.1f} epochs for each" if trained and done > trained else ""
    return f"{asked:,} epochs asked{so_far}, {trained:,} trained{times}"


def tree(read: Read, width: int = 720, by: str = "best") -> Tree:
    """The tree of a sweep.

    Where there are more than MOST_BARS bars, those that part from the same bar after the same epoch
    and from which none parts are drawn as one; if that is not enough, all those that part from it
    within 2, 4, 8, ... epochs, with what parts from them. Of more roots than that, the best are
    drawn.

    Args:
        width: the pixels that there are.
        by: what the colour says: "best", or a key with numbers, such as "lr".
    """
    whole = stages(read.cells)
    roots, within = fewer(whole, MOST_BARS)
    shown = roots[:MOST_BARS]
    lanes: dict[int, int] = {}
    for root in shown:
        for bar in _in_order(root):
            lanes[id(bar)] = len(lanes)
    every = [bar for root in shown for bar in _in_order(root)]
    strength, told = _strengths(read, every, by)
    lane = max(LEAST_LANE, min(LANE, MOST_HEIGHT // max(len(every), 1)))
    height = len(every) * lane + 52
    most = max((count for bar in every for _, count in bar.counts), default=1)
    traces, shades_of = _bars(read, every, lanes, strength, most)
    traces.insert(0, _lines(every, lanes))
    epochs = max((cell.epochs for cell in read.cells), default=1)
    named = [(lanes[id(root)] + 0.5, _name(read, root)) for root in shown]
    figure = {"data": traces, "layout": _layout(named, len(every), lane, epochs, height, width)}
    return Tree(figure, _templates(shades_of), _note(told, within, roots), height)


def stages(cells: Sequence[Cell]) -> list[Bar]:
    """The roots of the tree, best first, each bar with what parted from it."""
    by_run = {cell.run: cell for cell in cells}
    own = {
        cell.run: Bar([cell], start, cell.epoch, cell.epoch - start)
        for cell in cells
        if cell.epoch > (start := (cell.parent is not None and cell.parent_epoch) or 0)
    }
    roots = []
    shares: dict[int, dict[int, int]] = {run: {} for run in own}  # cells that leave, by epoch
    for cell in cells:
        run, upto = cell.run, cell.epoch
        while run in by_run:
            if run in own and upto > own[run].first:
                leaves = shares[run]
                leaves[upto] = leaves.get(upto, 0) + 1
            at = by_run[run]
            parent = at.parent if at.parent in by_run and at.parent < run else None
            upto = min(upto, at.parent_epoch or 0)
            run = parent or 0
    for run, bar in own.items():
        left = sum(shares[run].values())
        start = bar.first
        for upto in sorted(shares[run]):
            bar.counts.append((start, left))
            left -= shares[run][upto]
            start = upto
        owner = _owner(by_run[run], by_run, own)
        if owner is None:
            roots.append(bar)
        else:
            owner.parts.append(bar)
    for cell in cells:
        if cell.run not in own and (owner := _owner(cell, by_run, own)):
            owner.followers.append(cell)
    return sorted(roots, key=lambda root: min(bar.best.cost for bar in _in_order(root)))


def _owner(cell: Cell, by_run: Mapping[int, Cell], own: Mapping[int, Bar]) -> Bar | None:
    """The bar that a cell's own parted from: its parent's, or that of the one which the parent
    itself shared those epochs of.
    """
    at = cell.parent_epoch or 0
    parent = by_run.get(cell.parent or 0)
    while parent is not None and at:
        bar = own.get(parent.run)
        if bar is not None and bar.first < at:
            return bar
        at, parent = min(at, parent.parent_epoch or 0), by_run.get(parent.parent or 0)
    return None


def fewer(roots: list[Bar], most: int) -> tuple[list[Bar], int]:
    """The same tree with at most so many bars, as far as that can be; and within how many epochs
    those part that are drawn as one, 0 if none are.
    """
    longest = max((bar.last for root in roots for bar in _in_order(root)), default=0)
    within, found = 0, roots
    while within <= longest and sum(1 for root in found for _ in _in_order(root)) > most:
        within = 2 * within or 1
        found = [_merged(root, within) for root in roots]
    return found, within


def _merged(bar: Bar, within: int) -> Bar:
    """A bar whose parts of the same `within` epochs are one; within 1, only those from which none
    parts.
    """
    windows: dict[tuple[int, int], list[Bar]] = {}
    for part in bar.parts:
        alone = part.cells[0].run if within == 1 and part.parts else 0
        windows.setdefault((part.first // within, alone), []).append(part)
    parts = [
        _one(its) if len(its) > 1 or _parts_within(its[0], within) else _merged(its[0], within)
        for its in windows.values()
    ]
    return replace(bar, parts=parts)


def _parts_within(bar: Bar, within: int) -> bool:
    """Whether all that parts from a bar does so within so many epochs of its beginning."""
    latest = max(each.first for each in _in_order(bar))
    return bool(bar.parts) and within > 1 and latest - bar.first < within


def _one(bars: Sequence[Bar]) -> Bar:
    """Bars, and all that parts from them, as one."""
    every = [each for bar in bars for each in _in_order(bar)]
    first = min(bar.first for bar in bars)
    return Bar(
        [cell for bar in every for cell in bar.cells],
        first,
        max(bar.last for bar in every),
        sum(bar.trained for bar in every),
        [(first, sum(bar.counts[0][1] for bar in bars))],
        followers=[cell for bar in every for cell in bar.followers],
        drawn_as_one=len(every),
    )


def _in_order(bar: Bar) -> Iterator[Bar]:
    """A bar, then what parted from it, the latest first: so no line crosses a bar."""
    yield bar
    for part in sorted(bar.parts, key=lambda part: -part.first):
        yield from _in_order(part)


def _strengths(read: Read, bars: Sequence[Bar], by: str) -> tuple[dict[int, float | None], str]:
    """The shade of each bar, None for one that has diverged or failed, and what it says."""
    lost = {id(bar) for bar in bars if all(c.status in ("diverged", "failed") for c in bar.cells)}
    if by == "best":
        values = [bar.best.best for bar in bars]
        costs = [1 - v if v is not None and rises(read.metric) else v for v in values]
        strong, _ = shades.strengths(costs)
        told = f"darkest: the best {metric_label(read.metric)}"
    else:
        known = sorted({v for bar in bars if (v := bar.best.values.get(by)) is not None})
        strong = [
            None if (v := bar.best.values.get(by)) is None
            else 1.0 if len(known) < 2
            else known.index(v) / (len(known) - 1)
            for bar in bars
        ]  # fmt: skip
        told = f"darkest: the highest {words({by: 0}).rsplit(' ', 1)[0]}"
    found = {
        id(bar): None if id(bar) in lost else PALE + (1 - PALE) * (value or 0.0)
        for bar, value in zip(bars, strong, strict=True)
    }
    return found, told


def _thickness(count: int, most: int) -> float:
    """Of a lane, by the logarithm of the cells that share it."""
    return THIN + (THICK - THIN) * (math.log(count) / math.log(most) if most > 1 else 0)


def _bars(
    read: Read,
    bars: Sequence[Bar],
    lanes: Mapping[int, int],
    strength: Mapping[int, float | None],
    most: int,
) -> tuple[list[dict[str, Any]], list[float | None]]:
    """A trace for each shade: the outline of its bars; and one, without a line, for the hover."""
    steps: list[float | None] = [
        PALE + (1 - PALE) * i / (shades.STEPS - 1) for i in range(shades.STEPS)
    ]
    steps.append(None)
    outlines: list[tuple[list[float | None], list[float | None]]] = [([], []) for _ in steps]
    told: list[tuple[float, float, str, list[int]]] = []
    for bar in bars:
        own = strength[id(bar)]
        step = (
            len(steps) - 1 if own is None else round((own - PALE) / (1 - PALE) * (shades.STEPS - 1))
        )
        x, y = outlines[step]
        middle = lanes[id(bar)] + 0.5
        ends = [start for start, _ in bar.counts[1:]] + [bar.last]
        for (start, count), end in zip(bar.counts, ends, strict=True):
            half = _thickness(count, most) / 2
            x += [start, end, end, start, start, None]
            y += [middle - half, middle - half, middle + half, middle + half, middle - half, None]
            text = _hover(read, bar, start, end, count)
            places = {start + 0.5, (start + end) / 2, end - 0.5} if end - start > 1 else {end - 0.5}
            told += [(place, middle, text, [bar.best.run]) for place in sorted(places)]
    traces: list[dict[str, Any]] = [
        {
            "type": "scatter",
            "meta": f"bars:{i}",
            "mode": "lines",
            "x": x,
            "y": y,
            "line": {"width": 0},
            "fill": "toself",
            "hoverinfo": "skip",
        }
        for i, (x, y) in enumerate(outlines)
    ]
    traces.append(
        {
            "type": "scatter",
            "meta": "hover",
            "mode": "markers",
            "x": [each[0] for each in told],
            "y": [each[1] for each in told],
            "text": [each[2] for each in told],
            "customdata": [each[3] for each in told],
            "marker": {"opacity": 0, "size": 10},
            "hovertemplate": "%{text}<extra></extra>",
        }
    )
    return traces, steps


def _hover(read: Read, bar: Bar, start: int, end: int, count: int) -> str:
    best = bar.best
    shared = "one cell" if count == 1 else f"shared by {count} cells"
    told = [f"<b>epochs {start + 1} to {end}</b>, {shared}"]
    if bar.drawn_as_one > 1:
        told = [
            f"<b>{bar.drawn_as_one} bars</b> that part after epoch {bar.first} or soon after, "
            f"{count} cells",
            f"{epochs_text(bar.trained)} trained",
        ]
    told.append(f"#{best.run} {safe(words(best.values))}")
    if best.best is not None:
        told.append(f"{metric_label(read.metric)} {significant(best.best)}, epoch {best.at}")
    return "<br>".join(told)


def _lines(bars: Sequence[Bar], lanes: Mapping[int, int]) -> dict[str, Any]:
    """A line from each bar to those that part from it."""
    x, y = list[float | None](), list[float | None]()
    for bar in bars:
        if bar.parts:
            for part in bar.parts:
                x += [part.first, part.first, None]
                y += [lanes[id(bar)] + 0.5, lanes[id(part)] + 0.5, None]
    return {
        "type": "scatter",
        "meta": "lines",
        "mode": "lines",
        "x": x,
        "y": y,
        "line": {"width": theme.HAIR},
        "hoverinfo": "skip",
    }


def _name(read: Read, root: Bar) -> str:
    """What all cells of a root have in common, of that in which cells differ."""
    cells = [cell for bar in _in_order(root) for cell in (*bar.cells, *bar.followers)]
    shared = {
        key: values.pop()
        for key in choices(read)
        if len(
            values := {c.seed if key == SEED else c.values.get(key) for c in cells}
        ) == 1 and None not in values
    }  # fmt: skip
    return words(shared)


def _layout(
    named: Sequence[tuple[float, str]], lanes: int, lane: int, epochs: int, height: int, width: int
) -> dict[str, Any]:
    told, free = [], -math.inf
    for at, name in named:
        fits = (at - free) * lane >= 12  # pixels that a line of text takes
        told.append(safe(name) if fits else "")
        free = at if fits else free
    longest = max((len(name) for _, name in named), default=0)
    return {
        "height": height,
        "xaxis": {
            "range": [0, epochs],
            "title": {"text": "epoch", "standoff": 4},
            "fixedrange": True,
            "showline": True,
        },
        "yaxis": {
            "range": [lanes, 0],
            "tickvals": [at for at, _ in named],
            "ticktext": told,
            "tickfont": {"size": 11},
            "showgrid": False,
            "zeroline": False,
            "fixedrange": True,
        },
        "margin": {"l": round(min(longest * 6.2 + 14, width / 3)), "r": 12, "t": 8, "b": 38},
        "showlegend": False,
        "hovermode": "closest",
        "dragmode": False,
        "uirevision": "keep",
    }


def _templates(steps: Sequence[float | None]) -> dict[theme.Scheme, dict[str, Any]]:
    def data(colour: dict[str, str]) -> dict[str, Any]:
        fills = [colour["cut"] if s is None else shades.shade(colour, s) for s in steps]
        return {
            "scatter": [
                {"line": {"color": colour["neutral"]}},
                *({"fillcolor": fill} for fill in fills),
                {"marker": {"color": colour["ink"]}},
            ]
        }

    return templates(data)


def _note(told: str, within: int, roots: Sequence[Bar]) -> str:
    """How the tree is drawn."""
    said = [f"A bar for each cell that trained, thick where many share it; {told}."]
    if within == 1:
        said.append("Bars that part after the same epoch, and from which none parts, are one.")
    elif within:
        said.append(f"Bars that part within {within} epochs of each other are drawn as one.")
    if len(roots) > MOST_BARS:
        said.append(f"Of {len(roots)} that share nothing the best {MOST_BARS} are drawn.")
    return " ".join(said)
