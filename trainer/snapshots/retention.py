"""Which of a run's snapshots to keep. torch-free."""

from collections.abc import Iterable, Mapping

from .files import At


def chosen(
    sizes: Mapping[At, int], budget: int, best: int | None = None, cuts: Iterable[int] = ()
) -> set[At]:
    """Which snapshots to keep within the budget, by priority: the last, the best epoch's, those of
    epochs that ended with a cut, then the rest, thinned evenly.

    The last one is kept even if it alone exceeds the budget.

    Args:
        sizes: each snapshot's size in bytes.
        budget: the total bytes that they may use.
        best: the epoch with the best monitor.
        cuts: the epochs that ended with a cut.
    """
    last = max(sizes, default=None)
    kept = sorted(at for at in sizes if not at[1] or at == last)
    cut = {(epoch, 0) for epoch in cuts}
    total = sum(sizes[at] for at in kept)
    while total > budget and len(kept) > 1:
        # Remove the one that would leave the smallest gap; the last one always stays.
        neighbours = zip([(0, 0), *kept], kept, kept[1:], strict=False)
        _, _, at = min(
            (2 if at == (best, 0) else 1 if at in cut else 0, after[0] - before[0], at)
            for before, at, after in neighbours
        )
        kept.remove(at)
        total -= sizes[at]
    return set(kept)
