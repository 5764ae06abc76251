"""Migrates a store of an earlier version to the current one. torch-free.

`MIGRATIONS[n]` turns a store of version n into one of version n + 1. Each is tested on a stored
home of version n. They run in one transaction, after a backup of the file.
"""

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

from .permissions import make_file
from .schema import VERSION


def _name_metrics_and_sources(connection: sqlite3.Connection) -> None:
    """Store metrics by name and each run's source; rename `resume` after a pause to `unpause`."""
    _execute_all(
        connection,
        """
        CREATE TABLE new_epochs (
            run INTEGER NOT NULL REFERENCES runs (id),
            epoch INTEGER NOT NULL,
            lr REAL NOT NULL,
            lr_last REAL NOT NULL,
            metrics TEXT NOT NULL,
            seconds REAL NOT NULL,
            decision TEXT,
            PRIMARY KEY (run, epoch)
        ) WITHOUT ROWID;
        CREATE TABLE best (
            run INTEGER NOT NULL REFERENCES runs (id),
            metric TEXT NOT NULL,
            epoch INTEGER NOT NULL,
            cost REAL NOT NULL,
            PRIMARY KEY (run, metric)
        ) WITHOUT ROWID;
        """,
    )
    # Not by SQLite's own JSON, which would round the numbers to 15 digits.
    connection.executemany(
        "INSERT INTO new_epochs VALUES (?, ?, ?, ?, ?, ?, ?)", _epochs_by_name(connection)
    )
    for metric, cost in (
        ("train_loss", "train_loss"), ("val_loss", "val_loss"), ("val_accuracy", "-val_accuracy"),
    ):  # fmt: skip
        # SQLite takes the bare column, epoch, from the row with the least cost.
        connection.execute(
            f"INSERT INTO best SELECT run, ?, epoch, min({cost}) FROM epochs "
            f"WHERE {metric} IS NOT NULL GROUP BY run",
            (metric,),
        )
    _execute_all(
        connection,
        """
        DROP TABLE epochs;
        ALTER TABLE new_epochs RENAME TO epochs;
        ALTER TABLE runs RENAME COLUMN source TO origin;
        ALTER TABLE runs ADD COLUMN source TEXT NOT NULL DEFAULT 'trained';
        UPDATE runs SET source = 'imported' WHERE origin IS NOT NULL;
        ALTER TABLE runs ADD COLUMN config_version INTEGER NOT NULL DEFAULT 1;
        UPDATE commands SET name = 'unpause' WHERE name = 'resume';
        """,
    )


def _epochs_by_name(connection: sqlite3.Connection) -> Iterator[tuple[object, ...]]:
    """The epochs of version 1. It gave every run three metrics; an imported one has only those
    that its file had.
    """
    names = ("train_loss", "val_loss", "val_accuracy")
    measured = {
        run: [name for name, has in zip(names, counts, strict=True) if has or file is None]
        for run, file, *counts in connection.execute(
            "SELECT runs.id, source, count(train_loss), count(val_loss), count(val_accuracy) "
            "FROM runs JOIN epochs ON run = runs.id GROUP BY runs.id"
        )
    }
    rows = connection.execute(
        f"SELECT run, epoch, lr, lr_last, seconds, decision, {', '.join(names)} FROM epochs"
    )
    for run, epoch, lr, lr_last, seconds, decision, *values in rows:
        known = {n: v for n, v in zip(names, values, strict=True) if n in measured[run]}
        yield run, epoch, lr, lr_last, json.dumps(known), seconds, decision


def _keep_traces_and_what_people_note(connection: sqlite3.Connection) -> None:
    """A table for what happened within each epoch, and columns for what people note of a run."""
    _execute_all(
        connection,
        """
        CREATE TABLE traces (
            run INTEGER NOT NULL REFERENCES runs (id),
            epoch INTEGER NOT NULL,
            trace TEXT NOT NULL,
            PRIMARY KEY (run, epoch)
        );
        ALTER TABLE runs ADD COLUMN name TEXT;
        ALTER TABLE runs ADD COLUMN starred INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE runs ADD COLUMN tags TEXT NOT NULL DEFAULT '[]';
        ALTER TABLE runs ADD COLUMN note TEXT;
        ALTER TABLE runs ADD COLUMN archived INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE runs ADD COLUMN deleted REAL;
        """,
    )


