"""The state that a run starts from: a snapshot of its own, or its parent at an epoch."""

from collections.abc import Generator
from contextlib import closing
from pathlib import Path

from ..engine.control import Control
from ..engine.events import Downloading, EpochEnded, Retraining
from ..engine.loop import train
from ..engine.state import Snapshot, SnapshotError, config_of
from ..store.lineage import owner
from ..store.rows import Run
from ..store.store import Store
from . import files
from .files import Kept
from .writer import read

Restored = Generator[Downloading | Retraining, None, Snapshot | None]


class StoppedError(Exception):
    """The run was stopped before it reached its start."""


def own(kept: Kept, run: Run) -> Snapshot:
    """A snapshot of the run itself.

    Raises:
        SnapshotError: the file is damaged or missing, or another run's.
    """
    start = read(kept.path)
    if config_of(start) != run.config:
        raise SnapshotError(f"The snapshot {kept.path.name} is of another run.")
    return start


def start_of(store: Store, run: Run, root: Path, control: Control) -> Restored:
    """The state that a run starts from where it has no snapshot of its own; None for a new run.

    Raises:
        StoppedError: the control was told to stop.
    """
    if run.parent is None or not run.parent_epoch:
        return None
    start = yield from restored(store, run.parent, run.parent_epoch, root, control)
    return start and start | {"added": 0}  # the fork has its own number of epochs


def restored(store: Store, run: int, epoch: int, root: Path, control: Control) -> Restored:
    """A run's state at the end of an epoch, retrained from the nearest earlier snapshot.

    Raises:
        StoppedError: the control was told to stop.
    """
    row = store.run(owner(store, run, epoch))
    if row is None or row.config is None or epoch == 0:
        return None
    for kept in files.nearest(files.folder(store.home, row.id), epoch):
        try:
            return (yield from _reached(store, row, own(kept, row), epoch, root, control))
        except SnapshotError:  # just deleted, damaged, or another run's
            continue
    start: Snapshot | None = None
    if row.parent is not None and row.parent_epoch:
        start = yield from restored(store, row.parent, row.parent_epoch, root, control)
        start = start and start | {"added": 0}
    return (yield from _reached(store, row, start, epoch, root, control))


def _reached(
    store: Store, row: Run, start: Snapshot | None, epoch: int, root: Path, control: Control
) -> Restored:
    """A run's state at the end of an epoch, retrained from a snapshot.

    Raises:
        SnapshotError: the run cannot continue from this snapshot.
        StoppedError: the control was told to stop.
    """
    if start is not None and (start["epoch"], start["batch"]) == (epoch, 0):
        return start
    assert row.config is not None
    first = start["epoch"] if start else 0
    again = Control(store.interventions(row.id), epoch, row.started.threads if row.started else 0)
    with closing(train(row.config, root, again, start)) as events:
        for event in events:
            if isinstance(event, Downloading):
                yield event
            elif isinstance(event, EpochEnded):
                yield Retraining(event.epoch - first, epoch - first)
                if event.epoch == epoch:
                    return again.capture()
            if control.stopping:
                raise StoppedError
    return None
