"""Values of a training as numbers and as JSON. Never imports torch: it asks a value what it can."""

import math
from typing import Any

MOST = 1000  # entries of a list or a dict; a longer one is left out
_DEEPEST = 6

LEFT_OUT = object()


def number(value: Any) -> float:
    """A Python number, numpy scalar or tensor of one element as a float.

    Raises:
        TypeError, ValueError: it is no number.
    """
    kind = type(value)
    if kind is float or kind is int or kind is bool:
        return float(value)
    if isinstance(value, str | bytes | bytearray):
        raise TypeError("text is no number")
    if hasattr(value, "detach"):  # a tensor that carries a graph warns where it is converted
        value = value.detach()
    return float(value.item() if hasattr(value, "item") else value)


def on_device(value: Any) -> bool:
    """Whether it is a tensor that lies on another device than the CPU: reading it waits."""
    return getattr(getattr(value, "device", None), "type", "cpu") != "cpu"


def lr_of(group: dict[str, Any]) -> float:
    """A parameter group's LR, NaN where it has none."""
    return number(group.get("lr", math.nan))


def plain(value: Any, depth: int = 0) -> Any:
    """The value as JSON has it: tensors and numpy scalars of one element as numbers, keys as text.
    LEFT_OUT where JSON has nothing for it, or for something in it.
    """
    kind = type(value)
    if value is None or kind is bool or kind is int or kind is float or kind is str:
        return value
    if isinstance(value, bool | int | float | str):
        return next(base for base in (bool, int, float, str) if isinstance(value, base))(value)
    if isinstance(value, dict | list | tuple):
        return _plain_container(value, depth) if depth < _DEEPEST else LEFT_OUT
    if hasattr(value, "item") and getattr(value, "ndim", None) == 0:
        return plain(value.item(), _DEEPEST)
    return LEFT_OUT


def _plain_container(value: dict[Any, Any] | list[Any] | tuple[Any, ...], depth: int) -> Any:
    if len(value) > MOST:
        return LEFT_OUT
    if isinstance(value, dict):
        if not all(isinstance(key, str | int) for key in value):
            return LEFT_OUT
        found = {str(key): plain(entry, depth + 1) for key, entry in value.items()}
        return LEFT_OUT if LEFT_OUT in found.values() else found
    entries = [plain(entry, depth + 1) for entry in value]
    return LEFT_OUT if any(entry is LEFT_OUT for entry in entries) else entries


def plain_entries(entries: dict[str, Any], without: frozenset[str] = frozenset()) -> dict[str, Any]:
    """Those entries that JSON has something for, without some."""
    found = {str(key): plain(value) for key, value in entries.items() if key not in without}
    return {key: value for key, value in found.items() if value is not LEFT_OUT}
