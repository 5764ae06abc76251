"""SQLite: runs, epochs, commands. Rows are appended, and read with a cursor. torch-free."""

import json
import sqlite3
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from filelock import FileLock, Timeout

from trainer.config import RunConfig
from trainer.decisions import Decision
from trainer.events import (
    Diverged,
    Downloading,
    Ended,
    EpochEnded,
    Event,
    Failed,
    Progress,
    Started,
)

Status = Literal["queued", "training", "finished", "stopped", "diverged", "failed", "interrupted"]
OVER: set[Status] = {"finished", "stopped", "diverged", "failed", "interrupted"}

SCHEMA_VERSION = 1
SCHEMA = """
CREATE TABLE runs (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    created REAL NOT NULL,
    config TEXT NOT NULL,
    status TEXT NOT NULL,
    reason TEXT,
    owner TEXT,
    began REAL,
    ended REAL,
    pace REAL,
    started TEXT,
    activity TEXT,
    epoch INTEGER NOT NULL DEFAULT 0,
    batch INTEGER NOT NULL DEFAULT 0,
    test_loss REAL,
    test_accuracy REAL
);
CREATE INDEX runs_by_status ON runs (status);
CREATE TABLE epochs (
    run INTEGER NOT NULL REFERENCES runs (id),
    epoch INTEGER NOT NULL,
    lr REAL NOT NULL,
    lr_last REAL NOT NULL,
    train_loss REAL,
    val_loss REAL,
    val_accuracy REAL,
    seconds REAL NOT NULL,
    decision TEXT,
    PRIMARY KEY (run, epoch)
) WITHOUT ROWID;
CREATE INDEX epochs_by_loss ON epochs (run, val_loss);
CREATE TABLE commands (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    run INTEGER NOT NULL REFERENCES runs (id),
    at REAL NOT NULL,
    name TEXT NOT NULL,
    value REAL
);
CREATE INDEX commands_by_run ON commands (run, id);
"""


class StoreError(Exception):
    """The store cannot be used; the message is one sentence for the user."""


@dataclass(frozen=True, slots=True)
class Run:
    """A run as it stands. Times are seconds since 1970; `pace` is epochs a second, or None for as
    fast as it goes; `batch` batches of epoch `epoch` + 1 are done; `activity` says what it does
    before its first batch.
    """

    id: int
    created: float
    config: RunConfig
    status: Status
    reason: str | None
    began: float | None
    ended: float | None
    pace: float | None
    started: Started | None
    activity: str | None
    epoch: int
    batch: int
    test_loss: float | None
    test_accuracy: float | None

    @property
    def over(self) -> bool:
        return self.status in OVER


@dataclass(frozen=True, slots=True)
class Epoch:
    """One epoch's row; losses are None where they were not finite, and then so is the decision."""

    epoch: int
    lr: float
    lr_last: float
    train_loss: float | None
    val_loss: float | None
    val_accuracy: float | None
    seconds: float
    decision: Decision | None


@dataclass(frozen=True, slots=True)
class Command:
    """What a person asked of a run: `stop`, or `pace` with epochs a second (None: no limit)."""

    id: int
    name: Literal["stop", "pace"]
    value: float | None


RUN_COLUMNS = (
    "id, created, config, status, reason, began, ended, pace, started, activity, epoch, batch, "
    "test_loss, test_accuracy"
)
EPOCH_COLUMNS = "epoch, lr, lr_last, train_loss, val_loss, val_accuracy, seconds, decision"


