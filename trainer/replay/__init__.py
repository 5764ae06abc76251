"""Schedules without training: over recorded losses, or before there are any."""
