"""An export that meets a full disk leaves no part of a file, and what was there as it was."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.exported import Runs
from tests.faults import disks
from tests.faults.terminal import lrscope, sentence

pytestmark = pytest.mark.skipif(not disks.can_mount(), reason="no disk can be mounted here")
EXPORT = ["export", "1", "2", "3", "5", "--format", "jsonl", "--force", "--out"]


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with disks.disk(tmp_path / "disk", 16 * disks.BLOCK) as folder:
        yield folder


@pytest.mark.parametrize("there", [False, True])
def test_no_part_of_a_file_is_left(disk: Path, runs: Runs, there: bool) -> None:
    out = disk / "runs.jsonl"
    if there:
        out.write_text("mine")
    ballast = disks.fill(disk)
    with ballast.open("r+b") as file:  # room for a part
        file.truncate(ballast.stat().st_size - disks.BLOCK)
    done = lrscope(*EXPORT, str(out), home=runs.home)
    assert sentence(done) == f"lrscope: {out} cannot be written (No space left on device)."
    assert {path.name for path in disk.iterdir()} == {"ballast", *(["runs.jsonl"] if there else [])}
    assert not there or out.read_text() == "mine"
    ballast.unlink()
    assert lrscope(*EXPORT, str(out), home=runs.home).returncode == 0
    assert out.stat().st_size > disks.BLOCK
