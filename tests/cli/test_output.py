"""An output that cannot be written ends a command in one sentence, and a run so that it goes on."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import IO

import pytest

from tests.faults.terminal import lrscope
from tests.forked import python
from tests.small import small
from trainer.curves.csv import read
from trainer.curves.importing import import_curve
from trainer.store.store import Store

pytestmark = pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
TRAIN = ["train", "--epochs", "20", "--model", "mlp", "--batch-size", "16"]


@pytest.fixture
def full() -> Iterator[IO[str]]:
    """A device without room."""
    with open("/dev/full", "w") as device:  # noqa: PTH123 - a device, as a shell opens it
        yield device


@pytest.mark.parametrize("json", [[], ["--json"]], ids=["people", "scripts"])
def test_a_run_whose_output_is_full_is_interrupted_and_goes_on(
    tmp_path: Path, full: IO[str], json: list[str]
) -> None:
    done = lrscope(*TRAIN, *json, home=tmp_path, stdout=full)
    assert done.stderr == (
        "lrscope: The output cannot be written (No space left on device); lrscope resume 1 "
        "continues run 1.\n"
    )
    assert done.returncode == 2
    with closing(Store(tmp_path)) as store:
        assert store.run(1).status == "interrupted"
    assert lrscope("resume", "1", home=tmp_path).returncode == 0
    with closing(Store(tmp_path)) as store:
        assert [row.epoch for row in store.epochs(1)] == list(range(1, 21))


@pytest.mark.parametrize("json", [[], ["--json"]], ids=["people", "scripts"])
def test_a_pipe_that_is_closed_ends_a_run_quietly_so_that_it_goes_on(
    tmp_path: Path, json: list[str]
) -> None:
    with python(
        *["-m", "app", *TRAIN, *json],
        environment={"LRSCOPE_HOME": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        said = process.stderr.read()
    assert (process.returncode, said) == (1, "")
    with closing(Store(tmp_path)) as store:
        assert store.run(1).status == "interrupted"


@pytest.mark.parametrize(
    "command",
    [["--help"], ["--version"], ["train", "--help"], ["replay", "1"], ["replay", "1", "--json"],
     ["runs"], ["runs", "--json"], ["show", "1"], ["export", "1", "--format", "csv"],
     ["import", "curve.csv"], ["--no-open", "--port", "0"]],
    ids=" ".join,
)  # fmt: skip
def test_any_command_whose_output_is_full_says_so_in_one_sentence(
    tmp_path: Path, full: IO[str], command: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "curve.csv").write_text("epoch,loss\n1,2\n2,1\n")
    monkeypatch.chdir(tmp_path)
    with closing(Store(tmp_path / "home")) as store:
        import_curve(store, read(Path("curve.csv")), {})
    done = lrscope(*command, home=tmp_path / "home", stdout=full)
    assert done.stderr == "lrscope: The output cannot be written (No space left on device).\n"
    assert done.returncode == 2
    assert list((tmp_path / "home" / "owners").iterdir()) == []


def test_an_output_that_lacks_the_letters_of_a_name_shows_them_otherwise(tmp_path: Path) -> None:
    with closing(Store(tmp_path)) as store:
        store.rename(store.add(small()), "größer 数")
    for arguments in (["show", "1"], ["runs"], ["rename", "1", "größer"]):
        done = subprocess.run(
            [sys.executable, "-m", "app", *arguments],
            env={**os.environ, "LRSCOPE_HOME": str(tmp_path), "PYTHONIOENCODING": "ascii"},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, "")
        assert "gr\\xf6\\xdfer" in done.stdout
