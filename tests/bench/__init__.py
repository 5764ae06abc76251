"""How fast LRScope is, beside what it is compared with: `python -m tests.bench`."""
