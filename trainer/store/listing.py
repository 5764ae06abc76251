"""All runs as a list: sorted, filtered and searched in SQL, read a block at a time. torch-free."""

import json
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter, time
from typing import Any, Literal

from ..config.metrics import rises
from ..config.table import SETTINGS
from . import deletion, selection
from .listing_columns import COLUMNS, MONITOR, SOUGHT, STATUS, prepare, stored_settings
from .rows import Unreadable
from .run import Run
from .store import Store
from .table import results

Operator = Literal["contains", "lacks", "less", "greater", "between", "blank", "given"]
RESULTS = {"best", "last"}
# Cross, so that SQLite looks up each result's run, and not for each run its result.
WITH_RESULTS = """(
    SELECT json_extract(value, '$[0]') AS run, json_extract(value, '$[1]') AS best,
        json_extract(value, '$[2]') AS last, json_extract(value, '$[3]') AS rises
    FROM json_each(:results)
) AS results CROSS JOIN runs ON runs.id = results.run"""
REST = 10  # seconds until an order that took one is looked for again, if the runs change
NEWEST_COMPARED = 1000  # all of 10,000 would take a fifth of a second
KEPT = 8  # orders at a time: of the pages that are open


@dataclass(frozen=True, slots=True)
class Filter:
    """What a column must be: text contains a value or lacks it, without regard to case; a number is
    less or greater than it, or from `value` to `to`; it is blank or given. A column that a run has
    not is neither.

    Attributes:
        column: a key of COLUMNS.
    """

    column: str
    operator: Operator
    value: str | float | None = None
    to: float | None = None


@dataclass(frozen=True, slots=True)
class Query:
    """Which runs are listed, and in which order.

    Attributes:
        text: words that must all be in name, tags, note, schedule, data or model; a number is also
            a run's own.
        states: the states of which one must be the run's, as STATUS names them; empty for any.
        sort: columns, and whether each is descending; then the newest come first.
    """

    text: str = ""
    states: tuple[str, ...] = ()
    archived: bool = False
    filters: tuple[Filter, ...] = ()
    sort: tuple[tuple[str, bool], ...] = ()


class Listing:
    """The runs of a store by query. An order is kept until the store changes."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._lock = threading.Lock()
        self._orders: dict[Query, _Order] = {}

    def ids(self, query: Query) -> list[int]:
        """The ids of the runs that a query lists, in its order."""
        with self._lock:
            version = self.store.version()
            known = self._orders.pop(query, None)
            now = perf_counter()
            if known is None or (known.version != version and now >= known.rests_until):
                ids = order(self.store, query)
                took = perf_counter() - now
                known = _Order(version, ids, now + (1 + REST) * took)
            self._orders[query] = known
            if len(self._orders) > KEPT:
                del self._orders[next(iter(self._orders))]
            return known.ids

    def forget(self) -> None:
        """Look for every order again: a person has changed a run and waits to see it."""
        with self._lock:
            self._orders.clear()


@dataclass(frozen=True, slots=True)
class _Order:
    version: int
    ids: list[int]
    rests_until: float


def order(store: Store, query: Query) -> list[int]:
    """The ids of the runs that a query lists, in its order."""
    prepare(store.connection)
    values: dict[str, Any] = {}
    where = ["deleted IS NULL"]
    if not query.archived:
        where.append("NOT archived")
    if query.states:
        values["states"] = json.dumps(query.states)
        where.append(f"{STATUS} IN (SELECT value FROM json_each(:states))")
    for i, word in enumerate(query.text.split()):
        values[f"word{i}"] = word
        found = f"instr(folded({SOUGHT}), folded(:word{i})) > 0"
        number = word.removeprefix("#")
        if number.isascii() and number.isdigit():
            values[f"number{i}"] = min(int(number), 2**63 - 1)
            own = f"id = :number{i}"
            found = own if number != word else f"({own} OR {found})"
        where.append(found)
    for i, asked in enumerate(query.filters):
        where.append(_condition(asked, i))
        values |= {f"value{i}": asked.value, f"to{i}": asked.to}
    used = {f.column for f in query.filters} | {column for column, _ in query.sort}
    source = "runs"
    if used & RESULTS:
        source = WITH_RESULTS
        values["results"] = _results_of_all(store)
    by = [_order_by(column, falls) for column, falls in query.sort]
    listed = store.connection.execute(
        f"SELECT id FROM {source} WHERE {' AND '.join(where)} "
        f"ORDER BY {', '.join([*by, 'id DESC'])}",
        values,
    )
    return [run for (run,) in listed]


def _condition(asked: Filter, i: int) -> str:
    column = COLUMNS[asked.column]
    match asked.operator:
        case "contains":
            return f"instr(folded({column.sql}), folded(:value{i})) > 0"
        case "lacks":
            return f"instr(folded(coalesce({column.sql}, '')), folded(:value{i})) = 0"
        case "less":
            return f"{column.sql} < :value{i}"
        case "greater":
            return f"{column.sql} > :value{i}"
        case "between":
            return f"{column.sql} BETWEEN :value{i} AND :to{i}"
        case "blank":
            return f"coalesce({column.sql}, '') = ''"
        case "given":
            return f"coalesce({column.sql}, '') != ''"


def _order_by(column: str, falls: bool) -> str:
    """By a column, a result from the best one; a run that has none comes last either way."""
    sql = COLUMNS[column].sql
    if column in RESULTS:
        sql = f"CASE WHEN results.rises THEN -{sql} ELSE {sql} END"
    if COLUMNS[column].kind == "text":
        sql = f"folded({sql})"
    return f"{sql} IS NULL, {sql} {'DESC' if falls else 'ASC'}"


def _results_of_all(store: Store) -> str:
    """The best and the last of each run's monitor, and whether more is better, as JSON."""
    monitors = dict(
        store.connection.execute(f"SELECT id, {MONITOR} FROM runs WHERE deleted IS NULL")
    )
    found = results(store, {run: str(monitor) for run, monitor in monitors.items()})
    return json.dumps(
        [[run, r.best, r.last, rises(str(monitors[run]))] for run, r in found.items()]
    )


def is_empty(store: Store) -> bool:
    """Whether a store has no run at all, not even an archived one."""
    found = store.connection.execute("SELECT 1 FROM runs WHERE deleted IS NULL LIMIT 1")
    return found.fetchone() is None


def runs_of(store: Store, ids: Sequence[int]) -> list[Run | Unreadable]:
    """These runs in this order, in one query; without those that are not there."""
    found = selection.runs(store, ids)
    return [found[run] for run in ids if run in found]


def differing(store: Store) -> set[str]:
    """The keys of the settings in which the newest runs differ. One that a run has not does not
    count.
    """
    first: dict[str, Any] = {}
    found: set[str] = set()
    for (config,) in store.connection.execute(
        "SELECT config FROM runs WHERE deleted IS NULL AND NOT archived AND json_valid(config) "
        "ORDER BY id DESC LIMIT ?",
        (NEWEST_COMPARED,),
    ):
        stored = json.loads(config)
        for path, value in stored_settings(stored) if isinstance(stored, dict) else ():
            if first.setdefault(path, value) != value:
                found.add(path)
    return {setting.key for setting in SETTINGS if setting.path in found}


def deleted(store: Store) -> Mapping[int, float]:
    """The runs that can be brought back, oldest deletion first, each with the seconds left."""
    now = time()
    found = store.connection.execute(
        "SELECT id, deleted FROM runs WHERE deleted > ? ORDER BY deleted, id",
        (now - deletion.UNDO_SECONDS,),
    )
    return {run: at + deletion.UNDO_SECONDS - now for run, at in found}
