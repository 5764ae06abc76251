"""The store's file: created, migrated, and opened for every thread.

torch-free.
"""

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from .migrations import MIGRATIONS, back_up, migrate
from .schema import SCHEMA, VERSION

# How long to wait for another process that is writing, and for one that is migrating the store.
BUSY_MS = 10_000
MIGRATION_MS = 600_000


class StoreError(Exception):
    """The store cannot be used; the message is one sentence for the user."""


class Database:
    """SQLite connections to one file: each thread has its own.

    Args:
        path: the file; created if missing.
        in_use: whether another process uses the file. A process of an earlier version could not
            read it any more after a migration.

    Raises:
        StoreError: the file was written by a newer LRScope, or needs a migration and is in use.
        sqlite3.Error: the file cannot be read or written, or is not a database.
    """

    def __init__(self, path: Path, in_use: Callable[[], bool] = lambda: False) -> None:
        self.path = path
        self._local = threading.local()
        self._connections: list[sqlite3.Connection] = []
        try:
            self._prepare(in_use)
        except BaseException:
            self.close()
            raise

    def _prepare(self, in_use: Callable[[], bool]) -> None:
        connection = self.connection
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(f"PRAGMA busy_timeout = {MIGRATION_MS}")
        with self.transaction():
            version = self._version()
            if version == 0:
                for statement in SCHEMA.split(";"):
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version = {VERSION}")
            elif version in MIGRATIONS:
                if in_use():
                    raise StoreError(
                        f"{self.path} must be migrated to this LRScope, and an earlier one is "
                        "using it: stop that one first."
                    )
                back_up(self.path, version)
                migrate(connection, version)
        connection.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
        if version > VERSION:
            raise StoreError(
                f"{self.path} was written by a newer LRScope (store version {version}, this one "
                f"supports {VERSION}); update LRScope, or choose another folder with --home."
            )

    def _version(self) -> int:
        return int(self.connection.execute("PRAGMA user_version").fetchone()[0])

    @property
    def connection(self) -> sqlite3.Connection:
        """This thread's own connection. `close`, from any thread, closes it."""
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = sqlite3.connect(
                self.path,
                isolation_level=None,
                timeout=BUSY_MS / 1000,
                check_same_thread=False,
            )
            self._connections.append(connection)
            connection.execute("PRAGMA synchronous = NORMAL")
            self._local.connection = connection
        return connection

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Run the block in one transaction; roll back on any exception."""
        connection = self.connection
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")

    def close(self) -> None:
        """Close every thread's connection."""
        for connection in self._connections:
            connection.close()
        self._connections.clear()
        self._local = threading.local()
