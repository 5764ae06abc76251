"""The frozen models of a run, and the flat table of settings that is drawn from them."""
