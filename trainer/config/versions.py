"""Configs that were stored by earlier versions, brought up to date.

A stored config says its version. `UPGRADES[n]` turns the fields of version n into those of n + 1:
add one whenever a setting is renamed or changes its meaning, and raise VERSION.
"""

import json
from collections.abc import Callable
from typing import Any, TypeVar

from .recipe import Recipe
from .run import RunConfig

VERSION = 2
Fields = dict[str, Any]
R = TypeVar("R", bound=Recipe)


def _without_what_was_not_known(fields: Fields, of: type[Recipe]) -> Fields:
    """Version 1 gave an imported run a data set and a network that it never had."""
    if of is RunConfig:
        return fields
    return {name: value for name, value in fields.items() if name not in _TRAINED_ONLY}


_TRAINED_ONLY = RunConfig.model_fields.keys() - Recipe.model_fields.keys()
UPGRADES: dict[int, Callable[[Fields, type[Recipe]], Fields]] = {1: _without_what_was_not_known}


def read(of: type[R], text: str, version: int) -> R:
    """A stored config.

    Args:
        of: RunConfig for a run that was trained here, Recipe for any other.
        text: its JSON, as that version wrote it.

    Raises:
        ValueError: it cannot be read; pydantic's ValidationError is one.
    """
    fields: Fields = json.loads(text)
    if version > VERSION:
        raise ValueError("it was written by a newer LRScope")
    for number in range(version, VERSION):
        fields = UPGRADES[number](fields, of)
    return of.model_validate(fields)
