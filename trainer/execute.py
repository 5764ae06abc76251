"""Executes a run: records its events in the store, obeys its commands and takes its snapshots.

torch is imported only when a run starts.
"""

import logging
import threading
import time
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from .config.table import ConfigError
from .engine.control import Control
from .engine.events import Diverged, Ended, EpochEnded, Event, Failed, Started, Warned
from .schedule.epoch import Epoch
from .schedule.torch_changed import TorchChangedError
from .snapshots import files
from .snapshots.files import BUDGET_MB
from .store.database import StoreError
from .store.rows import Run, UnreadableError
from .store.store import Store

if TYPE_CHECKING:
    from .snapshots.writer import SnapshotWriter

POLL_SECONDS = 0.05

log = logging.getLogger(__name__)


def execute(
    store: Store,
    run: int,
    root: Path,
    shutdown: threading.Event | None = None,
    budget_mb: float = BUDGET_MB,
) -> Generator[Event, None, None]:
    """Train a claimed run: write each event to the store, then yield it.

    A resumed run continues from its last snapshot, a fork from its parent's epoch. Obeys the run's
    commands between two events, and waits after an epoch to keep the run's pace, or during a pause.
    An error in the run becomes its last event, Failed. If the consumer closes the iterator, the run
    is recorded as stopped; if `shutdown` is set, as interrupted.

    Args:
        shutdown: set it to end the run before its next batch.
        budget_mb: megabytes that the run's snapshots may use.
    """
    try:
        row = store.run(run)
    except UnreadableError as error:
        store.record(run, Failed(str(error)))
        yield Failed(str(error))
        return
    assert row is not None
    recorded = max([row.epoch, *(epoch.epoch for epoch in store.epochs(run, row.epoch))])
    threads = row.started.threads if row.started else 0
    control = Control(store.interventions(run), recorded, threads)
    commands = Commands(store, row, control, shutdown or threading.Event())
    snapshots, has_ended = Snapshots(store, row, control, int(budget_mb * 1e6)), False
    try:
        commands.obey()
        for event in _events(store, row, root, control):
            if isinstance(event, Ended) and event.status == "stopped" and not commands.stopped:
                event = Ended("interrupted")
            has_ended = isinstance(event, Ended | Diverged | Failed)
            if has_ended:
                snapshots.close(event)
            store.record(run, event)
            snapshots.handle(event)
            yield event
            commands.obey()
            commands.wait(event)
    finally:
        snapshots.close()
        if not has_ended:
            store.record(run, Ended("stopped"))


class Commands:
    """Obeys the commands to a run while it trains, and makes it wait.

    Args:
        shutdown: ends the run, and every wait.
    """

    def __init__(self, store: Store, run: Run, control: Control, shutdown: threading.Event) -> None:
        self.stopped = False  # by a person
        self._store = store
        self._run = run.id
        self._control = control
        self._shutdown = shutdown
        self._asked = run.asked
        self._pace = run.pace
        self._paused = self._stepping = False
        self._released = 0.0

    def obey(self) -> None:
        """Obey the commands since the last call."""
        for command in self._store.commands(self._run, self._asked):
            self._asked = command.id
            match command.name:
                case "stop":
                    self.stopped = True
                    self._control.stop()
                case "pace":
                    self._pace = command.value
                case "pause" | "unpause" | "step":
                    self._paused = command.name == "pause"
                    self._stepping = command.name == "step"
                case name:
                    self._control.ask(name, command.value)
        if self._shutdown.is_set():
            self._control.stop()

    def wait(self, event: Event) -> None:
        """Return when the run may continue after this event."""
        if isinstance(event, Started):
            self._released = time.monotonic()
        if isinstance(event, EpochEnded):
            if self._stepping and not self._paused:
                self._paused, self._stepping = True, False
                self._store.set_paused(self._run, True)
            while self._pace and not self._control.stopping:
                left = self._released + 1 / self._pace - time.monotonic()
                if left <= 0:
                    break
                self._poll(left)
            self._released = time.monotonic()
        while self._paused and not self._control.stopping:
            self._poll(POLL_SECONDS)
            self._released = time.monotonic()

    def _poll(self, left: float) -> None:
        self._shutdown.wait(min(left, POLL_SECONDS))
        self.obey()


class Snapshots:
    """Takes a run's snapshots: at the start of a fork, after each epoch, and when it stops."""

    def __init__(self, store: Store, run: Run, control: Control, budget: int) -> None:
        self._store = store
        self._run = run
        self._control = control
        self._budget = budget
        self._writer: SnapshotWriter | None = None
        self._warned = False

    def handle(self, event: Event) -> None:
        """Take a snapshot if the event, already recorded, needs one."""
        match event:
            case Started():
                from .snapshots.writer import SnapshotWriter

                folder = files.folder(self._store.home, self._run.id)
                self._writer = SnapshotWriter(folder, self._budget, self._run.recipe.mode)
                for row in self._store.epochs(self._run.id):
                    self._note(row)
                if self._run.parent_epoch:
                    self._keep(before_others=True)
            case EpochEnded():
                self._keep(before_others=self._note(event))
        self._warn()

    def close(self, event: Event | None = None) -> None:
        """Take a last one if the run can be resumed after this event, and wait until all are
        written.
        """
        if self._writer is not None:
            if isinstance(event, Ended) and event.status != "finished":
                self._keep(before_others=True)
            self._writer.close()
            self._warn()
            self._writer = None

    def _keep(self, before_others: bool) -> None:
        assert self._writer is not None
        self._writer.keep(self._control.capture, before_others)

    def _note(self, ended: Epoch) -> bool:
        metric = ended.metrics.get(self._run.recipe.monitor)
        if self._writer is None or metric is None or ended.decision is None:
            return False
        return self._writer.note(ended.epoch, metric, ended.decision.kind == "cut")

    def _warn(self) -> None:
        if self._writer is not None and self._writer.warning and not self._warned:
            self._warned = True
            self._store.record(self._run.id, Warned(self._writer.warning))


def _events(store: Store, run: Run, root: Path, control: Control) -> Iterator[Event]:
    """The engine's events; an error becomes Failed."""
    assert run.config is not None
    try:
        from .engine.loop import train
        from .snapshots.restore import StoppedError, start_of

        try:
            start = yield from start_of(store, run, root, control)
        except StoppedError:
            yield Ended("stopped")
            return
        if store.epochs(run.id):
            store.rewind(run.id, *((start["epoch"], start["batch"]) if start else (0, 0)))
        yield from train(run.config, root, control, start)
    except Exception as error:
        sentence = reason(error)
        if sentence is None:
            log.exception("run %d failed", run.id)
            sentence = f"{type(error).__name__}: {error}".splitlines()[0]
        yield Failed(sentence)


def reason(error: Exception) -> str | None:
    """One sentence for the user's mistakes and the machine's limits; None for bugs in LRScope."""
    import torch

    from .engine.datasets import DatasetError
    from .engine.loop import DeviceError
    from .engine.state import SnapshotError

    known = (
        ConfigError, DatasetError, DeviceError, SnapshotError, TorchChangedError, StoreError
    )  # fmt: skip
    if isinstance(error, known):
        return str(error)
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return "The device does not have enough memory for this run; choose a smaller batch."
    if isinstance(error, ImportError | RuntimeError) and "torchvision" in str(error):
        return (
            "The installed torch and torchvision are incompatible; install both from one "
            "source: pip install --force-reinstall torch torchvision"
        )
    return None
