"""Data files that are altered, forged or cut short, and a disk that is full while they come."""
# ruff: noqa: F811 - the fixtures of the tests of data sets are imported, and named again

import gzip
import tarfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.engine.test_datasets import (  # noqa: F401 - fixtures
    Server,
    idx,
    lay_out,
    md5,
    no_proxy,
    on_disk,
    raw,
    refusal,
    server,
    small,
    small_cifar,
)
from tests.faults import disks
from trainer.engine import datasets
from trainer.engine.datasets import DatasetError, fetch, load

LABELS = "train-labels-idx1-ubyte"
IMAGES = "train-images-idx3-ubyte"


def test_an_altered_file_is_made_again_from_its_archive(
    tmp_path: Path,
    small: dict[str, bytes],
    server: Server,
) -> None:
    list(fetch("mnist", tmp_path))
    server.requests.clear()
    for name in (LABELS, IMAGES):
        altered = bytearray(small[name])
        altered[-1] ^= 1
        (raw(tmp_path) / name).write_bytes(altered)
    with pytest.raises(DatasetError, match="damaged"):
        load("mnist", tmp_path, seed=0)
    assert list(fetch("mnist", tmp_path)) == []
    for name in (LABELS, IMAGES):
        assert (raw(tmp_path) / name).read_bytes() == small[name]
    assert server.requests == []


def test_a_good_file_beside_a_damaged_archive_is_kept(
    tmp_path: Path,
    small: dict[str, bytes],
    server: Server,
) -> None:
    list(fetch("mnist", tmp_path))
    server.files.clear()
    (raw(tmp_path) / f"{IMAGES}.gz").write_bytes(b"half")
    assert list(fetch("mnist", tmp_path)) == []
    assert (raw(tmp_path) / IMAGES).read_bytes() == small[IMAGES]
    assert len(load("mnist", tmp_path, seed=0).train) == 90


def forged(files: dict[str, bytes], how: str) -> dict[str, bytes]:
    """The files with one that has the right form and the wrong content."""
    labels = np.frombuffer(files[LABELS], np.uint8, offset=8).copy()
    match how:
        case "a label 77":
            labels[3] = 77
            return files | {LABELS: idx(labels)}
        case "too few labels":
            return files | {LABELS: idx(labels[:-1])}
        case "no images":
            return files | {IMAGES: idx(np.zeros((0, 28, 28), np.uint8)), LABELS: idx(labels[:0])}
    raise AssertionError(how)


@pytest.mark.parametrize("how", ["a label 77", "too few labels", "no images"])
def test_forged_files_end_in_a_sentence_and_are_kept(
    tmp_path: Path,
    small: dict[str, bytes],
    how: str,
) -> None:
    lay_out(forged(small, how), tmp_path)
    before = {path: path.read_bytes() for path in raw(tmp_path).iterdir()}
    assert list(fetch("mnist", tmp_path)) == []
    with pytest.raises(DatasetError, match=r"^The files in .* are not those of mnist \("):
        load("mnist", tmp_path, seed=0)
    assert {path: path.read_bytes() for path in raw(tmp_path).iterdir()} == before


@pytest.mark.parametrize(
    "content",
    [
        idx(np.zeros((100, 32, 32), np.uint8)),
        idx(np.zeros((100, 28 * 28), np.uint8)),
        b"\0\0\x08\x03" + bytes([255] * 12),  # 2^96 pixels
        b"\0\0\x0d\x03" + bytes(12),  # floats
        b"\0\0\x08\xff" + bytes(4 * 255),  # 255 dimensions
        gzip.compress(b"an archive in the place of the file"),
    ],
    ids=["32 x 32", "flat", "huge", "floats", "many dimensions", "packed"],
)
def test_a_file_of_another_form_is_fetched_again(
    tmp_path: Path,
    small: dict[str, bytes],
    server: Server,
    content: bytes,
) -> None:
    lay_out(small | {IMAGES: content}, tmp_path)
    with pytest.raises(DatasetError, match="damaged"):
        load("mnist", tmp_path, seed=0)
    list(fetch("mnist", tmp_path))
    assert (raw(tmp_path) / IMAGES).read_bytes() == small[IMAGES]
    assert server.requests == [f"{IMAGES}.gz"]


@pytest.mark.usefixtures("small")
def test_a_bomb_in_the_place_of_an_archive_is_never_unpacked(
    tmp_path: Path,
    server: Server,
) -> None:
    bomb = gzip.compress(bytes(1 << 24))  # 16 MB in 16 kB
    raw(tmp_path).mkdir(parents=True)
    (raw(tmp_path) / f"{IMAGES}.gz").write_bytes(bomb)
    server.files[f"{IMAGES}.gz"] = bomb
    message = refusal(tmp_path)
    assert "the download is damaged" in message
    assert on_disk(tmp_path) == set()


@pytest.mark.usefixtures("small")
def test_a_server_that_sends_without_end_is_given_up(
    tmp_path: Path,
    server: Server,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(datasets, "MOST_BYTES", 1 << 20)
    server.files[f"{IMAGES}.gz"] = bytes(1 << 22)
    assert "it is larger than 1 MiB" in refusal(tmp_path)
    assert on_disk(tmp_path) == set()


@pytest.mark.usefixtures("small_cifar")
def test_a_forged_tar_is_never_unpacked(tmp_path: Path, server: Server) -> None:
    (file,) = server.files
    outside = tmp_path / "outside"
    outside.write_text("kept")
    with tarfile.open(tmp_path / file, "w:gz") as tar:
        member = tarfile.TarInfo("../outside")
        tar.addfile(member)
    list(fetch("cifar10", tmp_path))
    assert outside.read_text() == "kept"
    assert len(load("cifar10", tmp_path, seed=0).train) == 90


# A full disk


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with disks.disk(tmp_path / "disk", 400_000) as folder:
        yield folder


needs_disk = pytest.mark.skipif(not disks.can_mount(), reason="no disk can be mounted here")


@needs_disk
@pytest.mark.parametrize("room", [0, 20_000, 100_000, 150_000])
def test_a_disk_that_fills_while_data_come_leaves_nothing_half_done(
    disk: Path,
    small: dict[str, bytes],
    server: Server,
    room: int,
) -> None:
    ballast = disks.fill(disk)
    with ballast.open("r+b") as file:
        file.truncate(ballast.stat().st_size - room)
    message = refusal(disk / "data")
    assert "No space left" in message
    assert str(disk) in message
    left = on_disk(disk / "data")
    assert left <= small.keys() | server.files.keys()
    for name in left:
        content = (raw(disk / "data") / name).read_bytes()
        assert content == (small | server.files)[name]
    ballast.unlink()
    list(fetch("mnist", disk / "data"))
    assert len(load("mnist", disk / "data", seed=0).train) == 90


@needs_disk
def test_a_read_only_folder_with_the_data_is_enough(
    disk: Path,
    small: dict[str, bytes],
    server: Server,
) -> None:
    lay_out(small, disk)
    with disks.read_only(disk):
        assert list(fetch("mnist", disk)) == []
        assert len(load("mnist", disk, seed=0).train) == 90
        (server.files).clear()
    (raw(disk) / LABELS).unlink()
    with disks.read_only(disk):
        assert "Read-only" in refusal(disk)
