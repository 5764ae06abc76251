"""Runs of a store, trained to their ends, and their scripts, run."""

import io
import sys
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

from trainer.config.run import RunConfig
from trainer.engine.events import Event
from trainer.execute import execute
from trainer.export.script import script
from trainer.store import lineage
from trainer.store.store import Store

Numbers = list[tuple[float | None, ...]]
METRICS = ("train_loss", "val_loss", "val_accuracy")


def quick(**changes: Any) -> RunConfig:
    settings = {"dataset": "mnist", "model": "mlp", "batch_size": 8, "epochs": 4, "device": "cpu"}
    return RunConfig(**{**settings, "threads": 1, **changes})


def trained(
    store: Store,
    config: RunConfig,
    root: Path,
    parent: tuple[int, int] | None = None,
    act: Callable[[Event, int], object] = lambda _event, _run: None,
) -> int:
    """A run, trained to its end; `act` is called after each event."""
    run = store.add(config, parent=parent, claimed=True)
    for event in execute(store, run, root):
        act(event, run)
    return run


def recorded(store: Store, run: int) -> Numbers:
    """Epoch, LR, train loss, validation loss and accuracy of each epoch; then the test's."""
    row = store.run(run)
    epochs: Numbers = [
        (epoch.epoch, epoch.lr, *(epoch.metrics[name] for name in METRICS))
        for epoch in lineage.lineage(store, run)
    ]
    return epochs if row.test_loss is None else [*epochs, (row.test_loss, row.test_accuracy)]


def printed(store: Store, run: int, root: Path) -> Numbers:
    """The same, from what the run's script prints."""
    return parsed(*output(script(store, run), root))


def output(text: str, *arguments: object) -> tuple[str, str]:
    """What a script prints with these arguments, in this process."""
    out, err, before = io.StringIO(), io.StringIO(), sys.argv
    sys.argv = ["script.py", *map(str, arguments)]
    try:
        with redirect_stdout(out), redirect_stderr(err):
            exec(compile(text, "script.py", "exec"), {"__name__": "__main__"})
    finally:
        sys.argv = before
    return out.getvalue(), err.getvalue()


def parsed(out: str, err: str) -> Numbers:
    lines = [*out.splitlines(), *(line.removeprefix("test ") for line in err.splitlines())]
    return [tuple(float(word) for word in line.split()) for line in lines]
