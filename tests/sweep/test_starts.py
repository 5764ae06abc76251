"""The snapshots of stages that wait: in memory within a bound, and on the disk."""

import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import torch

from trainer.snapshots import files, writer
from trainer.sweep import starts
from trainer.sweep.starts import Starts

NUMBERS = 1000  # float32: 4,000 bytes


def snapshot(epoch: int, weights: torch.Tensor | None = None) -> dict[str, Any]:
    model = torch.full((NUMBERS,), float(epoch)) if weights is None else weights
    return {"epoch": epoch, "batch": 0, "model": {"w": model, "views": [model[:10], model[10:]]}}


def on_disk(home: Path, run: int, epoch: int) -> Path:
    return files.folder(home, run) / files.name((epoch, 0))


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Nothing is written until this is called."""
    opened, write = threading.Event(), writer.write

    def waits(*arguments: Any) -> int:
        assert opened.wait(60)
        return write(*arguments)

    monkeypatch.setattr(starts, "write", waits)
    return opened.set


def test_what_waits_is_at_hand_and_on_the_disk_in_the_end(tmp_path: Path) -> None:
    with closing(Starts(tmp_path)) as held:
        put = [snapshot(epoch) for epoch in range(4)]
        for run, start in enumerate(put):
            held.put(run, start)
        assert held.take(3) is put[3]
        assert held.take(3) is None
    for run in range(3):
        written = writer.read(on_disk(tmp_path, run, run))
        assert torch.equal(written["model"]["w"], put[run]["model"]["w"])


def test_what_is_taken_before_it_is_written_is_left_to_its_cell(
    tmp_path: Path, gate: Callable[[], None]
) -> None:
    with closing(Starts(tmp_path)) as held:
        held.put(1, snapshot(5))
        held.put(2, snapshot(6))
        assert held.take(2) is not None
        gate()
    assert on_disk(tmp_path, 1, 5).exists()
    assert not files.folder(tmp_path, 2).exists()


def test_memory_has_no_more_than_its_share_once_it_is_written(
    tmp_path: Path, gate: Callable[[], None]
) -> None:
    with closing(Starts(tmp_path, most=3 * 4 * NUMBERS)) as held:
        for run in range(6):
            held.put(run, snapshot(run))
        assert held.bytes == 6 * 4 * NUMBERS  # nothing is lost before it is on the disk
        gate()
    assert held.bytes == 3 * 4 * NUMBERS
    assert [held.take(run) is None for run in range(6)] == [True] * 3 + [False] * 3
    assert held.bytes == 0
    for run in range(6):
        assert writer.read(on_disk(tmp_path, run, run))["epoch"] == run


def test_weights_that_several_share_count_once(tmp_path: Path, gate: Callable[[], None]) -> None:
    weights = torch.ones(NUMBERS)
    with closing(Starts(tmp_path)) as held:
        for run in range(5):
            held.put(run, snapshot(3, weights))
        assert held.bytes == 4 * NUMBERS
        for run in range(4):
            gate()
            held.take(run)
        assert held.bytes == 4 * NUMBERS
        held.take(4)
        assert held.bytes == 0


def test_a_disk_that_takes_nothing_costs_only_what_memory_has_no_room_for(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("no folder")
    with closing(Starts(tmp_path, most=4 * NUMBERS)) as held:
        held.put(1, snapshot(1))
        held.put(2, snapshot(2))
    assert held.take(1) is None
    assert held.take(2) is not None
