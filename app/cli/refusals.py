"""How a command reports an error: one line on stderr, no traceback."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from trainer import folders
from trainer.config.table import ConfigError
from trainer.config.text import plain
from trainer.curves.columns import CurveError
from trainer.export.error import ExportError
from trainer.schedule.torch_changed import TorchChangedError

if TYPE_CHECKING:
    from trainer.store.store import Store

MISTAKES = (ConfigError, CurveError, ExportError, TorchChangedError)  # told of in one sentence


def fail(sentence: str) -> typer.Exit:
    """Print an error in one line on stderr; returns the exit to raise."""
    print(f"lrscope: {plain(sentence)}", file=sys.stderr)
    return typer.Exit(2)


def output_lost(error: OSError, what: str = "") -> int:
    """End the output where it cannot be written; returns the exit code.

    A pipe that was closed, as by `head`, is no error: nothing is said.
    """
    with suppress(OSError):  # what is left in the buffer would fail again when Python ends
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if isinstance(error, BrokenPipeError):
        return 1
    return fail(f"The output cannot be written ({error.strerror}){what}.").exit_code


@contextmanager
def opened(home: Path | None, create: bool = False) -> Iterator["Store"]:
    """Open the store in that folder, or in LRScope's own; a command that has something to store may
    create it. Watched trainings are taken in before the block and told what it asks of them, unless
    a page does so. A user's mistake in the block ends the command with one sentence.
    """
    from trainer.store.faults import CommandError, StoreError
    from trainer.store.store import Store, existing
    from trainer.watched import spool

    folder = home or folders.home()
    try:
        watches = spool.are_there(folder)
        store = Store(folder) if create or watches else existing(folder)
        try:
            take_in = _taking_in(store) if watches else lambda: None
            take_in()
            yield store
            take_in()
        finally:
            store.close()
    except (
        StoreError,
        CommandError,
        ConfigError,
        CurveError,
        ExportError,
        TorchChangedError,
    ) as error:
        raise fail(str(error)) from None


def _taking_in(store: "Store") -> "Callable[[], None]":
    from trainer.watched.taker import Taker

    return Taker(store).once
