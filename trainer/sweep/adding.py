"""New sweeps over a grid, and values and seeds that one gets after it has trained. torch-free."""

from collections.abc import Mapping, Sequence
from typing import Any

from ..config.grid import MOST_WORKERS, Grid, cells, grid, rungs
from ..config.run import RunConfig
from ..config.table import ConfigError, from_config
from ..store.faults import CommandError
from ..store.store import Store
from .halving import settings_in
from .threads import fixed


def add(
    store: Store,
    config: RunConfig,
    asked: Grid,
    workers: int = 1,
    name: str | None = None,
    claimed: bool = False,
) -> int:
    """Queue a sweep over a grid; returns its id. Its cells have a fixed number of threads.

    Raises:
        ConfigError: a combination cannot be.
        OwnError: the data is one's own, and cannot be trained on.
    """
    if not 1 <= workers <= MOST_WORKERS:
        raise ConfigError(
            {("threads", None): f"Workers must be a whole number from 1 to {MOST_WORKERS}."}
        )
    base = fixed(config, workers)
    chosen = [cell.config for cell in cells(base, asked)]
    plan = asked.model_dump(mode="json")
    return store.add_sweep("grid", base, plan, chosen, workers, name, claimed)


def extend(
    store: Store,
    sweep: int,
    values: Mapping[str, Sequence[Any]] | None = None,
    seeds: int | None = None,
) -> int:
    """Add values of settings, or seeds, to a sweep that does not train now, and queue it again. Its
    cells stay as they are: only what is new is trained.

    Args:
        values: those to add by setting, as in the form. A setting that was the same in all cells
            keeps that value, too.
        seeds: how many there are then, from the config's own on; None for as many as there were.

    Returns:
        How many cells were added; where all are there already, nothing is queued.

    Raises:
        CommandError: there is no such sweep, it has no grid, or it has not ended.
        ConfigError: a value cannot be, with a sentence for each at fault.
    """
    after, new = _extended(store, sweep, values or {}, seeds)
    if new:
        store.extend_sweep(sweep, new, after.model_dump(mode="json"))
    return len(new)


def added_by(
    store: Store, sweep: int, values: Mapping[str, Sequence[Any]], seeds: int | None = None
) -> list[RunConfig]:
    """The cells that `extend` would add.

    Raises:
        CommandError, ConfigError: as of `extend`.
    """
    return _extended(store, sweep, values, seeds)[1]


def _extended(
    store: Store, sweep: int, values: Mapping[str, Sequence[Any]], seeds: int | None
) -> tuple[Grid, list[RunConfig]]:
    """The grid with these values and seeds, too, and the cells that are new."""
    row = store.sweep(sweep)
    if row is None:
        raise CommandError(f"There is no sweep {sweep}.")
    if row.kind != "grid":
        raise CommandError(f"Sweep {sweep} has no grid to which values could be added.")
    before = row.grid
    if seeds is not None and seeds < before.seeds:
        raise ConfigError(
            {("seed", None): f"Sweep {sweep} has {before.seeds} seeds already: name more."}
        )
    after = grid(
        row.config,
        _joined(row.config, before, values),
        merged=True,
        seeds=seeds or before.seeds,
        mode=before.mode,
        first=_first(row.config, before),
        keep=before.keep,
    )
    known = {cell.config for cell in cells(row.config, before)}
    known |= {cell.config for cell in store.cells(sweep) if cell.config is not None}
    return after, [cell.config for cell in cells(row.config, after) if cell.config not in known]


def _joined(
    base: RunConfig, before: Grid, values: Mapping[str, Sequence[Any]]
) -> dict[str, Sequence[Any]]:
    """The values of each setting, old and new."""
    joined: dict[str, Sequence[Any]] = {axis.key: axis.values for axis in before.axes}
    own = from_config(base)
    for key, added in values.items():
        joined[key] = (*joined.get(key, (own[key],) if key in own else ()), *added)
    return joined


def _first(base: RunConfig, before: Grid) -> int:
    """Where cells were compared first: the same epoch as for those that are there."""
    if before.mode != "halving" or before.first:
        return before.first
    configs = [cell.config for cell in cells(base, before)]
    found = rungs(before, settings_in(configs), max(config.epochs for config in configs))
    return found[0][0] if found else 0