class Store:
    """The runs under one folder. Any thread and any process may use it at the same time.

    Args:
        home: the folder; made where it is missing.

    Raises:
        StoreError: the folder cannot be written, or holds a newer LRScope's data.
    """

    def __init__(self, home: Path) -> None:
        self.home = home
        self.path = home / "lrscope.sqlite"
        self._local = threading.local()
        self._connections: list[sqlite3.Connection] = []
        self._owner = uuid.uuid4().hex
        try:
            (home / "owners").mkdir(parents=True, exist_ok=True)
            self._alive = FileLock(self._lock_path(self._owner), blocking=False)
            self._alive.acquire()
            self._create()
        except (OSError, sqlite3.Error) as error:
            why = getattr(error, "strerror", None) or error
            raise StoreError(
                f"LRScope cannot keep its runs under {home} ({why}); choose another folder "
                "with --home."
            ) from error
        self.interrupt_orphans()

    def _create(self) -> None:
        connection = self._connection
        connection.execute("PRAGMA journal_mode = WAL")
        with self._transaction():
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            if version == 0:
                for statement in SCHEMA.split(";"):
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        if version > SCHEMA_VERSION:
            raise StoreError(
                f"{self.path} was written by a newer LRScope; update LRScope, or choose another "
                "folder with --home."
            )

    @property
    def _connection(self) -> sqlite3.Connection:
        """This thread's own connection. `close` closes it, whichever thread calls that."""
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = sqlite3.connect(
                self.path, isolation_level=None, timeout=10, check_same_thread=False
            )
            self._connections.append(connection)
            connection.execute("PRAGMA synchronous = NORMAL")
            self._local.connection = connection
        return connection

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        connection = self._connection
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")

    def _lock_path(self, owner: str) -> Path:
        return self.home / "owners" / f"{owner}.lock"

    def interrupt_orphans(self) -> None:
        """Mark the runs of processes that are gone as interrupted: their locks are free."""
        owners = self._connection.execute(
            "SELECT DISTINCT owner FROM runs WHERE status = 'training'"
        ).fetchall()
        for (owner,) in owners:
            if owner == self._owner:
                continue
            lock = FileLock(self._lock_path(owner), blocking=False)
            try:
                lock.acquire()
            except Timeout:
                continue
            with self._transaction() as connection:
                connection.execute(
                    "UPDATE runs SET status = 'interrupted', ended = ?, reason = ? "
                    "WHERE owner = ? AND status = 'training'",
                    (time.time(), "LRScope ended while this run was training.", owner),
                )
            lock.release()
            self._lock_path(owner).unlink(missing_ok=True)

    def close(self) -> None:
        """Release this process's claim on its runs, and every thread's connection."""
        for connection in self._connections:
            connection.close()
        self._connections.clear()
        self._local = threading.local()
        self._alive.release()
        self._lock_path(self._owner).unlink(missing_ok=True)

    # Runs

    def add(self, config: RunConfig, pace: float | None = None) -> int:
        """Queue a run; its number."""
        with self._transaction() as connection:
            cursor = connection.execute(
                "INSERT INTO runs (created, config, status, pace) VALUES (?, ?, 'queued', ?)",
                (time.time(), config.model_dump_json(), pace),
            )
        assert cursor.lastrowid is not None
        return cursor.lastrowid

    def claim(self, run: int | None = None) -> int | None:
        """Take a queued run, this one or the oldest, for this process to train; None if none."""
        queued = "SELECT 1 FROM runs WHERE status = 'queued' LIMIT 1"
        if self._connection.execute(queued).fetchone() is None:
            return None  # asked often: without taking the lock that writers wait for
        with self._transaction() as connection:
            row = connection.execute(
                "UPDATE runs SET status = 'training', owner = ?, began = ? WHERE id = ("
                "SELECT id FROM runs WHERE status = 'queued' AND id = coalesce(?, id) "
                "ORDER BY id LIMIT 1) RETURNING id",
                (self._owner, time.time(), run),
            ).fetchone()
        return None if row is None else int(row[0])

    def run(self, run: int) -> Run | None:
        """The run of that number, None where there is none."""
        row = self._connection.execute(
            f"SELECT {RUN_COLUMNS} FROM runs WHERE id = ?", (run,)
        ).fetchone()
        return None if row is None else _run(row)

    def runs(self, limit: int) -> list[Run]:
        """The newest runs, newest first."""
        rows = self._connection.execute(
            f"SELECT {RUN_COLUMNS} FROM runs ORDER BY id DESC LIMIT ?", (limit,)
        )
        return [_run(row) for row in rows]

    def newest(self) -> int | None:
        """The number of the run to look at: the one that trains, else the newest of all."""
        row = self._connection.execute(
            "SELECT coalesce((SELECT max(id) FROM runs WHERE status = 'training'), max(id)) "
            "FROM runs"
        ).fetchone()
        return None if row[0] is None else int(row[0])

    def epochs(self, run: int, after: int = 0) -> list[Epoch]:
        """The run's epochs after that one, in order."""
        rows = self._connection.execute(
            f"SELECT {EPOCH_COLUMNS} FROM epochs WHERE run = ? AND epoch > ? ORDER BY epoch",
            (run, after),
        )
        return [_epoch(row) for row in rows]

    def best(self, run: int) -> Epoch | None:
        """The run's epoch with the lowest validation loss."""
        row = self._connection.execute(
            f"SELECT {EPOCH_COLUMNS} FROM epochs WHERE run = ? AND val_loss IS NOT NULL "
            "ORDER BY val_loss LIMIT 1",
            (run,),
        ).fetchone()
        return None if row is None else _epoch(row)

    # Commands

    def stop(self, run: int) -> None:
        """Ask a run to stop; one that is still queued is stopped at once."""
        with self._transaction() as connection:
            connection.execute(
                "UPDATE runs SET status = 'stopped', ended = ? WHERE id = ? AND status = 'queued'",
                (time.time(), run),
            )
            _command(connection, run, "stop", None)

    def set_pace(self, run: int, pace: float | None) -> None:
        """Ask a run for so many epochs a second; None for as fast as it goes."""
        with self._transaction() as connection:
            connection.execute("UPDATE runs SET pace = ? WHERE id = ?", (pace, run))
            _command(connection, run, "pace", pace)

    def commands(self, run: int, after: int = 0) -> list[Command]:
        """What was asked of the run after that command, in order."""
        rows = self._connection.execute(
            "SELECT id, name, value FROM commands WHERE run = ? AND id > ? ORDER BY id",
            (run, after),
        )
        return [Command(*row) for row in rows]

    # Events

    def record(self, run: int, event: Event) -> None:
        """Write what happened to a run: one event, one transaction."""
        with self._transaction() as connection:
            for statement, values in _statements(event):
                connection.execute(statement, {**values, "run": run, "now": time.time()})


