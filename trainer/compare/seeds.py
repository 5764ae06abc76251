"""Whether two settings differ by more than their seeds do. Pure, and without scipy, which would
take longer to load than the page.

Two runs of one seed begin with the same weights and see the same images in the same order, so they
are compared in pairs: the difference is that of the logarithms of a metric, and the interval is
Student's for the mean of the differences.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from statistics import fmean, stdev

from ..config.metrics import rises

CONFIDENCE = 0.95
APART = 0.1  # the difference of which is said how many seeds it takes to tell it
MOST_SEEDS = 1_000
MINUS = "\u2212"


@dataclass(frozen=True)
class Comparison:
    """One setting against another, by one number a run.

    Attributes:
        differences: of the logarithm, the first setting's minus the second's, by seed.
        unusable: seeds of both that were left out, since a value is missing or not above 0.
    """

    differences: dict[int, float]
    unusable: tuple[int, ...] = ()

    @property
    def seeds(self) -> int:
        return len(self.differences)

    @property
    def mean(self) -> float | None:
        return fmean(self.differences.values()) if self.differences else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """Where the mean difference lies, with a confidence of 95 %; None for less than two seeds,
        which say nothing of the noise.
        """
        return interval(list(self.differences.values()))

    @property
    def differs(self) -> bool:
        """Whether the seeds show a difference: 0 lies outside the interval."""
        ends = self.interval
        return ends is not None and not ends[0] <= 0 <= ends[1]

    @property
    def seeds_needed(self) -> int | None:
        """How many seeds it would take to tell 10 % apart; None if that cannot be known yet."""
        return needed(list(self.differences.values()))


def paired(
    metric: str, first: Mapping[int, float | None], second: Mapping[int, float | None]
) -> Comparison:
    """Compare two settings by the seeds that both have.

    Args:
        metric: its name. One that rises is compared by its error, 1 minus the value.
        first, second: a value by seed, None where there is none.
    """
    found, left_out = {}, []
    for seed in sorted(first.keys() & second.keys()):
        logs = [logarithm(metric, values[seed]) for values in (first, second)]
        if logs[0] is None or logs[1] is None:
            left_out.append(seed)
        else:
            found[seed] = logs[0] - logs[1]
    return Comparison(found, tuple(left_out))


def logarithm(metric: str, value: float | None) -> float | None:
    """The logarithm by which a metric is compared, of one that rises that of its error; None where
    there is none.
    """
    cost = value if value is None or not rises(metric) else 1 - value
    return math.log(cost) if cost is not None and cost > 0 else None


def interval(
    differences: Sequence[float], confidence: float = CONFIDENCE
) -> tuple[float, float] | None:
    """Student's interval for the mean of these differences; None for less than two."""
    if len(differences) < 2:
        return None
    mean = fmean(differences)
    half = _half_width(stdev(differences, mean), len(differences), confidence)
    return mean - half, mean + half


def needed(
    differences: Sequence[float], apart: float = APART, confidence: float = CONFIDENCE
) -> int | None:
    """The smallest number of pairs whose interval reaches no further than `apart` (0.1 for 10 %)
    from its middle, if they scatter as these do; at most MOST_SEEDS. None for less than two.
    """
    if len(differences) < 2:
        return None
    scatter, wanted = stdev(differences), math.log1p(apart)
    low, high = 2, MOST_SEEDS  # the width falls as the number rises
    while low < high:
        middle = (low + high) // 2
        if _half_width(scatter, middle, confidence) <= wanted:
            high = middle
        else:
            low = middle + 1
    return low


def _half_width(scatter: float, count: int, confidence: float) -> float:
    return student(count - 1, (1 + confidence) / 2) * scatter / math.sqrt(count)


@cache
def student(freedom: int, probability: float) -> float:
    """The quantile of Student's distribution, for probabilities from 0.5 to below 1.

    The distribution of a whole number of degrees of freedom is a finite sum in the angle whose
    tangent is t / sqrt(freedom) (Abramowitz and Stegun, 26.7.3 and 26.7.4).
    """
    low, high = 0.0, math.pi / 2
    for _ in range(64):
        middle = (low + high) / 2
        if (1 + _within(middle, freedom)) / 2 < probability:
            low = middle
        else:
            high = middle
    return math.tan(high) * math.sqrt(freedom)


def _within(angle: float, freedom: int) -> float:
    """The probability that |t| is below the one of this angle."""
    sine, square = math.sin(angle), math.cos(angle) ** 2
    odd = freedom % 2
    term = math.cos(angle) if odd else 1.0
    total = term if freedom > 1 else 0.0
    for k in range(2 + odd, freedom - 1, 2):
        term *= square * (k - 1) / k
        total += term
    return 2 / math.pi * (angle + sine * total) if odd else sine * total


def percent(difference: float, signed: bool = False) -> str:
    """A difference of logarithms as a change: 12 %; signed, +12 %."""
    change = 100 * math.expm1(min(difference, 700.0))
    size = abs(change)
    text = f"{size:,.0f}" if size >= 9.95 or size == 0 else f"{size:.1f}".removesuffix(".0")
    sign = "" if not signed or float(text.replace(",", "")) == 0 else "+" if change > 0 else MINUS
    return f"{sign}{text} %"


def sentence(first: str, comparison: Comparison) -> str:
    """What the seeds show of the first setting against the second: plateau is 12 % lower, 95 %
    between 3 % and 20 %, 5 seeds.
    """
    mean, ends, seeds = comparison.mean, comparison.interval, comparison.seeds
    if mean is None or ends is None:
        return "One seed cannot show a difference" if seeds else "No seed in common"
    if not comparison.differs:
        return f"No difference that {seeds} seeds can show"
    near, far = sorted(ends, key=abs)
    return f"{change(first, mean)}, 95 % between {percent(near)} and {percent(far)}, {seeds} seeds"


def change(first: str, difference: float) -> str:
    """A difference of logarithms in words: plateau is 12 % lower."""
    return f"{first} is {percent(difference)} {'lower' if difference < 0 else 'higher'}"
