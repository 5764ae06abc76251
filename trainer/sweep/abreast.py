"""Several places at work at a time, each in a thread of its own. torch-free."""

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

Place = TypeVar("Place")
Event = TypeVar("Event")
MOST_UNHEARD = 100  # events: whoever drains them sets the pace


def side_by_side(
    work: Callable[[Place], Iterator[Event]], places: Sequence[Place], halt: threading.Event
) -> Iterator[Event]:
    """What the work at each place yields, as it comes. An error at one of them ends all.

    Args:
        halt: set to end the work: on an error, and when nobody drains the events any more.
    """
    events: queue.Queue[Event | _Over] = queue.Queue(maxsize=MOST_UNHEARD)

    def run(place: Place) -> None:
        error = None
        try:
            for event in work(place):
                events.put(event)
        except BaseException as raised:
            halt.set()
            error = raised
        events.put(_Over(error))

    threads = [
        threading.Thread(target=run, args=(place,), name=f"stages {i}", daemon=True)
        for i, place in enumerate(places)
    ]
    for thread in threads:
        thread.start()
    left, failed = len(threads), None
    try:
        while left:
            event = events.get()
            if isinstance(event, _Over):
                left -= 1
                failed = failed or event.error
            else:
                yield event
    finally:
        if left:
            halt.set()
        while left:  # so that no thread waits to tell what nobody hears
            left -= isinstance(events.get(), _Over)
        for thread in threads:
            thread.join()
    if failed:
        raise failed


class _Over:
    """The end of the work at a place."""

    def __init__(self, error: BaseException | None) -> None:
        self.error = error
