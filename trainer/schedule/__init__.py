"""Schedules that live: torch's own classes, and what they decided, in sentences."""
