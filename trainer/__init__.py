"""Trains, and explains what the learning-rate schedule did. Knows torch, never the web."""
