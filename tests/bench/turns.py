"""Taking turns, and taking time."""

import time
from collections.abc import Callable

TIMEOUT = 60.0  # seconds until something that should have happened counts as broken


def seconds(action: Callable[[], object]) -> float:
    """Wall time of one call."""
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


def in_turns(*sides: Callable[[], float], rounds: int) -> list[tuple[float, ...]]:
    """What each side returns, called in turns (A, B, A, B ...); the first turn of each warms up
    and is left out.
    """
    turns = [[side() for side in sides] for _ in range(rounds + 1)][1:]
    return list(zip(*turns, strict=True))


def until(is_met: Callable[[], bool], every: float = 0.01) -> None:
    """Ask every so many seconds until it is so."""
    deadline = time.monotonic() + TIMEOUT
    while not is_met():
        if time.monotonic() > deadline:
            raise TimeoutError(f"nothing after {TIMEOUT:g} seconds")
        time.sleep(every)
