"""Numbers and counts as text for people."""

from collections.abc import Callable
from typing import Any


def significant(value: float | None, digits: int = 3) -> str:
    """A number with three significant digits: 0.0463, 2.30, 8.40e-4."""
    if value is None:
        return "not a number"
    if value == 0:
        return "0"
    if 1e-3 <= abs(float(f"{value:.{digits - 1}e}")) < 10**digits:
        return f"{value:#.{digits}g}".rstrip(".")
    if float(f"{value:.{digits - 1}e}") == round(value) and abs(value) < 1e6:
        return f"{value:.0f}"
    mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
    return f"{mantissa}e{int(exponent)}"


def lr_text(lr: float, digits: int = 3) -> str:
    """A learning rate without trailing zeros: 0.01, 1e-4, 3.33e-4."""
    if lr == 0:
        return "0"
    if 1e-3 <= abs(float(f"{lr:.{digits - 1}e}")) < 1000:
        return f"{lr:.{digits}g}"
    mantissa, exponent = f"{lr:.{digits - 1}e}".split("e")
    return f"{mantissa.rstrip('0').rstrip('.')}e{int(exponent)}"


def exact(value: float) -> str:
    """A number as short as it can be without loss: 0.01, 1e-4, 0.0123456789."""
    short = lr_text(value)
    return short if float(short) == value else repr(value)


def bound_text(bound: float) -> str:
    """A bound in full: 2147483647, 1000000, 0.1."""
    return f"{bound:.0f}" if bound == int(bound) else exact(bound)


def distinct(
    a: float | None, b: float | None, text: Callable[[Any, int], str] = significant
) -> tuple[str, str]:
    """Both with three significant digits, or with as many as it takes to tell them apart."""
    for digits in range(3, 18):  # 17 distinguish any two floats
        texts = text(a, digits), text(b, digits)
        if a is None or b is None or a == b or float(texts[0]) != float(texts[1]):
            break
    return texts


def epochs_text(n: int, word: str = "epoch") -> str:
    return f"{n} {word}" if n == 1 else f"{n} {word}s"
