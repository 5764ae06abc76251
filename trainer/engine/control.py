"""What may be asked of a run while it trains. torch-free."""

import threading
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

from ..schedule.interventions import Intervention, InterventionName


class Control:
    """The one way back into a running engine: it looks here before every batch.

    Any thread may ask. A pause needs no asking: the engine stands still while nobody asks its
    iterator for the next event.

    Args:
        record: the interventions of a run that is to be repeated; each is made again where it
            was made. Those from before the point at which the engine starts are left out.
    """

    def __init__(self, record: Iterable[Intervention] = ()) -> None:
        self._stop = threading.Event()
        self._asked: deque[tuple[InterventionName, float | None]] = deque()
        self._record = deque(sorted(record, key=lambda made: (made.epoch, made.batch)))
        self._capture: Callable[[], dict[str, Any]] | None = None

    def stop(self) -> None:
        """End the run before its next batch; this cannot be taken back."""
        self._stop.set()

    @property
    def stopping(self) -> bool:
        return self._stop.is_set()

    def ask(self, name: InterventionName, value: float | None = None) -> None:
        """Intervene before the next batch."""
        self._asked.append((name, value))

    def due(self, epoch: int, batch: int) -> Iterable[tuple[Intervention, bool]]:
        """For the engine: what is to be done before this batch, each with whether it is only
        repeated from the record.
        """
        while self._record and (self._record[0].epoch, self._record[0].batch) <= (epoch, batch):
            made = self._record.popleft()
            if (made.epoch, made.batch) == (epoch, batch):
                yield made, True
        while self._asked:
            yield Intervention(epoch, batch, *self._asked.popleft()), False

    def attach(self, capture: Callable[[], dict[str, Any]]) -> None:
        """For the engine: how its state can be had."""
        self._capture = capture

    def capture(self) -> dict[str, Any] | None:
        """A snapshot of the run as it stands at the event that was yielded last: `train` goes on
        from it exactly. To be called by whoever drains the iterator, after EpochEnded or Ended;
        None before the run has begun.
        """
        return self._capture() if self._capture else None
