"""Loss curves recorded elsewhere, read from files."""
