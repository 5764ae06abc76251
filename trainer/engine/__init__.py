"""Training: the loop, its state, data and models, and the events that it yields."""
