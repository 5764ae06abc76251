"""Numbers and counts as text for people, and text of others as one line of text."""

import unicodedata
from collections.abc import Callable, Iterable
from difflib import get_close_matches
from functools import lru_cache
from typing import Any

# Marks that change the direction of the text around them.
DIRECTIONS = set("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
# Control characters, such as those that move a terminal's cursor; halves of characters; line ends.
UNSHOWN = {"Cc", "Cs", "Zl", "Zp"}
MOST_COMPARED = 60  # characters of a word


@lru_cache(maxsize=8192)  # a page tells the same numbers again and again
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


@lru_cache(maxsize=1024)  # most epochs of a run have the same LR
def lr_text(lr: float, digits: int = 3) -> str:
    """A learning rate without trailing zeros: 0.01, 1e-4, 3.33e-4."""
    if lr == 0:
        return "0"
    if 1e-3 <= abs(float(f"{lr:.{digits - 1}e}")) < 1000:
        return f"{lr:.{digits}g}"
    mantissa, exponent = f"{lr:.{digits - 1}e}".split("e")
    return f"{mantissa.rstrip('0').rstrip('.')}e{int(exponent)}"


def factor_text(factor: float) -> str:
    """A factor with three significant digits, written out up to a million: 2, 3.16, 1370."""
    rounded = float(f"{factor:.3g}")
    return f"{rounded:.0f}" if 1000 <= rounded < 1e6 else lr_text(factor)


def cut_text(factor: float) -> str:
    """What multiplies an LR, as a division where that is a whole number: ÷10, ×0.3."""
    divisor = float(f"{1 / factor:.6g}")
    return f"÷{lr_text(divisor)}" if divisor.is_integer() else f"×{lr_text(factor)}"


def exact(value: float) -> str:
    """A number as short as it can be without loss: 0.01, 1e-4, 0.0123456789."""
    short = lr_text(value)
    return short if float(short) == value else repr(value)


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


def duration(seconds: float) -> str:
    """4.8 s, 2 min 05 s, 1 h 03 min."""
    if seconds < 10:
        return f"{max(seconds, 0):.1f} s"
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def plain(text: str, most: int | None = None) -> str:
    """A name or a sentence of someone else's on one line, without what would act on the text around
    it; cut to `most` characters.
    """
    if most is not None and len(text) > most:
        text = f"{text[: most - 1]}…"
    return "".join(
        "\ufffd" if c in DIRECTIONS or unicodedata.category(c) in UNSHOWN else c for c in text
    )


def nearest(word: str, words: Iterable[str]) -> str | None:
    """Which of these words was meant by one that is none of them; None if nothing is like it."""
    by_small = {known.casefold(): known for known in words}
    small = word[:MOST_COMPARED].casefold()
    near = [known for known in by_small if len(small) > 2 and small in known]
    near = near or get_close_matches(small, by_small, 1)
    return by_small[near[0]] if near else None
