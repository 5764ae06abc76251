"""What the cells of a sweep have measured, read for all of them at once. torch-free.

Each question is one query, whatever the number of cells; a row's config is read once, since it
never changes (see `trainer.sweep.reading`).
"""

import json
from collections.abc import Collection, Iterable
from typing import Any, NamedTuple

from ..config import versions
from ..config.metrics import rises
from ..config.run import RunConfig
from .store import Store


class State(NamedTuple):
    """How a cell stands; `status` is a `trainer.store.run.Status`.

    Attributes:
        parent, parent_epoch: the cell that trained its first epochs, and how many of them.
    """

    run: int
    status: str
    reason: str | None
    epoch: int
    parent: int | None
    parent_epoch: int | None
    deleted: int

    @property
    def shared(self) -> int:
        """How many of its first epochs others have trained."""
        return self.parent_epoch or 0


Reached = tuple[float, int]  # the cost, a metric or minus it where it rises; and its first epoch


def states(store: Store, sweep: int) -> list[State]:
    """How the cells of a sweep stand, oldest first; also those that were deleted, whose epochs
    others may share.
    """
    found = store.connection.execute(
        "SELECT id, status, reason, epoch, parent, parent_epoch, deleted IS NOT NULL FROM runs "
        "WHERE sweep = ? ORDER BY id",
        (sweep,),
    )
    return [*map(State._make, found)]


def configs(store: Store, runs: Collection[int]) -> dict[int, dict[str, Any]]:
    """The configs of these runs as plain fields; one that cannot be read is left out."""
    found = store.connection.execute(
        "SELECT runs.id, config, config_version FROM json_each(?) AS asked "
        "JOIN runs ON runs.id = asked.value",
        (json.dumps([*runs]),),
    )
    read = {}
    for run, text, version in found:
        try:
            read[run] = versions.fields(RunConfig, text, version)
        except (TypeError, ValueError):
            continue
    return read


def bests(store: Store, runs: Collection[int], metric: str) -> dict[int, Reached]:
    """The best of the epochs that each of these runs has trained itself."""
    found = store.connection.execute(
        "SELECT best.run, cost, epoch FROM json_each(?) AS asked JOIN best "
        "ON best.run = asked.value AND metric = ?",
        (json.dumps([*runs]), metric),
    )
    return {run: (cost, epoch) for run, cost, epoch in found}


def bests_until(
    store: Store, parts: Iterable[tuple[int, int]], metric: str
) -> dict[tuple[int, int], Reached]:
    """The best of the epochs that a run has trained itself up to an epoch, by both; left out where
    it has none.
    """
    furthest: dict[int, int] = {}
    asked = set(parts)
    for run, upto in asked:
        furthest[run] = max(upto, furthest.get(run, 0))
    courses: dict[int, list[tuple[int, float]]] = {}
    for run, epoch, value in store.connection.execute(
        "SELECT run, epoch, iif(json_valid(metrics), json_extract(metrics, ?), NULL) "
        "FROM json_each(?) AS owners JOIN epochs "
        "ON run = json_extract(owners.value, '$[0]') "
        "AND epoch <= json_extract(owners.value, '$[1]') ORDER BY run, epoch",
        (_path(metric), json.dumps([*furthest.items()])),
    ):
        if isinstance(value, float | int):
            courses.setdefault(run, []).append((epoch, value))
    sign = -1 if rises(metric) else 1
    found = {}
    for run, upto in asked:
        within = [(sign * value, epoch) for epoch, value in courses.get(run, ()) if epoch <= upto]
        if within:
            found[run, upto] = min(within)
    return found


def values(
    store: Store, places: Iterable[tuple[int, int]], metric: str
) -> dict[tuple[int, int], float]:
    """A metric of these epochs, each of the run that trained it; left out where it has none."""
    found = store.connection.execute(
        "SELECT run, epoch, iif(json_valid(metrics), json_extract(metrics, ?), NULL) "
        "FROM json_each(?) AS places JOIN epochs ON run = json_extract(places.value, '$[0]') "
        "AND epoch = json_extract(places.value, '$[1]')",
        (_path(metric), json.dumps([*places])),
    )
    return {(run, epoch): v for run, epoch, v in found if isinstance(v, float | int)}


def _path(metric: str) -> str:
    return f'$."{metric}"'
