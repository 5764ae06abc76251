"""What a table of runs shows, read for many runs at once. torch-free."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from ..config.metrics import rises
from .rows import Unreadable
from .run import Run
from .store import NEWEST, Store

BATCH = 200  # runs that are read at a time


@dataclass(frozen=True, slots=True)
class Result:
    """A metric of a run, a fork's with the epochs that it shares with its ancestors.

    Attributes:
        best, epoch: its best value, and the first epoch that has it; None if it has none.
        last: its value in the last epoch; None if that has none.
    """

    best: float | None = None
    epoch: int | None = None
    last: float | None = None


# A run's epochs are in parts: its own, and those of each ancestor up to the fork. Each part has its
# best by the metric, which may lie after the fork, and its last epoch.
PARTS = """
WITH RECURSIVE asked (run, metric) AS (
    SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]') FROM json_each(?)
), parts (run, metric, owner, upto) AS (
    SELECT run, metric, run, 9223372036854775807 FROM asked
    UNION ALL
    SELECT parts.run, parts.metric, runs.parent, min(parts.upto, runs.parent_epoch)
    FROM parts JOIN runs ON runs.id = parts.owner
    WHERE runs.parent < runs.id AND runs.parent_epoch > 0
)
SELECT parts.run, parts.metric, parts.owner, parts.upto, best.epoch, best.cost,
    epochs.epoch, epochs.metrics
FROM parts
LEFT JOIN best ON best.run = parts.owner AND best.metric = parts.metric
LEFT JOIN epochs ON epochs.run = parts.owner AND epochs.epoch = (
    SELECT max(epoch) FROM epochs WHERE run = parts.owner AND epoch <= parts.upto
)
"""
SHARED = """
SELECT epochs.run, epochs.epoch, epochs.metrics FROM json_each(?) AS owners
JOIN epochs ON epochs.run = json_extract(owners.value, '$[0]')
    AND epochs.epoch <= json_extract(owners.value, '$[1]')
"""


def results(store: Store, metrics: Mapping[int, str]) -> dict[int, Result]:
    """The best and the last value of a metric for each of these runs, in two queries.

    The epochs that a run has done and its seconds are in its row: `Run.epoch`, `Run.elapsed`.

    Args:
        metrics: the metric by run.
    """
    asked = json.dumps([[run, metric] for run, metric in metrics.items()])
    parts = store.connection.execute(PARTS, (asked,)).fetchall()
    shared: dict[int, int] = {}  # up to where an ancestor's best is sought
    for _, _, owner, upto, epoch, *_ in parts:
        if epoch is not None and epoch > upto:
            shared[owner] = max(upto, shared.get(owner, 0))
    within = _shared(store, shared)
    costs: dict[int, tuple[float, int]] = {}
    lasts: dict[int, tuple[int, float | None]] = {}
    for run, metric, owner, upto, epoch, cost, last, text in parts:
        if epoch is not None and epoch > upto:
            found = within.get(owner, {})
            values = [(_cost(metric, m), n) for n, m in found.items() if n <= upto]
            measured = [(c, n) for c, n in values if c is not None]
        else:
            measured = [] if epoch is None else [(cost, epoch)]
        if measured:
            costs[run] = min([*measured, *([costs[run]] if run in costs else [])])
        if last is not None and last >= lasts.get(run, (0, None))[0]:
            lasts[run] = last, _number(_read(text), metric)
    told = {}
    for run, metric in metrics.items():
        best, epoch = costs.get(run, (None, None))
        if best is not None and rises(metric):
            best = -best
        told[run] = Result(best, epoch, lasts.get(run, (0, None))[1])
    return told


def _shared(store: Store, upto: Mapping[int, int]) -> dict[int, dict[int, Any]]:
    """The metrics of runs by epoch, up to one."""
    found: dict[int, dict[int, Any]] = {}
    if upto:
        for run, epoch, text in store.connection.execute(SHARED, (json.dumps([*upto.items()]),)):
            found.setdefault(run, {})[epoch] = _read(text)
    return found


def _read(text: Any) -> Any:
    """An epoch's metrics; what is damaged has none, and is told of where the run is shown."""
    try:
        return json.loads(text)
    except (TypeError, ValueError):
        return {}


def _number(metrics: Any, name: str) -> float | None:
    value = metrics.get(name) if isinstance(metrics, dict) else None
    return value if isinstance(value, float | int) else None


def _cost(metric: str, metrics: Any) -> float | None:
    value = _number(metrics, metric)
    return -value if value is not None and rises(metric) else value


def ids(store: Store) -> list[int]:
    """The ids of all runs, oldest first."""
    found = store.connection.execute("SELECT id FROM runs WHERE deleted IS NULL ORDER BY id")
    return [run for (run,) in found]


def newest(
    store: Store,
    limit: int | None = None,
    accepts: Callable[[Run], bool] = lambda _: True,
    archived: bool = False,
) -> list[Run | Unreadable]:
    """The newest runs that are accepted, newest first; also those that cannot be read.

    Args:
        archived: also those that are archived.
    """
    return list(islice(_accepted(_all(store, archived), accepts), limit))


def _accepted(
    runs: Iterable[Run | Unreadable], accepts: Callable[[Run], bool]
) -> Iterator[Run | Unreadable]:
    return (run for run in runs if isinstance(run, Unreadable) or accepts(run))


def _all(store: Store, archived: bool) -> Iterator[Run | Unreadable]:
    before = NEWEST
    while found := store.runs(BATCH, before, archived):
        yield from found
        before = found[-1].id
