"""The terminal, as a person and as a script use it."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from trainer.settings import SETTINGS
from trainer.store import Store


def lrscope(*arguments: str, home: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "app", *arguments],
        env={**os.environ, "LRSCOPE_HOME": str(home), "COLUMNS": "200", "TERM": "dumb"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_json_lines_are_the_runs_own_record(tmp_path: Path) -> None:
    done = lrscope(
        "train", "--epochs", "4", "--lr", "0.02", "--factor", "0.5", "--patience", "0",
        "--model", "mlp", "--json", home=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    *epochs, last = [json.loads(line) for line in done.stdout.splitlines()]
    store = Store(tmp_path)
    rows = store.epochs(1)
    run = store.run(1)
    store.close()
    assert run is not None
    assert last == {"run": 1, "status": "finished", "test_accuracy": run.test_accuracy}
    assert [e["epoch"] for e in epochs] == [1, 2, 3, 4]
    for told, row in zip(epochs, rows, strict=True):
        assert told["run"] == 1
        for name in ("epoch", "lr", "train_loss", "val_loss", "val_accuracy", "seconds"):
            assert told[name] == getattr(row, name)
        assert row.decision is not None
        assert told["decision"]["kind"] == row.decision.kind
        assert told["decision"]["sentence"] == row.decision.sentence
        assert told["decision"]["plateau"]["patience"] == 0


def test_a_diverged_run_is_told_in_json_and_by_the_exit_code(tmp_path: Path) -> None:
    done = lrscope(
        "train", "--optimizer", "SGD", "--lr", "100", "--weight-decay", "1", "--epochs", "3",
        "--model", "mlp", "--json", home=tmp_path,
    )  # fmt: skip
    assert done.returncode == 1
    epoch, last = [json.loads(line) for line in done.stdout.splitlines()]
    assert epoch["train_loss"] is None
    assert last["status"] == "diverged"
    assert "epoch 1" in last["reason"]


def test_a_person_gets_the_sentences(tmp_path: Path) -> None:
    done = lrscope("train", "--epochs", "2", "--model", "mlp", home=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "is the best so far." in done.stdout
    assert "test accuracy" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--lr", "0"], "Learning rate must be above 0."),
        (["--factor", "1"], "Factor must be below 1."),
        (["--schedule", "StepLR", "--patience", "3"], "patience does not belong to"),
        (["--epochs", "many"], "Epochs must be a whole number."),
    ],
)
def test_a_mistake_is_one_line_and_nothing_starts(
    tmp_path: Path, arguments: list[str], says: str
) -> None:
    done = lrscope("train", *arguments, home=tmp_path)
    assert done.returncode == 2
    assert says in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "lrscope.sqlite").exists()


def test_help_names_every_setting(tmp_path: Path) -> None:
    told = lrscope("train", "--help", home=tmp_path).stdout
    for setting in SETTINGS:
        assert f"--{setting.key}" in told
    assert "serve" in lrscope("--help", home=tmp_path).stdout


def test_a_busy_port_is_named_with_a_free_one_to_take(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = lrscope("--no-open", "--port", str(port), home=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith(f"lrscope: port {port} is taken; try: lrscope --port ")
    assert len(done.stderr.splitlines()) == 1


def test_a_home_that_cannot_be_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = lrscope("train", "--epochs", "1", home=tmp_path / "file")
    assert done.returncode == 2
    assert "--home" in done.stderr
    assert len(done.stderr.splitlines()) == 1
