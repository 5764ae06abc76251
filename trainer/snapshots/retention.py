"""Which of a run's snapshots are kept. torch-free."""

from collections.abc import Iterable, Mapping

from .files import At


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
