"""Other processes load the real digits: what a test puts in their place stays in its own."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import psutil
import pytest

from tests.forked import python
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
def forks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Places in forks of a process that has loaded torch, for who loses many of them: each program
    is the same.
    """

    def forked(line: list[str], **streams: Any) -> subprocess.Popen[Any]:
        assert line[:3] == [sys.executable, "-P", "-c"]
        return python(*line[2:], **streams, text=False)

    assert python("-c", "").wait() == 0  # so that what is forked is there before
    within = SimpleNamespace(PIPE=subprocess.PIPE, Popen=forked)
    monkeypatch.setattr(import_module(processes.__module__), "subprocess", within)


@pytest.fixture
def children(forks: None) -> Callable[[], list[psutil.Process]]:  # noqa: ARG001
    """The processes that this one has started since, and that live."""
    before = set(psutil.Process(os.getpid()).children())
    return lambda: [child for child in psutil.Process().children() if child not in before]
