"""Where a run executes: its iterator is drained into the store, by a thread or by the terminal.

torch is imported when a run needs it, or when one is expected, not before.
"""

import logging
import sqlite3
import threading
import time
from collections.abc import Generator, Iterator
from pathlib import Path

from trainer.control import Control
from trainer.events import Diverged, Ended, EpochEnded, Event, Failed, Started
from trainer.store import Run, Store

POLL_SECONDS = 0.05
ORPHAN_SECONDS = 5.0

log = logging.getLogger(__name__)


def execute(
    store: Store, run: int, root: Path, shutdown: threading.Event | None = None
) -> Generator[Event, None, None]:
    """Train a claimed run: write each event into the store, then yield it.

    Obeys the run's commands between two events, and keeps the run's pace by waiting after an
    epoch. An error of the run becomes its last event, Failed. Where the consumer closes the
    iterator, or `shutdown` is set, the run is recorded as stopped.
    """
    shutdown = shutdown or threading.Event()
    control = Control()
    row = store.run(run)
    assert row is not None
    pace, asked, released = row.pace, 0, 0.0

    def obey() -> None:
        nonlocal pace, asked
        for command in store.commands(run, asked):
            asked = command.id
            if command.name == "stop":
                control.stop()
            else:
                pace = command.value
        if shutdown.is_set():
            control.stop()

    over = False
    try:
        obey()
        for event in _events(row, root, control):
            store.record(run, event)
            over = isinstance(event, Ended | Diverged | Failed)
            yield event
            obey()
            if isinstance(event, Started):
                released = time.monotonic()
            if isinstance(event, EpochEnded):
                while pace and not control.stopping:
                    left = released + 1 / pace - time.monotonic()
                    if left <= 0:
                        break
                    shutdown.wait(min(left, POLL_SECONDS))
                    obey()
                released = time.monotonic()
    finally:
        if not over:
            store.record(run, Ended("stopped"))


def _events(run: Run, root: Path, control: Control) -> Iterator[Event]:
    """The engine's events, its errors among them."""
    try:
        from trainer.engine import train

        yield from train(run.config, root, control)
    except Exception as error:
        sentence = reason(error)
        if sentence is None:
            log.exception("run %d failed", run.id)
            sentence = f"{type(error).__name__}: {error}".splitlines()[0]
        yield Failed(sentence)


def reason(error: Exception) -> str | None:
    """One sentence for the user's own mistakes and the machine's limits; None for our mistakes."""
    import torch

    from trainer.datasets import DatasetError
    from trainer.engine import DeviceError

    if isinstance(error, DatasetError | DeviceError):
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
    """

    def __init__(self, store: Store, root: Path) -> None:
        self.store = store
        self.root = root
        self._shutdown = threading.Event()
        self._expected = threading.Event()
        self._loaded = threading.Event()
        self._thread = threading.Thread(target=self._work, name="worker", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def expect(self) -> None:
        """A run may come soon: load torch now rather than when it is queued."""
        self._expected.set()

    def loaded(self, timeout: float) -> bool:
        """Wait until torch has been loaded, by the one thread that loads it."""
        self.expect()
        return self._loaded.wait(timeout)

    def stop(self) -> None:
        """Stop the run that trains, and wait until it has been recorded."""
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
            import trainer.engine  # noqa: F401 - slow: it loads torch
        except (ImportError, RuntimeError) as error:  # every run tells it in its own record
            log.warning("torch cannot be loaded: %s", error)
        else:
            self._loaded.set()

    def _execute(self, run: int) -> None:
        try:
            for _ in execute(self.store, run, self.root, self._shutdown):
                pass
        except Exception:  # the store itself failed: say so, and go on with the next run
            log.exception("run %d could not be recorded", run)
