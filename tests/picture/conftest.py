"""Runs to draw, and a Chromium for the page that they are exported to."""

from tests.exported import runs, store
from tests.lab.conftest import browser

__all__ = ["browser", "runs", "store"]
