"""The tree of a sweep's stages as a picture. Pure.

A bar is as thick as the cells that share it are many, and a thin line leads to it from the bar that
it parted from.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from app.charts import shades, theme
from app.charts.curves import safe
from app.charts.figures import templates
from app.sweep.stages import Bar, fewer, in_order, stages
from trainer.config.metrics import label as metric_label
from trainer.config.metrics import rises
from trainer.config.text import epochs_text, significant
from trainer.store.sweeps import Epochs
from trainer.sweep.reading import SEED, Read
from trainer.sweep.settings import choices, in_prose, words

MOST_BARS = 160  # more cannot be told apart
LANE, LEAST_LANE, MOST_HEIGHT = 15, 4, 640  # pixels
SEEN = 1.8  # pixels: a thinner bar is not drawn by every screen
THICK, THIN = 0.86, 0.16  # of a lane: a bar that all cells share, and one of a single cell
PALE = 0.25  # the faintest shade of a bar, which must be seen without a number in it
LETTER, ROOM = 6.2, 14  # pixels of a letter of a name, and beside the name


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
        for bar in in_order(root):
            lanes[id(bar)] = len(lanes)
    every = [bar for root in shown for bar in in_order(root)]
    strength, told = _strengths(read, every, by)
    lane = max(LEAST_LANE, min(LANE, MOST_HEIGHT // max(len(every), 1)))
    height = len(every) * lane + 52
    most = max((count for bar in every for _, count in bar.counts), default=1)
    traces, shades_of = _bars(read, every, lanes, strength, most, lane)
    traces.insert(0, _lines(every, lanes))
    epochs = max((cell.epochs for cell in read.cells), default=1)
    named = [(lanes[id(root)] + 0.5, _name(read, root)) for root in shown]
    figure = {"data": traces, "layout": _layout(named, len(every), lane, epochs, height, width)}
    return Tree(figure, _templates(shades_of), _note(told, within, roots), height)


def _strengths(read: Read, bars: Sequence[Bar], by: str) -> tuple[dict[int, float | None], str]:
    """The shade of each bar, None for one that has diverged or failed, and what it says."""
    lost = {id(bar) for bar in bars if all(c.status in ("diverged", "failed") for c in bar.cells)}
    if by == "best":
        values = [bar.best.best for bar in bars]
        costs = [1 - v if v is not None and rises(read.metric) else v for v in values]
        strong, _ = shades.strengths(costs)
        told = f"the stronger, the better its {metric_label(read.metric)}"
    else:
        known = sorted({v for bar in bars if (v := bar.best.values.get(by)) is not None})
        strong = [
            None if (v := bar.best.values.get(by)) is None
            else 1.0 if len(known) < 2
            else known.index(v) / (len(known) - 1)
            for bar in bars
        ]  # fmt: skip
        told = f"the stronger, the higher its {in_prose(by)}"
    found = {
        id(bar): None if id(bar) in lost else PALE + (1 - PALE) * (value or 0.0)
        for bar, value in zip(bars, strong, strict=True)
    }
    return found, told


def _thickness(count: int, most: int, lane: int) -> float:
    """Of a lane of so many pixels, by the logarithm of the cells that share it."""
    thin = max(THIN, SEEN / lane)
    return thin + (THICK - thin) * (math.log(count) / math.log(most) if most > 1 else 0)


def _bars(
    read: Read,
    bars: Sequence[Bar],
    lanes: Mapping[int, int],
    strength: Mapping[int, float | None],
    most: int,
    lane: int,
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
            half = _thickness(count, most, lane) / 2
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
    cells = [cell for bar in in_order(root) for cell in (*bar.cells, *bar.followers)]
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
    most = max(2, int((width / 3 - ROOM) / LETTER))
    named = [(at, name if len(name) <= most else f"{name[: most - 1]}…") for at, name in named]
    for at, name in named:
        fits = (at - free) * lane >= 12  # pixels that a line of text takes
        told.append(safe(name) if fits else "")
        free = at if fits else free
    longest = max((len(name) for _, name in named), default=0)
    return {
        "height": height,
        "xaxis": {
            "range": [0, epochs],
            **({"dtick": 1} if epochs < 6 else {}),  # no half epochs
            "title": {"text": "epoch", "standoff": 4},
            "fixedrange": True,
            "showline": True,
        },
        "yaxis": {
            "range": [lanes, 0],
            "tickvals": [at for at, _ in named],
            "ticktext": told,
            "tickfont": {"size": 11},
            "ticklabelstandoff": 4,
            "showgrid": False,
            "zeroline": False,
            "fixedrange": True,
        },
        "margin": {"l": round(longest * LETTER + ROOM), "r": 12, "t": 8, "b": 38},
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
