"""The view Compare: runs laid over one another."""
