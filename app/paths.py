"""The paths of the views in the page's address."""

LAB, RUNS, COMPARE = PATHS = ("/", "/runs", "/compare")
