"""A disk that can be full, a store that can be locked, and what lies on them."""

import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest

from tests.exported import runs
from trainer.store import database

__all__ = ["runs"]

DISK = 16_000_000  # SQLite's log grows to four megabytes before it is written back


class Disk:
    """A small disk."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._filler = folder / "filler"

    def fill(self, but: int = 0) -> None:
        """Leave no room, or that many bytes."""
        room = shutil.disk_usage(self.folder).free - but
        with suppress(OSError), self._filler.open("wb") as file:  # others may fill it meanwhile
            file.write(bytes(max(room, 0)))

    def free(self) -> None:
        self._filler.unlink(missing_ok=True)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", str(folder)]
    if (
        sys.platform != "linux"
        or subprocess.run(mount, capture_output=True, check=False).returncode
    ):
        pytest.skip("no disk can be mounted here")
    yield Disk(folder)
    subprocess.run(["umount", "-l", str(folder)], check=True)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Another program writes to the store for the whole block."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite waits a moment for another program, not ten seconds."""
    monkeypatch.setattr(database, "BUSY_MS", 50)
