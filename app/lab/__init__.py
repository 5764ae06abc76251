"""The Lab view: set up a run, start it, watch it, change it, and try what-ifs."""
