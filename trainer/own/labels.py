"""Labels as classes, or as numbers to predict."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ..config.text import plain

MOST_WHOLE = 20  # different whole numbers that are still classes
MOST_NAME = 40  # characters


@dataclass(frozen=True, slots=True)
class Labels:
    """What each sample is: the number of its class, or a number to predict.

    Attributes:
        classes: the names of the classes, sorted; none where numbers are to be predicted.
        values: for each sample.
    """

    classes: tuple[str, ...]
    values: tuple[float, ...]

    def __len__(self) -> int:
        return len(self.values)


def labels_of(texts: Sequence[str], comma: bool = False) -> Labels:
    """Words and few whole numbers as classes, other numbers as they are.

    Whole numbers that are written with a point, as 3.0, are numbers to predict.

    Args:
        comma: whether a number may have a decimal comma.
    """
    different = sorted(set(texts))
    numbers = {text: number_in(text, comma) for text in different}
    read = [value for value in numbers.values() if value is not None]
    whole = all(text.removeprefix("-").isdecimal() for text in different)
    if len(read) == len(different) and not (whole and len(different) <= MOST_WHOLE):
        return Labels((), tuple(numbers[text] or 0.0 for text in texts))
    if whole:
        different.sort(key=int)
    at = {text: i for i, text in enumerate(different)}
    names = tuple(plain(text, MOST_NAME) for text in different)
    return Labels(names, tuple(at[text] for text in texts))


def number_in(text: str, comma: bool) -> float | None:
    """The number that a text is; None if it is none, or one that is not finite.

    Args:
        comma: whether it may have a decimal comma.
    """
    try:
        value = float(text.replace(",", ".") if comma else text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
