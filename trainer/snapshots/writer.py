"""Writes snapshots to disk in the background, and reads them."""

import os
import threading
from collections.abc import Callable
from pathlib import Path

import torch

from ..config.metrics import Mode
from ..engine.state import Snapshot, SnapshotError
from ..store.permissions import make_file, make_folder
from . import files
from .files import At
from .retention import chosen


def write(snapshot: Snapshot, path: Path) -> int:
    """Write a snapshot atomically; returns its size in bytes.

    Raises:
        OSError: for example, the disk is full.
    """
    make_folder(path.parent)
    part = path.with_suffix(".part")
    try:
        make_file(part)
        with part.open("wb") as file:
            torch.save(snapshot, file)
            file.flush()
            os.fsync(file.fileno())
        size = part.stat().st_size
        part.replace(path)
    except RuntimeError as error:  # what torch raises for a failed write
        raise OSError(str(error).splitlines()[0]) from error
    finally:
        part.unlink(missing_ok=True)
    return size


def read(path: Path) -> Snapshot:
    """Read a snapshot, with its tensors on the host.

    Raises:
        SnapshotError: the file is damaged or missing.
    """
    try:
        snapshot: Snapshot = torch.load(path, map_location="cpu", weights_only=True)
    except MemoryError:
        raise
    except Exception as error:
        why = next(iter(str(error).splitlines()), type(error).__name__)
        raise SnapshotError(f"The snapshot {path.name} cannot be read ({why}).") from error
    return snapshot


class SnapshotWriter:
    """Writes one run's snapshots in the background, one at a time, and thins them to a budget.

    While one is written, the next one waits; a later one replaces it, unless it is the best one or
    a cut's. So training waits only for the copy to the host and, if the disk is slower than the
    epochs, for snapshots that must not be skipped.

    Args:
        folder: the folder of the snapshots.
        budget: the total bytes that they may use.
        mode: whether a lower or a higher monitor is better.
    """

    def __init__(self, folder: Path, budget: int, mode: Mode) -> None:
        self.folder = folder
        self.budget = budget
        self.warning: str | None = None
        self._mode = mode
        for part in folder.glob("*.part"):  # left by a process that died while writing
            part.unlink(missing_ok=True)
        self._sizes = {kept.at: kept.size for kept in files.listed(folder)}
        self._best: tuple[float, int] | None = None
        self._cuts: set[int] = set()
        self._changed = threading.Condition()
        self._waiting: tuple[At, Snapshot, bool] | None = None
        self._closed = False
        self._thread = threading.Thread(target=self._write_all, name="snapshots", daemon=True)
        self._thread.start()

    def note(self, epoch: int, metric: float, cut: bool) -> bool:
        """Note an epoch before its snapshot; returns whether that snapshot has priority.

        Args:
            metric: the run's monitor in this epoch.
            cut: whether the LR was cut at its end.
        """
        better = self._best is None or (
            epoch == self._best[1]  # trained again after a resume
            or (metric < self._best[0] if self._mode == "min" else metric > self._best[0])
        )
        with self._changed:
            if better:
                self._best = metric, epoch
            if cut:
                self._cuts.add(epoch)
        return better or cut

    def keep(self, capture: Callable[[], Snapshot | None], before_others: bool) -> None:
        """Take a snapshot and queue it for writing, unless one of the same batch exists."""
        with self._changed:
            while self._waiting is not None and self._waiting[2]:
                self._changed.wait()
        snapshot = capture()
        if snapshot is not None:
            with self._changed:
                at = snapshot["epoch"], snapshot["batch"]
                self._waiting = at, snapshot, before_others
                self._changed.notify_all()

    def close(self) -> None:
        """Wait until everything is written."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._thread.join()

    def _write_all(self) -> None:
        while True:
            with self._changed:
                while self._waiting is None and not self._closed:
                    self._changed.wait()
                if self._waiting is None:
                    return
                at, snapshot, _ = self._waiting
                self._waiting = None
                self._changed.notify_all()
            try:
                if at not in self._sizes:
                    self._write(at, snapshot)
                    self.warning = None
            except Exception as error:  # the run must not wait for a thread that has ended
                why = getattr(error, "strerror", None) or error
                self.warning = (
                    f"Snapshots cannot be written to {self.folder} ({why}): until they can, "
                    "resuming or forking from here means retraining the epochs."
                )

    def _write(self, at: At, snapshot: Snapshot) -> None:
        # Space is freed first, so that the budget is never exceeded; only the last one, which a
        # resume needs, stays until the new one is written.
        if last := max(self._sizes, default=None):
            size = self._sizes[last]
            others = {**self._sizes, at: size}
            del others[last]
            self._thin(self._chosen(others, self.budget - size) | {last})
        self._sizes[at] = write(snapshot, self.folder / files.name(at))
        self._thin(self._chosen(self._sizes, self.budget))

    def _chosen(self, sizes: dict[At, int], budget: int) -> set[At]:
        with self._changed:
            best = self._best[1] if self._best else None
            return chosen(sizes, budget, best, self._cuts)

    def _thin(self, kept: set[At]) -> None:
        for at in self._sizes.keys() - kept:
            (self.folder / files.name(at)).unlink(missing_ok=True)
            del self._sizes[at]
