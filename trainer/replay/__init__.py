"""Schedules without training: over recorded losses, or before a run starts."""
