"""Trains in a thread of its own, so that signals are handled while a batch is trained."""

import sys
import threading
from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from app.cli.refusals import fail
from app.cli.signals import WAITING, Ending, finish
from trainer.store.faults import StoreError

if TYPE_CHECKING:
    from trainer.store.store import Store

T = TypeVar("T")
PATIENCE = 2.0  # seconds after Ctrl-C for what may hang


@dataclass
class Drained(Generic[T]):
    """What came of a training.

    Attributes:
        last: its last event so far.
        lost: why the output could not be written; None if it could.
        code: the exit code after a signal; None if there was none.
    """

    last: T | None = None
    lost: OSError | None = None
    code: int | None = None


def drain(
    store: "Store",
    training: Callable[[threading.Event], Generator[T, None, None]],
    show: Callable[[T], object],
    abandon: Callable[[T | None, threading.Thread], None],
    hangs: Callable[[T | None], bool] = lambda _: False,
) -> Drained[T]:
    """Train to the end and show each event. Ctrl-C, SIGTERM and an output that cannot be written
    end it at its next batch; a second signal ends the process at once.

    Args:
        training: the events, until the shutdown that it is given is set.
        abandon: what to do before the process ends at once.
        hangs: whether the first signal ends the process soon, too, if this was the last event.
    """
    shutdown, drained = threading.Event(), Drained[T]()
    raised: list[BaseException] = []

    def stop() -> None:
        print(WAITING, file=sys.stderr, flush=True)
        shutdown.set()

    def train() -> None:
        try:
            with closing(training(shutdown)) as events:
                for event in events:
                    drained.last = event
                    if drained.lost is None:
                        try:
                            show(event)
                        except OSError as error:
                            drained.lost = error
                            shutdown.set()
        except BaseException as error:
            raised.append(error)

    # Not in this thread, since Python handles a signal here only when torch has ended its batch.
    thread = threading.Thread(target=train, name="training", daemon=True)

    def at_once() -> None:
        store.abandon()
        abandon(drained.last, thread)

    def end_where_it_hangs() -> None:
        if ending.code and ending.waited() > PATIENCE and hangs(drained.last):
            ending.at_once(ending.code)

    ending = Ending(stop, at_once)
    thread.start()
    finish(thread, end_where_it_hangs)
    drained.code = ending.code
    if raised and not (ending.code and isinstance(raised[0], StoreError)):
        raise raised[0]
    if raised:
        fail(str(raised[0]))
    return drained
