"""How many of torch's threads a run on the CPU uses, beside what other programs leave of it (see
`trainer.cores`).
"""

import math
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

import torch

from ..config.run import MNIST_IMAGE, ONE_THREAD_BELOW
from ..cores import available_core_seconds, fit

SAMPLE_SECONDS = 0.5
WINDOW_SECONDS = 1.5
TAKEN_BACK = 0.4  # the share of a thread's core that may be missing when it is taken back
HOLD_SECONDS = 3.0
LONGEST_HOLD_SECONDS = 300.0
LASTING_SECONDS = 60.0


def at_most(setting: int, numbers: int) -> int:
    """The threads of a run over training samples of so many numbers in all, on a quiet machine.

    Args:
        setting: the run's setting `threads`; 0 is auto.
    """
    is_small = numbers // MNIST_IMAGE < ONE_THREAD_BELOW
    return setting or (1 if is_small else torch.get_num_threads())


@contextmanager
def restored() -> Iterator[None]:
    """Restore torch's number of threads at the end of the block."""
    before = torch.get_num_threads()
    try:
        yield
    finally:
        torch.set_num_threads(before)


class Sample(NamedTuple):
    """The clock, the seconds trained and the core seconds available, all so far."""

    at: float
    trained: float
    available: float


class FreeCores:
    """Says how many threads a run should use from now on.

    Only a run with the setting `threads` on auto asks it, and never while it repeats a record.

    A thread is given up as soon as its core was taken for the last WINDOW_SECONDS. It is taken back
    after HOLD_SECONDS, and each time that this did not last, after twice as long.

    Args:
        most: the threads that it uses on a quiet machine.
        trained: the seconds that it has trained so far; what happens in a pause does not count.
        available: the core seconds so far that this process used or could have used.
        now: a clock, in seconds.
    """

    def __init__(
        self,
        most: int,
        trained: Callable[[], float],
        available: Callable[[], float] | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._most = most
        self._trained = trained
        self._available = available or available_core_seconds
        self._now = now
        self._samples = deque([self._sample()])
        self._hold = HOLD_SECONDS
        self._taken_back = -math.inf  # when
        self._hold_until = -math.inf

    def threads(self, threads: int) -> int:
        """How many threads to use after `threads`: the same number for most calls. May be called
        as often as wanted; it looks at the machine every SAMPLE_SECONDS.
        """
        now, last = self._now(), self._samples[-1]
        if now - last.at < SAMPLE_SECONDS:
            return threads
        sample = self._sample()
        if (now - last.at) - (sample.trained - last.trained) > SAMPLE_SECONDS:
            self._samples.clear()
        self._samples.append(sample)
        while len(self._samples) > 1 and now - self._samples[1].at >= WINDOW_SECONDS:
            self._samples.popleft()
        first = self._samples[0]
        if now - first.at < WINDOW_SECONDS:
            return threads
        free = (sample.available - first.available) / (now - first.at)
        left = fit(free, self._most)
        if left < threads:
            lasted = now - self._taken_back
            self._hold = (
                HOLD_SECONDS
                if lasted > max(LASTING_SECONDS, self._hold)
                else min(2 * self._hold, LONGEST_HOLD_SECONDS)
            )
            self._hold_until = now + self._hold
            return left
        more = fit(free, self._most, TAKEN_BACK)
        if more > threads and now >= self._hold_until:
            self._taken_back = now
            self._samples = deque([sample])
            return more
        return threads

    def _sample(self) -> "Sample":
        return Sample(self._now(), self._trained(), self._available())


def sentence(before: int, after: int) -> str:
    """What was changed, and why."""
    why = "other programs need the cores" if after < before else "the cores are free again"
    return f"CPU threads changed from {before} to {after}: {why}."
