"""Which snapshots are kept under a budget, and that the one who writes them keeps to it."""

import threading
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from trainer.engine.state import Snapshot
from trainer.snapshots import files
from trainer.snapshots import writer as snapshots
from trainer.snapshots.retention import chosen
from trainer.snapshots.writer import SnapshotWriter

ats = st.tuples(st.integers(0, 60), st.sampled_from([0, 0, 0, 5]))
shelves = st.dictionaries(ats, st.integers(1, 100), min_size=1, max_size=40)
epochs = st.integers(0, 60)


@settings(max_examples=settings.default.max_examples // 4)  # an example thins a long list
@given(shelves, st.integers(0, 2000), epochs, st.sets(epochs))
def test_the_budget_is_kept_and_the_last_always_stays(sizes, budget, best, cuts):
    kept = chosen(sizes, budget, best, cuts)
    assert max(sizes) in kept <= sizes.keys()
    assert sum(sizes[at] for at in kept) <= budget or kept == {max(sizes)}


@settings(max_examples=settings.default.max_examples // 4)  # an example thins a long list
@given(shelves, st.integers(0, 2000), epochs, st.sets(epochs))
def test_the_best_goes_after_the_cuts_and_the_cuts_after_the_rest(sizes, budget, best, cuts):
    kept = chosen(sizes, budget, best, cuts)
    whole = {at for at in sizes if not at[1]}
    cut, rest = {(c, 0) for c in cuts} - {(best, 0)}, kept - {max(sizes), (best, 0)}
    if (best, 0) in whole - kept:
        assert kept == {max(sizes)}
    if (whole & cut) - kept:
        assert rest <= cut


@settings(max_examples=settings.default.max_examples // 4)  # an example thins a long list
@given(shelves)
def test_with_room_for_all_only_old_moments_within_an_epoch_go(sizes):
    kept = chosen(sizes, 10**6)
    assert sizes.keys() - kept == {at for at in sizes if at[1] and at != max(sizes)}


@settings(max_examples=settings.default.max_examples // 4)  # an example thins at every epoch
@given(st.integers(2, 400), st.integers(2, 40))
def test_thinned_as_it_grows_the_spread_stays_even(length, room):
    kept: set[tuple[int, int]] = set()
    for epoch in range(1, length + 1):
        kept = chosen(dict.fromkeys(kept | {(epoch, 0)}, 1), room)
    marks = [0, *sorted(epoch for epoch, _ in kept)]
    gaps = [b - a for a, b in pairwise(marks)]
    assert len(kept) == min(room, length)
    assert max(gaps) <= 3 * max(1, length / room)


@given(ats.filter(lambda at: at[0] < 10**5))
def test_a_name_is_read_back(at):
    match = files.NAME.fullmatch(files.name(at))
    assert match
    assert (int(match[1]), int(match[2] or 0)) == at


def test_the_nearest_snapshot_comes_first_and_none_from_later(tmp_path):
    assert files.nearest(tmp_path / "none", 3) == []
    for name in ("epoch-00001.pt", "epoch-00003.pt", "epoch-00003-batch-00002.pt", "x.part"):
        (tmp_path / name).write_bytes(b"123")
    assert [kept.at for kept in files.nearest(tmp_path, 3)] == [(3, 0), (1, 0)]
    assert [kept.at for kept in files.nearest(tmp_path, 4)] == [(3, 2), (3, 0), (1, 0)]
    assert files.nearest(tmp_path, 0) == []


def sized(epoch: int, kilobytes: int) -> Callable[[], Snapshot]:
    return lambda: {"epoch": epoch, "batch": 0, "x": torch.zeros(kilobytes * 256)}


def there(folder: Path) -> list[int]:
    return [kept.at[0] for kept in files.listed(folder)]


def test_no_moment_is_above_the_budget(tmp_path, monkeypatch):
    sizes, write = [], snapshots.write

    def weighed(snapshot, path):
        size = write(snapshot, path)
        sizes.append(sum(file.stat().st_size for file in tmp_path.iterdir()))
        return size

    monkeypatch.setattr(snapshots, "write", weighed)
    writer = SnapshotWriter(tmp_path, 100_000, "min")
    for epoch in range(1, 41):
        loss = 1.0 + abs(epoch - 17)
        writer.note(epoch, loss, epoch in (5, 30))
        writer.keep(sized(epoch, 10), True)
    writer.close()
    assert len(sizes) == 40
    assert max(sizes) <= 100_000
    assert {5, 17, 30, 40} <= set(there(tmp_path))
    assert len(there(tmp_path)) >= 7


def test_a_snapshot_above_the_budget_is_kept_alone(tmp_path):
    writer = SnapshotWriter(tmp_path, 1000, "min")
    for epoch in (1, 2, 3):
        writer.keep(sized(epoch, 10), writer.note(epoch, 1.0 / epoch, True))
    writer.close()
    assert there(tmp_path) == [3]


class SlowDisk:
    """A disk that writes only when it is let; `written` is what it wrote, in order."""

    def __init__(self, write: Callable[[Snapshot, Path], int]) -> None:
        self._write = write
        self.let, self.started = threading.Event(), threading.Event()
        self.written: list[str] = []

    def write(self, snapshot: Snapshot, path: Path) -> int:
        self.started.set()
        assert self.let.wait(60)
        self.written.append(path.name)
        return self._write(snapshot, path)


@pytest.fixture
def slow_disk(monkeypatch: pytest.MonkeyPatch) -> SlowDisk:
    disk = SlowDisk(snapshots.write)
    monkeypatch.setattr(snapshots, "write", disk.write)
    return disk


def test_training_does_not_wait_for_the_disk_and_the_newest_waits_for_it(tmp_path, slow_disk):
    writer = SnapshotWriter(tmp_path, 10**6, "min")
    writer.note(1, 0.1, False)
    writer.keep(sized(1, 1), True)
    assert slow_disk.started.wait(60)
    for epoch in (2, 3, 4):
        writer.keep(sized(epoch, 1), writer.note(epoch, 0.2, False))
    slow_disk.let.set()
    writer.close()
    assert slow_disk.written == ["epoch-00001.pt", "epoch-00004.pt"]


def test_a_cut_and_the_best_are_never_left_out(tmp_path, slow_disk):
    writer = SnapshotWriter(tmp_path, 10**6, "max")
    writer.keep(sized(1, 1), writer.note(1, 0.9, False))
    assert slow_disk.started.wait(60)
    writer.keep(sized(2, 1), writer.note(2, 0.5, True))
    threading.Timer(0, slow_disk.let.set).start()
    writer.keep(sized(3, 1), writer.note(3, 0.4, False))
    writer.keep(sized(4, 1), writer.note(4, 0.99, False))
    writer.keep(sized(5, 1), writer.note(5, 0.1, False))
    writer.close()
    assert {1, 2, 4, 5} <= set(there(tmp_path))


def test_a_full_disk_is_told_while_it_is_full_and_ends_nothing(tmp_path, monkeypatch):
    write, told = snapshots.write, []

    def full(snapshot, path):
        if path.name == "epoch-00001.pt":
            raise OSError(28, "No space left on device")
        told.append(writer.warning)
        return write(snapshot, path)

    monkeypatch.setattr(snapshots, "write", full)
    writer = SnapshotWriter(tmp_path, 10**6, "min")
    for epoch in (1, 2):
        writer.keep(sized(epoch, 1), writer.note(epoch, 1.0 / epoch, False))
    writer.close()
    assert "No space left on device" in str(told[0])
    assert writer.warning is None
    assert there(tmp_path) == [2]


def test_a_snapshot_that_cannot_be_pickled_does_not_make_the_run_wait(tmp_path):
    writer = SnapshotWriter(tmp_path, 10**6, "min")
    for epoch in (1, 2, 3):
        unfit = {"epoch": epoch, "batch": 0, "x": lambda: 0}
        writer.keep(lambda unfit=unfit: unfit, True)  # type: ignore[misc]
    writer.close()
    assert "cannot be written" in str(writer.warning)
    assert list(tmp_path.iterdir()) == []
