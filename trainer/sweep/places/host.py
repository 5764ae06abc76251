"""The far side of a place: trains for another process, which asks for one event at a time."""

import time
from collections.abc import Generator, Sequence

from ...engine.control import Control
from ...engine.events import EpochEnded, Event, Progress
from ...engine.loop import train
from ...engine.state import Snapshot
from . import sending
from .messages import Asked, Order, Raised
from .wire import packed, unpacked

PROGRESS_SECONDS = 0.25  # at least, between two that are told: training waits for each


class Host:
    """Trains one run at a time."""

    def __init__(self) -> None:
        self._control = Control()
        self._training: Generator[Event, None, None] | None = None
        self._told = 0.0  # when an event was

    def answer(self, message: bytes) -> bytes:
        """Call the method that is named, with these arguments; returns what it does, or `Raised`.
        Both ways as `trainer.sweep.places.wire` packs it.
        """
        try:
            method, *arguments = unpacked(message)
            return packed(getattr(self, method)(*arguments))
        except Exception as error:
            return packed(Raised.of(error))

    def lacking(self, files: Sequence[tuple[str, int]]) -> list[str]:
        """Which files, each with its size, are not on this machine."""
        return sending.lacking(files)

    def receive(self, parcel: Sequence[sending.Sent]) -> None:
        """Write these files."""
        sending.receive(parcel)

    def begin(self, order: Order) -> None:
        """Train this from now on; what was trained before is left."""
        self.end()
        self._control = Control(order.record, order.recorded, order.threads)
        self._training = train(order.config, order.root, self._control, order.start)

    def next(
        self, stop: bool, asked: Sequence[Asked], reported: frozenset[tuple[int, int]]
    ) -> tuple[Event | None, Snapshot | None]:
        """Train until the next event, None at the end; with a snapshot at the end of an epoch,
        which would be asked for next.

        Args:
            stop: stop before the next batch.
            asked: the interventions to make before it.
            reported: as in the control.
        """
        assert self._training is not None
        if stop:
            self._control.stop()
        for name, value in asked:
            self._control.ask(name, value)
        self._control.reported = reported
        event = next(self._training, None)
        while isinstance(event, Progress) and not self._is_due(event):
            event = next(self._training, None)
        self._told = time.monotonic()
        return event, self.capture() if isinstance(event, EpochEnded) else None

    def capture(self) -> Snapshot | None:
        """The snapshot at the last event; None before the training has started."""
        return self._control.capture()

    def _is_due(self, event: Progress) -> bool:
        is_asked = (event.epoch, event.batch) in self._control.reported
        return is_asked or time.monotonic() - self._told > PROGRESS_SECONDS

    def end(self) -> None:
        """Leave what is trained."""
        if self._training is not None:
            self._training.close()
            self._training = None
