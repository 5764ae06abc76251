"""What to do while the store cannot be read or written: wait, and say why. torch-free."""

import threading
from collections.abc import Callable, Generator
from typing import TypeVar

from ..engine.events import Waiting
from .faults import StoreError, StoreFaultError

FIRST_SECONDS = 0.05
MOST_SECONDS = 5.0

Result = TypeVar("Result")


def patiently(
    action: Callable[[], Result], run: int, shutdown: threading.Event, stop: threading.Event
) -> Generator[Waiting, None, Result]:
    """Do something with the store. While it cannot be done, yield why, wait and try again.

    Args:
        shutdown: ends the wait.
        stop: only changes what is said: the run is to stop.

    Raises:
        StoreError: it could not be done before the shutdown.
        StoreFaultError: waiting does not help.
    """
    seconds = FIRST_SECONDS
    while True:
        try:
            return action()
        except StoreFaultError as error:
            if not error.passes:
                raise
            why = str(error)
        if shutdown.is_set():
            raise StoreError(
                f"The end of run {run} could not be stored; it can be resumed from its last "
                f"snapshot. {why}"
            )
        then = "stops as soon as that can be recorded"
        if not stop.is_set():
            then = "waits, and continues by itself as soon as it can"
        yield Waiting(f"Run {run} {then}. {why}")
        shutdown.wait(seconds)
        seconds = min(2 * seconds, MOST_SECONDS)
