"""A grid: a config, and settings of it that take several values. torch-free."""

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import product
from typing import Any, Literal, NamedTuple, Self

from pydantic import model_validator

from .fields import Settings
from .run import RunConfig
from .table import SETTINGS, ConfigError, changed, from_config
from .text import plain

SHOWN = 40  # characters of a value that is refused
MOST_CELLS = 2000
MOST_COMBINATIONS = 10 * MOST_CELLS  # of which some may be one cell
MOST_SEEDS = 100
MOST_WORKERS = 256
POINT = " Write a decimal with a point, such as 0.1."  # "0,1" is 0 and 1
LISTS = {setting.key for setting in SETTINGS if setting.kind == "list"}
Mode = Literal["grid", "halving"]


class Axis(Settings):
    """A setting, by key, and the values that it takes."""

    key: str
    values: tuple[Any, ...]


class Grid(Settings):
    """Every combination of the axes' values, on each of the seeds.

    Attributes:
        axes: one for each setting; the first is the grid's rows, the second its columns.
        seeds: how many seeds, from the config's own on.
        mode: whether every cell is trained to its end, or those that lag stop early.
        first: of halving, the epoch after which cells are stopped first; 0 for a choice by the
            number of cells.
        keep: of halving, one of so many cells goes on.
    """

    axes: tuple[Axis, ...]
    seeds: int = 1
    mode: Mode = "grid"
    first: int = 0
    keep: int = 3

    @model_validator(mode="after")
    def each_axis_once(self) -> Self:
        keys = [axis.key for axis in self.axes]
        if len(set(keys)) < len(keys):
            raise ValueError("a setting is named twice")
        return self


class Cell(NamedTuple):
    """A combination of a grid's values, by key, and the config that it makes."""

    values: dict[str, Any]
    config: RunConfig


@cache
def label(key: str) -> str:
    """What a setting is called: Learning rate; its key if there is none."""
    return next((setting.label for setting in SETTINGS if setting.key == key), key)


def split(key: str, text: str) -> list[str]:
    """The values in a text: "0.001, 0.01, 0.1". Between lists, or where a comma is a decimal one, a
    semicolon stands: "20, 35; 10, 20". Of an empty text there are none.

    Raises:
        ConfigError: between two separators is nothing.
    """
    separator = ";" if key in LISTS or ";" in text else ","
    found = [part.strip() for part in text.split(separator)] if text.strip() else []
    if "" in found:
        parted = f"part the values with one {separator!r} each."
        told = f"{label(key)} {plain(text, SHOWN)!r} has an empty value"
        raise ConfigError({(key, None): f"{told}: {parted}"})
    return found


def grid(
    base: RunConfig, values: Mapping[str, Sequence[Any]], merged: bool = False, **settings: Any
) -> Grid:
    """The grid over a config: values as in the form, as text or as they are.

    Args:
        merged: equal values of a setting are one; they are refused otherwise.

    Raises:
        ConfigError: a setting or a value cannot be, with a sentence for each at fault.
    """
    axes, problems = [], dict[tuple[str, str | None], str]()
    schedules = values.get("schedule", (base.schedule.name,))
    optimizers = values.get("optimizer", (base.optimizer.name,))
    owners = {None, *schedules, *optimizers}
    most = math.prod(len(given) for given in values.values())
    if most > MOST_COMBINATIONS:
        raise ConfigError(
            {
                (
                    "epochs",
                    None,
                ): f"The grid has {most:,} combinations, and {MOST_CELLS:,} cells is "
                "the most: name fewer values."
            }
        )
    for key, given in values.items():
        known = [s for s in SETTINGS if s.key == key]
        own = next((s for s in known if s.owner in owners), None)
        read = []
        for value in given:
            # A setting of one of several schedules is read beside that schedule.
            part: dict[str, Any] = {own.group: own.owner} if own and own.owner else {}
            try:
                read.append(from_config(changed(base, {**part, key: value}))[key])
            except ConfigError as error:
                which = f"{str(value)[:SHOWN]} is wrong: " if len(given) > 1 else ""
                hint = POINT if own and own.kind == "float" and value == "0" else ""
                if own and own.kind in ("float", "int") and len(str(value).split()) > 1:
                    hint = " Part values with commas."
                wrong = {at: which + said + hint for at, said in error.problems.items()}
                problems = wrong | problems  # the first of several
        counted = Counter(map(_hashable, read))
        axes.append(Axis(key=key, values=tuple(counted)))
        twice = [value for value, count in counted.items() if count > 1]
        if twice and own and not merged:
            sentence = f"{label(key)} has {own.text(twice[0])} twice: name each value once."
            problems[key, None] = sentence
        if not len(given):
            problems[key, None] = f"{label(key)} has no values: name at least one."
    seeds = settings.get("seeds", 1)
    if not isinstance(seeds, int) or not 1 <= seeds <= MOST_SEEDS:
        problems["seed", None] = f"Seeds must be a whole number from 1 to {MOST_SEEDS}."
    if "seed" in values and seeds > 1:
        problems["seed", None] = "Name the seeds, or say how many there are, but not both."
    if problems:
        raise ConfigError(problems)
    made = Grid(axes=tuple(axes), **settings)
    if not (count := len(cells(base, made))):
        raise ConfigError({("epochs", None): "The grid has no cell."})
    if count > MOST_CELLS:
        raise ConfigError(
            {
                ("epochs", None): f"The grid has {count:,} cells, and {MOST_CELLS:,} is the most: "
                "name fewer values."
            }
        )
    return made


def cells(base: RunConfig, grid: Grid) -> list[Cell]:
    """The cells of a grid, in the order of its axes, seeds last. What a cell's schedule or
    optimizer has not is left out of it, and of cells that are then the same there is one.

    Raises:
        ConfigError: a combination cannot be.
    """
    return list(_cells(base, grid))


def _cells(base: RunConfig, grid: Grid) -> Iterator[Cell]:
    seeds = Axis(key="seed", values=tuple(range(base.seed, base.seed + grid.seeds)))
    axes = [*grid.axes, *([seeds] if grid.seeds > 1 else [])]
    known: set[RunConfig] = set()
    for values in product(*(axis.values for axis in axes)):
        named = dict(zip((axis.key for axis in axes), values, strict=True))
        named = {key: value for key, value in named.items() if _applies(key, base, named)}
        config = changed(base, named)
        if config not in known:
            known.add(config)
            yield Cell(named, config)


def _applies(key: str, base: RunConfig, values: Mapping[str, Any]) -> bool:
    owners = {
        None,
        values.get("schedule", base.schedule.name),
        values.get("optimizer", base.optimizer.name),
    }
    return any(s.key == key and s.owner in owners for s in SETTINGS)


def _hashable(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def rungs(grid: Grid, cells: int, epochs: int) -> list[tuple[int, int]]:
    """Of halving: the epochs after which cells are stopped, and how many then go on.

    Successive halving (Jamieson and Talwalkar, AISTATS 2016): at each rung one of `keep` goes on,
    and the next rung is `keep` times as far.
    """
    found: list[tuple[int, int]] = []
    epoch = grid.first
    if not epoch:
        steps = 0
        while cells // grid.keep ** (steps + 1) >= 1:
            steps += 1
        epoch = max(1, epochs // grid.keep**steps)
    left = cells
    while epoch < epochs and left > 1:
        left = max(1, left // grid.keep)
        found.append((epoch, left))
        epoch *= grid.keep
    return found
