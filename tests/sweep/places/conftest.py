"""Other processes load the real digits: what a test puts in their place stays in its own."""

import os
from collections.abc import Callable, Iterator, Sequence

import psutil
import pytest

from trainer.execute import Place
from trainer.sweep.places.processes import processes


@pytest.fixture(autouse=True)
def _small() -> None:
    """In place of the small data set of the other tests of sweeps."""


@pytest.fixture(scope="module")
def places() -> Iterator[Sequence[Place]]:
    with processes(2) as started:
        yield started


@pytest.fixture
def children() -> Callable[[], list[psutil.Process]]:
    """The processes that this one has started since, and that live."""
    before = set(psutil.Process(os.getpid()).children())
    return lambda: [child for child in psutil.Process().children() if child not in before]
