"""Turns rows into figures: pure functions."""
