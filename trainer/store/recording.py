"""The SQL statements that record an event in the store. torch-free."""

import json
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ..config.metrics import rises
from ..engine.events import (
    Diverged,
    Downloading,
    Ended,
    EpochEnded,
    Event,
    Failed,
    Forked,
    Intervened,
    Loading,
    Progress,
    Reading,
    Retraining,
    Started,
    Warned,
)
from ..schedule.decisions import Decision
from ..schedule.epoch import Epoch
from . import commands, rows, traces
from .schema import EPOCH_COLUMNS

# A resumed run replaces its epochs one by one as it trains them again.
INSERT_EPOCH = (
    f"INSERT OR REPLACE INTO epochs (run, {', '.join(EPOCH_COLUMNS)}) "
    f"VALUES (:run, {', '.join(f':{name}' for name in EPOCH_COLUMNS)})"
)
INSERT_INTERVENTION = (
    "INSERT INTO interventions (run, at, epoch, batch, name, value, lr_before, lr_after, sentence) "
    "VALUES (:run, :now, :epoch, :batch, :name, :value, :lr_before, :lr_after, :sentence)"
)
# `ended - began` is how long the run has taken until now, by a clock of the process that trains it
# which nobody sets.
TIMES = (
    "began = coalesce(:now - :elapsed, began), "
    "ended = CASE WHEN :elapsed IS NULL THEN ended ELSE :now END"
)
ACTIVITY = "UPDATE runs SET activity = :activity WHERE id = :run"
END = f"UPDATE runs SET status = :status, reason = :reason, activity = NULL, paused = 0, {TIMES} "


Statement = tuple[str, dict[str, Any]]
"""SQL, and its values except `run`, `now` and `elapsed`."""


def epoch_statements(row: Epoch) -> Iterator[Statement]:
    """The statements that record an epoch."""
    values = {name: getattr(row, name) for name in EPOCH_COLUMNS}
    values["metrics"] = numbers(row)
    values["decision"] = stored(row.decision)
    yield INSERT_EPOCH, values
    yield from best_statements(row)


def numbers(row: Epoch) -> str:
    """An epoch's metrics, as they are stored."""
    return json.dumps(row.metrics, allow_nan=False)


def stored(decision: Decision | None) -> str | None:
    """A decision without its sentence, which is drawn from the evidence again."""
    return None if decision is None else decision.model_dump_json(exclude={"sentence"})


def best_statements(row: Epoch) -> Iterator[Statement]:
    """The statement that keeps an epoch as the best by those metrics in which it is."""
    measured = [(name, value) for name, value in row.metrics.items() if value is not None]
    if not measured:
        return
    places = ", ".join(f"(:run, :metric{i}, :epoch, :cost{i})" for i in range(len(measured)))
    values: dict[str, Any] = {"epoch": row.epoch}
    for i, (name, value) in enumerate(measured):
        values |= {f"metric{i}": name, f"cost{i}": -value if rises(name) else value}
    yield (
        f"INSERT INTO best (run, metric, epoch, cost) VALUES {places} "
        "ON CONFLICT (run, metric) DO UPDATE SET epoch = excluded.epoch, cost = excluded.cost "
        "WHERE excluded.cost < best.cost",
        values,
    )


