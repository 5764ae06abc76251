"""Sweeps: grids of runs that train the epochs which they share once, and ways to find an LR."""
