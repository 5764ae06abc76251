"""Files that the page's server follows, each in a thread of its own."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.bench.turns import until
from trainer import followers
from trainer.curves.csv import CurveError
from trainer.followers import Followers
from trainer.store.run import Run
from trainer.store.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(Store(tmp_path / "home")) as store:
        yield store


def file(folder: Path, name: str, *losses: float) -> Path:
    path = folder / name
    lines = [f"{epoch},{loss}\n" for epoch, loss in enumerate(losses, 1)]
    path.write_text("epoch,val_loss\n" + "".join(lines))
    return path


def run_of(store: Store, number: int) -> Run:
    run = store.run(number)
    assert run is not None
    return run


def test_several_files_are_followed_at_once_and_go_on_after_an_end(store, tmp_path):
    paths = [file(tmp_path, f"{n}.csv", n) for n in (1, 2, 3)]
    ours = Followers(store)
    runs = [ours.follow(path, {}) for path in paths]
    until(lambda: all(run_of(store, run).epoch == 1 for run in runs))
    ours.stop()
    assert {run_of(store, run).status for run in runs} == {"interrupted"}
    others = Followers(store)
    assert [others.follow(path, {}) for path in paths] == runs
    others.stop()
    assert [len(store.epochs(run)) for run in runs] == [1, 1, 1]


def test_one_file_is_followed_once_by_whatever_name(store, tmp_path):
    path = file(tmp_path, "losses.csv", 1)
    (tmp_path / "link.csv").symlink_to(path)
    ours = Followers(store)
    assert ours.follow(path, {}) == ours.follow(tmp_path / "link.csv", {})
    ours.stop()
    assert len(store.runs(9)) == 1


def test_a_run_that_was_stopped_makes_room_for_another(store, tmp_path, monkeypatch):
    monkeypatch.setattr(followers, "MOST", 1)
    ours = Followers(store)
    first = ours.follow(file(tmp_path, "1.csv", 1), {})
    with pytest.raises(CurveError, match="stop one of their runs first"):
        ours.follow(file(tmp_path, "2.csv", 1), {})
    store.stop(first)
    until(lambda: run_of(store, first).status == "stopped")

    def follows() -> bool:
        try:
            return bool(ours.follow(tmp_path / "2.csv", {}))
        except CurveError:
            return False

    until(follows)  # the thread ends after its record
    ours.stop()


def test_what_is_wrong_in_a_file_fails_its_run_and_no_other(store, tmp_path):
    ours = Followers(store)
    good, bad = file(tmp_path, "good.csv", 1), file(tmp_path, "bad.csv", 1)
    runs = [ours.follow(path, {}) for path in (good, bad)]
    for path, line in ((bad, "2,x\n"), (good, "2,1\n")):
        with path.open("a") as opened:
            opened.write(line)
    until(lambda: run_of(store, runs[1]).over and run_of(store, runs[0]).epoch == 2)
    assert "'x', not a number" in (run_of(store, runs[1]).reason or "")
    assert run_of(store, runs[0]).status == "training"
    ours.stop()
