"""The paths of the views in the page's address."""

from collections.abc import Iterable

LAB, RUNS, COMPARE = PATHS = ("/", "/runs", "/compare")


def comparison(runs: Iterable[int]) -> str:
    """The address that compares these runs."""
    numbers = ",".join(map(str, dict.fromkeys(runs)))
    return f"{COMPARE}?runs={numbers}" if numbers else COMPARE
