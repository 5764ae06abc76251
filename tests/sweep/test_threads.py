"""A sweep's cells say how many threads they train on."""

import itertools
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from trainer import cores
from trainer.config.run import RunConfig
from trainer.sweep import threads


@pytest.fixture
def eight(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine of eight cores that does nothing else."""
    monkeypatch.setattr(threads, "cores", lambda: 8)
    _takes(monkeypatch, 0)


def _takes(monkeypatch: pytest.MonkeyPatch, busy: float) -> None:
    """Let other programs take so many of eight cores."""
    clock = itertools.count()
    monkeypatch.setattr(cores, "time", SimpleNamespace(monotonic=clock.__next__, sleep=id))
    seconds = itertools.count(step=8 - busy)
    monkeypatch.setattr(cores, "available_core_seconds", seconds.__next__)


@pytest.mark.parametrize(
    ("busy", "workers", "expected"),
    [(0.4, 1, 8), (1, 1, 7), (6.4, 1, 2), (8, 1, 1), (4, 2, 2), (4, 8, 1)],
)
@pytest.mark.usefixtures("eight")
def test_a_worker_has_no_more_threads_than_other_programs_leave_cores(
    monkeypatch: pytest.MonkeyPatch, busy: float, workers: int, expected: int
) -> None:
    _takes(monkeypatch, busy)
    assert threads.fixed(RunConfig(dataset="mnist"), workers).threads == expected


@pytest.mark.parametrize(
    ("config", "workers", "expected"),
    [
        ({"dataset": "digits"}, 1, 1),  # small: as a run of its own
        ({"dataset": "mnist"}, 1, 8),
        ({"dataset": "mnist"}, 3, 2),
        ({"dataset": "mnist"}, 20, 1),
        ({"dataset": "mnist", "threads": 5}, 3, 5),
    ],
)
@pytest.mark.usefixtures("eight")
def test_the_cores_are_divided_among_the_workers_where_they_help(
    config: dict[str, object], workers: int, expected: int
) -> None:
    assert threads.fixed(RunConfig(**config), workers).threads == expected


@pytest.mark.usefixtures("eight")
def test_own_data_is_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = tmp_path / "rows.csv"
    rows.write_text("a,b,label\n" + "1,2,x\n3,4,y\n" * 50)
    own = RunConfig(dataset=str(rows), model="mlp")
    assert threads.fixed(own).threads == 1
    monkeypatch.setattr(threads, "ONE_THREAD_BELOW", 0)
    assert threads.fixed(own).threads == 8


def test_one_worker_uses_as_many_as_torch_does_by_itself() -> None:
    asked = "import torch; print(torch.get_num_threads())"
    free = {key: value for key, value in os.environ.items() if key != "OMP_NUM_THREADS"}
    torch_alone = subprocess.run(
        [sys.executable, "-c", asked], env=free, capture_output=True, text=True, check=True
    )
    assert cores.cores() == int(torch_alone.stdout)
