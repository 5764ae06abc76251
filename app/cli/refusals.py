"""How a command reports an error: one line on stderr, no traceback."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from trainer import folders
from trainer.config.table import ConfigError
from trainer.config.text import plain
from trainer.curves.columns import CurveError
from trainer.schedule.torch_changed import TorchChangedError

if TYPE_CHECKING:
    from trainer.store.store import Store


def fail(sentence: str) -> typer.Exit:
    """Print an error in one line on stderr; returns the exit to raise."""
    print(f"lrscope: {plain(sentence)}", file=sys.stderr)
    return typer.Exit(2)


@contextmanager
def opened(home: Path | None) -> Iterator["Store"]:
    """Open the store in that folder, or in LRScope's own. A user's mistake in the block ends the
    command with one sentence.
    """
    from trainer.store.database import StoreError
    from trainer.store.store import CommandError, Store

    try:
        store = Store(home or folders.home())
        try:
            yield store
        finally:
            store.close()
    except (StoreError, CommandError, ConfigError, CurveError, TorchChangedError) as error:
        raise fail(str(error)) from None
