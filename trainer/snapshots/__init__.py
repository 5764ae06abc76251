"""Snapshots of a run's full state on disk: writing, thinning, restoring."""
