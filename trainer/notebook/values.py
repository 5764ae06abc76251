"""Settings as a script gives them, as plain Python: arrays, tensors, ranges. Loads neither numpy
nor torch.
"""

from collections.abc import Mapping
from itertools import islice
from typing import Any

from ..config.grid import MOST_COMBINATIONS

# Significant digits that a number of so many bytes has: 0.1 of a float32 is 0.10000000149.
DIGITS = {2: 3, 4: 7}


def plain(value: Any) -> Any:
    """A value as plain Python: of an array, a tensor, a range or an iterator a list.

    Of an iterator that does not end it is more values than a grid can have.
    """
    if hasattr(value, "tolist"):
        return _rounded(value.tolist(), DIGITS.get(getattr(value.dtype, "itemsize", 0)))
    if isinstance(value, str | bytes | Mapping) or not hasattr(value, "__iter__"):
        return value
    return [plain(part) for part in islice(value, MOST_COMBINATIONS + 1)]


def _rounded(value: Any, digits: int | None) -> Any:
    if isinstance(value, list):
        return [_rounded(part, digits) for part in value]
    return float(f"{value:.{digits}g}") if digits and isinstance(value, float) else value
