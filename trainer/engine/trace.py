"""The trace of the epoch that is training, from those losses that have reached the host."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from ..schedule.trace import Trace, group_size, groups
from .state import Snapshot, State


class Arrivals:
    """The means of an epoch's groups of batches, as their losses arrive on the host. It never waits
    for the device: on CUDA a copy is started and looked for the next time, and a device that cannot
    copy beside its work has none within an epoch.

    Args:
        losses: float32 [batches], on the device; a batch's loss stays there until the epoch's end.
    """

    def __init__(self, losses: Tensor) -> None:
        self._losses = losses
        self._host = room(losses)
        self._copied: torch.cuda.Event | None = None
        self._asked = self._arrived = 0
        self._means: list[float | None] = []

    def trace(self, state: State) -> Trace:
        """The groups of the state's epoch that are complete and have arrived."""
        batches, size = len(self._losses), group_size(len(self._losses))
        ready = groups(self._ready(state.batch), batches)
        if self._host is not None and ready > len(self._means):
            new = self._host[len(self._means) * size : ready * size].tolist()
            self._means += means(new, size)
        return trace(self._means, state.lr, state.lrs)

    def _ready(self, batch: int) -> int:
        """How many of the first `batch` losses can be read now."""
        if self._host is self._losses:
            return batch
        if self._host is None:
            return 0
        if self._copied is None or self._copied.query():
            self._arrived, self._asked = self._asked, batch
            new = slice(self._arrived, batch)
            self._host[new].copy_(self._losses[new], non_blocking=True)
            self._copied = torch.cuda.Event()
            self._copied.record()
        return self._arrived


def room(losses: Tensor) -> Tensor | None:
    """Where the losses can be read: on the CPU they are there already; None if nowhere."""
    match losses.device.type:
        case "cpu":
            return losses
        case "cuda":
            return torch.empty(losses.shape, dtype=losses.dtype, pin_memory=True)
    return None


def whole(losses: Sequence[float], state: State) -> Trace:
    """The trace of an epoch whose batches are all done."""
    return trace(means(losses, group_size(len(losses))), state.lr, state.lrs)


def kept(snapshot: Snapshot, batches: int) -> Trace:
    """The trace of the epoch within which a snapshot was taken; empty at the end of one."""
    size, done = group_size(batches), groups(snapshot["batch"], batches)
    losses = snapshot["losses"][: done * size].tolist()
    return trace(means(losses, size), snapshot["lr"], snapshot.get("lrs", ()))


def means(losses: Sequence[float], size: int) -> list[float | None]:
    """The mean of each group of `size` losses, the last of which may have fewer."""
    found = (losses[first : first + size] for first in range(0, len(losses), size))
    values = (sum(group) / len(group) for group in found)
    return [value if math.isfinite(value) else None for value in values]


def trace(points: Sequence[float | None], lr: float, lrs: Sequence[float]) -> Trace:
    """These points, with their LRs if all are known and one is not that of the first batch."""
    lrs = lrs[: len(points)]
    moved = len(lrs) == len(points) and any(one != lr for one in lrs)
    return Trace(tuple(points), tuple(lrs) if moved and all(map(math.isfinite, lrs)) else ())
