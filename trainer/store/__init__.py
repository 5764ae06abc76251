"""Runs stored in SQLite."""