def _take_in_spools(connection: sqlite3.Connection) -> None:
    """A table for how far each spool was taken in, and columns for what is known of a run that
    trains elsewhere.
    """
    _execute_all(
        connection,
        """
        CREATE TABLE spools (
            id TEXT PRIMARY KEY,
            run INTEGER NOT NULL,
            offset INTEGER NOT NULL
        ) WITHOUT ROWID;
        ALTER TABLE runs ADD COLUMN controls TEXT;
        ALTER TABLE runs ADD COLUMN elsewhere TEXT;
        """,
    )


def _keep_sweeps(connection: sqlite3.Connection) -> None:
    """Tables for sweeps and for what their cells share, and the sweep of each run."""
    _execute_all(
        connection,
        """
        ALTER TABLE runs ADD COLUMN sweep INTEGER REFERENCES sweeps (id);
        CREATE INDEX runs_by_sweep ON runs (sweep) WHERE sweep IS NOT NULL;
        CREATE TABLE shared (
            run INTEGER NOT NULL REFERENCES runs (id),
            epoch INTEGER NOT NULL,
            decision TEXT NOT NULL,
            PRIMARY KEY (run, epoch)
        ) WITHOUT ROWID;
        CREATE TABLE sweeps (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            created REAL NOT NULL,
            name TEXT,
            kind TEXT NOT NULL,
            config TEXT NOT NULL,
            config_version INTEGER NOT NULL,
            plan TEXT NOT NULL,
            workers INTEGER NOT NULL,
            status TEXT NOT NULL,
            asked TEXT,
            reason TEXT,
            answer TEXT,
            owner TEXT,
            began REAL,
            ended REAL
        )
        """,
    )


# The columns that each version's migration needs: a file without them is not a store.
COLUMNS = {
    1: {
        "runs": "id config status owner started source parent asked",
        "epochs": "run epoch lr lr_last train_loss val_loss val_accuracy seconds decision",
        "commands": "id run name value",
        "interventions": "id run epoch batch name value",
    },
    2: {
        "runs": "id config config_version status owner started source origin parent asked",
        "epochs": "run epoch lr lr_last metrics seconds decision",
        "best": "run metric epoch cost",
        "commands": "id run name value",
        "interventions": "id run epoch batch name value",
    },
    3: {
        "runs": "id config config_version status owner started source origin parent asked name "
        "starred tags note archived deleted",
        "epochs": "run epoch lr lr_last metrics seconds decision",
        "traces": "run epoch trace",
        "best": "run metric epoch cost",
        "commands": "id run name value",
        "interventions": "id run epoch batch name value",
    },
    4: {
        "runs": "id config config_version status owner started source origin parent asked name "
        "starred tags note archived deleted controls elsewhere",
        "epochs": "run epoch lr lr_last metrics seconds decision",
        "traces": "run epoch trace",
        "best": "run metric epoch cost",
        "commands": "id run name value",
        "interventions": "id run epoch batch name value",
        "spools": "id run offset",
    },
}
MIGRATIONS: dict[int, Callable[[sqlite3.Connection], None]] = {
    1: _name_metrics_and_sources,
    2: _keep_traces_and_what_people_note,
    3: _take_in_spools,
    4: _keep_sweeps,
}


def backup_path(path: Path, version: int) -> Path:
    """The backup file of a store of that version."""
    return path.with_name(f"{path.stem}-version-{version}{path.suffix}")


def back_up(path: Path, version: int) -> None:
    """Back up the store as that version wrote it, unless there is a backup already.

    The caller holds the write lock, so that no other process writes to the store or backs it up.
    """
    backup = backup_path(path, version)
    if backup.exists():
        return
    part = backup.with_suffix(".part")
    part.unlink(missing_ok=True)
    try:
        make_file(part)
        # A connection of its own: one within a transaction cannot be backed up.
        with closing(sqlite3.connect(path)) as store, closing(sqlite3.connect(part)) as copy:
            store.backup(copy)
        part.replace(backup)
    finally:
        part.unlink(missing_ok=True)


def migrate(connection: sqlite3.Connection, version: int) -> None:
    """Migrate the tables from that version to the current one, within the caller's transaction."""
    for number in range(version, VERSION):
        MIGRATIONS[number](connection)
    connection.execute(f"PRAGMA user_version = {VERSION}")


def _execute_all(connection: sqlite3.Connection, statements: str) -> None:
    """Execute the statements one by one, since `executescript` would end the transaction."""
    for statement in statements.split(";"):
        connection.execute(statement)
