"""The frozen models of a run, and the flat table of settings built from them."""
