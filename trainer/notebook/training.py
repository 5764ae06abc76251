"""Trains runs in a script or in a cell of a notebook, which shows them. torch-free until then."""

import threading
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Generic, TypeVar

from .. import folders
from ..config.text import plain
from ..engine.events import (
    Diverged,
    Ended,
    EpochEnded,
    Event,
    Failed,
    Intervened,
    Progress,
    Waiting,
    Warned,
)
from ..execute import execute
from ..export.summary import summaries
from ..export.tables import Record
from ..store.store import Store
from .picture import LivePicture, Theme

T = TypeVar("T")
TICK = 0.1  # seconds between looks at what has happened
STOPPING = "Stopping: waiting for the batch."


class Training(threading.Thread, Generic[T]):
    """Drains a training, and then closes the store.

    Not in the caller's thread, where Python would handle an interrupt only between two batches.

    Attributes:
        shutdown: set it to end the run at its next batch.

    Args:
        training: the events, until the shutdown that it is given is set.
    """

    def __init__(
        self, store: Store, training: Callable[[threading.Event], Generator[T, None, None]]
    ) -> None:
        super().__init__(name="training", daemon=True)
        self.shutdown = threading.Event()
        self._store, self._training = store, training
        self._events: deque[T] = deque()
        self._over = threading.Event()
        self._raised: BaseException | None = None

    def run(self) -> None:
        try:
            with closing(self._store), closing(self._training(self.shutdown)) as events:
                self._events.extend(events)
        except BaseException as error:
            self._raised = error
        finally:
            self._over.set()

    def news(self) -> Iterator[list[T]]:
        """What has happened, a few times a second until the end.

        Raises:
            StoreError: the run's end could not be recorded.
        """
        while not self._over.wait(TICK):
            yield self._taken()
        yield self._taken()
        if self._raised:
            raise self._raised

    def _taken(self) -> list[T]:
        return [self._events.popleft() for _ in range(len(self._events))]


def follow(store: Store, run: int, datasets: Path | str | None, theme: Theme) -> Record:
    """Train a claimed run, and show it: a picture in a notebook, else a line for each epoch.

    An interrupt ends it at its next batch, from which it can be resumed; a second one no longer
    waits for that.

    Raises:
        StoreError: the run's end could not be recorded.
    """
    home, row = store.home, store.run(run)
    assert row is not None
    training = Training(store, partial(execute, store, run, Path(datasets or folders.datasets())))
    training.start()
    with closing(LivePicture(home, run, theme)) as picture:
        lines = Lines(run, row.epochs, picture.is_shown)
        try:
            for events in training.news():
                lines.show(events)
                picture.show(any(not isinstance(event, Progress) for event in events))
        except BaseException as error:
            training.shutdown.set()
            if not isinstance(error, KeyboardInterrupt):
                raise
            picture.restart()
            print(STOPPING)
            for events in training.news():
                lines.show(events)
    lines.end()
    with closing(Store(home)) as again:
        row = again.run(run)
        assert row is not None
        return summaries(again, [row])[0]


class Lines:
    """What is printed of a run: its epochs, unless a picture shows them, what went wrong, and at
    its end a sentence.
    """

    def __init__(self, run: int, epochs: int, pictured: bool) -> None:
        self._run, self._epochs, self._pictured = run, epochs, pictured
        self._end = ""
        self._waits = False

    def show(self, events: Sequence[Event]) -> None:
        for event in events:
            waited, self._waits = self._waits, isinstance(event, Waiting)
            match event:
                case Waiting(sentence) if not waited:
                    print(plain(sentence))
                case Warned(sentence) if sentence:
                    print(plain(sentence))
                case Intervened(epoch, _, name, value, sentence=sentence):
                    self._epochs += int(value or 0) if name == "epochs" else 0
                    self._print(f"{epoch:>5}  {sentence}")
                case EpochEnded():
                    self._print(f"{event.told()}  {event.decision.told(self._epochs)}")
                case Diverged(reason=reason) | Failed(reason):
                    self._end = f"Run {self._run} did not finish: {reason}"
                case Ended("finished"):
                    self._end = f"Run {self._run} finished: {event.told()}."
                case Ended(status):
                    resumed = f"runs.resume({self._run}) continues it."
                    self._end = f"Run {self._run} was {status}: {resumed}"

    def end(self) -> None:
        print(plain(self._end))

    def _print(self, line: str) -> None:
        if not self._pictured:
            print(line)
