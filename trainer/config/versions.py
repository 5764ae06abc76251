"""Upgrades configs stored by earlier versions.

Every stored config has a version. `UPGRADES[n]` turns the fields of version n into those of n + 1:
whenever a setting is renamed or changes its meaning, add an upgrade and raise VERSION.
"""

import json
from collections.abc import Callable
from typing import Any, TypeVar

from pydantic import ValidationError

from .recipe import Recipe
from .run import RunConfig
from .table import refusal

VERSION = 2
Fields = dict[str, Any]
R = TypeVar("R", bound=Recipe)


def _drop_unknown(fields: Fields, config_type: type[Recipe]) -> Fields:
    """Version 1 stored a data set and a model for imported runs, which have neither."""
    if config_type is RunConfig:
        return fields
    invented = {"dataset", "model", "batch_size", "seed", "device", "cuda_graph"}
    return {name: value for name, value in fields.items() if name not in invented}


UPGRADES: dict[int, Callable[[Fields, type[Recipe]], Fields]] = {1: _drop_unknown}


def fields(config_type: type[Recipe], text: str, version: int) -> Fields:
    """The fields of a stored config as they are called now; their values are not checked.

    Args:
        config_type: RunConfig for a run that was trained here, Recipe for any other.
        text: its JSON, as that version wrote it.

    Raises:
        ValueError: it cannot be read, and why.
    """
    found: Fields = json.loads(text)
    if version > VERSION:
        raise ValueError("it was written by a newer LRScope")
    if version < 1 or not isinstance(found, dict):
        raise ValueError("its config is not one that LRScope wrote")
    for number in range(version, VERSION):
        found = UPGRADES[number](found, config_type)
    return found


def read(config_type: type[R], text: str, version: int) -> R:
    """Read a stored config, as `fields` does, with its values checked.

    Raises:
        ValueError: it cannot be read, and why.
    """
    try:
        return config_type.model_validate(fields(config_type, text, version))
    except ValidationError as error:
        raise ValueError(str(refusal(error)).rstrip(".")) from error
