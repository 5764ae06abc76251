"""What a path that is typed can go on with."""

import os

import pytest

from tests.own.made import NET
from trainer.own import completion


@pytest.fixture
def folder(tmp_path):
    for name in ("flowers", "flies", ".hidden"):
        (tmp_path / name).mkdir()
    for name in ("f.csv", "f.txt", "model.py", "F.NPZ"):
        (tmp_path / name).write_text(NET)
    (tmp_path / "flink").symlink_to(tmp_path / "flowers")
    return tmp_path


def names(folder, start: str, suffixes=frozenset({".csv", ".npz"})) -> list[str]:
    found = completion.paths(f"{folder}/{start}", suffixes)
    assert all(path.startswith(f"{folder}/") for path in found)
    return [path.removeprefix(f"{folder}/") for path in found]


def test_folders_and_files_of_the_kind_go_on_with_what_was_typed(folder):
    assert names(folder, "f") == ["f.csv", "flies/", "flowers/"]
    assert names(folder, "") == ["F.NPZ", "f.csv", "flies/", "flowers/"]
    assert names(folder, ".h") == [".hidden/"]
    assert names(folder, "zebra") == []
    assert names(folder, "flowers/") == []


@pytest.mark.parametrize(
    "typed", ["", "f", "flowers", "../", "{0}/../", "{0}/flowers/../../x", "./f"]
)
def test_nothing_is_told_but_below_a_whole_path(folder, typed, monkeypatch):
    monkeypatch.chdir(folder)
    assert completion.paths(typed.format(folder), {".csv"}) == []
    assert completion.networks(f"{typed.format(folder)}model.py:") == []


def test_the_home_is_understood_and_stays_as_it_was_typed(folder, monkeypatch):
    monkeypatch.setenv("HOME", str(folder))
    assert completion.paths("~/flo", {".csv"}) == ["~/flowers/"]


def test_of_many_some_dozens_are_told(tmp_path):
    for i in range(100):
        (tmp_path / f"{i:03}.csv").touch()
    assert len(names(tmp_path, "")) == completion.MOST


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_may_not_be_read_has_nothing(folder):
    (folder / "flies").chmod(0)
    assert names(folder, "flies/") == []
    (folder / "flies").chmod(0o700)


def test_the_classes_of_a_file_are_told_without_running_it(folder):
    (folder / "model.py").write_text("raise SystemExit\ndef net(): pass\nclass Net: pass\nN = 3\n")
    path = f"{folder}/model.py"
    assert completion.networks(f"{folder}/mod") == [path]
    assert completion.networks(f"{path}:") == [f"{path}:net", f"{path}:Net", f"{path}:N"]
    assert completion.networks(f"{path}:Ne") == [f"{path}:Net"]
    (folder / "model.py").write_text("def net(:")
    assert completion.networks(f"{path}:") == []
