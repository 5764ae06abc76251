"""A home is its user's alone: folders 0700, files 0600, whatever the umask and what was before."""

import os
import stat
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests import small
from trainer.config.run import RunConfig
from trainer.engine import datasets
from trainer.execute import execute
from trainer.store import permissions
from trainer.store.store import Store, path_in
from trainer.watched.taker import Taker

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")


@pytest.fixture(params=[0o000, 0o022, 0o277], ids=oct)
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def wrong(home: Path) -> dict[str, str]:
    """What in a home has another mode than it should have."""
    return {
        str(path): oct(mode(path))
        for path in (home, *home.rglob("*"))
        if mode(path) != (0o700 if path.is_dir() else 0o600)
    }


@pytest.mark.usefixtures("umask")
def test_a_new_home_is_its_users_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets, "load", small.load)
    home = tmp_path / "above" / "home"
    with closing(Store(home)) as store:
        run = store.add(small.small(epochs=2), claimed=True)
        for _ in execute(store, run, small.NOWHERE):
            pass
        assert len(list(home.glob("runs/1/*.pt"))) == 2
        assert {path.name for path in home.iterdir()} >= {"lrscope.sqlite-wal", "owners"}
        assert wrong(home) == {}


def test_a_home_that_was_open_to_others_is_closed_with_all_that_is_in_it(tmp_path: Path) -> None:
    home = tmp_path / "home"
    Store(home).close()
    snapshot = home / "runs" / "1" / "epoch-00001.pt"
    snapshot.parent.mkdir(parents=True)
    for file in (snapshot, home / "lrscope-version-1.sqlite"):
        file.touch()
    for path in (home, *home.rglob("*")):
        path.chmod(0o777 if path.is_dir() else 0o666)
    with closing(Store(home)) as store:
        store.add(RunConfig())
        assert wrong(home) == {}


def test_a_folder_that_holds_other_things_stays_open_and_the_runs_in_it_are_closed(
    tmp_path: Path,
) -> None:
    (tmp_path / "thesis.tex").touch()
    (tmp_path / "thesis.tex").chmod(0o644)
    tmp_path.chmod(0o755)
    for _ in range(2):
        Store(tmp_path).close()
    assert mode(tmp_path) == 0o755
    assert mode(tmp_path / "thesis.tex") == 0o644
    assert mode(path_in(tmp_path)) == 0o600
    assert mode(tmp_path / "owners") == 0o700


def test_what_a_link_in_a_home_leads_to_keeps_its_mode(tmp_path: Path) -> None:
    home, elsewhere = tmp_path / "home", tmp_path / "elsewhere"
    elsewhere.mkdir()
    elsewhere.chmod(0o755)
    (home / "runs").mkdir(parents=True, mode=0o755)
    (home / "runs" / "1").symlink_to(elsewhere)
    Store(home).close()
    assert mode(elsewhere) == 0o755
    assert mode(home / "runs") == 0o700


@pytest.mark.parametrize("shared", [0o1777, 0o1770])
def test_a_folder_for_everyone_stays_one(tmp_path: Path, shared: int) -> None:
    tmp_path.chmod(shared)
    for _ in range(2):
        Store(tmp_path).close()
    assert mode(tmp_path) == shared


@pytest.mark.usefixtures("umask")
def test_what_takes_in_watched_trainings_is_its_users_alone(tmp_path: Path) -> None:
    permissions.make_folder(tmp_path / "watched")
    with closing(Store(tmp_path)) as store:
        Taker(store).once()
        assert mode(tmp_path / "watched" / "taken-in.lock") == 0o600
