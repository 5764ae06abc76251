"""A curve drawn with block characters. Pure."""

import math
from collections.abc import Sequence
from itertools import pairwise

EIGHTHS = " ▁▂▃▄▅▆▇█"
WIDE_RANGE = 30  # between the lowest and the highest value: from here on the scale is logarithmic


def curve(values: Sequence[float | None], width: int, height: int) -> list[str]:
    """The lines of a curve, the highest first: a column for each value, or for the mean of several
    where there are more than `width`. A value that is None leaves a gap.
    """
    means = [_mean(part) for part in _parts(values, width)]
    finite = [mean for mean in means if mean is not None]
    if not finite:
        return []
    scale = math.log if min(finite) > 0 and max(finite) > WIDE_RANGE * min(finite) else float
    low, high = scale(min(finite)), scale(max(finite))
    steps = 8 * height - 1
    levels = [
        0 if mean is None else 1 + round(steps * ((scale(mean) - low) / (high - low or 1)))
        for mean in means
    ]
    return [
        "".join(EIGHTHS[min(8, max(0, level - 8 * row))] for level in levels).rstrip()
        for row in reversed(range(height))
    ]


def _parts(values: Sequence[float | None], width: int) -> list[Sequence[float | None]]:
    count = max(1, min(len(values), width))
    ends = [round(i * len(values) / count) for i in range(count + 1)]
    return [values[a:b] for a, b in pairwise(ends)]


def _mean(values: Sequence[float | None]) -> float | None:
    finite = [value for value in values if value is not None]
    return sum(finite) / len(finite) if finite else None
