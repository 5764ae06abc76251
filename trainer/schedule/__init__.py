"""Live schedules: torch's own classes, and their decisions as sentences."""
