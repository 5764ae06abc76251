"""Trainings that another program runs: their spools become runs in the store."""
