"""A background thread that takes in the spools of a home. torch is imported only when a spool has
something that needs it.
"""

import logging
import re
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from ..failures import first_line
from ..store import permissions
from ..store.store import Store
from .spool import FOLDER
from .taking import Taking

SPOOL = re.compile(r"([0-9a-f]{32})\.jsonl")
LIVE_SECONDS = 0.05  # between two looks while a training is watched
IDLE_SECONDS = 0.5
DEATH_SECONDS = 2.0  # between two looks at a training's lock

log = logging.getLogger(__name__)


class Taker:
    """Takes in what watched trainings write, and passes on what is asked of them. One process a
    home does so at a time. No exception ends it.

    Args:
        store: where their runs are recorded.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._folder = store.home / FOLDER
        self._lock = FileLock(
            self._folder / "taken-in.lock",
            blocking=False,
            thread_local=False,
            mode=permissions.FILE,
        )
        self._spools: dict[str, Taking] = {}
        self._told: set[str] = set()
        self._version = -1
        self._last_deaths = 0.0
        self._shutdown = threading.Event()
        self._thread = threading.Thread(target=self._work, name="taker", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Stop taking in, and wait until what is under way is recorded."""
        self._shutdown.set()
        while self._thread.is_alive():
            self._thread.join(0.1)  # so that a signal is handled meanwhile, on Windows too

    def once(self) -> None:
        """Take in what is there, unless another process does. Raises no exception."""
        try:
            if self._folder.is_dir():
                with self._alone() as alone:
                    if alone:
                        self._look()
        except Exception as error:
            self._tell("", f"Watched trainings cannot be taken in: {first_line(error)}")

    def _work(self) -> None:
        while not self._shutdown.is_set():
            try:
                if self._folder.is_dir():
                    with self._alone() as alone:
                        while alone and not self._shutdown.is_set():
                            self._look()
                            self._shutdown.wait(self._pause())
            except Exception as error:
                self._tell("", f"Watched trainings cannot be taken in: {first_line(error)}")
            self._shutdown.wait(IDLE_SECONDS)

    @contextmanager
    def _alone(self) -> Iterator[bool]:
        """Whether this process is the one that takes in, for the block."""
        try:
            self._lock.acquire()
        except Timeout:
            yield False
            return
        try:
            yield True
        finally:
            self._lock.release()
            self._spools.clear()

    def _pause(self) -> float:
        live = any(not taking.is_over for taking in self._spools.values())
        return LIVE_SECONDS if live else IDLE_SECONDS

    # One look

    def _look(self) -> None:
        self._find()
        for taking in list(self._spools.values()):
            if self._shutdown.is_set():
                return
            self._try(taking, self._take_in)
        self._pass_on()
        if time.monotonic() - self._last_deaths >= DEATH_SECONDS:
            self._last_deaths = time.monotonic()
            for taking in list(self._spools.values()):
                self._try(taking, self._end)

    def _find(self) -> None:
        """Find spools that are new, and forget those that are gone."""
        try:
            names = [path.name for path in self._folder.iterdir()]
        except FileNotFoundError:
            names = []
        found = {match[1] for name in names if (match := SPOOL.fullmatch(name))}
        if found == self._spools.keys():
            return
        known = self._store.spools()
        for gone in self._spools.keys() - found:
            del self._spools[gone]
        for new in sorted(found - self._spools.keys(), key=self._began):
            self._spools[new] = Taking(self._store, self._path(new), known.get(new))

    def _began(self, spool: str) -> float:
        """When its training began: its lock is made then, and never written."""
        try:
            return self._path(spool).with_suffix(".lock").stat().st_mtime
        except OSError:
            return 0.0

    def _path(self, spool: str) -> Path:
        return self._folder / f"{spool}.jsonl"

    def _take_in(self, taking: Taking) -> None:
        while taking.has_news() and taking.take_in() and not self._shutdown.is_set():
            pass

    def _pass_on(self) -> None:
        """Pass on what was asked since the last look."""
        version = self._store.version()
        if version != self._version:
            for taking in self._spools.values():
                self._try(taking, Taking.pass_on)
            self._version = version

    def _end(self, taking: Taking) -> None:
        """Interrupt a run whose training is gone, and delete what is taken in and over."""
        if not taking.is_over:
            if not taking.has_died():
                return
            self._take_in(taking)  # what it wrote before its end
            if not taking.is_over:
                taking.interrupt()
        elif not taking.has_died():
            return
        taking.remove()
        del self._spools[taking.id]

    def _try(self, taking: Taking, do: Callable[[Taking], None]) -> None:
        """One spool's trouble is none of the others'."""
        try:
            do(taking)
        except FileNotFoundError:
            return  # deleted meanwhile: the next look finds that
        except Exception as error:
            expected = isinstance(error, OSError | sqlite3.Error)
            self._tell(
                taking.id,
                f"The spool {taking.id}.jsonl of a watched training cannot be taken in now: "
                f"{first_line(error)}",
                None if expected else error,
            )
        else:
            self._told.discard(taking.id)

    def _tell(self, spool: str, said: str, error: BaseException | None = None) -> None:
        if spool not in self._told:  # once, not every time that it is tried again
            self._told.add(spool)
            log.error("%s", said, exc_info=error)
