"""The snapshots from which stages start that wait for their turn."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from torch import Tensor

from ..engine.state import Snapshot
from ..snapshots import files
from ..snapshots.writer import write

MOST_BYTES = 256_000_000


class Starts:
    """Snapshots by the cell that starts from them: in memory as far as there is room, and on the
    disk, where each is written in the background, the oldest first, as a snapshot of its cell.

    What memory has no room for is read from the disk when the cell starts. What could not be
    written is trained again from the cell's parent.

    Args:
        home: where the cells' folders lie.
        most: the bytes that they may take in memory, beside those that are not written yet.

    Attributes:
        bytes: what they take now; a tensor that several share counts once.
    """

    def __init__(self, home: Path, most: int = MOST_BYTES) -> None:
        self._home = home
        self._most = most
        self.bytes = 0
        self._held: dict[int, Snapshot] = {}
        self._unwritten: dict[int, Snapshot] = {}
        self._writing: int | None = None
        self._uses: Counter[tuple[int, int]] = Counter()  # of each tensor, by address and bytes
        self._changed = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._write_all, name="starts", daemon=True)
        self._thread.start()

    def put(self, run: int, start: Snapshot) -> None:
        """Keep the snapshot that a cell starts from."""
        with self._changed:
            self._forget(run)
            self._held[run] = self._unwritten[run] = start
            for storage in _storages(start):
                self.bytes += 0 if self._uses[storage] else storage[1]
                self._uses[storage] += 1
            self._make_room()
            self._changed.notify_all()

    def take(self, run: int) -> Snapshot | None:
        """The snapshot that a cell starts from, which is forgotten here; None if it is to be read
        from the disk, or there is none. The cell's folder is its own from then on.
        """
        with self._changed:
            self._unwritten.pop(run, None)
            while self._writing == run:
                self._changed.wait()
            return self._forget(run)

    def close(self) -> None:
        """Write what is not written, for whoever resumes the sweep."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._thread.join()

    def _forget(self, run: int) -> Snapshot | None:
        start = self._held.pop(run, None)
        for storage in _storages(start):
            self._uses[storage] -= 1
            if not self._uses[storage]:
                del self._uses[storage]
                self.bytes -= storage[1]
        return start

    def _make_room(self) -> None:
        for run in [*self._held]:  # the newest are started first
            if self.bytes <= self._most:
                return
            if run not in self._unwritten and run != self._writing:
                self._forget(run)

    def _write_all(self) -> None:
        while True:
            with self._changed:
                while not self._unwritten and not self._closed:
                    self._changed.wait()
                if not self._unwritten:
                    return
                run, start = next(iter(self._unwritten.items()))
                del self._unwritten[run]
                self._writing = run
            path = files.folder(self._home, run) / files.name((start["epoch"], start["batch"]))
            with suppress(Exception):  # the way back through the parent is exact, too
                write(start, path)
            del start
            with self._changed:
                self._writing = None
                self._make_room()
                self._changed.notify_all()


def _storages(tree: Any) -> Iterator[tuple[int, int]]:
    """Where each tensor of a snapshot lies, and its bytes."""
    if isinstance(tree, Tensor):
        storage = tree.untyped_storage()
        if storage.nbytes():
            yield storage.data_ptr(), storage.nbytes()
    elif isinstance(tree, dict):
        for value in tree.values():
            yield from _storages(value)
    elif isinstance(tree, list | tuple):
        for value in tree:
            yield from _storages(value)
