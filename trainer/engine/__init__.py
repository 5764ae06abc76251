"""Training: the loop, its state, what it works on, and the events that it yields."""
