"""How long a run trains, without the time that its consumer takes."""

import time
from collections.abc import Iterator

from .events import Event


class Clock:
    """Counts seconds, except while the consumer handles an event, for instance in a pause."""

    def __init__(self) -> None:
        self._away = 0.0

    def now(self) -> float:
        return time.perf_counter() - self._away

    def around(self, events: Iterator[Event]) -> Iterator[Event]:
        for event in events:
            left = time.perf_counter()
            yield event
            self._away += time.perf_counter() - left
