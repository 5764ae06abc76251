"""The files of a watched training: its spool, the lock that says that it lives, and the commands
to it.
"""

import errno
import json
import os
import sys
from importlib import import_module
from pathlib import Path
from typing import Any
from uuid import uuid4

from . import _trainer

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

FOLDER = "watched"
MOST_UNWRITTEN = 4_000_000  # bytes that wait for room on the disk


class SpoolGoneError(OSError):
    """The spool was deleted under the training."""


def home_of(home: str | os.PathLike[str] | None) -> Path:
    """That folder, else LRScope's own."""
    if home is not None:
        return Path(home).expanduser()
    own: Path = import_module(f"{_trainer}.folders").home()
    return own


class Spool:
    """Lines of JSON that the page takes in. They are handed to the system as they are written, so
    that the end of the process loses none.

    Attributes:
        locked: whether the disk could lock the file that says that this process lives.
        commands: the file of the commands, which the page writes.

    Raises:
        OSError: the files cannot be made.
    """

    def __init__(self, home: Path) -> None:
        permissions = import_module(f"{_trainer}.store.permissions")
        folder, name = home / FOLDER, uuid4().hex
        permissions.make_folder(folder)
        self._paths = [folder / f"{name}.lock", folder / f"{name}.jsonl"]
        self.commands = folder / f"{name}.commands.jsonl"
        # Where the next byte belongs, and what is to be written there. They change together: what
        # a KeyboardInterrupt cuts short is written again at the same place.
        self._place = 0, b""
        new, mode = os.O_CREAT | os.O_EXCL, permissions.FILE
        binary = getattr(os, "O_BINARY", 0)
        self._lock = os.open(self._paths[0], new | os.O_RDWR, mode)
        try:
            self.locked = _lock(self._lock)  # before the page can find a spool without a lock
            self._file = os.open(self._paths[1], new | os.O_WRONLY | binary, mode)
        except OSError:
            os.close(self._lock)
            self._paths[0].unlink(missing_ok=True)
            raise

    @property
    def path(self) -> Path:
        return self._paths[1]

    @property
    def is_gone(self) -> bool:
        """Whether it was deleted: what is written reaches nobody."""
        return os.fstat(self._file).st_nlink == 0

    def write(self, line: dict[str, Any], *, passing: bool = False) -> None:
        """Append a line. What the disk has no room for is kept, and written with a later one.

        Args:
            passing: it need not be kept.

        Raises:
            SpoolGoneError: nothing can be written any more.
            OSError: the disk did not take it now.
        """
        end, unwritten = self._place
        if passing and unwritten:
            return
        unwritten += json.dumps(line, separators=(",", ":")).encode() + b"\n"
        self._place = end, unwritten
        if self.is_gone or len(unwritten) > MOST_UNWRITTEN:
            raise SpoolGoneError(errno.ENOENT, "its spool is gone", str(self.path))
        while unwritten:  # a full disk may take a part: the rest of a line comes later
            os.lseek(self._file, end, os.SEEK_SET)
            written = os.write(self._file, unwritten)
            end, unwritten = self._place = end + written, unwritten[written:]

    def close(self) -> None:
        """Give the lock back: the training is over."""
        if sys.platform != "win32":  # now, also where a child that was just forked has it, too
            fcntl.flock(self._lock, fcntl.LOCK_UN)
        self.abandon()

    def abandon(self) -> None:
        """In a forked child: close the files. The parent keeps its lock."""
        os.close(self._file)
        os.close(self._lock)

    def remove(self) -> None:
        """Close it and delete its files."""
        self.close()
        for path in reversed(self._paths):
            path.unlink(missing_ok=True)


def _lock(file: int) -> bool:
    """Whether the disk could lock it for as long as it is open."""
    try:
        if sys.platform == "win32":
            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
