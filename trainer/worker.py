"""A background thread that trains the queued runs. torch is imported only when a run needs it or is
expected.
"""

import logging
import sqlite3
import threading
import time
from pathlib import Path

from .execute import POLL_SECONDS, execute
from .snapshots.files import BUDGET_MB
from .store.store import Store

ORPHAN_SECONDS = 5.0
LOAD_SECONDS = 60.0  # torch can take this long on a slow disk

log = logging.getLogger(__name__)


class Worker:
    """A background thread that trains the store's queued runs, one at a time.

    Args:
        store: where runs are queued and recorded.
        root: the folder of the data sets.
        budget_mb: megabytes that each run's snapshots may use.
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
        """A run may be queued soon: load torch now."""
        self._expected.set()

    def loaded(self, timeout: float = LOAD_SECONDS) -> bool:
        """Wait until the worker thread has loaded torch; returns whether it has."""
        self.expect()
        return self._loaded.wait(timeout)

    def stop(self) -> None:
        """Interrupt the run that is training and wait until its snapshot is written, so that it
        can be resumed exactly there.
        """
        self._shutdown.set()
        if self._thread.is_alive():
            self._thread.join()

    def _work(self) -> None:
        last_check, has_tried = time.monotonic(), False
        while not self._shutdown.is_set():
            try:
                if time.monotonic() - last_check > ORPHAN_SECONDS:
                    last_check = time.monotonic()
                    self.store.interrupt_orphans()
                run = self.store.claim()
            except sqlite3.Error:  # for example a full disk: try again later
                log.exception("the queue of runs could not be read")
                self._shutdown.wait(ORPHAN_SECONDS)
                continue
            if (run is not None or self._expected.is_set()) and not has_tried:
                has_tried = True
                self._load()
            if run is not None:
                self._execute(run)
            else:
                self._shutdown.wait(POLL_SECONDS)

    def _load(self) -> None:
        try:
            from .engine import loop  # noqa: F401 - slow: it loads torch
        except (ImportError, RuntimeError) as error:  # every run records it as its own failure
            log.warning("torch cannot be loaded: %s", error)
        else:
            self._loaded.set()

    def _execute(self, run: int) -> None:
        try:
            for _ in execute(self.store, run, self.root, self._shutdown, self.budget_mb):
                pass
        except Exception:  # the store itself failed: log it and continue with the next run
            log.exception("run %d could not be recorded", run)
