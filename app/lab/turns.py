"""When the open pages may ask again: one after the other, so that many cost a training no more than
a few.
"""

import threading
import time
from collections.abc import Callable

APART_MS = 250
MOST_MS = 20_000


class Turns:
    """Gives the pages their next turns. Knows the turns that are taken, and nothing of the pages.

    A poll costs little by itself, but it takes the interpreter from the training, which has to
    wait for it. So there is one turn in each span of time, and a page whose span is taken gets the
    next free one. A few pages ask as soon as they would alone.

    Args:
        clock: seconds that only ever rise.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._taken: set[int] = set()
        self._lock = threading.Lock()

    def wait(self, wanted_ms: int) -> int:
        """Milliseconds until the turn of a page that would ask in `wanted_ms`: at most MOST_MS more
        than that.
        """
        now_ms = 1000 * self._clock()
        wanted = int((now_ms + wanted_ms) // APART_MS)
        with self._lock:
            self._taken = {turn for turn in self._taken if turn >= now_ms // APART_MS}
            turn = wanted
            while turn in self._taken and (turn - wanted) * APART_MS < MOST_MS:
                turn += 1
            self._taken.add(turn)
        return wanted_ms + (turn - wanted) * APART_MS