def _command(connection: sqlite3.Connection, run: int, name: str, value: float | None) -> None:
    connection.execute(
        "INSERT INTO commands (run, at, name, value) SELECT ?, ?, ?, ? WHERE EXISTS "
        "(SELECT 1 FROM runs WHERE id = ?)",
        (run, time.time(), name, value, run),
    )


def _run(row: tuple[Any, ...]) -> Run:
    run = dict(zip(Run.__slots__, row, strict=True))
    run["config"] = RunConfig.model_validate_json(run["config"])
    run["started"] = Started(**json.loads(run["started"])) if run["started"] else None
    return Run(**run)


def _epoch(row: tuple[Any, ...]) -> Epoch:
    epoch = dict(zip(Epoch.__slots__, row, strict=True))
    return Epoch(**{**epoch, "decision": _decision(epoch["decision"])})


def _decision(text: str | None) -> Decision | None:
    if text is None:
        return None
    fields = json.loads(text)
    fields.pop("sentence")  # drawn from the evidence again
    return Decision.model_validate(fields)


INSERT_EPOCH = (
    "INSERT INTO epochs VALUES (:run, :epoch, :lr, :lr_last, :train_loss, :val_loss, "
    ":val_accuracy, :seconds, :decision)"
)
END = "UPDATE runs SET status = :status, reason = :reason, activity = NULL, ended = :now "


def _statements(event: Event) -> Iterator[tuple[str, dict[str, Any]]]:
    """What an event writes: SQL, and its values but for `run` and `now`."""
    match event:
        case Downloading(file, received, total):
            share = f", {received / total:.0%}" if total else ""
            activity = f"downloading {file}: {received / 1e6:.1f} MB{share}"
            yield "UPDATE runs SET activity = :activity WHERE id = :run", {"activity": activity}
        case Started():
            started = json.dumps({name: getattr(event, name) for name in Started.__slots__})
            yield (
                "UPDATE runs SET activity = NULL, started = :started, began = :now WHERE id = :run",
                {"started": started},
            )
        case Progress(epoch, batch, _):
            yield (
                "UPDATE runs SET epoch = :epoch, batch = :batch WHERE id = :run",
                {"epoch": epoch - 1, "batch": batch},
            )
        case EpochEnded():
            values = {name: getattr(event, name) for name in EpochEnded.__slots__}
            values["decision"] = event.decision.model_dump_json()
            yield INSERT_EPOCH, values
            yield (
                "UPDATE runs SET epoch = :epoch, batch = 0 WHERE id = :run",
                {"epoch": event.epoch},
            )
        case Diverged():
            values = {name: getattr(event, name) for name in Diverged.__slots__}
            yield INSERT_EPOCH, {**values, "decision": None}
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