def statements(event: Event) -> Iterator[Statement]:
    """The statements that record an event."""
    match event:
        case Downloading(file, received, total):
            share = f", {received / total:.0%}" if total else ""
            activity = f"downloading {file}: {received / 1e6:.1f} MB{share}"
            yield ACTIVITY, {"activity": activity}
        case Reading(done, total):
            yield ACTIVITY, {"activity": f"reading images: {done:,} of {total:,}"}
        case Loading(file):
            yield ACTIVITY, {"activity": f"running {file}, which builds the network"}
        case Retraining(epoch, needed):
            yield ACTIVITY, {"activity": f"retraining epoch {epoch} of {needed} up to the fork"}
        case Started():
            started = json.dumps({name: getattr(event, name) for name in Started.__slots__})
            yield (
                f"UPDATE runs SET activity = NULL, started = :started, {TIMES} WHERE id = :run",
                {"started": started},
            )
        case Forked(_, decision):
            values = {"decision": stored(decision)}
            yield "UPDATE runs SET decision = :decision WHERE id = :run", values
        case Intervened():
            if not event.repeated:
                # Of a run that was resumed: those that it had trained without this change.
                yield (
                    "DELETE FROM epochs WHERE run = :run AND epoch >= :epoch",
                    {"epoch": event.epoch},
                )
                yield traces.without_later(event.epoch if event.batch else event.epoch - 1)
                values = {name: getattr(event, name) for name in Intervened.__slots__}
                yield INSERT_INTERVENTION, values
        case Warned(sentence):
            yield "UPDATE runs SET warning = :warning WHERE id = :run", {"warning": sentence}
        case Progress(epoch, batch, _, trace):
            yield traces.statement(epoch, trace)
            yield (
                f"UPDATE runs SET epoch = :epoch, batch = :batch, {TIMES} WHERE id = :run",
                {"epoch": epoch - 1, "batch": batch},
            )
        case EpochEnded():
            yield from epoch_statements(event)
            yield traces.statement(event.epoch, event.trace)
            yield (
                f"UPDATE runs SET epoch = :epoch, batch = 0, {TIMES} WHERE id = :run",
                {"epoch": event.epoch},
            )
        case Diverged():
            yield from epoch_statements(event)
            yield traces.statement(event.epoch, event.trace)
            yield "DELETE FROM epochs WHERE run = :run AND epoch > :epoch", {"epoch": event.epoch}
            yield traces.without_later(event.epoch)
            yield (
                END + ", epoch = :epoch, batch = 0 WHERE id = :run",
                {"status": "diverged", "reason": event.reason, "epoch": event.epoch},
            )
        case Failed(reason):
            yield END + "WHERE id = :run", {"status": "failed", "reason": reason}
        case Ended(status, test_loss, test_accuracy):
            yield (
                END + ", test_loss = :test_loss, test_accuracy = :test_accuracy WHERE id = :run",
                {
                    "status": status,
                    "reason": None,
                    "test_loss": test_loss,
                    "test_accuracy": test_accuracy,
                },
            )


@dataclass(frozen=True, slots=True)
class Happened:
    """What happened to a run, and when.

    Attributes:
        at: seconds since 1970.
        event: what is to be recorded; None if only the rest is.
        elapsed: the seconds that the run had taken by then; None if unknown.
        made: the id of the command that it answers; None if it answers none.
        paused: whether the run stands still from then on; None if that did not change.
    """

    at: float
    event: Event | None = None
    elapsed: float | None = None
    made: int | None = None
    paused: bool | None = None


def write(connection: sqlite3.Connection, run: int, happened: Happened) -> None:
    """Write what happened to a run, within the caller's transaction."""
    common = {"run": run, "now": happened.at, "elapsed": happened.elapsed}
    if happened.event is not None:
        again = replaces(connection, run, happened.event)
        for statement, values in statements(happened.event):
            connection.execute(statement, {**values, **common})
        if again:
            _find_best_again(connection, run)
    if happened.made is not None:
        commands.carried_out(connection, run, happened.made)
    if happened.paused is not None:
        connection.execute("UPDATE runs SET paused = ? WHERE id = ?", (happened.paused, run))


def _find_best_again(connection: sqlite3.Connection, run: int) -> None:
    connection.execute("DELETE FROM best WHERE run = ?", (run,))
    found = connection.execute(
        f"SELECT {', '.join(EPOCH_COLUMNS)} FROM epochs WHERE run = ? ORDER BY epoch", (run,)
    )
    for row in [rows.epoch(run, row) for row in found]:
        for statement, values in best_statements(row):
            connection.execute(statement, {**values, "run": run})


def replaces(connection: sqlite3.Connection, run: int, event: Event) -> bool:
    """Whether an event replaces or deletes recorded epochs, so that the best may be another one.
    The same metrics again, as on the same machine, change nothing.
    """
    if not isinstance(event, Epoch | Intervened):
        return False
    found = connection.execute(
        "SELECT epoch, metrics FROM epochs WHERE run = ? AND epoch >= ? ORDER BY epoch LIMIT 1",
        (run, event.epoch),
    ).fetchone()
    if found is None:
        return False
    if isinstance(event, Intervened):
        return not event.repeated
    return isinstance(event, Diverged) or found != (event.epoch, numbers(event))
