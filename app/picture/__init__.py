"""Runs as pictures and as pages that need neither LRScope nor a network."""
