"""The rule strips of several runs, one under the other, each kind of cell as one filled outline."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from app.charts import rule
from app.charts.curves import Curve, cells
from app.charts.series import Line
from trainer.schedule.decisions import Decision

MOST_STRIPS = 12
MOST_CELLS = 120  # in a strip; of a longer run several epochs share one
HEIGHT, INSET = 0.8, 0.08  # of a strip's space and of a cell's
# Which of several epochs' kinds a cell shows: the first of these.
RANK = (
    "diverged", "cut", "turn", "no effect", "best", "warm-up", "moved", "bad", "cooldown", "kept",
)  # fmt: skip


class Strip(NamedTuple):
    """A run's strip: the decision of each of its epochs, by number, the planned number of them, and
    where each begins and ends.
    """

    run: int
    label: str
    decisions: Mapping[int, Decision | None]
    epochs: int
    place: Mapping[int, tuple[float, float]] = {}


class Cell(NamedTuple):
    """Its left and right ends, its kind, and its heights there."""

    left: float
    right: float
    kind: str
    begins: float
    ends: float


def strip_curves(strips: Sequence[Strip]) -> list[tuple[Curve, Line]]:
    """The traces of these strips, from the top down: one for each kind of cell."""
    lines: dict[str, Line] = {kind: Line([], []) for kind in rule.LOOKS}
    for i, strip in enumerate(strips):
        floor = len(strips) - 1 - i + (1 - HEIGHT) / 2
        for cell in strip_cells(strip):
            inset = INSET * (cell.right - cell.left)
            left, right = cell.left + inset, cell.right - inset
            begins, ends = floor + HEIGHT * cell.begins, floor + HEIGHT * cell.ends
            line = lines[cell.kind]
            line.x.extend((left, left, right, right, left, right))
            line.y.extend((floor, begins, ends, floor, floor, None))
    drawn = []
    for kind, line in lines.items():
        curve = cells(kind)
        style = {**curve.style, **({} if rule.LOOKS[kind].hollow else {"fill": "toself"})}
        drawn.append((curve._replace(style=style), Line(_rounded(line.x), line.y)))
    return drawn if strips else []


def strip_cells(strip: Strip) -> list[Cell]:
    """The cells of a strip, at most MOST_CELLS: one an epoch, or one for several neighbours with
    what matters most in them.
    """
    numbers = [epoch for epoch in strip.decisions if epoch in strip.place]
    every = -(-max(strip.epochs, len(numbers)) // MOST_CELLS)
    found = []
    for first in range(0, len(numbers), every):
        group = numbers[first : first + every]
        looks = [rule.cell(strip.decisions[epoch], strip.epochs) for epoch in group]
        kind, begins, ends = min(looks, key=lambda look: (RANK.index(look[0]), -look[1]))
        left, right = strip.place[group[0]][0], strip.place[group[-1]][1]
        found.append(Cell(left, right, kind, begins, ends))
    return found


def _rounded(x: Sequence[float]) -> list[float]:
    return [round(value, 4) for value in x]
