"""Migrates a store of an earlier version to the current one. torch-free.

`MIGRATIONS[n]` turns a store of version n into one of version n + 1. Each is tested on a stored
home of version n. They run in one transaction, after a backup of the file.
"""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from .schema import VERSION


def _name_metrics_and_sources(connection: sqlite3.Connection) -> None:
    """Store metrics by name and each run's source; rename `resume` after a pause to `unpause`."""
    _execute_all(
        connection,
        """
        CREATE TABLE metrics (
            run INTEGER NOT NULL REFERENCES runs (id),
            epoch INTEGER NOT NULL,
            name TEXT NOT NULL,
            value REAL,
            PRIMARY KEY (run, epoch, name)
        ) WITHOUT ROWID;
        INSERT INTO metrics SELECT run, epoch, 'train_loss', train_loss FROM epochs;
        INSERT INTO metrics SELECT run, epoch, 'val_loss', val_loss FROM epochs;
        INSERT INTO metrics SELECT run, epoch, 'val_accuracy', val_accuracy FROM epochs;
        DELETE FROM metrics WHERE run IN (SELECT id FROM runs WHERE source IS NOT NULL)
            AND (run, name) NOT IN (SELECT run, name FROM metrics WHERE value IS NOT NULL);
        CREATE INDEX metrics_by_value ON metrics (run, name, value);
        CREATE TABLE new_epochs (
            run INTEGER NOT NULL REFERENCES runs (id),
            epoch INTEGER NOT NULL,
            lr REAL NOT NULL,
            lr_last REAL NOT NULL,
            seconds REAL NOT NULL,
            decision TEXT,
            PRIMARY KEY (run, epoch)
        ) WITHOUT ROWID;
        INSERT INTO new_epochs SELECT run, epoch, lr, lr_last, seconds, decision FROM epochs;
        DROP TABLE epochs;
        ALTER TABLE new_epochs RENAME TO epochs;
        ALTER TABLE runs RENAME COLUMN source TO origin;
        ALTER TABLE runs ADD COLUMN source TEXT NOT NULL DEFAULT 'trained';
        UPDATE runs SET source = 'imported' WHERE origin IS NOT NULL;
        ALTER TABLE runs ADD COLUMN config_version INTEGER NOT NULL DEFAULT 1;
        UPDATE commands SET name = 'unpause' WHERE name = 'resume';
        """,
    )


MIGRATIONS: dict[int, Callable[[sqlite3.Connection], None]] = {1: _name_metrics_and_sources}


def backup_path(path: Path, version: int) -> Path:
    """The backup file of a store of that version."""
    return path.with_name(f"{path.stem}-version-{version}{path.suffix}")


def back_up(connection: sqlite3.Connection, path: Path, version: int) -> None:
    """Back up the store as that version wrote it, unless there is a backup already."""
    backup = backup_path(path, version)
    if backup.exists():
        return
    part = backup.with_suffix(".part")
    part.unlink(missing_ok=True)
    with closing(sqlite3.connect(part)) as copy:
        connection.backup(copy)
    part.replace(backup)


def migrate(connection: sqlite3.Connection, version: int) -> None:
    """Migrate the tables from that version to the current one, within the caller's transaction."""
    for number in range(version, VERSION):
        MIGRATIONS[number](connection)
    connection.execute(f"PRAGMA user_version = {VERSION}")


def _execute_all(connection: sqlite3.Connection, statements: str) -> None:
    """Execute the statements one by one, since `executescript` would end the transaction."""
    for statement in statements.split(";"):
        connection.execute(statement)
