"""The view Sweep: many runs at once that share their past."""
