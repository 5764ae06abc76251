"""What an epoch looked like from within, in at most 64 points, and where they lie. torch-free."""

from dataclasses import dataclass

POINTS = 64


@dataclass(frozen=True, slots=True)
class Trace:
    """The losses of an epoch's batches and the LRs that they were trained with, as far as they are
    known. Each point is a group of `group_size` batches in their order; the last may have fewer.

    Attributes:
        losses: each group's mean over its batches, None if it is not finite.
        lrs: the LR of each group's last batch; empty where the LR did not change within the epoch.
    """

    losses: tuple[float | None, ...] = ()
    lrs: tuple[float, ...] = ()


EMPTY = Trace()


def group_size(batches: int) -> int:
    """The batches of a group in an epoch of `batches`."""
    return -(-batches // POINTS)


def groups(batch: int, batches: int) -> int:
    """How many groups are complete once `batch` of an epoch's `batches` are done."""
    size = group_size(batches)
    return -(-batches // size) if batch == batches else batch // size


def batch_place(epoch: int, batch: float, batches: int) -> float:
    """Where a batch (from 0) lies on the epoch axis, on which epoch e reaches from e - 1/2 to
    e + 1/2.
    """
    return epoch - 0.5 + (batch + 0.5) / batches


def point_place(epoch: int, point: int, batches: int) -> float:
    """Where a point (from 0) of a trace lies on the epoch axis: in the middle of its group."""
    size = group_size(batches)
    last = min((point + 1) * size, batches) - 1
    return batch_place(epoch, (point * size + last) / 2, batches)
