"""Where fastai's four rules would put the LR after a range test. Pure, torch-free.

Source: `fastai/callback/schedule.py` and the smoothing of `fastai/learner.py` (fastai 2.8). Each
rule is given what fastai gives it: smoothed losses, without the first tenth of the planned batches
and the last five, up to the first that is not a number.
"""

import math
from collections.abc import Callable, Sequence
from itertools import pairwise

SMOOTHING = 0.98
DIVERGED = 4.0  # the test ends where the smoothed loss is so many times its lowest
SKIPPED_END = 5
SLIDE_WIDTH, SLIDE_THRESHOLD = 15, 0.005
RULES = ("valley", "slide", "steep", "minimum")


class Smoothed:
    """The running mean of losses that fastai judges by."""

    def __init__(self) -> None:
        self.values: list[float] = []
        self._sum = 0.0

    @property
    def has_diverged(self) -> bool:
        """Whether the test is over."""
        return self.values[-1] > DIVERGED * min(self.values)

    def add(self, loss: float) -> None:
        self._sum = SMOOTHING * self._sum + (1 - SMOOTHING) * loss
        self.values.append(self._sum / (1 - SMOOTHING ** (len(self.values) + 1)))


def smoothed(losses: Sequence[float]) -> list[float]:
    """The losses as fastai's rules see them."""
    smooth = Smoothed()
    for loss in losses:
        smooth.add(loss)
    return smooth.values


def suggestions(
    lrs: Sequence[float], losses: Sequence[float], planned: int
) -> dict[str, float | None]:
    """The LR that each rule suggests, None where it cannot.

    Args:
        lrs, losses: of each batch; the losses as they were.
        planned: how many batches were planned, of which the test may have ended early.
    """
    seen = slice(planned // 10, -SKIPPED_END)
    lrs, smooth = list(lrs[seen]), smoothed(losses)[seen]
    finite = next((i for i, loss in enumerate(smooth) if math.isnan(loss)), len(smooth))
    lrs, smooth = lrs[:finite], smooth[:finite]
    rules: dict[str, Callable[[Sequence[float], Sequence[float]], float | None]] = {
        "valley": valley, "slide": slide, "steep": steep, "minimum": minimum,
    }  # fmt: skip
    return {name: rules[name](lrs, smooth) if len(smooth) > 1 else None for name in RULES}


def valley(lrs: Sequence[float], losses: Sequence[float]) -> float:
    """Within the longest falling subsequence, half of a third behind its first third."""
    longest = [1] * len(losses)
    start = end = 0
    for i, loss in enumerate(losses):
        falls = (longest[j] for j in range(i) if loss < losses[j])
        longest[i] = 1 + max(falls, default=0)
        if longest[i] > longest[end]:
            end, start = i, i - longest[i]
    third = (end - start) / 3
    return lrs[start + int(third) + int(third / 2)]


def slide(lrs: Sequence[float], losses: Sequence[float]) -> float | None:
    """Slide a pair of batches down from the end until the loss is as steep at both."""
    if len(losses) <= SLIDE_WIDTH:
        return None
    last = len(losses) - 1
    inner = [(losses[i + 1] - losses[i - 1]) / 2 for i in range(1, last)]
    slopes = [losses[1] - losses[0], *inner, losses[last] - losses[last - 1]]
    right, left = last, last - SLIDE_WIDTH
    found = lrs[left]
    while left >= 0 and abs(slopes[right] - slopes[left]) > SLIDE_THRESHOLD:
        found = lrs[left]
        right, left = right - 1, left - 1
    return found


def steep(lrs: Sequence[float], losses: Sequence[float]) -> float:
    """Where the loss falls most over the logarithm of the LR."""
    slopes = [
        (after - before) / (math.log(lrs[i + 1]) - math.log(lrs[i]))
        for i, (before, after) in enumerate(pairwise(losses))
    ]
    return lrs[slopes.index(min(slopes))]


def minimum(lrs: Sequence[float], losses: Sequence[float]) -> float:
    """A tenth of where the loss is lowest."""
    return lrs[list(losses).index(min(losses))] / 10


def apart(suggested: Sequence[float | None]) -> float | None:
    """How many times the highest of several suggestions is the lowest; None for less than two."""
    known = [lr for lr in suggested if lr]
    return max(known) / min(known) if len(known) > 1 else None
