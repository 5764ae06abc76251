"""The `lrscope` command, from any folder, even one with its own `app` or `trainer`."""

import sys
from importlib import import_module

from .own import APP, TRAINER, load


def main() -> None:
    """Run the command line of LRScope's own app."""
    try:
        load("trainer", TRAINER)
        load("app", APP)
        import_module("app.cli.main").main()
    except KeyboardInterrupt:  # while modules are loaded
        sys.exit(130)
