"""The store's file: created, migrated, and opened for every thread.

torch-free.
"""

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from . import permissions
from .faults import (
    ERRORS,
    Connection,
    DamagedError,
    StoreFaultError,
    damaged,
    fault,
    full,
    has_no_room,
)
from .faults import StoreError as StoreError
from .migrations import COLUMNS, MIGRATIONS, back_up, migrate
from .schema import SCHEMA, VERSION

# How long to wait for another process that is writing, and for one that is migrating the store.
BUSY_MS = 10_000
MIGRATION_MS = 600_000
TRIAL_MS = 100  # a moment, since a page waits for the answer
SMALLEST = 512  # bytes of a database: SQLite takes less for none, and would write over it


class Database:
    """SQLite connections to one file: each thread has its own.

    Args:
        path: the file; created if missing.
        in_use: whether another process uses the file. A process of an earlier version could not
            read it any more after a migration.

    Attributes:
        damage: the sentence on damage that was met since, after which nothing is written until
            `recheck` finds the file whole; None if none was.

    Raises:
        StoreError: the file was written by a newer LRScope, needs a migration and is in use, is
            damaged or not LRScope's, or cannot be read or written. It is left as it was.
    """

    def __init__(self, path: Path, in_use: Callable[[], bool] = lambda: False) -> None:
        self.path = path
        self.damage: str | None = None
        self._local = threading.local()
        self._connections: list[sqlite3.Connection] = []
        self._watching = threading.Lock()
        self._watch: sqlite3.Connection | None = None
        try:
            check(path)
            permissions.make_file(path)
            self._prepare(in_use)
        except BaseException as error:
            self.close()
            if isinstance(error, ERRORS):
                raise fault(path, error) from error
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
                # Not the number of a run whose snapshots are here: its store was kept aside.
                last = last_run(self.path.parent)
                connection.execute("INSERT INTO sqlite_sequence VALUES ('runs', ?)", (last,))
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

    def _version(self) -> int:
        return int(self.connection.execute("PRAGMA user_version").fetchone()[0])

    @property
    def connection(self) -> sqlite3.Connection:
        """This thread's own connection. `close`, from any thread, closes it."""
        connection: Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._connect(self.path.absolute().as_uri(), BUSY_MS)
            self._connections.append(connection)
            connection.execute("PRAGMA synchronous = NORMAL")
            self._local.connection = connection
        return connection

    def version(self) -> int:
        """A number that is another one after every commit, of this process or of another."""
        with self._watching:
            if self._watch is None:
                self._watch = self._connect(self.path.absolute().as_uri(), BUSY_MS)
                self._connections.append(self._watch)
            # SQLite counts the commits of all other connections: this one makes none.
            return int(self._watch.execute("PRAGMA data_version").fetchone()[0])

    def _connect(self, uri: str, busy_ms: int) -> Connection:
        """A new connection, which waits so long for another process that is writing."""
        try:
            connection = sqlite3.connect(
                uri,
                uri=True,
                isolation_level=None,
                timeout=busy_ms / 1000,
                check_same_thread=False,
                factory=Connection,
            )
        except sqlite3.Error as error:
            raise self._fault(error) from error
        connection.fault = self._fault
        connection.text_factory = _text
        return connection

    def _fault(self, error: Exception) -> StoreFaultError:
        found = fault(self.path, error)
        if isinstance(found, DamagedError):
            self.damage = self.damage or str(found)
        return found

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Run the block in one transaction; roll back on any exception.

        Raises:
            StoreFaultError: it cannot be written; nothing of it is.
        """
        if self.damage:
            raise DamagedError(self.damage)
        connection = self.connection
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:  # a full disk may have ended it already
                with suppress(sqlite3.Error):  # it would hide what went wrong
                    connection.execute("ROLLBACK")
            raise

    def recheck(self) -> None:
        """After damage, write again if the file is whole again, since a copy was put back."""
        with suppress(StoreError):
            check(self.path)
            self.damage = None

    def refusal(self) -> str | None:
        """Why the file cannot be written now, in a sentence; None if it can."""
        if self.damage:
            return self.damage
        if has_no_room(self.path):
            return str(full(self.path))
        uri = f"{self.path.absolute().as_uri()}?mode=rw"  # never a new file in its place
        try:
            with closing(self._connect(uri, TRIAL_MS)) as connection:
                connection.execute("BEGIN IMMEDIATE")
                connection.execute("ROLLBACK")
        except StoreFaultError as error:
            return str(error)
        return None

    def close(self) -> None:
        """Close every thread's connection."""
        for connection in self._connections:
            connection.close()
        self._connections.clear()
        self._local = threading.local()
        self._watch = None


