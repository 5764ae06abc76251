"""Runs to draw."""

from tests.exported import runs, store

__all__ = ["runs", "store"]
