"""Trains a sweep: plans its stages as training goes, and has each of them executed.

torch is imported only when it trains.
"""

import queue
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ..config.run import RunConfig
from ..engine.control import Control
from ..engine.events import Diverged, Ended, EpochEnded, Event, Failed
from ..execute import Place, execute
from ..snapshots.files import BUDGET_MB
from ..store.store import Store
from ..store.sweeps import Asked, Sweep, SweepStatus

if TYPE_CHECKING:
    from .stages import Stage


class CellEvent(NamedTuple):
    """An event of a cell of a sweep, after it was recorded."""

    run: int
    event: Event


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
    """Train the cells of a claimed sweep to their end: each stage's epochs once, recorded event by
    event as `trainer.execute.execute` does, then yielded.

    Each cell's numbers are those of a run of its own. A sweep that was ended before goes on with
    what is left; cells that were added share what others have trained.

    Args:
        shutdown: set it to end the sweep before the next batches.
        budget_mb: megabytes that a run's snapshots may use.
        places: where stages train, one for each that may train at a time; here if None.
        more: called when all cells have ended; adds cells, and returns whether it did.

    Raises:
        StoreError: the sweep cannot be read or recorded.
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
        self._running = 0
        self._budget_mb = budget_mb
        self._budget_each = budget_mb
        self._watch = threading.Thread(target=self._watch_commands, name="sweep", daemon=True)
        self._writer: threading.Thread | None = None

    def events(
        self, places: Sequence[Place | None], more: Callable[[], bool]
    ) -> Iterator[CellEvent]:
        """Train all that is left, and what is added at the end."""
        self._watch.start()
        while True:
            self._plan()
            if len(places) == 1:
                while stage := self._take():
                    yield from self._train(stage, places[0])
            else:
                yield from self._side_by_side(places)
            if self._halt.is_set() or not more():
                break
        self._end()

    def close(self) -> None:
        """End what is under way; the sweep was interrupted if it has not ended."""
        self._halt.set()
        ended = self._over.is_set()
        self._over.set()
        if self._watch.is_alive():
            self._watch.join()  # the store may be closed next
        if not ended:
            self._store.end_sweep(self._sweep.id, "interrupted")

    def _plan(self) -> None:
        """Find what is left to train."""
        from .stages import Tree

        cells = self._store.cells(self._sweep.id)
        tree = Tree(cells, self._store.epochs, batches_of)
        for run, caught in tree.caught.items():
            for owner, epoch, decision in caught.decided:
                self._store.share(owner, epoch, [(run, decision)])
            if caught.twin is not None:
                self._store.share_end(caught.twin, [run])
        self._ready = tree.stages()[::-1]
        self._store.part(run for stage in self._ready for run in stage.courses)
        self._budget_each = min(
            self._budget_mb, max(1.0, self._budget_mb * SNAPSHOTS_BUDGETS / max(1, len(cells)))
        )

    def _take(self) -> "Stage | None":
        """The next stage to train, once there is one; None at the end."""
        with self._changed:
            while not self._halt.is_set():
                if self._ready:
                    self._running += 1
                    return self._ready.pop()
                if not self._running:
                    return None
                self._changed.wait(POLL_SECONDS)
            return None

    def _train(self, stage: "Stage", place: Place | None) -> Iterator[CellEvent]:
        """Train a stage until it ends; what parts from it becomes ready."""
        try:
            yield from self._trained(stage, place)
        finally:
            with self._changed:
                self._running -= 1
                self._changed.notify_all()

    def _trained(self, stage: "Stage", place: Place | None) -> Iterator[CellEvent]:
        store, leader, control = self._store, stage.leader, Control()
        if store.claim(leader) is None:  # it was stopped or deleted while it waited
            self._leave(stage)
            return
        start, stage.start = stage.start, None
        training = execute(
            store, leader, self._root, self._halt, self._budget_each, None, control, start, place
        )
        with closing(training) as events:
            for event in events:
                match event:
                    case EpochEnded():
                        self._share(stage, event, control)
                    case Ended("finished") | Diverged() | Failed():
                        store.share_end(leader, stage.followers)
                    case Ended() if not self._halt.is_set():
                        self._leave(stage)
                try:
                    yield CellEvent(leader, event)
                except GeneratorExit:  # nobody drains it further: it was interrupted, not stopped
                    self._halt.set()
                    for _ in events:
                        pass
                    raise

    def _share(self, stage: "Stage", ended: EpochEnded, control: Control) -> None:
        """Record what the followers' schedules decided, and let go who parts."""
        from ..engine.sharing import as_own

        decided = stage.advance(ended.metrics)
        if decided:
            self._store.share(stage.leader, ended.epoch, decided.items())
        parted = stage.part()
        if not parted:
            return
        snapshot = control.capture()
        for each in parted:
            course = each.courses[each.leader]
            if snapshot is not None:
                each.start = as_own(snapshot, course.config, course.schedule.batches, each.past)
        self._store.part(run for each in parted for run in each.courses)
        with self._changed:
            self._ready.extend(reversed(parted))
            self._changed.notify_all()

    def _leave(self, stage: "Stage") -> None:
        """Go on without a cell that a person has stopped."""
        rest = stage.without([stage.leader])
        if rest.courses:
            self._store.part(rest.courses)
            with self._changed:
                self._ready.append(rest)
                self._changed.notify_all()

    def _side_by_side(self, places: Sequence[Place | None]) -> Iterator[CellEvent]:
        """A thread for each place, whose events come in the order in which they are recorded."""
        events: queue.Queue[CellEvent | BaseException | None] = queue.Queue(maxsize=100)

        def work(place: Place | None) -> None:
            try:
                while stage := self._take():
                    for event in self._train(stage, place):
                        events.put(event)
            except BaseException as error:
                self._halt.set()
                events.put(error)
            finally:
                events.put(None)

        threads = [
            threading.Thread(target=work, args=(place,), name=f"stages {i}", daemon=True)
            for i, place in enumerate(places)
        ]
        for thread in threads:
            thread.start()
        left, failed = len(threads), None
        try:
            while left:
                event = events.get()
                if event is None:
                    left -= 1
                elif isinstance(event, BaseException):
                    failed = failed or event
                else:
                    yield event
        finally:
            if left:
                self._halt.set()
            while left:  # so that no thread waits to tell what nobody hears
                left -= events.get() is None
            for thread in threads:
                thread.join()
        if failed:
            raise failed

    def _watch_commands(self) -> None:
        """Halt as soon as a person or the program asks for it."""
        while not self._over.wait(POLL_SECONDS):
            try:
                self._asked = self._store.sweep_asked(self._sweep.id)
            except Exception:  # whoever records the next event says why
                continue
            if self._asked or self._shutdown.is_set():
                self._halt.set()
                with self._changed:
                    self._changed.notify_all()
                return

    def _end(self) -> None:
        sweep, store = self._sweep.id, self._store
        was_asked = self._halt.is_set() and (self._asked or self._shutdown.is_set())
        self._over.set()
        if was_asked:
            store.end_sweep(sweep, ASKED[self._asked] if self._asked else "interrupted")
            return
        cells = store.cells(sweep)
        failed = [cell for cell in cells if cell.status == "failed"]
        if failed and len(failed) == len(cells):
            store.end_sweep(sweep, "failed", failed[0].reason)
        elif failed:
            store.end_sweep(
                sweep, "finished", f"{len(failed)} of {len(cells)} cells failed: {failed[0].reason}"
            )
        else:
            store.end_sweep(sweep, "finished")


def batches_of(config: RunConfig) -> int:
    """Batches per epoch; of one's own data, once it was looked at."""
    from ..own import survey

    return config.batches or survey.batches(config)
