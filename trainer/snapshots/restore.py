"""The ways to the state that a run starts from: its own snapshot, or its parent at an epoch."""

from collections.abc import Generator, Iterator
from contextlib import closing
from pathlib import Path

from ..engine.control import Control
from ..engine.events import Downloading, EpochEnded, Retraining
from ..engine.loop import train
from ..engine.sharing import as_own
from ..engine.state import Snapshot, SnapshotError, config_of
from ..store.lineage import owner, prefix
from ..store.run import Run
from ..store.store import Store
from . import files
from .files import Kept
from .writer import read

Restored = Generator[Downloading | Retraining, None, Snapshot | None]
"""A way to a state; None is the state of a run that begins. Raises SnapshotError where a snapshot
on it is missing, damaged, or not what its name says.
"""
Ways = Iterator[tuple[Kept | None, Restored]]
"""Ways to one state, the shortest first, each with the snapshot that has this state; None where it
is trained.
"""


class StoppedError(Exception):
    """The run was stopped before it reached its start."""


def starts(store: Store, run: Run, root: Path, control: Control) -> Ways:
    """The ways to a state from which a run can continue: its own snapshots, newest first; then
    where it was forked from, or its beginning.

    Raises:
        StoppedError: on a way: the control was told to stop.
    """
    for kept in reversed(files.listed(files.folder(store.home, run.id))):
        yield kept, _read(kept, run)
    yield from _beginning(store, run, root, control)


def ways(store: Store, run: int, epoch: int, root: Path, control: Control) -> Ways:
    """The ways to a run's state at the end of an epoch: from each of its snapshots, nearest first;
    then from where it was forked from, or its beginning.

    Raises:
        StoppedError: on a way: the control was told to stop.
    """
    row = store.run(owner(store, run, epoch))
    if row is None or row.config is None or epoch == 0:
        yield None, _nothing()
        return
    for kept in files.nearest(files.folder(store.home, row.id), epoch):
        if kept.at == (epoch, 0):
            yield kept, _read(kept, row)
        else:
            yield None, _retrained(store, row, _read(kept, row), epoch, root, control)
    for _, way in _beginning(store, row, root, control):
        yield None, _retrained(store, row, way, epoch, root, control)


def _beginning(store: Store, run: Run, root: Path, control: Control) -> Ways:
    """The ways to where a run began."""
    if run.parent is None or not run.parent_epoch:
        yield None, _nothing()
        return
    for kept, way in ways(store, run.parent, run.parent_epoch, root, control):
        yield kept, _forked(way) if run.sweep is None else _as_own(store, run, way)


def _nothing() -> Restored:
    yield from ()
    return None


def _forked(way: Restored) -> Restored:
    """A parent's state, for its fork: that has its own number of epochs."""
    start = yield from way
    return start and start | {"added": 0}


def _as_own(store: Store, run: Run, way: Restored) -> Restored:
    """The state of a sweep's cell at the end of the last epoch that it shared."""
    start = yield from way
    if start is None:
        return None
    assert run.config is not None
    if config_of(start) == run.config:
        return start
    past = [epoch.metrics for epoch in prefix(store, run.id)]
    row = store.run(owner(store, run.id, run.parent_epoch or 0))
    assert row is not None
    return as_own(start, run.config, row.batches, past)


def _read(kept: Kept, run: Run) -> Restored:
    """A snapshot of this run, checked against its name."""
    yield from ()
    start = read(kept.path)
    if config_of(start) != run.config:
        raise SnapshotError(f"The snapshot {kept.path.name} is of another run.")
    at = start.get("epoch"), start.get("batch")
    if not all(isinstance(count, int) for count in at) or at != kept.at:
        raise SnapshotError(f"The snapshot {kept.path.name} is not of the batch that it names.")
    return start


def _retrained(
    store: Store, row: Run, way: Restored, epoch: int, root: Path, control: Control
) -> Restored:
    """A run's state at the end of an epoch, trained from an earlier state."""
    start = yield from way
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
    raise SnapshotError(
        f"Run {row.id} was trained again, and ended before epoch {epoch}: fork it after an earlier "
        "one."
    )
