"""The paths of the views in the page's address, and of the files that the page loads."""

from pathlib import Path

LAB, RUNS, COMPARE = PATHS = ("/", "/runs", "/compare")
EXPORT = "/export"  # no view: downloads


def assets_folder() -> Path:
    """The assets: inside the package in an installation, next to it in a checkout."""
    installed = Path(__file__).parent / "assets"
    return installed if installed.is_dir() else Path(__file__).parent.parent / "assets"
