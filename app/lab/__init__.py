"""The view Lab: set up a run, start it, watch it, change it, ask what if."""
