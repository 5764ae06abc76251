"""The store's file: created, migrated, and opened for every thread.

torch-free.
"""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .migrations import MIGRATIONS, back_up, migrate
from .schema import SCHEMA, VERSION


class StoreError(Exception):
    """The store cannot be used; the message is one sentence for the user."""


class Database:
    """SQLite connections to one file: each thread has its own.

    Args:
        path: the file; created if missing.

    Raises:
        StoreError: the file was written by a newer LRScope.
        sqlite3.Error: the file cannot be read or written, or is not a database.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._local = threading.local()
        self._connections: list[sqlite3.Connection] = []
        self._prepare()

    def _prepare(self) -> None:
        connection = self.connection
        connection.execute("PRAGMA journal_mode = WAL")
        found = self._version()
        if 0 < found < VERSION and found in MIGRATIONS:
            back_up(connection, self.path, found)
        with self.transaction():
            version = self._version()  # another process may have migrated it meanwhile
            if version == 0:
                for statement in SCHEMA.split(";"):
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version = {VERSION}")
            elif version in MIGRATIONS:
                migrate(connection, version)
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
                self.path, isolation_level=None, timeout=10, check_same_thread=False
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
