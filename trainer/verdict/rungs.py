"""The learning rates that advice names: 1, 2, 3 and 5 times a power of ten."""

import math
from collections.abc import Collection, Iterable

MANTISSAS = (1, 2, 3, 5)
LEAST, MOST = 1e-6, 1.0  # below and above these an LR is no advice


def ladder() -> list[float]:
    """Every rung that may be advised, from the lowest."""
    decades = range(round(math.log10(LEAST)), round(math.log10(MOST)) + 1)
    rungs = (float(f"{mantissa}e{decade}") for decade in decades for mantissa in MANTISSAS)
    return [r for r in rungs if LEAST <= r <= MOST]


def rung(lr: float) -> float:
    """The rung nearest to an LR above 0; it may lie outside the ladder."""
    decade = math.floor(math.log10(lr))
    rungs = [float(f"{m}e{d}") for d in (decade, decade + 1) for m in MANTISSAS]
    return min(rungs, key=lambda r: abs(math.log(lr / r)))


def rungs(lrs: Iterable[float]) -> set[float]:
    """The rungs nearest to these LRs, without those far off the ladder."""
    return {rung(lr) for lr in lrs if LEAST / 10 < lr < MOST * 1000}


def below(lr: float, used: Collection[float]) -> float | None:
    """The highest rung that is no higher than this LR and not used; None if there is none."""
    return next((r for r in reversed(ladder()) if r <= lr * 1.001 and r not in used), None)


def above(lr: float, used: Collection[float]) -> float | None:
    """The lowest rung that is no lower than this LR and not used; None if there is none."""
    return next((r for r in ladder() if r >= lr * 0.999 and r not in used), None)
