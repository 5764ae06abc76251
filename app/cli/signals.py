"""What Ctrl-C and SIGTERM do: the first lets the command end properly, a second ends it at once."""

import os
import signal
import sys
import threading
from collections.abc import Callable

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
        self._first = first
        self._at_once = at_once
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._handle)

    def _handle(self, number: int, _: object) -> None:
        if self.code is None:
            self.code = 128 + number
            self._first()
            return
        try:
            self._at_once()
            sys.stdout.flush()
        finally:
            os._exit(128 + number)


def finish(thread: threading.Thread) -> None:
    """Wait for a thread, and handle signals meanwhile, on Windows too."""
    while thread.is_alive():
        thread.join(0.1)
