"""One's own data and network from the terminal."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from tests.faults import terminal
from tests.own.made import digits_folder, network

Lrscope = Callable[..., CompletedProcess[str]]


@pytest.fixture
def lrscope(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lrscope:
    """The command in a process of its own, in the folder where the data and the network are."""
    monkeypatch.chdir(tmp_path)
    return partial(terminal.lrscope, home=tmp_path / "home")


def test_a_folder_and_a_network_reach_their_epochs_in_one_command(tmp_path, lrscope):
    digits_folder(tmp_path / "digits")
    network(tmp_path)
    own = ["--data", "digits", "--model", "model.py:Net", "--epochs", "2", "--device", "cpu"]
    done = lrscope("train", *own)
    assert done.returncode == 0, done.stderr
    assert "Run 1: Net on digits (40 train, 4 validation, 4 test images)" in done.stdout
    assert "A tenth tests, the same for every seed" in done.stdout
    assert "Run 1 finished: test accuracy " in done.stdout
    listed = lrscope("runs", "--json")
    (run,) = [json.loads(line) for line in listed.stdout.splitlines()]
    assert run["dataset"] == str(tmp_path / "digits")
    assert run["model"] == f"{tmp_path / 'model.py'}:Net"
    assert "digits" in lrscope("runs", "Net").stdout
    command = lrscope("export", "1", "--format", "config").stdout.splitlines()[0]
    assert f"--dataset {tmp_path / 'digits'} --model {tmp_path / 'model.py'}:Net" in command


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--data", "nowhere"],
         "There is nothing at {folder}/nowhere: give the path of your data."),
        (["--data", "digits", "--dataset", "mnist"], "Give --data or --dataset, not both."),
        (["--data", "digits", "--batch-size", "40", "--epochs", "4", "--schedule", "OneCycleLR",
          "--pct-start", "0.25"], "Rising share 0.25 of 4 steps is a rise of one step"),
    ],
)  # fmt: skip
def test_what_cannot_be_trained_is_refused_before_there_is_a_run(
    tmp_path, lrscope, arguments, says
):
    digits_folder(tmp_path / "digits")
    done = lrscope("train", *arguments)
    assert done.returncode != 0
    assert says.format(folder=tmp_path) in done.stderr
    assert "Traceback" not in done.stderr
    assert lrscope("runs").stdout.count("digits") == 0


def test_a_broken_network_is_one_sentence(tmp_path, lrscope):
    digits_folder(tmp_path / "digits")
    network(tmp_path, "from torch import nn\nclass Net(nn.Module):\n    x = 1 / 0\n")
    done = lrscope("train", "--data", "digits", "--model", "model.py:Net")
    assert done.returncode == 1
    said = f"{tmp_path / 'model.py'}, line 3: ZeroDivisionError: division by zero."
    assert said in (done.stdout + done.stderr).replace("\n", " ").replace("  ", " ")
    assert "Traceback" not in done.stdout + done.stderr
