"""What goes wrong with the store's file, or with what is asked of a run. torch-free."""

import shutil
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

NO_ROOM = 1_000_000  # bytes: SQLite calls a disk with less an I/O error as often as a full one
# A full or failing disk, another program's lock, a folder that is read-only or not there.
PASSING = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_PROTOCOL,
    sqlite3.SQLITE_READONLY,
}
# What the sqlite3 module raises of a file: the latter where it quotes what is damaged. Two of its
# errors, as of a row that is there already, are mistakes of LRScope's.
ERRORS = (sqlite3.DatabaseError, UnicodeDecodeError)
MISTAKES = (sqlite3.IntegrityError, sqlite3.ProgrammingError)
RESULT = 0xFF  # the part of SQLite's error code that says which error; the rest says where


class CommandError(Exception):
    """A run cannot do what was requested; the message is one sentence for the user."""


class StoreError(Exception):
    """The store cannot be used; the message is one sentence for the user."""


class StoreFaultError(StoreError, sqlite3.Error):
    """SQLite cannot read or write the store; the message is one sentence for the user.

    `passes` says whether the store may be used again later, as it is.
    """

    passes = False


class DamagedError(StoreFaultError):
    """The file is damaged, or is not a store of LRScope's."""


def damaged(path: Path, why: object) -> DamagedError:
    """The error for a file that is damaged or not LRScope's."""
    return DamagedError(
        f"{path} is damaged or is not a store of LRScope's ({why}): put back a copy of it, or "
        "start lrscope once with --fresh, which keeps this file beside a new one."
    )


def fault(path: Path, error: Exception) -> StoreFaultError:
    """The error for what SQLite reports about the file."""
    if isinstance(error, UnicodeDecodeError):
        return damaged(path, "its tables have no readable names")
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & RESULT
    found = _sentence(path, error, code)
    found.passes = code in PASSING
    return found


def _sentence(path: Path, error: Exception, code: int) -> StoreFaultError:
    match code:
        case sqlite3.SQLITE_FULL:
            return full(path)
        case sqlite3.SQLITE_IOERR if has_no_room(path):
            return full(path)
        case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_NOTADB | sqlite3.SQLITE_FORMAT:
            return damaged(path, error)
        case sqlite3.SQLITE_ERROR if str(error).startswith(("no such ", "malformed ")):
            return damaged(path, error)
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return StoreFaultError(
                f"Another program has locked {path} for too long: end it, or try again."
            )
        case (
            sqlite3.SQLITE_READONLY
            | sqlite3.SQLITE_CANTOPEN
            | sqlite3.SQLITE_PERM
            | sqlite3.SQLITE_AUTH
        ):
            return StoreFaultError(
                f"{path} cannot be written ({error}): make the folder and its files writable, or "
                "choose another folder with --home."
            )
    return StoreFaultError(
        f"{path} cannot be used ({error}): check its disk, or choose another folder with --home."
    )


def full(path: Path) -> StoreFaultError:
    """The error for a file whose disk is full."""
    return StoreFaultError(
        f"The disk of {path} is full: free some space, or choose another folder with --home; what "
        "was recorded is kept."
    )


def has_no_room(path: Path) -> bool:
    """Whether the file's disk is full, as far as can be seen."""
    try:
        return shutil.disk_usage(path.parent).free < NO_ROOM
    except OSError:
        return False


class Connection(sqlite3.Connection):
    """A connection whose errors are sentences about its file: `fault` makes them."""

    fault: Callable[[Exception], StoreFaultError]

    def execute(self, sql: str, values: Any = ()) -> "Cursor":
        return self.cursor(Cursor).execute(sql, values)

    def executemany(self, sql: str, values: Iterable[Any]) -> "Cursor":
        return self.cursor(Cursor).executemany(sql, values)


class Cursor(sqlite3.Cursor):
    """A cursor that reads all rows at once, and raises StoreFaultError for every error."""

    def execute(self, sql: str, values: Any = ()) -> "Cursor":
        with self._told():
            super().execute(sql, values)
        return self

    def executemany(self, sql: str, values: Iterable[Any]) -> "Cursor":
        with self._told():
            super().executemany(sql, values)
        return self

    def fetchone(self) -> Any:
        with self._told():
            return super().fetchone()

    def fetchall(self) -> list[Any]:
        with self._told():
            return super().fetchall()

    def __iter__(self) -> Iterator[Any]:  # type: ignore[override]
        return iter(self.fetchall())

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Raise StoreFaultError for what sqlite3 raises of the file in this block."""
        try:
            yield
        except MISTAKES:
            raise
        except ERRORS as error:
            connection: Any = self.connection
            raise connection.fault(error) from error
