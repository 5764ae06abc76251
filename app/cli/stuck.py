"""What is told of a training that the command leaves in the middle of a batch."""

import sys
import threading
import traceback

from trainer.config.own import in_file
from trainer.config.text import plain
from trainer.own.places import innermost


def abandoned(run: int, model: str, thread: threading.Thread) -> str:
    """One sentence: where the thread is in the code of one's own network, if it is there, and how
    its run goes on.
    """
    place = _place(model, thread)
    where = f"It was still in {plain(place)}" if place else "It ended at once"
    return f"{where}: run {run} is recorded as interrupted, and lrscope resume {run} continues it."


def _place(model: str, thread: threading.Thread) -> str | None:
    own = in_file(model)
    frame = sys._current_frames().get(thread.ident or 0)
    if own is None or frame is None:
        return None
    outer = [(inner.f_code.co_filename, line) for inner, line in traceback.walk_stack(frame)]
    return innermost(own.file, reversed(outer))
