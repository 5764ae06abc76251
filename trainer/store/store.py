"""SQLite: runs, epochs, commands. Rows are appended, and read with a cursor. torch-free."""

import sqlite3
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from ..config.run import RunConfig
from ..engine.events import Event
from ..schedule.interventions import Intervention, refusal
from . import recording, rows
from .rows import (
    CHANGE_COLUMNS,
    EPOCH_COLUMNS,
    OVER,
    RUN_COLUMNS,
    Change,
    Command,
    CommandName,
    Epoch,
    Run,
    Status,
)

__all__ = [
    "OVER", "Change", "Command", "CommandError", "Epoch", "Run", "Status", "Store", "StoreError",
]  # fmt: skip

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
    test_accuracy REAL,
    parent INTEGER REFERENCES runs (id),
    parent_epoch INTEGER,
    decision TEXT,
    paused INTEGER NOT NULL DEFAULT 0,
    asked INTEGER NOT NULL DEFAULT 0,
    warning TEXT,
    source TEXT
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
CREATE TABLE interventions (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    run INTEGER NOT NULL REFERENCES runs (id),
    at REAL NOT NULL,
    epoch INTEGER NOT NULL,
    batch INTEGER NOT NULL,
    name TEXT NOT NULL,
    value REAL,
    lr_before REAL NOT NULL,
    lr_after REAL NOT NULL,
    sentence TEXT NOT NULL
);
CREATE INDEX interventions_by_run ON interventions (run, id);
"""


class StoreError(Exception):
    """The store cannot be used; the message is one sentence for the user."""


class CommandError(Exception):
    """A run cannot do what is asked of it; the message is one sentence for the user."""


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
                    "UPDATE runs SET status = 'interrupted', paused = 0, ended = ?, reason = ? "
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

    def add(
        self,
        config: RunConfig,
        pace: float | None = None,
        parent: tuple[int, int] | None = None,
        claimed: bool = False,
    ) -> int:
        """Queue a run; its number.

        Args:
            parent: for a fork, the run that trained the epoch, and that epoch
                (`trainer.store.lineage.owner` finds the run; `trainer.config.forks.check` says what
                may differ).
            claimed: take it for this process to train at once.
        """
        now = time.time()
        forked, epoch = parent or (None, None)
        with self._transaction() as connection:
            cursor = connection.execute(
                "INSERT INTO runs (created, config, status, pace, parent, parent_epoch, epoch) "
                "VALUES (?, ?, 'queued', ?, ?, ?, ?)",
                (now, config.model_dump_json(), pace, forked, epoch, epoch or 0),
            )
            assert cursor.lastrowid is not None
            if claimed:
                self._claim(connection, cursor.lastrowid)
        return cursor.lastrowid

    def add_recorded(self, config: RunConfig, source: str, epochs: Sequence[Epoch]) -> int:
        """Take in a run that was trained elsewhere, whole or not at all; its number.

        Args:
            config: what its schedule and its LR are taken to be.
            source: where it comes from, for its name.
            epochs: its rows.
        """
        now = time.time()
        with self._transaction() as connection:
            cursor = connection.execute(
                "INSERT INTO runs (created, config, status, began, ended, epoch, source) "
                "VALUES (?, ?, 'finished', ?, ?, ?, ?)",
                (now, config.model_dump_json(), now, now, epochs[-1].epoch, source),
            )
            connection.executemany(
                recording.INSERT_EPOCH,
                [{**recording.epoch_values(epoch), "run": cursor.lastrowid} for epoch in epochs],
            )
        assert cursor.lastrowid is not None
        return cursor.lastrowid

    def resume(self, run: int, claimed: bool = False) -> None:
        """Queue a run again that was interrupted or stopped, or has failed: it goes on from its
        last snapshot.

        Raises:
            CommandError: there is no such run, or it cannot go on.
        """
        with self._transaction() as connection:
            resumed = connection.execute(
                "UPDATE runs SET status = 'queued', reason = NULL, ended = NULL, activity = NULL, "
                "paused = 0, warning = NULL, "
                "asked = (SELECT coalesce(max(id), 0) FROM commands WHERE run = runs.id) "
                "WHERE id = ? AND status IN ('interrupted', 'stopped', 'failed') RETURNING id",
                (run,),
            ).fetchone()
            if resumed and claimed:
                self._claim(connection, run)
        if not resumed:
            row = self._known(run)
            if not row.over:
                raise CommandError(f"Run {run} is {row.status} already.")
            if row.source is not None:
                raise CommandError(f"Run {run} was imported: it has no weights to go on from.")
            raise CommandError(
                f"Run {run} has {row.status}; fork it to go on from one of its epochs."
            )

    def rewind(self, run: int, epoch: int, batch: int) -> None:
        """Drop what a run has trained after this moment: it is trained again from there."""
        with self._transaction() as connection:
            connection.execute("DELETE FROM epochs WHERE run = ? AND epoch > ?", (run, epoch))
            connection.execute(
                "UPDATE runs SET epoch = ?, batch = ? WHERE id = ?", (epoch, batch, run)
            )

    def claim(self, run: int | None = None) -> int | None:
        """Take a queued run, this one or the oldest, for this process to train; None if none."""
        queued = "SELECT 1 FROM runs WHERE status = 'queued' LIMIT 1"
        if self._connection.execute(queued).fetchone() is None:
            return None  # asked often: without taking the lock that writers wait for
        with self._transaction() as connection:
            return self._claim(connection, run)

    def _claim(self, connection: sqlite3.Connection, run: int | None) -> int | None:
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
        return None if row is None else rows.run(row)

    def runs(self, limit: int) -> list[Run]:
        """The newest runs, newest first."""
        found = self._connection.execute(
            f"SELECT {RUN_COLUMNS} FROM runs ORDER BY id DESC LIMIT ?", (limit,)
        )
        return [rows.run(row) for row in found]

    def newest(self) -> int | None:
        """The number of the run to look at: the one that trains, else the newest of all."""
        row = self._connection.execute(
            "SELECT coalesce((SELECT max(id) FROM runs WHERE status = 'training'), max(id)) "
            "FROM runs"
        ).fetchone()
        return None if row[0] is None else int(row[0])

    def begun(self) -> int:
        """The highest number of a run that has begun to train, or is over; 0 before the first."""
        row = self._connection.execute(
            "SELECT coalesce(max(id), 0) FROM runs WHERE status != 'queued'"
        ).fetchone()
        return int(row[0])

    def epochs(self, run: int, after: int = 0) -> list[Epoch]:
        """The run's epochs after that one, in order."""
        found = self._connection.execute(
            f"SELECT {EPOCH_COLUMNS} FROM epochs WHERE run = ? AND epoch > ? ORDER BY epoch",
            (run, after),
        )
        return [rows.epoch(row) for row in found]

    def best(self, run: int) -> Epoch | None:
        """The run's epoch with the lowest validation loss."""
        row = self._connection.execute(
            f"SELECT {EPOCH_COLUMNS} FROM epochs WHERE run = ? AND val_loss IS NOT NULL "
            "ORDER BY val_loss LIMIT 1",
            (run,),
        ).fetchone()
        return None if row is None else rows.epoch(row)

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

    def ask(self, run: int, name: CommandName, value: float | None = None) -> None:
        """Ask something of a run that trains or waits for its turn.

        Raises:
            CommandError: there is no such run, it is over, or it cannot do this.
        """
        row = self._known(run)
        if row.over:
            raise CommandError(f"Run {run} is over ({row.status}): nothing can be changed in it.")
        if name in ("lr", "scale", "cut", "epochs"):
            refused = refusal(name, value, row.epochs)
            if refused:
                raise CommandError(refused)
        if name == "stop":
            self.stop(run)
            return
        with self._transaction() as connection:
            if name in ("pause", "resume", "step"):
                connection.execute(
                    "UPDATE runs SET paused = ? WHERE id = ?", (name == "pause", run)
                )
            _command(connection, run, name, value)

    def set_paused(self, run: int, paused: bool) -> None:
        """Record that a run stands still, or goes on, by itself."""
        with self._transaction() as connection:
            connection.execute("UPDATE runs SET paused = ? WHERE id = ?", (paused, run))

    def _known(self, run: int) -> Run:
        row = self.run(run)
        if row is None:
            raise CommandError(f"There is no run {run}.")
        return row

    def changes(self, run: int, after: int = 0) -> list[Change]:
        """What was changed in the run by hand after that change, in order."""
        found = self._connection.execute(
            f"SELECT {CHANGE_COLUMNS} FROM interventions WHERE run = ? AND id > ? ORDER BY id",
            (run, after),
        )
        return [Change(*row) for row in found]

    def interventions(self, run: int) -> list[Intervention]:
        """The run's changes by hand as a record that a `Control` repeats."""
        return [Intervention(c.epoch, c.batch, c.name, c.value) for c in self.changes(run)]

    def commands(self, run: int, after: int = 0) -> list[Command]:
        """What was asked of the run after that command, in order."""
        found = self._connection.execute(
            "SELECT id, name, value FROM commands WHERE run = ? AND id > ? ORDER BY id",
            (run, after),
        )
        return [Command(*row) for row in found]

    # Events

    def record(self, run: int, event: Event) -> None:
        """Write what happened to a run: one event, one transaction."""
        with self._transaction() as connection:
            for statement, values in recording.statements(event):
                connection.execute(statement, {**values, "run": run, "now": time.time()})


def _command(connection: sqlite3.Connection, run: int, name: str, value: float | None) -> None:
    connection.execute(
        "INSERT INTO commands (run, at, name, value) SELECT ?, ?, ?, ? WHERE EXISTS "
        "(SELECT 1 FROM runs WHERE id = ?)",
        (run, time.time(), name, value, run),
    )
