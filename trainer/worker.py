"""A background thread that trains the queued runs and sweeps. torch is imported only when one needs
it or a run is expected.
"""

import gc
import logging
import sqlite3
import sys
import threading
import time
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

from .commands import POLL_SECONDS
from .engine.events import Failed, Waiting
from .execute import execute
from .failures import first_line, reason, unexpected
from .snapshots import files
from .snapshots.files import BUDGET_MB
from .store.store import Store
from .sweep import places
from .sweep.find.finding import execute_find
from .sweep.sweeping import execute_sweep

ORPHAN_SECONDS = 5.0
LOAD_SECONDS = 60.0  # torch can take this long on a slow disk

log = logging.getLogger(__name__)


class Worker:
    """A background thread that trains the store's queued runs, one at a time, and then its sweeps.
    No exception ends it: a run that raises one has failed, and the next begins.

    Args:
        store: where runs are queued and recorded.
        root: the folder of the data sets.
        budget_mb: megabytes that each run's snapshots may use.
    """

    def __init__(self, store: Store, root: Path, budget_mb: float = BUDGET_MB) -> None:
        self.store = store
        self.root = root
        self.budget_mb = budget_mb
        self._training: tuple[int, threading.Event] | None = None  # a run, and what stops it
        self._troubles: dict[int | None, str] = {}  # by the run that they concern; None: all
        self._failed: dict[int, Failed] = {}  # runs whose failure is not recorded yet
        self._shutdown = threading.Event()
        self._expected = threading.Event()
        self._loaded = threading.Event()
        self._has_tried = False
        self._last_check = time.monotonic()
        self._thread = threading.Thread(target=self._work, name="worker", daemon=True)

    def trouble(self, run: int | None = None) -> str | None:
        """Why no run is trained here or, if one is given, nothing of it recorded now, in a
        sentence; None if all is well.
        """
        if self._shutdown.is_set():
            return None
        if not self._thread.is_alive():
            return "No run is trained here: LRScope's worker is not running. Restart LRScope."
        return self._troubles.get(None) or self._troubles.get(run)

    @property
    def training(self) -> int | None:
        """The run that trains now, None if none does."""
        return self._training[0] if self._training else None

    def start(self) -> None:
        self._thread.start()

    def expect(self) -> None:
        """A run may be queued soon: load torch now."""
        self._expected.set()

    @property
    def has_loaded(self) -> bool:
        """Whether torch is loaded."""
        return self._loaded.is_set()

    def loaded(self, timeout: float = LOAD_SECONDS) -> bool:
        """Wait until the worker thread has loaded torch; returns whether it has."""
        self.expect()
        return self._loaded.wait(timeout)

    def stop_run(self, run: int) -> bool:
        """Stop the run if it trains here, also where the store cannot take the command; returns
        whether it does.
        """
        training = self._training
        if training is None or training[0] != run:
            return False
        training[1].set()
        return True

    def stop(self) -> None:
        """Interrupt the run that is training and wait until its snapshot is written, so that it
        can be resumed exactly there.
        """
        self._shutdown.set()
        while self._thread.is_alive():
            self._thread.join(0.1)  # so that a signal is handled meanwhile, on Windows too

    def _work(self) -> None:
        while not self._shutdown.is_set():
            run = self._next(self.store.claim)
            sweep = self._next(self.store.claim_sweep) if run is None else None
            is_needed = run is not None or sweep is not None or self._expected.is_set()
            if is_needed and not self._has_tried:
                self._has_tried = True
                self._load()
            if run is not None:
                self._execute(run)
            elif sweep is not None:
                self._sweep(sweep)
            else:
                self._shutdown.wait(POLL_SECONDS)

    def _next(self, claim: Callable[[], int | None]) -> int | None:
        """Claim the oldest queued run or sweep; None if there is none, or none can be started."""
        try:
            if not self.store.damage:
                self._check()
                claimed = claim()
                self._troubles.pop(None, None)
                return claimed
        except BaseException as error:
            if not self.store.damage:
                self._report(None, f"No run can be started now: {first_line(error)}", error)
                self._shutdown.wait(ORPHAN_SECONDS)
                return None
        self._report(None, str(self.store.damage))
        self._shutdown.wait(ORPHAN_SECONDS)
        self.store.recheck()
        return None

    def _check(self) -> None:
        """Now and then: look for runs of processes that have died, and record what could not be
        recorded.
        """
        if time.monotonic() - self._last_check <= ORPHAN_SECONDS:
            return
        self._last_check = time.monotonic()
        for run in list(self._failed):
            self._record_failure(run)
        try:
            for run in self.store.purge():
                files.remove(files.folder(self.store.home, run))
            self.store.interrupt_orphans()
        except (OSError, sqlite3.Error) as error:  # the queue does not depend on it
            if self.store.damage:
                raise
            log.warning("the runs of other processes could not be checked: %s", error)

    def _load(self) -> None:
        is_new = "torch" not in sys.modules
        if is_new:  # what torch makes stays: to look through it again and again takes a second
            gc.disable()
        try:
            from .engine import loop  # noqa: F401 - slow: it loads torch
        except Exception as error:  # every run records it as its own failure
            log.warning("torch cannot be loaded: %s", error)
        else:
            self._loaded.set()
        if is_new:
            gc.freeze()
            gc.enable()

    def _execute(self, run: int) -> None:
        stop = threading.Event()
        self._training = run, stop
        try:
            for event in execute(self.store, run, self.root, self._shutdown, self.budget_mb, stop):
                if isinstance(event, Waiting):
                    self._troubles[run] = event.sentence
                else:
                    self._troubles.pop(run, None)
        except BaseException as error:
            if self._shutdown.is_set():  # recorded as interrupted when the store is next opened
                log.warning("%s", reason(error) or unexpected(error))
                return
            if self.store.damage:  # said by `_next`, of all runs
                return
            log.error("run %d could not be recorded", run, exc_info=error)
            self._failed[run] = Failed(reason(error) or unexpected(error))
            self._record_failure(run)
        finally:
            self._training = None

    def _sweep(self, sweep: int) -> None:
        """Train a sweep. Its cells record their own failures."""
        waiting = set[int]()  # what one of them waits for, all do
        try:
            row = self.store.sweep(sweep)
            driver = execute_sweep if row and row.kind == "grid" else execute_find
            with (
                places.of(row.workers if row else 1) as workers,
                closing(
                    driver(self.store, sweep, self.root, self._shutdown, self.budget_mb, workers)
                ) as events,
            ):
                for run, event in events:
                    if isinstance(event, Waiting):
                        self._troubles[run] = event.sentence
                        waiting.add(run)
                    while waiting and not isinstance(event, Waiting):
                        self._troubles.pop(waiting.pop(), None)
        except BaseException as error:
            if self._shutdown.is_set() or self.store.damage:
                return
            log.error("sweep %d failed", sweep, exc_info=error)
            with suppress(Exception):
                self.store.end_sweep(sweep, "failed", reason(error) or unexpected(error))
        finally:
            for run in waiting:
                self._troubles.pop(run, None)

    def _record_failure(self, run: int) -> None:
        try:
            self.store.record(run, self._failed[run])
            del self._failed[run]
            self._troubles.pop(run, None)
        except Exception as error:
            why = f"{self._failed[run].reason} This could not be recorded ({first_line(error)})."
            self._report(run, f"Run {run} has failed: {why}", error)

    def _report(self, run: int | None, trouble: str, error: BaseException | None = None) -> None:
        if trouble != self._troubles.get(run):  # once, not every time that it is tried again
            self._troubles[run] = trouble
            is_known = error is None or reason(error) is not None
            log.error("%s", trouble, exc_info=None if is_known else error)
