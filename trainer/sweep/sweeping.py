"""Trains a sweep: plans its stages as training goes, and has each of them executed.

torch is imported only when it trains.
"""

import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from functools import partial
from pathlib import Path
from sqlite3 import Error as SQLiteError
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from ..engine.control import Control
from ..engine.events import Diverged, Ended, EpochEnded, Event, Failed, Progress
from ..execute import Place, execute
from ..failures import reason, without_torch
from ..snapshots.files import BUDGET_MB
from ..store.store import Store
from ..store.sweeps import Asked, Sweep, SweepStatus
from ..store.waiting import patiently
from .abreast import side_by_side
from .batches import batches_of
from .halving import Halving

if TYPE_CHECKING:
    from ..engine.state import Snapshot
    from .stages import Stage

Result = TypeVar("Result")


class CellEvent(NamedTuple):
    """An event of a cell of a sweep, after it was recorded."""

    run: int
    event: Event


Events = Iterator[CellEvent]
Task = Callable[[Place | None], Events]

POLL_SECONDS = 0.05
ASKED: dict[Asked, SweepStatus] = {"pause": "paused", "stop": "stopped"}
SNAPSHOTS_BUDGETS = 5  # all cells of a sweep together may use as much as so many runs


def execute_sweep(
    store: Store,
    sweep: int,
    root: Path,
    shutdown: threading.Event | None = None,
    budget_mb: float = BUDGET_MB,
    places: Sequence[Place] | None = None,
    more: Callable[[], bool] | None = None,
) -> Generator[CellEvent, None, None]:
    """Train a claimed sweep of kind grid to its end: each stage's epochs once, recorded event by
    event as `trainer.execute.execute` does, then yielded.

    Each cell's numbers are those of a run of its own. A sweep that was ended before goes on with
    what is left; cells that were added share what others have trained.

    Args:
        shutdown: set it to end the sweep before the next batches.
        budget_mb: megabytes that a run's snapshots may use.
        places: where stages train, one for each that may train at a time; here if None.
        more: called when all cells have ended; adds cells, and returns whether it did.

    Raises:
        StoreError: the sweep cannot be read, or its end could not be recorded before the shutdown.
        StoreFaultError: the store is damaged.
    """
    row = store.sweep(sweep)
    assert row is not None
    sweeping = _Sweeping(store, row, root, shutdown or threading.Event(), budget_mb)
    try:
        yield from sweeping.events(places or [None], more or (lambda: False))
    finally:
        sweeping.close()


