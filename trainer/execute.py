"""Executes a run: records its events in the store, obeys its commands and takes its snapshots.

torch is imported only when a run starts.
"""

import logging
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from sqlite3 import Error as SQLiteError
from typing import TYPE_CHECKING

from .commands import Commands, Stopwatch
from .config.run import RunConfig
from .engine.control import Control
from .engine.environment import own_changed
from .engine.events import (
    Diverged,
    Ended,
    EpochEnded,
    Event,
    Failed,
    Progress,
    Started,
    Warned,
)
from .failures import reason, unexpected, without_torch
from .schedule.epoch import Epoch
from .schedule.trace import EMPTY
from .snapshots import files
from .snapshots.files import BUDGET_MB
from .store.rows import UnreadableError
from .store.run import Run
from .store.store import Store
from .store.waiting import patiently

if TYPE_CHECKING:
    from .engine.state import Snapshot
    from .snapshots.writer import SnapshotWriter

log = logging.getLogger(__name__)

Place = Callable[[RunConfig, Path, Control, "Snapshot | None"], Iterator[Event]]
"""Where a run trains: as `trainer.engine.loop.train`, which is one of them."""


def execute(
    store: Store,
    run: int,
    root: Path,
    shutdown: threading.Event | None = None,
    budget_mb: float = BUDGET_MB,
    stop: threading.Event | None = None,
    control: Control | None = None,
    start: "Snapshot | None" = None,
    place: Place | None = None,
) -> Generator[Event, None, None]:
    """Train a claimed run: write each event to the store, then yield it.

    A resumed run continues from its last snapshot, a fork from its parent's epoch. Obeys the run's
    commands between two events, and waits after an epoch to keep the run's pace, or during a pause.
    While the store cannot be used, yields Waiting, keeps the event and the training's state, and
    continues once it can. An error in the run becomes its last event, Failed. If the consumer
    closes the iterator, the run is recorded as stopped; if `shutdown` is set, as interrupted.

    Args:
        shutdown: set it to end the run before its next batch.
        budget_mb: megabytes that the run's snapshots may use.
        stop: set it to stop the run where the store cannot take the command.
        control: the run's, with which whoever drains the events may take a snapshot.
        start: the snapshot that the run starts from, if it is at hand.
        place: trains in place of the engine in this process.

    Raises:
        StoreError: the run's end could not be recorded before the shutdown.
        StoreFaultError: the store is damaged.
    """
    shutdown, stop = shutdown or threading.Event(), stop or threading.Event()
    until_done = partial(patiently, run=run, shutdown=shutdown, stop=stop)
    try:
        row = yield from until_done(lambda: store.run(run))
        assert row is not None
        past = yield from until_done(lambda: store.interventions(run))
        ended = yield from until_done(lambda: store.epochs(run, row.epoch))
    except UnreadableError as error:
        failed = Failed(str(error))
        yield from until_done(lambda: store.record(run, failed))
        yield failed
        return
    last, first = ended[-1].epoch if ended else row.epoch, (row.parent_epoch or 0) + 1
    threads = row.started.threads if row.started else 0
    control, stopwatch = control or Control(), Stopwatch(row.elapsed or 0.0)
    control.repeat(past, last, threads)
    commands = Commands(store, row, control, stopwatch, shutdown, stop)
    snapshots, has_ended = Snapshots(store, row, control, int(budget_mb * 1e6)), False

    def recorded(event: Event) -> Generator[Event, None, None]:
        made = commands.made(event)
        elapsed = stopwatch.seconds()
        with stopwatch.stopped():
            yield from until_done(lambda: store.record(run, event, elapsed, made))
            yield event

    try:
        commands.obey()
        for event in _events(store, row, root, control, start, place):
            if isinstance(event, Ended) and event.status == "stopped" and not commands.stopped:
                event = Ended("interrupted")
            has_ended = isinstance(event, Ended | Diverged | Failed)
            if has_ended:
                snapshots.close(event)
                for warned in snapshots.warnings():
                    yield from recorded(warned)
            if isinstance(event, Started):
                stopwatch.start()
            elif isinstance(event, Progress) and not event.batch and event.epoch == first:
                stopwatch.restart()  # it starts over: nothing of what took these seconds is left
            yield from recorded(event)
            if has_ended:
                continue
            yield from until_done(partial(snapshots.handle, event))
            for warned in snapshots.warnings():
                yield from recorded(warned)
            commands.obey()
            if commands.steps_with(event):
                yield from until_done(lambda: store.set_paused(run, True))
            commands.wait(event)
    except GeneratorExit:
        snapshots.close()
        if not has_ended:
            with suppress(SQLiteError):  # whoever opens the store next records it as interrupted
                store.record(run, Ended("stopped"), stopwatch.seconds())
        raise
    finally:
        snapshots.close()


