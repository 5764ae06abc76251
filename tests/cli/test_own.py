"""One's own data and network from the terminal."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.own.made import NET, digits_folder, network


def lrscope(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command in an interpreter of its own, in a folder."""
    root = Path(__file__).parents[2]
    return subprocess.run(
        [sys.executable, "-m", "app", *arguments],
        cwd=folder,
        env={
            **os.environ, "LRSCOPE_HOME": str(folder / "home"), "COLUMNS": "200", "TERM": "dumb",
            "PYTHONPATH": str(root),
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )  # fmt: skip


def test_a_folder_and_a_network_reach_their_epochs_in_one_command(tmp_path):
    digits_folder(tmp_path / "digits")
    network(tmp_path)
    own = ["--data", "digits", "--model", "model.py:Net", "--epochs", "2", "--device", "cpu"]
    done = lrscope(tmp_path, "train", *own)
    assert done.returncode == 0, done.stderr
    assert "Run 1: Net on digits (40 train, 4 validation, 4 test images)" in done.stdout
    assert "A tenth tests, the same for every seed" in done.stdout
    assert "Run 1 finished: test accuracy " in done.stdout
    listed = lrscope(tmp_path, "runs", "--json")
    (run,) = [json.loads(line) for line in listed.stdout.splitlines()]
    assert run["dataset"] == str(tmp_path / "digits")
    assert run["model"] == f"{tmp_path / 'model.py'}:Net"
    assert "digits" in lrscope(tmp_path, "runs", "Net").stdout
    command = lrscope(tmp_path, "export", "1", "--format", "config").stdout.splitlines()[0]
    assert f"--dataset {tmp_path / 'digits'} --model {tmp_path / 'model.py'}:Net" in command


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--data", "nowhere"],
         "There is nothing at {folder}/nowhere: give the path of your data."),
        (["--data", "digits", "--dataset", "mnist"], "Give --data or --dataset, not both."),
        (["--data", "digits", "--batch-size", "40", "--epochs", "4", "--schedule", "OneCycleLR",
          "--pct-start", "0.25"], "Rising share 0.25 of 4 steps is a rise of one step"),
        (["--model", "model.py"], "Model must name what makes the network, as in model.py:Net; "
         "{folder}/model.py has Net, small."),
        (["--model", "nowhere.py"], "There is no file {folder}/nowhere.py."),
    ],
)  # fmt: skip
def test_what_cannot_be_trained_is_refused_before_there_is_a_run(tmp_path, arguments, says):
    digits_folder(tmp_path / "digits")
    network(tmp_path, f"raise SystemExit  # where it is run\nSIZE = 3\n{NET}def small(): ...\n")
    done = lrscope(tmp_path, "train", *arguments)
    assert done.returncode != 0
    assert says.format(folder=tmp_path) in done.stderr
    assert "Traceback" not in done.stderr
    assert lrscope(tmp_path, "runs").stdout.count("digits") == 0


def test_a_broken_network_is_one_sentence(tmp_path):
    digits_folder(tmp_path / "digits")
    network(tmp_path, "from torch import nn\nclass Net(nn.Module):\n    x = 1 / 0\n")
    done = lrscope(tmp_path, "train", "--data", "digits", "--model", "model.py:Net")
    assert done.returncode == 1
    said = f"{tmp_path / 'model.py'}, line 3: ZeroDivisionError: division by zero."
    assert said in (done.stdout + done.stderr).replace("\n", " ").replace("  ", " ")
    assert "Traceback" not in done.stdout + done.stderr
