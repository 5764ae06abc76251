"""The program of a process that is a place. See `trainer.sweep.places.processes`."""

import os
import queue
import signal
import threading
from typing import IO

from . import frames


def main(threads: int) -> None:
    """Answer the messages on standard input on standard output, until it ends.

    Args:
        threads: torch's, where a run leaves them to it.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that asks
    messages, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)  # what one's own network prints must not come between
    arrived: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(messages, arrived), daemon=True).start()

    import torch

    from .host import Host

    torch.set_num_threads(threads)
    host = Host()
    while True:
        try:
            frames.write(answers, host.answer(arrived.get()))
        except OSError:
            os._exit(0)


def _read(messages: IO[bytes], arrived: "queue.SimpleQueue[bytes]") -> None:
    """Read ahead, in order to notice at once, also while it trains, that nobody asks any more."""
    while (message := frames.read(messages)) is not None:
        arrived.put(message)
    os._exit(0)
