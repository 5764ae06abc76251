"""Training with a learning-rate schedule that explains itself. Knows torch, never the web page."""
