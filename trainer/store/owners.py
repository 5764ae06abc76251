"""Which process trains which run: each holds a lock for as long as it runs. torch-free."""

import re
import uuid
from pathlib import Path

from filelock import FileLock, Timeout

from . import permissions
from .database import Database

NAME = re.compile(r"[0-9a-f]{32}")


def any_alive(folder: Path) -> bool:
    """Whether a process that uses the store is alive: it holds its lock in this folder."""
    return any(map(is_held, folder.glob("*.lock")))


def is_held(path: Path) -> bool:
    """Whether a process holds this lock. One that is not there is made."""
    lock = FileLock(path, blocking=False)
    try:
        lock.acquire()
    except Timeout:
        return True
    lock.release()
    return False


class Owner:
    """This process, which trains the runs that it has claimed.

    Args:
        folder: the folder of the locks; created if missing.

    Raises:
        OSError: the folder cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.id = uuid.uuid4().hex
        self._alive = FileLock(self._path(self.id), blocking=False, mode=permissions.FILE)
        try:
            self._alive.acquire()
        except BaseException:
            self.release()
            raise

    def _path(self, owner: str) -> Path:
        return self._folder / f"{owner}.lock"

    def interrupt_orphans(self, database: Database) -> None:
        """Mark the runs of processes that have died, whose locks are free, as interrupted. A
        watched run has no owner here: its training holds a lock of its own, beside its spool.
        """
        owners = database.connection.execute(
            "SELECT owner FROM runs WHERE status = 'training' AND source != 'watched' "
            "UNION SELECT owner FROM sweeps WHERE status = 'training'"
        ).fetchall()
        for (owner,) in owners:
            if owner == self.id:
                continue
            if not isinstance(owner, str) or not NAME.fullmatch(owner):
                self._interrupt(database, owner)  # damaged: no process has this name
                continue
            lock = FileLock(self._path(owner), blocking=False)
            try:
                lock.acquire()
            except Timeout:
                continue
            try:
                self._interrupt(database, owner)
            finally:
                lock.release()
            self._path(owner).unlink(missing_ok=True)

    def _interrupt(self, database: Database, owner: object) -> None:
        with database.transaction() as connection:
            connection.execute(
                "UPDATE runs SET status = 'interrupted', paused = 0, reason = ? "
                "WHERE owner IS ? AND status = 'training' AND source != 'watched'",
                ("LRScope ended while this run was training.", owner),
            )
            interrupted = connection.execute(
                "UPDATE sweeps SET status = 'interrupted', asked = NULL, reason = ? "
                "WHERE owner IS ? AND status = 'training' RETURNING id",
                ("LRScope ended while this sweep was training.", owner),
            ).fetchall()
            connection.executemany(
                "UPDATE runs SET status = 'interrupted' WHERE sweep = ? AND status = 'queued'",
                interrupted,
            )

    def release(self) -> None:
        """Release every run that this process has claimed."""
        self._alive.release()
        self._path(self.id).unlink(missing_ok=True)
