"""One's own data and networks, before torch is needed: what lies under a path, in words."""
