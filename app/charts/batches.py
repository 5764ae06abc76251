"""The loss of the batches within the epochs, as a line behind the epochs' own. Pure."""

from collections.abc import Sequence
from statistics import fmean

from trainer.schedule.trace import Trace, groups, point_place

# Points in a whole chart: with more, drawing would take longer than training.
MOST = 4_000


def an_epoch(epochs: int) -> int:
    """How many points to draw of each epoch of a run of so many epochs; 0 for a run so long that
    one an epoch is enough, which is its train loss.
    """
    most = MOST // epochs
    return most if most > 1 else 0


def points(
    epoch: int, trace: Trace, batches: int, most: int, after: int = 0
) -> list[tuple[float, float | None]]:
    """The points of an epoch's trace on the epoch axis, each the mean of the same number of its
    neighbours so that there are at most `most`.

    Args:
        epoch: its number.
        trace: its trace, as far as it has been trained.
        batches: batches per epoch.
        after: leave out this many points, which were drawn before.
    """
    every = -(-groups(batches, batches) // most)
    ends = len(trace.losses) == groups(batches, batches)
    found = []
    for first in range(after * every, len(trace.losses), every):
        group = trace.losses[first : first + every]
        if len(group) == every or ends:
            middle = [point_place(epoch, i, batches) for i in (first, first + len(group) - 1)]
            found.append((round(fmean(middle), 4), _mean(group)))
    return found


def _mean(losses: Sequence[float | None]) -> float | None:
    finite = [loss for loss in losses if loss is not None]
    return float(f"{fmean(finite):.4g}") if finite else None
