"""The losses within an epoch, read by the clock, never waiting for a device."""

import sys
from collections import deque
from typing import Any, NamedTuple

from .plain import number, on_device

POINTS = 64
_CLOSEST, _AFTER_ERROR = 0.002, 0.25  # seconds until the next point
_MOST_ARRIVING = 8


class _Arriving(NamedTuple):
    batch: int
    lr: Any
    host: Any
    event: Any


class Trace:
    """At most 64 points of the epoch under way: where there are more, every other one is dropped,
    and the next are as far apart as those that are left.

    Attributes:
        due: the time of the monotonic clock from which on the next point is wanted.
        points: [batch (from 0), loss, the LR of that batch]; see `collect`.
    """

    def __init__(self) -> None:
        self.due = 0.0
        self.points: list[list[Any]] = []
        self._spacing = _CLOSEST
        self._began = self._now = 0.0  # the times of the epoch's first and last call of `add`
        self._arriving: deque[_Arriving] = deque()

    def add(self, now: float, batch: int, loss: Any, lr: Any) -> None:
        """Take the loss of a batch. One on a CUDA device is copied beside its work and looked for
        the next time; another device cannot do so, and has no points.

        Raises:
            TypeError, ValueError: the loss is no number.
        """
        if not self.due:
            self._began = now
        self._now, self.due = now, now + _AFTER_ERROR
        self._take_arrived()
        if not on_device(loss):
            self._append(batch, number(loss), lr)
        elif loss.device.type == "cuda" and len(self._arriving) < _MOST_ARRIVING:
            self._copy(batch, loss.detach(), lr)
        self.due = now + self._spacing

    def collect(self) -> list[list[float]]:
        """The points as numbers, with those that have arrived from the device."""
        self._take_arrived()
        for point in self.points:
            point[2] = number(point[2])
        return self.points

    def start(self) -> None:
        """Begin another epoch, with points about as far apart as the last one's."""
        if len(self.points) < POINTS // 2:
            self._spacing = max(self._spacing / 2, _CLOSEST)
        self.points = []
        self._arriving.clear()
        self.due = 0.0

    def _take_arrived(self) -> None:
        while self._arriving and self._arriving[0].event.query():
            batch, lr, host, _ = self._arriving.popleft()
            self._append(batch, float(host), lr)

    def _append(self, batch: int, loss: float, lr: Any) -> None:
        if len(self.points) == POINTS:
            del self.points[1::2]
            self._spacing = (self._now - self._began) / len(self.points)
        self.points.append([batch, loss, lr])

    def _copy(self, batch: int, loss: Any, lr: Any) -> None:
        torch: Any = sys.modules["torch"]
        if torch.cuda.is_current_stream_capturing():
            return
        host = torch.empty((), dtype=torch.float64, pin_memory=True)
        host.copy_(loss.reshape(()), non_blocking=True)
        event = torch.cuda.Event()
        event.record(torch.cuda.current_stream(loss.device))
        self._arriving.append(_Arriving(batch, lr, host, event))
