"""The view Runs: all runs in one table."""
