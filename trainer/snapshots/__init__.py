"""A run's whole state on the disk: written, thinned, and gone on from."""
