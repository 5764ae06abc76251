"""`lrscope import --follow` in a process of its own, while another one writes the file."""

import json
import signal
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests.curves.writing import writing
from tests.forked import python
from trainer.store.store import Store


@contextmanager
def following(
    home: Path, file: Path, *more: str, form: tuple[str, ...] = ("--json",)
) -> Iterator["subprocess.Popen[str]"]:
    with python(
        *["-m", "trainer.watch", "import", "--follow", str(file), *form, *more],
        environment={"LRSCOPE_HOME": str(home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def rest(process: "subprocess.Popen[str]") -> str:
    """What else it prints until it ends."""
    assert process.stdout
    printed = process.stdout.read()
    process.wait()
    return printed


def told(process: "subprocess.Popen[str]", lines: int) -> list[int]:
    """The epochs in the next lines."""
    assert process.stdout
    return [json.loads(process.stdout.readline())["epoch"] for _ in range(lines)]


def next_epochs(process: "subprocess.Popen[str]", count: int) -> list[str]:
    """The next lines on an epoch, in the form for people."""
    assert process.stdout
    lines: list[str] = []
    while len(lines) < count and (line := process.stdout.readline()):
        lines += [line] if line.split()[0].isdigit() else []
    return lines


def test_ctrl_c_ends_it_and_a_killed_one_goes_on_with_the_same_run(tmp_path: Path) -> None:
    home, file = tmp_path / "home", tmp_path / "losses.csv"
    with writing(file) as writer:
        writer.write("epoch,val_loss", "1,0.5", "2,0.4")
        with following(home, file) as process:
            assert told(process, 2) == [1, 2]
            writer.write("3,0.3")
            assert told(process, 1) == [3]
            process.kill()
        with closing(Store(home)) as store:
            run = store.run(1)
            assert run is not None
            assert run.status == "interrupted"
        with following(home, file) as process:
            assert told(process, 3) == [1, 2, 3]
            writer.write("4,0.2")
            assert told(process, 1) == [4]
            process.send_signal(signal.SIGINT)
            out = rest(process)
    assert json.loads(out) == {"run": 1, "status": "stopped"}
    assert process.returncode == 130
    with closing(Store(home)) as store:
        assert [row.epoch for row in store.epochs(1)] == [1, 2, 3, 4]
        assert len(store.runs(9)) == 1


def test_a_cut_that_shows_in_the_next_epoch_is_told_without_the_numbers_again(
    tmp_path: Path,
) -> None:
    home, file = tmp_path / "home", tmp_path / "losses.csv"
    with writing(file) as writer:
        writer.write("epoch,val_loss,lr", "1,0.5,0.1", "2,0.4,0.1")
        with following(home, file, form=()) as process:
            lines = next_epochs(process, 2)
            writer.write("3,0.3,0.05")
            lines += next_epochs(process, 2)
    assert [line.split()[0] for line in lines] == ["1", "2", "2", "3"]
    assert lines[2].split(maxsplit=1)[1] == "Recorded: LR cut from 0.1 to 0.05.\n"


def test_until_quiet_ends_it_as_finished(tmp_path: Path) -> None:
    home, file = tmp_path / "home", tmp_path / "losses.csv"
    file.write_text("epoch,val_loss\n1,0.5\n2,0.4\n")
    with following(home, file, "--until-quiet", "0.1", "--patience", "0") as process:
        out = rest(process)
    *epochs, last = [json.loads(line) for line in out.splitlines()]
    assert [epoch["val_loss"] for epoch in epochs] == [0.5, 0.4]
    assert last == {"run": 1, "status": "finished"}
    assert process.returncode == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--follow", "none.csv"], "none.csv cannot be read (No such file or directory)"),
        (["--json", "none.csv"], "--json is for a file that is followed: add --follow."),
        (["--until-quiet", "3", "none.csv"], "--until-quiet is for a file that is followed"),
        (["--follow", "--until-quiet", "0", "none.csv"], "0 seconds cannot be"),
    ],
)
def test_what_is_wrong_is_said_in_a_line(here, arguments, said):
    code, out, err = here("import", *arguments)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert said in err
