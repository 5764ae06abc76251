"""Where a run executes: its iterator is drained into the store, by a thread or by the terminal.

torch is imported when a run needs it, or when one is expected, not before.
"""

import logging
import sqlite3
import threading
import time
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from .engine.control import Control
from .engine.events import Diverged, Ended, EpochEnded, Event, Failed, Started, Warned
from .snapshots import files as shelf
from .snapshots.files import BUDGET_MB
from .store.rows import Epoch, Run
from .store.store import Store

if TYPE_CHECKING:
    from .snapshots.writer import Keeper

POLL_SECONDS = 0.05
ORPHAN_SECONDS = 5.0
LOAD_SECONDS = 60.0  # as long as torch may take on a slow disk

log = logging.getLogger(__name__)


def execute(
    store: Store,
    run: int,
    root: Path,
    shutdown: threading.Event | None = None,
    budget_mb: float = BUDGET_MB,
) -> Generator[Event, None, None]:
    """Train a claimed run: write each event into the store, then yield it.

    A run that was resumed goes on from its last snapshot, a fork from its parent's epoch. Obeys
    the run's commands between two events, keeps the run's pace by waiting after an epoch, and
    stands still in a pause. An error of the run becomes its last event, Failed. Where the consumer
    closes the iterator the run is recorded as stopped, where `shutdown` is set as interrupted.

    Args:
        shutdown: set it to end the run before its next batch.
        budget_mb: megabytes that the run's snapshots may take.
    """
    row = store.run(run)
    assert row is not None
    control = Control(store.interventions(run))
    orders = Orders(store, row, control, shutdown or threading.Event())
    shelves, over = Shelves(store, row, control, int(budget_mb * 1e6)), False
    try:
        orders.obey()
        for event in _events(store, row, root, control):
            if isinstance(event, Ended) and event.status == "stopped" and not orders.stopped:
                event = Ended("interrupted")
            over = isinstance(event, Ended | Diverged | Failed)
            if over:
                shelves.close(event)
            store.record(run, event)
            shelves.see(event)
            yield event
            orders.obey()
            orders.wait(event)
    finally:
        shelves.close()
        if not over:
            store.record(run, Ended("stopped"))


class Orders:
    """What is asked of a run while it trains, and whether it may go on.

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
        """Do what was asked since the last time."""
        for command in self._store.commands(self._run, self._asked):
            self._asked = command.id
            match command.name:
                case "stop":
                    self.stopped = True
                    self._control.stop()
                case "pace":
                    self._pace = command.value
                case "pause" | "resume" | "step":
                    self._paused = command.name == "pause"
                    self._stepping = command.name == "step"
                case name:
                    self._control.ask(name, command.value)
        if self._shutdown.is_set():
            self._control.stop()

    def wait(self, event: Event) -> None:
        """Come back when the run may go on after this event."""
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


class Shelves:
    """Has a run's snapshots taken: at its start where it is a fork, after each epoch, and where
    it is stopped.
    """

    def __init__(self, store: Store, run: Run, control: Control, budget: int) -> None:
        self._store = store
        self._run = run
        self._control = control
        self._budget = budget
        self._keeper: Keeper | None = None
        self._warned = False

    def see(self, event: Event) -> None:
        """Take a snapshot if the event, which is recorded, calls for one."""
        match event:
            case Started():
                from .snapshots.writer import Keeper

                folder = shelf.folder(self._store.home, self._run.id)
                self._keeper = Keeper(folder, self._budget, self._run.config.mode)
                for row in self._store.epochs(self._run.id):
                    self._note(row)
                if self._run.parent_epoch:
                    self._keep(before_others=True)
            case EpochEnded():
                self._keep(before_others=self._note(event))
        self._warn()

    def close(self, event: Event | None = None) -> None:
        """Take the last one where the event says that the run may be resumed, and wait until all
        are written.
        """
        if self._keeper is not None:
            if isinstance(event, Ended) and event.status != "finished":
                self._keep(before_others=True)
            self._keeper.close()
            self._warn()
            self._keeper = None

    def _keep(self, before_others: bool) -> None:
        assert self._keeper is not None
        self._keeper.keep(self._control.capture, before_others)

    def _note(self, ended: EpochEnded | Epoch) -> bool:
        metric = getattr(ended, self._run.config.monitor)
        if self._keeper is None or metric is None or ended.decision is None:
            return False
        return self._keeper.note(ended.epoch, metric, ended.decision.kind == "cut")

    def _warn(self) -> None:
        if self._keeper is not None and self._keeper.warning and not self._warned:
            self._warned = True
            self._store.record(self._run.id, Warned(self._keeper.warning))


def _events(store: Store, run: Run, root: Path, control: Control) -> Iterator[Event]:
    """The engine's events, its errors among them."""
    try:
        from .engine import loop as engine
        from .snapshots import restore as reach

        try:
            start = yield from reach.start_of(store, run, root, control)
        except reach.StoppedError:
            yield Ended("stopped")
            return
        if store.epochs(run.id):
            store.rewind(run.id, *((start["epoch"], start["batch"]) if start else (0, 0)))
        yield from engine.train(run.config, root, control, start)
    except Exception as error:
        sentence = reason(error)
        if sentence is None:
            log.exception("run %d failed", run.id)
            sentence = f"{type(error).__name__}: {error}".splitlines()[0]
        yield Failed(sentence)


