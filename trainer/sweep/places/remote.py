"""The near side of a place: a training in another process, as an iterator of its events.

It trains between two events only, as the engine does in this process. If its process is lost it is
trained again from the last snapshot that was taken of it, in another process; what is then repeated
is left out, so that it costs time and nothing else. torch-free until something is trained.
"""

import logging
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from ...config.run import RunConfig
from ...engine.control import Control
from ...engine.errors import EngineError
from ...engine.events import (
    Diverged,
    Ended,
    EpochEnded,
    Event,
    Failed,
    Forked,
    Intervened,
    Progress,
    Started,
)
from ...execute import Place
from ...schedule.interventions import Intervention
from .messages import Asked, Order, Raised

if TYPE_CHECKING:
    from ...engine.state import Snapshot

log = logging.getLogger(__name__)

Point = tuple[int, int]
"""How many epochs are complete, and how many batches of the next one."""


class LostError(Exception):
    """Another process is gone, or the way to it; the message says what is known of it."""


class PlaceError(EngineError):
    """A run cannot be trained where it was to be; the message is one sentence for the user."""


class Line(Protocol):
    """The way to a `trainer.sweep.places.host.Host` in another process."""

    is_elsewhere: bool
    """Whether it may be on another machine, which may lack files."""

    def answer(self, message: bytes) -> bytes:
        """What the host answers.

        Raises:
            LostError: there is no answer.
        """


class Lines(Protocol):
    """The processes that all places share."""

    def take(self, control: Control) -> Line | None:
        """One that nobody uses; None if the control is told to stop while there is none.

        Raises:
            PlaceError: there will be none.
        """

    def give(self, line: Line, lost: bool) -> None:
        """Give one back. If it is lost, there is to be another."""


def place(lines: Lines) -> Place:
    """Trains in any of these processes."""

    def train(
        config: RunConfig, root: Path, control: Control, start: "Snapshot | None"
    ) -> Iterator[Event]:
        return Training(lines, config, root, control, start).events()

    return train


class Training:
    """One training, in as many processes as it needs, one after another."""

    def __init__(
        self,
        lines: Lines,
        config: RunConfig,
        root: Path,
        control: Control,
        start: "Snapshot | None",
    ) -> None:
        self._lines = lines
        self._config = config
        self._root = root
        self._control = control
        self._line: Line | None = None
        self._kept = start  # where it goes on if the process is lost
        self._captured: Snapshot | None = None  # since the last event
        self._asked: list[Asked] = []  # and not yet done
        # What was told:
        self._kinds: set[type] = set()
        self._made: list[Intervention] = []
        self._point = _at(start)

    def events(self) -> Iterator[Event]:
        """The events of `trainer.engine.loop.train`.

        Raises:
            PlaceError: its process was lost, and another at the same snapshot.
        """
        self._control.attach(self._capture)
        lost_from: object = self
        while True:
            self._line = self._lines.take(self._control)
            if self._line is None:
                yield Ended("stopped")
                return
            lost: LostError | None = None
            try:
                yield from self._from_kept()
                return
            except LostError as error:
                lost = error
            finally:
                self._leave(lost is not None)
            if lost_from is self._kept:
                raise PlaceError(
                    f"The process that trained this run ended twice after the same epoch ({lost}); "
                    "it may lack memory: choose fewer workers or a smaller batch."
                )
            lost_from = self._kept
            epoch = self._kept["epoch"] if self._kept else 0
            log.warning("A process is lost (%s): its run goes on from epoch %d.", lost, epoch)

    def _from_kept(self) -> Iterator[Event]:
        """What is new of a training from the last snapshot on."""
        again, to_send, repeated = bool(self._kinds), [*self._asked], Counter(self._made)
        at = _at(self._kept)
        if self._line is not None and self._line.is_elsewhere:
            self._send()
        self._ask("begin", self._order())
        while True:
            new = self._control.take()
            self._asked += new
            to_send += new
            is_behind = at < self._point  # what is asked for comes after what was told
            asked = [] if is_behind else to_send
            event, self._captured = self._ask(
                "next", self._control.stopping, asked, self._control.reported
            )
            self._kept = self._captured or self._kept
            if not is_behind:
                to_send = []
            if event is None:
                return
            at = _reached(event) or at
            if again and not self._is_new(event, repeated):
                continue
            self._note(event)
            yield event

    def _send(self) -> None:
        """Send the files that are here and not there."""
        from . import sending

        files = sending.read_by(self._config, self._root)
        missing = self._ask("lacking", sending.sizes(files)) if files else []
        for parcel in sending.parcels(missing):
            self._ask("receive", parcel)

    def _order(self) -> Order:
        control = self._control
        record = Counter(_plain(past) for past in control.record) | Counter(self._made)
        recorded = control.recorded
        if self._kinds:  # what was told must come out again, an epoch that has begun, too
            recorded = max(recorded, self._point[0] + (self._point[1] > 0))
        return Order(
            self._config,
            self._root,
            self._kept,
            tuple(record.elements()),
            recorded,
            control.threads,
        )

    def _is_new(self, event: Event, repeated: "Counter[Intervention]") -> bool:
        """Whether an event is not one of those that were told before the process was lost."""
        match event:
            case Progress() | EpochEnded() | Diverged():
                return (_reached(event) or self._point) > self._point
            case Intervened():
                made = _plain(event)
                repeated[made] -= 1
                return repeated[made] < 0
            case Forked():
                return Forked not in self._kinds
            case Ended() | Failed():
                return True
        return Started not in self._kinds

    def _note(self, event: Event) -> None:
        self._kinds.add(type(event))
        self._point = _reached(event) or self._point
        if isinstance(event, Intervened):
            self._made.append(_plain(event))
            asked = event.name, event.value
            if not event.repeated and asked in self._asked:
                self._asked.remove(asked)

    def _capture(self) -> "Snapshot | None":
        """The snapshot at the last event; None if the process is lost."""
        if self._captured is None and self._line is not None:
            try:
                self._captured = self._ask("capture")
            except LostError:  # said again when it is asked for the next event
                return None
            self._kept = self._captured or self._kept
        return self._captured

    def _ask(self, method: str, *arguments: Any) -> Any:
        from .wire import packed, unpacked

        assert self._line is not None
        answer = unpacked(self._line.answer(packed((method, *arguments))))
        if isinstance(answer, Raised):
            raise answer.error()
        return answer

    def _leave(self, is_lost: bool) -> None:
        """Give the process back."""
        line = self._line
        assert line is not None
        if not is_lost:
            try:
                self._ask("end")
            except LostError:
                is_lost = True
        self._line = None
        self._lines.give(line, is_lost)


def _at(snapshot: "Snapshot | None") -> Point:
    return (snapshot["epoch"], snapshot["batch"]) if snapshot else (0, 0)


def _reached(event: Event) -> Point | None:
    """Where the run stands at this event, if it says so."""
    match event:
        case Progress() | Intervened():
            return event.epoch - 1, event.batch
        case EpochEnded() | Diverged():
            return event.epoch, 0
    return None


def _plain(made: Intervention | Intervened) -> Intervention:
    return Intervention(made.epoch, made.batch, made.name, made.value)
