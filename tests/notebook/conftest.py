"""Runs to read."""

from tests.exported import runs, store

__all__ = ["runs", "store"]