def reason(error: Exception) -> str | None:
    """One sentence for the user's own mistakes and the machine's limits; None for our mistakes."""
    import torch

    from .engine.datasets import DatasetError
    from .engine.loop import DeviceError
    from .snapshots.writer import SnapshotError

    if isinstance(error, DatasetError | DeviceError | SnapshotError):
        return str(error)
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return "The memory of the device is not enough for this run; choose a smaller batch."
    if isinstance(error, ImportError | RuntimeError) and "torchvision" in str(error):
        return (
            "The installed torch and torchvision do not fit each other; install both from one "
            "place: pip install --force-reinstall torch torchvision"
        )
    return None


class Worker:
    """A background thread that trains the store's queued runs, one at a time.

    Args:
        store: where runs are queued and recorded.
        root: the folder of the data sets.
        budget_mb: megabytes that each run's snapshots may take.
    """

    def __init__(self, store: Store, root: Path, budget_mb: float = BUDGET_MB) -> None:
        self.store = store
        self.root = root
        self.budget_mb = budget_mb
        self._shutdown = threading.Event()
        self._expected = threading.Event()
        self._loaded = threading.Event()
        self._thread = threading.Thread(target=self._work, name="worker", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def expect(self) -> None:
        """A run may come soon: load torch now rather than when it is queued."""
        self._expected.set()

    def loaded(self, timeout: float = LOAD_SECONDS) -> bool:
        """Wait until torch has been loaded, by the one thread that loads it."""
        self.expect()
        return self._loaded.wait(timeout)

    def stop(self) -> None:
        """Interrupt the run that trains, and wait until its snapshot is written: it can be
        resumed exactly where it is.
        """
        self._shutdown.set()
        if self._thread.is_alive():
            self._thread.join()

    def _work(self) -> None:
        looked, tried = time.monotonic(), False
        while not self._shutdown.is_set():
            try:
                if time.monotonic() - looked > ORPHAN_SECONDS:
                    looked = time.monotonic()
                    self.store.interrupt_orphans()
                run = self.store.claim()
            except sqlite3.Error:  # a full disk, say: the queue waits until it is mended
                log.exception("the queue of runs could not be read")
                self._shutdown.wait(ORPHAN_SECONDS)
                continue
            if (run is not None or self._expected.is_set()) and not tried:
                tried = True
                self._load()
            if run is not None:
                self._execute(run)
            else:
                self._shutdown.wait(POLL_SECONDS)

    def _load(self) -> None:
        try:
            from .engine import loop  # noqa: F401 - slow: it loads torch
        except (ImportError, RuntimeError) as error:  # every run tells it in its own record
            log.warning("torch cannot be loaded: %s", error)
        else:
            self._loaded.set()

    def _execute(self, run: int) -> None:
        try:
            for _ in execute(self.store, run, self.root, self._shutdown, self.budget_mb):
                pass
        except Exception:  # the store itself failed: say so, and go on with the next run
            log.exception("run %d could not be recorded", run)
