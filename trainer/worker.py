"""A background thread that trains the queued runs. torch is imported when a run needs it, or when
one is expected, not before.
"""

import logging
import sqlite3
import threading
import time
from pathlib import Path

from .execute import execute
from .snapshots.files import BUDGET_MB
from .store.store import Store

POLL_SECONDS = 0.05
ORPHAN_SECONDS = 5.0
LOAD_SECONDS = 60.0  # as long as torch may take on a slow disk

log = logging.getLogger(__name__)


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
