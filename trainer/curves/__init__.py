"""Loss curves from elsewhere, read from files."""