class _Sweeping:
    """A sweep while it trains. Its stages train in one thread, or in one thread for each place."""

    def __init__(
        self, store: Store, sweep: Sweep, root: Path, shutdown: threading.Event, budget_mb: float
    ) -> None:
        self._store = store
        self._sweep = sweep
        self._root = root
        self._shutdown = shutdown
        self._halt = threading.Event()  # ends every stage
        self._over = threading.Event()
        self._asked: Asked | None = None
        self._changed = threading.Condition()
        self._ready: list[Stage] = []  # the last is next, so that few snapshots are held
        self._waiting: list[Stage] = []  # for the others, at the epoch where cells are compared
        self._running = 0
        self._controls: set[Control] = set()  # of the stages that train
        self._budget_mb = budget_mb
        self._budget_each = budget_mb
        self._halving: Halving | None = None
        self._watch = threading.Thread(target=self._watch_commands, name="sweep", daemon=True)

    def events(self, places: Sequence[Place | None], more: Callable[[], bool]) -> Events:
        """Train all that is left, and what is added at the end."""
        self._watch.start()
        try:
            from .starts import Starts
        except Exception as error:
            why = reason(error) or without_torch(error)
            self._over.set()
            self._store.end_sweep(self._sweep.id, "failed", why)
            return
        with closing(Starts(self._store.home)) as self._starts:
            while True:
                yield from self._plan()
                if len(places) == 1:
                    yield from self._work(places[0])
                else:
                    yield from side_by_side(self._work, places, self._stop)
                if self._halt.is_set() or not (yield from self._surely(0, more)):
                    break
        yield from self._end()

    def close(self) -> None:
        """End what is under way; the sweep was interrupted if it has not ended."""
        self._halt.set()
        ended = self._over.is_set()
        self._over.set()
        if self._watch.is_alive():
            self._watch.join()  # the store may be closed next
        if not ended:
            with suppress(SQLiteError):  # whoever opens the store next records it
                self._store.end_sweep(self._sweep.id, "interrupted")

    def _surely(self, run: int, action: Callable[[], Result]) -> Generator[CellEvent, None, Result]:
        """Do something with the store. While it cannot be done, say so of that cell, wait and try
        again.
        """
        waits = patiently(action, run, self._halt, threading.Event())
        while True:
            try:
                yield CellEvent(run, next(waits))
            except StopIteration as done:
                result: Result = done.value
                return result

    # Plan

    def _plan(self) -> Events:
        """Find what is left to train."""
        from .stages import Tree

        store, sweep = self._store, self._sweep
        cells = yield from self._surely(0, lambda: store.cells(sweep.id))
        first = cells[0].id if cells else 0
        batches, failed = batches_of(cells)
        for run, why in failed.items():
            yield from self._surely(run, partial(store.end_cells, [run], "failed", why))
            yield CellEvent(run, Failed(why))
        tree = Tree(cells, store.epochs, batches)
        shared = {run: caught.decided for run, caught in tree.caught.items() if caught.decided}
        yield from self._surely(first, lambda: store.catch_up(shared))
        for run, caught in tree.caught.items():
            if caught.twin is not None:
                yield from self._surely(run, partial(store.share_end, caught.twin, [run]))
        stopped = set[int]()
        if sweep.kind == "grid" and sweep.grid.mode == "halving":
            self._halving = Halving(store, sweep)
            stopped = yield from self._surely(first, self._halving.stop_losers)
        left = tree.stages(stopped, self._halving.until if self._halving else None)
        runs = [run for stage in left for run in stage.all_runs]
        yield from self._surely(first, lambda: store.part(runs))
        self._queue(left[::-1])
        self._budget_each = min(
            self._budget_mb, max(1.0, self._budget_mb * SNAPSHOTS_BUDGETS / max(1, len(cells)))
        )

    def _queue(self, stages: Sequence["Stage"]) -> None:
        """Let stages train, or wait for the others where cells are compared."""
        with self._changed:
            for stage in stages:
                (self._waiting if self._waits(stage) else self._ready).append(stage)
            self._changed.notify_all()

    def _waits(self, stage: "Stage") -> bool:
        until = self._halving.until if self._halving else None
        return until is not None and stage.epoch >= until

    # Train

    def _work(self, place: Place | None) -> Events:
        """Do what there is to do at a place, until nothing is left."""
        while task := self._take():
            try:
                yield from task(place)
            finally:
                with self._changed:
                    self._running -= 1
                    self._changed.notify_all()

    def _take(self) -> Task | None:
        """What to do next, once there is something; None at the end."""
        with self._changed:
            while not self._halt.is_set():
                if self._ready:
                    self._running += 1
                    return partial(self._train, self._ready.pop())
                if not self._running:
                    if not self._waiting:
                        return None
                    self._running += 1
                    return self._compare
                self._changed.wait(POLL_SECONDS)
            return None

    def _train(self, stage: "Stage", place: Place | None) -> Events:
        """Train a stage until it ends or waits for others; what parts from it becomes ready."""
        store, leader, control = self._store, stage.leader, Control()
        claimed = yield from self._surely(leader, lambda: store.claim(leader))
        start = self._starts.take(leader)
        if claimed is None:  # it was stopped or deleted while it waited
            yield from self._leave(stage, start)
            return
        training = execute(
            store, leader, self._root, self._halt, self._budget_each, None, control, start, place
        )
        waits, start = False, None
        control.report(stage.epoch + 1, stage.later)
        with self._stoppable(control), closing(training) as events:
            try:
                for event in events:
                    match event:
                        case Progress() if event.epoch == stage.epoch + 1:
                            if parted := stage.later.pop(event.batch, None):
                                self._let_go(parted, control.capture())
                        case EpochEnded() if event.epoch > stage.epoch:  # not one trained again
                            yield from self._share(stage, event, control)
                            if self._waits(stage) and not stage.is_over:
                                waits, start = True, control.capture()
                                control.stop()
                        case Ended("finished") | Diverged() | Failed():
                            ended = partial(store.share_end, leader, stage.followers)
                            yield from self._surely(leader, ended)
                            self._let_go(stage.take_later(), None)
                        case Ended("interrupted") if waits:
                            yield from self._go_on(stage, start)
                            continue  # it has not ended
                        case Ended() if not self._halt.is_set():
                            yield from self._leave(stage, start)
                    yield CellEvent(leader, event)
            except GeneratorExit:  # nobody drains it further: it was interrupted, not stopped
                self._stop()
                for _ in events:
                    pass
                raise

    @contextmanager
    def _stoppable(self, control: Control) -> Iterator[None]:
        """Have `_stop` stop a training during the block."""
        with self._changed:
            self._controls.add(control)
        try:
            yield
        finally:
            with self._changed:
                self._controls.discard(control)

    def _share(self, stage: "Stage", ended: EpochEnded, control: Control) -> Events:
        """Record what the followers' schedules decided, and let go who parts."""
        store, leader = self._store, stage.leader
        self._let_go(
            stage.take_later(), None
        )  # where it went on behind the batch at which they part
        decided = stage.advance(ended.metrics)
        if decided:
            share = partial(store.share, leader, ended.epoch, decided.items())
            stage.leave((yield from self._surely(leader, share)))
        together = {*stage.courses}
        parted = stage.part(within=not self._waits(stage))
        control.report(stage.epoch + 1, stage.later)
        if apart := together.difference(stage.courses):
            yield from self._surely(leader, lambda: store.part(apart))
        if parted:
            self._let_go(parted, control.capture())

    def _let_go(self, parted: Sequence["Stage"], snapshot: "Snapshot | None") -> None:
        """Let stages train that have parted, from a snapshot of the one that they parted from."""
        for each in parted:
            if snapshot is not None:
                self._starts.put(each.leader, each.own(snapshot))
        self._queue(parted[::-1])

    def _leave(self, stage: "Stage", start: "Snapshot | None") -> Events:
        """Go on without a leader that a person has stopped.

        Args:
            start: its snapshot since the end of the stage's last epoch, if it is at hand.
        """
        stage.leave([stage.leader])
        if stage.courses:
            yield from self._go_on(stage, start)
        else:
            self._let_go(stage.take_later(), start)

    def _go_on(self, stage: "Stage", start: "Snapshot | None") -> Events:
        """Let a stage go on later, from a snapshot of any of its cells, if it is at hand."""
        if start is not None:
            self._starts.put(stage.leader, stage.own(start))
        runs = [*stage.courses]
        yield from self._surely(stage.leader, lambda: self._store.part(runs))
        self._queue([stage])

    def _compare(self, _: Place | None) -> Events:
        """Stop the cells that lag; the others go on."""
        assert self._halving is not None
        halving, stages, self._waiting = self._halving, self._waiting, []
        stopped = yield from self._surely(stages[0].leader, lambda: halving.stop_losers(True))
        for stage in stages:
            leader = stage.leader
            stage.leave(stopped)
            if leader in stopped:
                start = self._starts.take(leader)
                if start is not None and stage.courses:
                    self._starts.put(stage.leader, stage.own(start))
        self._queue([stage for stage in stages if stage.courses])

    def _watch_commands(self) -> None:
        """Halt as soon as a person or the program asks for it."""
        while not self._over.wait(POLL_SECONDS):
            try:
                self._asked = self._store.sweep_asked(self._sweep.id)
            except Exception:  # whoever records the next event says why
                continue
            if self._asked or self._shutdown.is_set():
                self._stop()
                return

    def _stop(self) -> None:
        """Halt every stage, also one that waits for its next event, or for a place."""
        self._halt.set()
        with self._changed:
            for control in self._controls:
                control.stop()
            self._changed.notify_all()

    def _end(self) -> Events:
        sweep, store = self._sweep.id, self._store
        asked, was_halted = self._asked, self._halt.is_set()
        self._over.set()
        cells = yield from self._surely(0, lambda: store.cells(sweep))
        status: SweepStatus = "finished"
        why = None
        if was_halted and (asked or self._shutdown.is_set()):
            status = ASKED[asked] if asked else "interrupted"
        elif failed := [cell for cell in cells if cell.status == "failed"]:
            why = failed[0].reason
            if len(failed) == len(cells):
                status = "failed"
            else:
                why = f"{len(failed)} of {len(cells)} cells failed: {why}"
        first = cells[0].id if cells else 0
        yield from self._surely(first, lambda: store.end_sweep(sweep, status, why))
