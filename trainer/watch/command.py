"""The `lrscope` command, started from any folder, also one with an `app` or a `trainer`."""

from importlib import import_module

from .own import APP, TRAINER, load


def main() -> None:
    """Run the command line of the app that this folder belongs to."""
    load("trainer", TRAINER)
    load("app", APP)
    import_module("app.cli.main").main()
