"""Keeps a store that cannot be used beside a fresh one: only when asked for. torch-free."""

import sqlite3
import time
from contextlib import closing
from pathlib import Path

from .database import check
from .faults import ERRORS, DamagedError, StoreError, fault
from .owners import any_alive


def set_aside(path: Path) -> Path:
    """Rename a damaged store, or a file that is none, so that the next start makes a fresh one.

    Returns its new path. Its snapshots stay where they are: the fresh store numbers its runs after
    them.

    Raises:
        StoreError: there is no file, nothing is wrong with it, or another process uses it.
        OSError: it cannot be renamed.
    """
    if not path.exists():
        raise StoreError(f"There is no {path} to keep aside: start lrscope without --fresh.")
    if any_alive(path.parent / "owners"):
        raise StoreError(f"Another LRScope is using {path}: stop it before --fresh.")
    if not _is_damaged(path):
        raise StoreError(f"Nothing is wrong with {path}: start lrscope without --fresh.")
    day = time.strftime("%Y-%m-%d")
    stem, number = f"{path.stem}-damaged-{day}", 1
    while (aside := path.with_name(f"{stem}{path.suffix}")).exists():
        number += 1
        stem = f"{path.stem}-damaged-{day}-{number}"
    # The file itself last: without it, SQLite would delete the other two at the next start.
    for ending in ("-wal", "-shm", ""):
        part = path.with_name(path.name + ending)
        if part.exists():
            part.rename(aside.with_name(aside.name + ending))
    return aside


def _is_damaged(path: Path) -> bool:
    """Whether the file is no store, or a page of it cannot be read.

    Raises:
        StoreError: it cannot be read for another reason, or was written by a newer LRScope.
    """
    try:
        check(path)
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as store:
            return [row for (row,) in store.execute("PRAGMA integrity_check(1)")] != ["ok"]
    except DamagedError:
        return True
    except ERRORS as error:
        found = fault(path, error)
        if isinstance(found, DamagedError):
            return True
        raise found from error
