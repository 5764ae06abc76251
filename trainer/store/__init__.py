"""What is kept of runs, in SQLite."""
