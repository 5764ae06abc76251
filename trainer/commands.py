"""Obeys the commands to a run while it trains, keeps its pace, counts its seconds. torch-free."""

import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

from .engine.control import Control
from .engine.events import EpochEnded, Event, Intervened, Started
from .schedule.interventions import ByHand
from .store.faults import StoreFaultError
from .store.rows import Command
from .store.run import Run
from .store.store import Store

POLL_SECONDS = 0.05


class Stopwatch:
    """Counts the seconds of a run from its start, by a clock that nobody can set.

    Args:
        seconds: what it has counted before.
    """

    def __init__(self, seconds: float) -> None:
        self._counted = seconds
        self._since: float | None = None

    def start(self) -> None:
        self._since = time.monotonic()

    def restart(self) -> None:
        """Count from zero."""
        self._counted, self._since = 0.0, time.monotonic()

    def seconds(self) -> float:
        return self._counted + (time.monotonic() - self._since if self._since is not None else 0.0)

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Do not count during the block."""
        self._counted, counts, self._since = self.seconds(), self._since is not None, None
        try:
            yield
        finally:
            if counts:
                self.start()


class Commands:
    """Obeys the commands to a run while it trains, and makes it wait.

    Args:
        stopwatch: does not count during a pause.
        shutdown: ends the run, and every wait.
        stop: stops the run, as the command does.
    """

    def __init__(
        self,
        store: Store,
        run: Run,
        control: Control,
        stopwatch: Stopwatch,
        shutdown: threading.Event,
        stop: threading.Event,
    ) -> None:
        self.stopped = False  # by a person
        self._store = store
        self._run = run.id
        self._control = control
        self._stopwatch = stopwatch
        self._shutdown = shutdown
        self._stop = stop
        self._asked = run.asked
        self._pace = run.pace
        self._paused = self._stepping = False
        self._released = 0.0
        self._held: list[int] = []  # changes by hand that can be undone until the engine goes on
        self._to_make: deque[int] = deque()  # the interventions that the engine was asked for

    def obey(self) -> None:
        """Obey the commands since the last call."""
        for command in self._new():
            self._asked = command.id
            match command.name:
                case "stop":
                    self.stopped = True
                    self._control.stop()
                case "pace":
                    self._pace = command.value
                case "pause" | "unpause" | "step":
                    self._paused = command.name == "pause"
                    self._stepping = command.name == "step"
                case _:
                    self._held.append(command.id)
        if self._stop.is_set():
            self.stopped = True
            self._control.stop()
        if self._shutdown.is_set():
            self._control.stop()

    def _release(self) -> None:
        """Ask the engine for the changes by hand that have not been undone."""
        if not self._held:
            return
        asked = self._after(self._held[0] - 1)
        if asked is None:
            return
        for command in asked:
            if command.id in self._held:
                self._to_make.append(command.id)
                self._control.ask(cast(ByHand, command.name), command.value)
        self._held.clear()

    def _new(self) -> list[Command]:
        return self._after(self._asked) or []

    def _after(self, command: int) -> list[Command] | None:
        """The commands after that one; None while they cannot be read."""
        try:
            return self._store.commands(self._run, command)
        except StoreFaultError as error:
            if not error.passes:
                raise
            return None

    def made(self, event: Event) -> int | None:
        """The id of the command that the engine carried out with this event, if it did."""
        asked = isinstance(event, Intervened) and not event.repeated and event.name != "threads"
        return self._to_make.popleft() if asked and self._to_make else None

    def steps_with(self, event: Event) -> bool:
        """Whether the run pauses by itself after this event, which was the step asked for."""
        if not isinstance(event, EpochEnded) or self._paused or not self._stepping:
            return False
        self._paused, self._stepping = True, False
        return True

    def wait(self, event: Event) -> None:
        """Return when the run may continue after this event."""
        if isinstance(event, Started):
            self._released = time.monotonic()
        if isinstance(event, EpochEnded):
            while self._pace and not self._control.stopping:
                left = self._released + 1 / self._pace - time.monotonic()
                if left <= 0:
                    break
                self._poll(left)
            self._released = time.monotonic()
        if self._paused:
            with self._stopwatch.stopped():
                while self._paused and not self._control.stopping:
                    self._poll(POLL_SECONDS)
            self._released = time.monotonic()
        self._release()

    def _poll(self, left: float) -> None:
        self._shutdown.wait(min(left, POLL_SECONDS))
        self.obey()
