"""Where a run's snapshots lie, and which of them are kept. torch-free."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

BUDGET_MB = 512  # a run's snapshots; an option of serve and train

At = tuple[int, int]
"""(epoch, batch): after so many whole epochs, and so many batches of the next one."""

NAME = re.compile(r"epoch-(\d+)(?:-batch-(\d+))?\.pt")


@dataclass(frozen=True, slots=True)
class Kept:
    """A snapshot on the disk; `size` in bytes."""

    at: At
    size: int
    path: Path


def folder(home: Path, run: int) -> Path:
    """The folder of a run's snapshots."""
    return home / "runs" / str(run)


def name(at: At) -> str:
    """epoch-00012.pt, or epoch-00012-batch-00031.pt for one within an epoch."""
    epoch, batch = at
    return f"epoch-{epoch:05}.pt" if not batch else f"epoch-{epoch:05}-batch-{batch:05}.pt"


def listed(folder: Path) -> list[Kept]:
    """The snapshots in a folder, earliest first; none where it is not there."""
    found = []
    for path in folder.iterdir() if folder.is_dir() else ():
        if match := NAME.fullmatch(path.name):
            try:
                size = path.stat().st_size
            except FileNotFoundError:  # thinned at this moment by the process that trains
                continue
            found.append(Kept((int(match[1]), int(match[2] or 0)), size, path))
    return sorted(found, key=lambda kept: kept.at)


def chosen(
    sizes: Mapping[At, int], budget: int, best: int | None = None, cuts: Iterable[int] = ()
) -> set[At]:
    """Which snapshots are kept: the last, the best epoch's, those of epochs that ended in a cut,
    and the rest thinned evenly, in this order, as far as they fit into the budget.

    The last one is kept even where it alone is larger than the budget.

    Args:
        sizes: each snapshot's size in bytes.
        budget: bytes that all that are kept may take together.
        best: the epoch with the best monitor.
        cuts: the epochs at whose end the LR was cut.
    """
    last = max(sizes, default=None)
    kept = sorted(at for at in sizes if not at[1] or at == last)
    cut = {(epoch, 0) for epoch in cuts}
    total = sum(sizes[at] for at in kept)
    while total > budget and len(kept) > 1:
        # How far apart its neighbours would be without each; the last one always stays.
        neighbours = zip([(0, 0), *kept], kept, kept[1:], strict=False)
        _, _, at = min(
            (2 if at == (best, 0) else 1 if at in cut else 0, after[0] - before[0], at)
            for before, at, after in neighbours
        )
        kept.remove(at)
        total -= sizes[at]
    return set(kept)


def nearest(folder: Path, epoch: int) -> list[Kept]:
    """The snapshots from which the end of `epoch` can be reached, the nearest first."""
    return [kept for kept in reversed(listed(folder)) if kept.at <= (epoch, 0)]
