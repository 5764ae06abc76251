"""The one sequential scale, from the worst value to the best, and what can be read on it. Pure."""

import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import product
from typing import Any

from app.charts import theme

WORST, BEST = "worst", "best-of-all"
WRITTEN = ("on-worst", "on-best")
# From the best to the palest: at least so much, so that noise makes no picture, and at most so
# much, so that a run that never learned does not make all others alike.
LEAST, MOST = math.log(1.5), math.log(4)
AA = 4.5
STEPS = 8  # shades where each takes a trace of its own

Colours = Mapping[str, str]


def scale(colour: Colours) -> list[list[Any]]:
    """The scale as plotly takes it, of a scheme's colours by meaning."""
    return [[0, colour[WORST]], [1, colour[BEST]]]


def strengths(costs: Sequence[float | None]) -> tuple[list[float | None], float]:
    """How strong each value is drawn, from 0, the palest, to 1, the lowest; and how many times the
    lowest the palest is, or more. By the logarithm.

    Args:
        costs: the lower the better; None has no colour.
    """
    known = [cost for cost in costs if cost is not None and cost > 0]
    if not known:
        return [None if cost is None else 1.0 for cost in costs], math.exp(LEAST)
    low = math.log(min(known))
    span = min(max(math.log(max(known)) - low, LEAST), MOST)
    return [
        None if cost is None else 1.0 if cost <= 0 else max(0.0, 1 - (math.log(cost) - low) / span)
        for cost in costs
    ], math.exp(span)


def percent(strength: float | None) -> int | None:
    """A strength in per cent: a finer one cannot be seen, and would change with every epoch."""
    return None if strength is None else round(100 * strength)


def shade(colour: Colours, strength: float) -> str:
    """The colour of a strength, as plotly blends its scale."""
    ends = [_channels(colour[end]) for end in (WORST, BEST)]
    mixed = (round(a + (b - a) * strength) for a, b in zip(*ends, strict=True))
    return "#" + "".join(f"{channel:02x}" for channel in mixed)


def written(colour: Colours, strength: float) -> str:
    """What can be read on a strength, by meaning: what is for the best, as far as AA allows."""
    ground = shade(colour, strength)
    on_best = WRITTEN[1]
    if contrast(colour[on_best], ground) >= AA:
        return on_best
    return max(WRITTEN, key=lambda meaning: contrast(colour[meaning], ground))


def inks() -> list[dict[theme.Scheme, str]]:
    """What can be written, by scheme: each that some strength may ask for."""
    every = product(WRITTEN, repeat=len(theme.COLOURS))
    return [dict(zip(theme.COLOURS, each, strict=True)) for each in every]


@lru_cache(maxsize=4096)
def ink(strength: float) -> dict[theme.Scheme, str]:
    """Which of them a strength asks for."""
    return {scheme: written(theme.colours(scheme), strength) for scheme in theme.COLOURS}


def contrast(one: str, other: str) -> float:
    """How well one colour is read on another, from 1 to 21, as WCAG has it."""
    low, high = sorted(map(_luminance, (one, other)))
    return (high + 0.05) / (low + 0.05)


def _luminance(colour: str) -> float:
    linear = (
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4
        for c in (channel / 255 for channel in _channels(colour))
    )
    return sum(c * share for c, share in zip(linear, (0.2126, 0.7152, 0.0722), strict=True))


def _channels(colour: str) -> list[int]:
    return [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
