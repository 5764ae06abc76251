"""What another machine lacks of a run's files is sent to it."""

import sys
from pathlib import Path

import pytest

from trainer.config.run import RunConfig
from trainer.own.survey import survey
from trainer.sweep import places
from trainer.sweep.places import sending
from trainer.sweep.places.remote import PlaceError


def sent(config: RunConfig, root: Path) -> list[str]:
    """Lose all files of a run, and send them to where they were."""
    files = sending.read_by(config, root)
    there = sending.sizes(files)
    assert not sending.lacking(there)
    parcels = [*sending.parcels([path for path, _ in there])]
    for file in files:
        file.unlink()
    assert sending.lacking(there) == [path for path, _ in there]
    for parcel in parcels:
        sending.receive(parcel)
    return [path for path, _ in there]


def test_own_data_and_the_code_of_an_own_network_arrive_as_they_were(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "MOST_BYTES", 10)  # several parcels
    data, net = tmp_path / "rows.csv", tmp_path / "net.py"
    data.write_text("a,b,label\n" + "1,2,x\n3,4,y\n" * 50)
    net.write_text("import beside")
    (tmp_path / "beside.py").write_text("there = True")
    config = RunConfig(dataset=str(data), model=f"{net}:Net")
    before = survey(config).stamp
    assert {Path(path).name for path in sent(config, tmp_path)} == {
        "rows.csv", "net.py", "beside.py",
    }  # fmt: skip
    survey.__globals__["_of_rows"].cache_clear()
    assert survey(config).stamp == before  # no run says that its data has changed
    assert (tmp_path / "beside.py").read_text() == "there = True"


def test_the_files_of_a_folder_and_of_a_data_set_are_sent(tmp_path: Path) -> None:
    folder, raw = tmp_path / "flowers" / "rose", tmp_path / "MNIST" / "raw"
    folder.mkdir(parents=True)
    raw.mkdir(parents=True)
    (folder / "one.png").write_bytes(b"image")
    (raw / "t10k-labels-idx1-ubyte").write_bytes(b"labels")
    assert sent(RunConfig(dataset=str(folder.parent)), tmp_path) == [str(folder / "one.png")]
    mnist = [str(raw / "t10k-labels-idx1-ubyte")]
    assert sent(RunConfig(dataset="mnist"), tmp_path) == mnist
    assert sending.read_by(RunConfig(), tmp_path) == []  # digits are everywhere


def test_no_other_file_is_overwritten(tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_text("mine")
    with pytest.raises(PlaceError, match="is not the file that the sweep is started with"):
        sending.lacking([(str(file), 5)])
    assert file.read_text() == "mine"


def test_a_place_where_nothing_can_be_written_is_told_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    path = tmp_path / "file" / "rows.csv"
    with pytest.raises(PlaceError, match=r"rows\.csv is not on .* and cannot be written there"):
        sending.receive([sending.Sent(str(path), 0, b"1")])


def test_ray_that_is_not_installed_is_told_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    monkeypatch.delitem(sys.modules, "trainer.sweep.places.cluster", raising=False)
    with (
        pytest.raises(PlaceError, match=r"pip install 'lrscope\[ray\]'"),
        places.of(2, "auto"),
    ):
        pass