class Snapshots:
    """Takes a run's snapshots: at the start of a fork, after each epoch, and when it stops."""

    def __init__(self, store: Store, run: Run, control: Control, budget: int) -> None:
        self._store = store
        self._run = run
        self._control = control
        self._budget = budget
        self._writer: SnapshotWriter | None = None
        self._closed = False
        self._warned: str | None = None

    def handle(self, event: Event) -> None:
        """Take a snapshot if the event, already recorded, needs one."""
        match event:
            case Started():
                from .snapshots.writer import SnapshotWriter

                past = self._store.epochs(self._run.id)
                folder = files.folder(self._store.home, self._run.id)
                self._writer = SnapshotWriter(folder, self._budget, self._run.recipe.mode)
                for row in past:
                    self._note(row)
                if self._run.parent_epoch:
                    self._keep(before_others=True)
            case EpochEnded():
                self._keep(before_others=self._note(event))

    def close(self, event: Event | None = None) -> None:
        """Take a last one if the run can be resumed after this event, and wait until all are
        written.
        """
        if self._writer is not None and not self._closed:
            self._closed = True
            if isinstance(event, Ended) and event.status != "finished":
                self._keep(before_others=True)
            self._writer.close()

    def warnings(self) -> Iterator[Warned]:
        """What is new about the writing of snapshots: that it fails, or no longer does."""
        warning = self._writer.warning if self._writer else None
        if warning != self._warned:
            self._warned = warning
            yield Warned(warning)

    def _keep(self, before_others: bool) -> None:
        assert self._writer is not None
        self._writer.keep(self._control.capture, before_others)

    def _note(self, ended: Epoch) -> bool:
        metric = ended.metrics.get(self._run.recipe.monitor)
        if self._writer is None or metric is None or ended.decision is None:
            return False
        return self._writer.note(ended.epoch, metric, ended.decision.kind == "cut")


def _events(
    store: Store,
    run: Run,
    root: Path,
    control: Control,
    start: "Snapshot | None",
    place: Place | None,
) -> Iterator[Event]:
    """The engine's events; an error becomes Failed."""
    try:
        from .engine import loop  # noqa: F401 - torch is loaded apart, so that it is known what failed
    except Exception as error:
        yield Failed(reason(error) or without_torch(error))
        return
    from .snapshots.restore import StoppedError

    try:
        yield from _trained(store, run, root, control, start, place)
    except StoppedError:
        yield Ended("stopped")
    except Exception as error:
        sentence = reason(error)
        if sentence is None:
            log.exception("run %d failed", run.id)
            sentence = unexpected(error)
        yield Failed(sentence)


def _trained(
    store: Store,
    run: Run,
    root: Path,
    control: Control,
    at_hand: "Snapshot | None",
    place: Place | None,
) -> Iterator[Event]:
    """The engine's events, from the first of the run's starts that restores."""
    from .engine.loop import train
    from .engine.state import SnapshotError
    from .engine.trace import kept as traced
    from .snapshots.restore import starts

    assert run.config is not None
    parent = store.run(run.parent) if run.parent else None
    begun = run.started or (parent and parent.started)
    store.epochs(run.id)  # one that cannot be read fails the run before it trains
    folder = files.folder(store.home, run.id)
    refused: list[SnapshotError] = []
    useless: list[Path] = []
    known = starts(store, run, root, control) if at_hand is None else [(None, _given(at_hand))]
    for kept, way in known:
        is_there = has_started = False
        try:
            start = yield from way
            is_there = True
            for event in (place or train)(run.config, root, control, start):
                if isinstance(event, Started):
                    has_started = True
                    for path in useless:  # written again when their epochs are
                        path.unlink(missing_ok=True)
                yield event
                if isinstance(event, Started):
                    epoch, batch = (start["epoch"], start["batch"]) if start else (0, 0)
                    if (epoch, batch) != (run.epoch, run.batch):
                        trace = traced(start, event.batches) if start else EMPTY
                        yield Progress(epoch + 1, batch, event.batches, trace)
                    if refused:
                        yield Warned(f"{refused[0]} The run continues from epoch {epoch}.")
                    elif begun and (changed := own_changed(run.config, begun, event)):
                        yield Warned(changed)
            return
        except SnapshotError as error:
            if has_started or (is_there and not kept):  # no other way leads to another state
                raise
            refused.append(error)
            if kept and kept.path.parent == folder:
                useless.append(kept.path)
    raise refused[-1]


def _given(start: "Snapshot") -> Generator[Event, None, "Snapshot"]:
    yield from ()
    return start
