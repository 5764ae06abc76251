"""The words over a picture: each curve's name at its right end, and what moved the LR. Pure."""

import itertools
from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from app.charts.series import Mark
from app.picture import elements
from app.picture.axes import Axis
from app.picture.elements import text
from app.picture.panes import Panes

LINE = 15  # pixels between two labels, one under the other
CROWDED = 10  # pixels between two things that the schedule did
COLOURS = {"cut": "cut", "hand": "level", "turn": "lr", "diverged": "cut", "fork": "faint"}


class End(NamedTuple):
    """The name of a curve, beside its last point."""

    words: str
    colour: str
    y: float


def ends(labels: Sequence[End], axis: Axis, x: float, room: float) -> list[str]:
    """The names at the right, moved apart where they would cover each other; as many as fit.

    Args:
        axis: of the curves; labels stay within it.
        x, room: where they start, and the pixels that they have.
    """
    top, bottom = axis.end, axis.start
    most = max(int((bottom - top) / LINE), 1)
    placed = sorted(labels, key=lambda label: label.y)
    if len(placed) > most:
        placed = [placed[round(i * (len(placed) - 1) / max(most - 1, 1))] for i in range(most)]
    heights: list[float] = []
    for label in placed:
        heights.append(max(label.y, heights[-1] + LINE) if heights else label.y)
    lowest = bottom
    for i in reversed(range(len(heights))):
        heights[i] = min(heights[i], lowest)
        lowest = heights[i] - LINE
    return [
        text(x, y + 4, elements.shortened(words, room), colour, font_size=12, font_weight=600)
        for (words, colour, _), y in zip(placed, heights, strict=True)
    ]


def marks(found: Sequence[Mark], panes: Panes, paint: dict[str, str]) -> list[str]:
    """What moved the LR, beside its curve; at the top of the loss what is not an LR."""
    kept: list[str] = []
    placed: list[tuple[bool, float, float, float]] = []
    order = sorted(
        uncrowded(found, panes.x), key=lambda mark: (mark.kind == "hand", mark.x), reverse=True
    )
    for mark in order:
        left = panes.x.place(mark.x)
        axis = panes.loss if mark.lr is None else panes.lr
        line = axis.end + 13.0
        if mark.lr is not None:
            if not axis.shows(mark.lr):
                continue
            line = axis.place(mark.lr)
            line = line + 15 if line - axis.end < 16 else line - 5
        line = min(line, axis.start - 2)
        width = elements.width(mark.label, 11) + 8
        start = min(left + 4, panes.width - width)
        covers = any(
            loss == (mark.lr is None) and start < end and start + width > other
            and abs(line - above) < LINE
            for loss, other, end, above in placed
        )  # fmt: skip
        if covers:
            continue
        placed.append((mark.lr is None, start, start + width, line))
        colour = paint[COLOURS.get(mark.kind, "faint")]
        kept.append(text(start, line, mark.label, colour, font_size=11, font_weight=600))
    return kept


def uncrowded(found: Sequence[Mark], x: Axis) -> list[Mark]:
    """The marks but for those of the schedule that follow each other within a few pixels: there
    the curve itself shows it. What was done by hand always has its name.
    """
    places: dict[str, list[float]] = defaultdict(list)
    for mark in found:
        places[mark.kind].append(x.place(mark.x))
    crowds = set()
    for kind in ("cut", "turn"):
        pixels = sorted(places[kind])
        for one, next_one in itertools.pairwise(pixels):
            if next_one - one < CROWDED:
                crowds |= {(kind, one), (kind, next_one)}
    return [mark for mark in found if (mark.kind, x.place(mark.x)) not in crowds]