def check(path: Path) -> None:
    """Check, without writing, that the file can become a store, or is one of a known version whose
    pages are whole: this takes 3 to 5 ms a megabyte.

    Raises:
        StoreError: it was written by a newer LRScope, is damaged or not LRScope's, or cannot be
            read.
    """
    if not path.exists():
        return
    with path.open("rb") as file:
        expected = _size(file.read(SMALLEST))
    log = path.with_name(f"{path.name}-wal")
    logged = log.exists() and log.stat().st_size > 0
    # Looked at last, since another process may be adding to the file what its log has.
    size = path.stat().st_size
    # A new store that could not be written is empty too; what was one has left something.
    if size == 0 and not logged and not last_run(path.parent):
        return
    if size < (SMALLEST if logged else expected):
        raise damaged(path, "it ends too soon" if size else "it is empty")
    try:
        uri = f"{path.absolute().as_uri()}?mode=ro"
        with closing(sqlite3.connect(uri, uri=True, timeout=BUSY_MS / 1000)) as connection:
            connection.text_factory = _text
            connection.execute("BEGIN")  # version and tables of one moment: another may migrate
            _check(path, connection)
    except ERRORS as error:
        raise fault(path, error) from error


def _size(head: bytes) -> int:
    """The bytes that a database has by its head, which SQLite checks to a page only."""
    if not head.startswith(b"SQLite format 3\0"):
        return SMALLEST
    page = int.from_bytes(head[16:18])
    return max(SMALLEST, int.from_bytes(head[28:32]) * (65536 if page == 1 else page))


def _check(path: Path, connection: sqlite3.Connection) -> None:
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if version > VERSION:
        raise StoreError(
            f"{path} was written by a newer LRScope (store version {version}, this one "
            f"supports {VERSION}); update LRScope, or choose another folder with --home."
        )
    found = columns(connection)
    if version == 0:
        if found:
            raise damaged(path, f"it has a table {min(found)[0]}, which no LRScope made")
        return
    if version == VERSION:
        with closing(sqlite3.connect(":memory:")) as fresh:
            fresh.executescript(SCHEMA)
            expected = columns(fresh)
    elif version in COLUMNS:
        tables = COLUMNS[version].items()
        expected = {(table, column) for table, names in tables for column in names.split()}
    else:
        raise damaged(path, f"there is no store version {version}")
    if missing := expected - found:
        raise damaged(path, "it has no {}.{}".format(*min(missing)))
    (found_wrong,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if found_wrong != "ok":
        raise damaged(path, found_wrong.splitlines()[-1])


def _text(stored: bytes) -> str:
    """Text as it is stored. Where it is damaged, one row cannot be read, and no query fails."""
    return stored.decode(errors="replace")


def columns(connection: sqlite3.Connection) -> set[tuple[str, str]]:
    """The tables of a database and their columns."""
    return set(
        connection.execute(
            "SELECT tables.name, columns.name FROM sqlite_master AS tables "
            "JOIN pragma_table_info(tables.name) AS columns WHERE tables.type = 'table'"
        )
    )


def last_run(home: Path) -> int:
    """The highest number of a run whose snapshots lie in a home; 0 if there are none."""
    folders = home / "runs"
    names = [path.name for path in folders.iterdir()] if folders.is_dir() else []
    return max((int(name) for name in names if name.isascii() and name.isdigit()), default=0)
