"""The cores of this machine: how many, and what other programs leave of them. torch-free.

Each parallel step of torch's ends when its last thread does. A thread that has to wait for a core
makes a batch take up to a hundred times as long, so one thread fewer is faster than one core too
few.
"""

import math
import os
import time
from collections.abc import Iterable

import psutil

# The share of a thread's core that may be missing before the thread is given up. Measured on two
# cores: with 0.55 of one of them taken, one thread is as fast as two.
GIVEN_UP = 0.55
LOOK_SECONDS = 0.5


def cores() -> int:
    """The cores that this process may use, of which two threads may be one."""
    allowed = len([*_allowed()]) or os.cpu_count()
    return min(allowed or 1, psutil.cpu_count(logical=False) or allowed or 1)


def threads_that_fit(most: int, workers: int = 1) -> int:
    """How many threads, from 1 to `most`, so many processes should have each beside what other
    programs do now. Looks at the machine for LOOK_SECONDS where one is not all.
    """
    if most == 1:
        return 1
    before, began = available_core_seconds(), time.monotonic()
    time.sleep(LOOK_SECONDS)
    free = (available_core_seconds() - before) / (time.monotonic() - began)
    return fit(free / workers, most)


def fit(free: float, most: int, missing: float = GIVEN_UP) -> int:
    """How many threads, from 1 to `most`, so many free cores are enough for.

    Args:
        missing: the share of the last one's core that may be missing.
    """
    return min(most, max(1, math.floor(free + missing)))


def available_core_seconds() -> float:
    """The core seconds so far that this process used or could have used: those that its cores were
    idle, or worked for programs that give way to it (see `nice`).
    """
    every = psutil.cpu_times(percpu=True)
    own = [every[core] for core in _allowed() if core < len(every)] or every
    free = ["idle", "iowait", *(["nice"] if _is_first() else [])]
    left = sum(getattr(times, kind, 0.0) for times in own for kind in free)
    return float(left + time.process_time())


def _allowed() -> Iterable[int]:
    """The cores that this process may run on; none if the system does not say."""
    return os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else ()


def _is_first() -> bool:
    """Whether programs with a raised niceness give way to this process."""
    return hasattr(os, "nice") and os.nice(0) <= 0
