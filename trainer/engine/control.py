"""Commands to a run while it trains. torch-free."""

import threading
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

from ..schedule.interventions import Intervention, InterventionName


class Control:
    """The only way to influence a running engine, which checks it before every batch.

    Any thread may use it. A pause needs no command: the engine waits until its iterator is asked
    for the next event.

    Args:
        record: the interventions of a run to repeat, each at its own batch. Those before the point
            at which the engine starts are skipped.
        recorded: the run's last epoch that must come out as recorded: until its end the engine
            itself changes nothing that is not in the record.
        threads: the CPU threads that the run began with; 0 if it is new.
    """

    def __init__(
        self, record: Iterable[Intervention] = (), recorded: int = 0, threads: int = 0
    ) -> None:
        self._stop = threading.Event()
        self._asked: deque[tuple[InterventionName, float | None]] = deque()
        self.reported: frozenset[tuple[int, int]] = frozenset()
        self.repeat(record, recorded, threads)
        self._capture: Callable[[], dict[str, Any] | None] | None = None

    def repeat(
        self, record: Iterable[Intervention] = (), recorded: int = 0, threads: int = 0
    ) -> None:
        """What is to be repeated, as at the beginning: before the engine starts."""
        self.record = deque(sorted(record, key=lambda past: (past.epoch, past.batch)))
        self.recorded = recorded
        self.threads = threads

    def stop(self) -> None:
        """End the run before its next batch; this cannot be undone."""
        self._stop.set()

    @property
    def stopping(self) -> bool:
        return self._stop.is_set()

    def ask(self, name: InterventionName, value: float | None = None) -> None:
        """Intervene before the next batch."""
        self._asked.append((name, value))

    def take(self) -> list[tuple[InterventionName, float | None]]:
        """For an engine in another process: what was asked for since the last call."""
        taken = []
        while self._asked:
            taken.append(self._asked.popleft())
        return taken

    def report(self, epoch: int, batches: Iterable[int]) -> None:
        """Have the engine yield a Progress whenever so many batches of this epoch are done, at any
        of which whoever drains it may take a snapshot.
        """
        self.reported = frozenset((epoch, batch) for batch in batches)

    def repeats(self, epoch: int) -> bool:
        """For the engine: whether this epoch, or what follows it, has a record to repeat."""
        return bool(self.record) or epoch <= self.recorded

    def due(self, epoch: int, batch: int) -> Iterable[tuple[Intervention, bool]]:
        """For the engine: the interventions to make before this batch, each with whether it is
        repeated from the record.
        """
        while self.record and (self.record[0].epoch, self.record[0].batch) <= (epoch, batch):
            past = self.record.popleft()
            if (past.epoch, past.batch) == (epoch, batch):
                yield past, True
        while self._asked:
            yield Intervention(epoch, batch, *self._asked.popleft()), False

    def attach(self, capture: Callable[[], dict[str, Any] | None]) -> None:
        """For the engine: how to capture its state."""
        self._capture = capture

    def capture(self) -> dict[str, Any] | None:
        """A snapshot of the run at the last event yielded, from which `train` continues exactly.
        Call it from the code that drains the iterator, after Progress, EpochEnded or Ended. None
        before the run has started.
        """
        return self._capture() if self._capture else None
