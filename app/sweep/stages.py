"""The stages of a sweep: who trained which epochs, for how many cells. Pure.

A cell that has epochs of its own has a bar, from the epoch where it parted to its last. A cell
without is in the bar of the one that it follows.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from trainer.sweep.reading import Cell


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
    return sorted(roots, key=lambda root: min(bar.best.cost for bar in in_order(root)))


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
    longest = max((bar.last for root in roots for bar in in_order(root)), default=0)
    within, found = 0, roots
    while within <= longest and sum(1 for root in found for _ in in_order(root)) > most:
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
    latest = max(each.first for each in in_order(bar))
    return bool(bar.parts) and within > 1 and latest - bar.first < within


def _one(bars: Sequence[Bar]) -> Bar:
    """Bars, and all that parts from them, as one."""
    every = [each for bar in bars for each in in_order(bar)]
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


def in_order(bar: Bar) -> Iterator[Bar]:
    """A bar, then what parted from it, the latest first: so no line crosses a bar."""
    yield bar
    for part in sorted(bar.parts, key=lambda part: -part.first):
        yield from in_order(part)
