"""Background threads, each of which follows a file that another program is writing. torch is
imported only when a file is followed.
"""

import logging
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .curves.columns import CurveError
from .engine.events import Failed
from .failures import reason, unexpected
from .store.faults import StoreError
from .store.store import Store

if TYPE_CHECKING:
    from .curves.following import Following

MOST = 16  # files at a time

log = logging.getLogger(__name__)


class Followers:
    """Follows files in background threads, as runs of this process's.

    Args:
        store: where the runs are recorded.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._shutdown = threading.Event()
        self._lock = threading.Lock()
        self._threads: dict[Path, tuple[threading.Thread, Following]] = {}

    def follow(
        self, path: Path, values: dict[str, Any], tag: str | None = None, lr: str | None = None
    ) -> int:
        """Follow a file until its run is stopped; returns the run. One that is followed already is
        not followed twice.

        Args:
            values, tag, lr: as `trainer.curves.following.Following` takes them.

        Raises:
            CurveError: there is no such file, something in it is wrong, or too many are followed.
            ConfigError: a value is out of bounds.
        """
        from .curves.following import Following

        try:
            file = path.resolve()
        except (OSError, RuntimeError, ValueError) as error:  # links in a circle, or no file's name
            raise CurveError(f"{path.name} cannot be found: {error}.") from error
        with self._lock:
            self._threads = {
                known: (thread, following)
                for known, (thread, following) in self._threads.items()
                if thread.is_alive()
            }
            if file in self._threads:
                return self._threads[file][1].run
            if len(self._threads) == MOST or self._shutdown.is_set():
                raise CurveError(
                    f"{MOST} files are followed already: stop one of their runs first."
                )
            following = Following(self._store, path, values, tag, lr)
            thread = threading.Thread(
                target=self._record, args=(following,), name=f"follow {path.name}", daemon=True
            )
            self._threads[file] = thread, following
            thread.start()
        return following.run

    def stop(self) -> None:
        """Interrupt all, and wait until that is recorded: they go on when followed again."""
        self._shutdown.set()
        with self._lock:
            for thread, _ in self._threads.values():
                while thread.is_alive():
                    thread.join(0.1)  # so that a signal is handled meanwhile, on Windows too

    def _record(self, following: "Following") -> None:
        try:
            for _ in following.events(threading.Event(), self._shutdown):
                pass
        except StoreError as error:  # whoever opens the store next records it as interrupted
            log.warning("%s", error)
        except Exception as error:
            sentence = reason(error)
            if sentence is None:
                log.exception("run %d failed", following.run)
                sentence = unexpected(error)
            self._fail(following.run, sentence)

    def _fail(self, run: int, sentence: str) -> None:
        try:
            self._store.record(run, Failed(sentence))
        except Exception as error:
            log.warning("run %d has failed, which could not be recorded (%s)", run, error)
