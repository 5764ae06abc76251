"""An axis of a picture: where a value is on it, and its ticks. Pure."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from trainer.config.text import lr_text

PADDING = 0.05  # of the values' range, at both ends
MOST_DIGITS = 17  # tell any two floats apart
FEW_DECADES = 1.3  # with fewer than these a logarithmic axis has ticks within the decades


@dataclass(frozen=True)
class Axis:
    """Values from `low` to `high` at pixels from `start` to `end`; logarithmic or linear."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def shows(self, value: float | None) -> bool:
        """Whether the value has a place."""
        return value is not None and math.isfinite(value) and not (self.log and value <= 0)

    def place(self, value: float) -> float:
        """The pixel of a value that has one."""
        low, high, at = self.low, self.high, value
        if self.log:
            low, high, at = math.log10(low), math.log10(high), math.log10(value)
        return self.start + (at - low) / (high - low) * (self.end - self.start)

    def ticks(self, most: int) -> list[tuple[float, str]]:
        """At most about so many ticks, each with its text: three significant digits, more where
        two would read the same.
        """
        values = _decades(self.low, self.high, most) if self.log else []
        if len(values) < 2:
            values = _steps(self.low, self.high, most)
        if self.log:
            values = [value for value in values if value > 0]
        return list(zip(values, texts(values), strict=True))


def around(values: Iterable[float | None], start: float, end: float, log: bool) -> Axis:
    """An axis with room for these values; for one value, or none, an axis around it."""
    found = [v for v in values if v is not None and math.isfinite(v) and not (log and v <= 0)]
    low, high = min(found, default=0.1 if log else 0.0), max(found, default=1.0)
    if log:
        a, b = math.log10(low), math.log10(high)
        a, b = (a - 0.5, b + 0.5) if a == b else (a, b)
        pad = PADDING * (b - a)
        least = -307.0  # 10 to the power of less is 0
        return Axis(10 ** max(a - pad, least), 10 ** min(b + pad, 308.0), start, end, True)
    if low == high:
        low, high = (low - abs(low) / 2, high + abs(high) / 2) if low else (-1.0, 1.0)
    pad = PADDING * (high - low)
    return Axis(low - pad, high + pad, start, end)


def from_zero(values: Iterable[float | None], start: float, end: float) -> Axis:
    """A linear axis from 0, with room for these values."""
    found = [v for v in values if v is not None and math.isfinite(v)]
    low, high = min(found, default=0.0), max(found, default=1.0)
    high = max(high, 0.0)
    if high == low == 0:
        high = 1.0
    return Axis(min(low, 0.0), high + PADDING * (high - min(low, 0.0)), start, end)


def texts(values: Sequence[float]) -> list[str]:
    """Numbers with three significant digits, or with as many as it takes to tell them apart."""
    for digits in range(3, MOST_DIGITS + 1):
        found = [lr_text(abs(value), digits) for value in values]
        found = [
            f"\N{MINUS SIGN}{text}" if v < 0 else text
            for v, text in zip(values, found, strict=True)
        ]
        if len(set(found)) == len(values):
            break
    return found


def _decades(low: float, high: float, most: int) -> list[float]:
    """Powers of ten, each or each second or third; on a short axis also 2 and 5 of them."""
    a, b = math.log10(low), math.log10(high)
    wanted = (1, 2, 5) if b - a <= FEW_DECADES else (1,)
    every = max(math.ceil((b - a) / most), 1)
    powers = range(math.floor(a), math.ceil(b) + 1)
    kept = [power for power in powers if power % every == 0]
    values = [float(f"{digit}e{power}") for power in kept for digit in wanted]
    return [value for value in values if low <= value <= high]


def _steps(low: float, high: float, most: int) -> list[float]:
    """Multiples of 1, 2 or 5 times a power of ten."""
    rough = (high - low) / most
    if not rough > 0:
        return [low]
    power = math.floor(math.log10(rough))
    step = next(m * 10.0**power for m in (1, 2, 5, 10) if m * 10.0**power >= rough * 0.999)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [float(f"{i * step:.12g}") for i in range(first, last + 1)]
