"""What Ctrl-C and SIGTERM do: the first lets the command end properly, a second ends it at once."""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from typing import NoReturn

WAITING = "Stopping: waiting for the batch. Ctrl-C again ends at once; the run can be resumed."


class Ending:
    """Handles both signals from now on. Make it in the main thread, which must not be inside torch:
    only then is a signal handled while a batch is trained.

    Args:
        first: what to do at the first signal.
        at_once: what to do before the process ends at once.
    """

    def __init__(self, first: Callable[[], None], at_once: Callable[[], None]) -> None:
        self.code: int | None = None  # the exit code, once there was a signal
        self._since = 0.0
        self._first = first
        self._at_once = at_once
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._handle)

    def _handle(self, number: int, _: object) -> None:
        if self.code is None:
            self.code = 128 + number
            self._since = time.monotonic()
            self._first()
            return
        self.at_once(128 + number)

    def waited(self) -> float:
        """Seconds since the first signal; 0 if there was none."""
        return 0.0 if self.code is None else time.monotonic() - self._since

    def at_once(self, code: int) -> NoReturn:
        """End the process, whatever its threads do."""
        try:
            self._at_once()
            sys.stdout.flush()
        finally:
            os._exit(code)


def finish(thread: threading.Thread, meanwhile: Callable[[], None]) -> None:
    """Wait for a thread, and handle signals meanwhile, on Windows too; `meanwhile` is called again
    and again until it ends.
    """
    while thread.is_alive():
        thread.join(0.1)
        meanwhile()
