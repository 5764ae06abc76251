"""The paths of the views in the page's address, and of the files that the page loads."""

from collections.abc import Iterable
from pathlib import Path

LAB, RUNS, COMPARE, SWEEP = PATHS = ("/", "/runs", "/compare", "/sweep")
EXPORT = "/export"  # no view: downloads


def comparison(runs: Iterable[int]) -> str:
    """The address that compares these runs."""
    numbers = ",".join(map(str, dict.fromkeys(runs)))
    return f"{COMPARE}?runs={numbers}" if numbers else COMPARE


def sweep_from(run: int) -> str:
    """The address that sets up a sweep from a run's settings."""
    return f"{SWEEP}?from={run}"


def assets_folder() -> Path:
    """The assets: inside the package in an installation, next to it in a checkout."""
    installed = Path(__file__).parent / "assets"
    return installed if installed.is_dir() else Path(__file__).parent.parent / "assets"
