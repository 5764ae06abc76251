"""A sweep's cells say how many threads they train on."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from trainer.config.run import RunConfig
from trainer.sweep import threads


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
def test_the_cores_are_divided_among_the_workers_where_they_help(
    monkeypatch: pytest.MonkeyPatch, config: dict[str, object], workers: int, expected: int
) -> None:
    monkeypatch.setattr(threads, "cores", lambda: 8)
    assert threads.fixed(RunConfig(**config), workers).threads == expected


def test_own_data_is_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "cores", lambda: 8)
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
    assert threads.fixed(RunConfig(dataset="mnist")).threads == int(torch_alone.stdout)
