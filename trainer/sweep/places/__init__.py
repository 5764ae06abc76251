"""Where the stages of a sweep are trained: here, or in processes of this machine."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from ...execute import Place
from .processes import processes


@contextmanager
def of(workers: int) -> Iterator[Sequence[Place] | None]:
    """The places for so many stages at a time; None for this process alone."""
    if workers == 1:
        yield None
        return
    with processes(workers) as places:
        yield places
