"""Many settings on several seeds: which is the lowest, and which cannot be told from it. Pure.

Each value, the logarithm of a metric, is taken as the sum of what the setting does, of what the
seed does, and of a rest whose scatter is the same everywhere: the noise. Two settings on the same
seeds are so compared as in `trainer.compare.seeds`; of many, all take part in the estimate of the
noise, which is what makes three seeds enough to see anything.
"""

import math
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from .seeds import CONFIDENCE, student

K = TypeVar("K", bound=Hashable)
Values = Mapping[K, Mapping[int, float]]  # by setting and seed
NEAR = math.log(2)  # what is more than twice the lowest is often dead, and scatters differently
ROUNDS, SETTLED = 50, 1e-7
MOST_FREEDOM = 200  # of more, the quantile is the same within 1 %


@dataclass(frozen=True)
class Fit(Generic[K]):
    """What the values show.

    Attributes:
        means: of each setting, with the seeds' share taken out; the mean where all have the same
            seeds.
        scatter: the standard deviation of the rest; None where nothing is left to show it, as with
            one seed.
        freedom: the rest's degrees of freedom.
    """

    means: dict[K, float]
    scatter: float | None = None
    freedom: int = 0

    def reach(self, seeds: int, comparisons: int = 1) -> float | None:
        """How far apart the means of two settings with so many seeds in common must lie to be told
        apart with a confidence of 95 %; None if nothing can be told.

        Args:
            comparisons: how many are made: of many, some would differ by chance (Bonferroni).
        """
        if self.scatter is None or not seeds:
            return None
        probability = 1 - (1 - CONFIDENCE) / 2 / max(comparisons, 1)
        return (
            student(min(self.freedom, MOST_FREEDOM), probability)
            * self.scatter
            * math.sqrt(2 / seeds)
        )


@dataclass(frozen=True)
class Ranking(Generic[K]):
    """The lowest setting, those that cannot be told from it, and how far that reaches.

    Attributes:
        within: without the lowest.
        reach: of the logarithm, for settings with as many seeds as the lowest has; None if nothing
            can be told.
    """

    lowest: K
    within: frozenset[K]
    reach: float | None


def ranking(values: Values[K]) -> Ranking[K] | None:
    """What these values show of the lowest setting; None if there is no value.

    The noise is that of the settings within twice the lowest. Settings whose values are all the
    same, as where no schedule ever decided, count once in it.
    """
    measured = {key: its for key, its in values.items() if its}
    if not measured:
        return None
    first = fit(measured).means
    most = min(first.values()) + NEAR
    near = {key: its for key, its in measured.items() if first[key] <= most}
    found = fit(near)
    lowest = min(near, key=lambda key: (found.means[key], -len(near[key])))
    distinct = {tuple(sorted(its.items())): key for key, its in near.items()}
    noise = fit({key: near[key] for key in distinct.values()})
    own, within = measured[lowest], set()
    for key, its in measured.items():
        common = own.keys() & its.keys()
        reach = noise.reach(len(common), len(distinct) - 1)
        mean = found.means.get(key, first[key])
        if key != lowest and (
            its == own or (reach is not None and mean - found.means[lowest] <= reach)
        ):
            within.add(key)
    return Ranking(lowest, frozenset(within), noise.reach(len(own), len(distinct) - 1))


def fit(values: Values[K]) -> Fit[K]:
    """The settings' means and the scatter around them and the seeds', by least squares."""
    seeds = {seed for its in values.values() for seed in its}
    count = sum(map(len, values.values()))
    if not count:
        return Fit({})
    if len(seeds) == 1:  # the same as below, at once
        return Fit({key: value for key, its in values.items() for value in its.values()})
    of_seed = dict.fromkeys(seeds, 0.0)
    means: dict[K, float] = {}
    for _ in range(ROUNDS):
        means = {
            key: sum(value - of_seed[seed] for seed, value in its.items()) / len(its)
            for key, its in values.items()
        }
        rest: dict[int, list[float]] = {}
        for key, its in values.items():
            for seed, value in its.items():
                rest.setdefault(seed, []).append(value - means[key])
        shares = {seed: sum(its) / len(its) for seed, its in rest.items()}
        middle = sum(shares.values()) / len(shares)
        shares = {seed: share - middle for seed, share in shares.items()}
        moved = max(abs(shares[seed] - of_seed[seed]) for seed in seeds)
        of_seed = shares
        if moved < SETTLED:
            break
    freedom = count - len(values) - len(seeds) + 1
    if freedom < 1:
        return Fit(means)
    squares = sum(
        (value - means[key] - of_seed[seed]) ** 2
        for key, its in values.items()
        for seed, value in its.items()
    )
    return Fit(means, math.sqrt(squares / freedom), freedom)
