"""Robust statistics of a few values in the order of their epochs."""

import math
from collections.abc import Sequence
from itertools import pairwise
from statistics import median

# Of normal noise with deviation 1: the median step from one value to the next, and the deviation of
# a median of n values, times the root of n.
STEP_OF_NORMAL = 0.954
MEDIAN_OF_NORMAL = 1.253


def step(values: Sequence[float]) -> float:
    """By how much they typically move from one to the next: the median of the differences."""
    moves = [abs(b - a) for a, b in pairwise(values)]
    return median(moves) if moves else 0.0


def uncertainty(values: Sequence[float]) -> float:
    """The standard error of their median, from the steps between them."""
    return MEDIAN_OF_NORMAL * step(values) / STEP_OF_NORMAL / math.sqrt(len(values))


def slope(values: Sequence[float]) -> float:
    """By how much they rise from one to the next on the whole: the median over all pairs."""
    slopes = [
        (b - a) / (j - i)
        for i, a in enumerate(values)
        for j, b in enumerate(values[i + 1 :], i + 1)
    ]
    return median(slopes) if slopes else 0.0


def jitter(values: Sequence[float]) -> float:
    """The standard deviation around the running median of five; 0 where they only rise or fall."""
    residuals = [abs(values[i] - median(values[i - 2 : i + 3])) for i in range(2, len(values) - 2)]
    # A median of five takes part of the noise with it; of normal noise 0.52 is left in the median.
    return median(residuals) / 0.52 if residuals else 0.0
