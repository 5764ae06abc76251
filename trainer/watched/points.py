"""A watched epoch's points as a trace. torch-free."""

import math
from bisect import bisect_left
from collections.abc import Sequence

from ..schedule.trace import EMPTY, Trace, group_size, groups
from .lines import Point


def trace(points: Sequence[Point], done: int, batches: int) -> Trace:
    """The trace of an epoch of which `done` of `batches` batches are done. A group between two
    points has the loss of the nearer one: a training tells by the clock, and not of each batch.

    Args:
        points: batch, loss and LR, in the order of the batches.
    """
    known = [(int(batch), loss, lr) for batch, loss, lr in points if 0 <= batch < batches]
    if not known or batches < 1:
        return EMPTY
    at, size = [batch for batch, _, _ in known], group_size(batches)
    losses, lrs = [], []
    for group in range(groups(min(done, batches), batches)):
        first, end = group * size, min((group + 1) * size, batches)
        inside = known[bisect_left(at, first) : bisect_left(at, end)]
        if not inside:
            inside = [min(known, key=lambda point: abs(point[0] - (first + end - 1) / 2))]
        told = [math.nan if loss is None else loss for _, loss, _ in inside]
        mean = math.fsum(told) / len(told) if all(map(math.isfinite, told)) else None
        losses.append(mean if mean is not None and math.isfinite(mean) else None)
        lrs.append(inside[-1][2])
    used = [lr for lr in lrs if lr is not None and math.isfinite(lr)]
    moves = len(used) == len(lrs) and len(set(used)) > 1
    return Trace(tuple(losses), tuple(used) if moves else ())
