"""Trains networks and explains what the learning-rate schedule did. Uses torch, never the web."""
