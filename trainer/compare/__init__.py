"""Runs compared: which of them share a setting, and what their seeds can show of a difference."""
