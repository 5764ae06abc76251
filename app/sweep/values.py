"""The values of a sweep's settings, as text and read."""

from collections.abc import Sequence
from typing import Any

from trainer.config import grid
from trainer.config.run import RunConfig
from trainer.config.table import SETTINGS, Setting, chosen, from_config

# What a setting is given when it is chosen: LRs half a decade apart, and what is often tried.
USUAL = {
    "lr": "0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1",
    "factor": "0.1, 0.3, 0.5",
    "patience": "2, 5, 10",
}
TYPED = ",; "  # at the end of a line: another value is about to be typed
MOST_CHOICES = 4  # that are all tried unless fewer are named


def keys(config: RunConfig) -> list[dict[str, str]]:
    """The settings that can take several values, as choices: those of a config first, and of them
    those that are tried most often; each with values to begin with.
    """
    own = dict.fromkeys(setting.key for setting in chosen(from_config(config)))
    often = [key for key in USUAL if key in own]
    named = dict.fromkeys([*often, *own, *(setting.key for setting in SETTINGS)])
    return [{"value": key, "label": grid.label(key), "usual": _usual(key, config)} for key in named]


def _usual(key: str, config: RunConfig) -> str:
    """Values to begin with, as text."""
    if key in USUAL:
        return USUAL[key]
    setting = _setting(key)
    if setting.kind == "bool":
        return "off, on"
    if setting.choices and len(setting.choices) <= MOST_CHOICES:
        return ", ".join(setting.choices)
    own = from_config(config)
    return setting.text(own[key]) if key in own else setting.text(setting.default)


def split(key: str, text: str) -> list[str]:
    """The values in the text of a row, a line of which ends a value, too.

    Raises:
        ConfigError: between two separators is nothing.
    """
    lines = filter(None, (line.strip().rstrip(TYPED) for line in text.splitlines()))
    return [value for line in lines for value in grid.split(key, line)]


def joined(key: str, values: Sequence[Any]) -> str:
    """Values as text; `split` reads them back."""
    setting = _setting(key)
    return ("; " if setting.kind == "list" else ", ").join(map(setting.text, values))


def _setting(key: str) -> Setting:
    return next(setting for setting in SETTINGS if setting.key == key)


SHORT = {"lr": "LR"}


def short(key: str) -> str:
    """A setting in a word: LR, patience."""
    return SHORT.get(key, key.replace("-", " "))


def first(config: RunConfig) -> dict[str, str]:
    """What a sweep of a config begins with: LR, factor and patience, where there are such
    settings.
    """
    known = from_config(config)
    return {key: text for key, text in USUAL.items() if key in known}
