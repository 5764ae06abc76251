"""The terminal, as a person and as a script use it."""

import json
import os
import signal
import socket
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.faults.terminal import lrscope
from tests.forked import python
from tests.small import metrics
from trainer.config.recipe import Recipe
from trainer.config.run import RunConfig
from trainer.config.schedules import NoSchedule, OneCycleLR, StepLR
from trainer.config.table import SETTINGS
from trainer.engine.events import Ended, EpochEnded
from trainer.schedule.schedule import Schedule
from trainer.store.store import Store


def fresh(*arguments: str, home: Path) -> subprocess.CompletedProcess[str]:
    """The command in an interpreter of its own; for `train` and `replay`, tests/test_layers.py."""
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
    for record, row in zip(epochs, rows, strict=True):
        assert record["run"] == 1
        for name in ("epoch", "lr", "seconds"):
            assert record[name] == getattr(row, name)
        assert row.metrics.items() <= record.items()
        assert row.decision is not None
        assert record["decision"]["kind"] == row.decision.kind
        assert record["decision"]["sentence"] == row.decision.sentence
        assert record["decision"]["plateau"]["patience"] == 0


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
    ("arguments", "message"),
    [
        (["--lr", "0"], "Learning rate must be a number above 0 and at most 100."),
        (["--factor", "1"], "Factor must be a number above 0 and below 1."),
        (["--schedule", "StepLR", "--patience", "3"], "patience does not belong to"),
        (["--epochs", "many"], "Epochs must be a whole number from 1 to 10,000."),
    ],
)
def test_a_mistake_is_one_line_and_nothing_starts(
    tmp_path: Path, arguments: list[str], message: str
) -> None:
    done = lrscope("train", *arguments, home=tmp_path)
    assert done.returncode == 2
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "lrscope.sqlite").exists()


def test_a_fork_goes_on_from_the_epoch_with_what_was_named(here: Any) -> None:
    assert here("train", "--model", "mlp", "--epochs", "3", "--json")[0] == 0
    code, output, _ = here("fork", "1", "2", "--patience", "2", "--epochs", "4", "--json")
    assert code == 0
    *forked, last = [json.loads(line) for line in output.splitlines()]
    assert [(e["run"], e["epoch"]) for e in forked] == [(2, 3), (2, 4)]
    assert forked[0]["decision"]["plateau"]["patience"] == 2
    assert last["status"] == "finished"
    code, output, _ = here("fork", "2", "1", "--schedule", "StepLR", "--step-size", "1")
    assert code == 0
    assert "StepLR: LR cut from 0.01 to 0.001." in " ".join(output.split())
    store = Store(Path(os.environ["LRSCOPE_HOME"]))
    first, forks = store.epochs(1), [store.run(2), store.run(3)]
    rows = store.epochs(2)
    store.close()
    assert rows[0].metrics["val_loss"] == first[2].metrics["val_loss"]
    assert [(r.parent, r.parent_epoch) for r in forks if r] == [(1, 2), (1, 1)]


@pytest.mark.skipif(os.name == "nt", reason="Windows ends a process without a signal")
def test_what_a_signal_ends_goes_on_where_it_was(tmp_path: Path, here: Any) -> None:
    options = ["--model", "mlp", "--epochs", "20", "--batch-size", "16", "--json"]
    with python(
        *["-m", "app", "train", *options],
        environment={"LRSCOPE_HOME": str(tmp_path)},
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        *_, last = process.stdout
    assert process.returncode == 128 + signal.SIGTERM
    assert json.loads(last)["status"] == "interrupted"
    assert "lrscope resume 1" in json.loads(last)["reason"]
    assert here("resume", "1", "--json")[0] == 0
    assert here("train", *options)[0] == 0
    store = Store(tmp_path)
    rows, whole = store.epochs(1), store.epochs(2)
    store.close()
    assert [(r.metrics["train_loss"], r.metrics["val_loss"]) for r in rows] == [
        (r.metrics["train_loss"], r.metrics["val_loss"]) for r in whole
    ]


def test_a_run_is_changed_from_another_terminal_and_says_what_comes_of_it(
    tmp_path: Path, here: Any
) -> None:
    store = Store(tmp_path)
    run = store.add(RunConfig(schedule=OneCycleLR()))
    code, output, _ = here("control", str(run), "lr", "0.02")
    assert code == 0
    assert "lasts one batch" in output
    for order in (["pause"], ["step"], ["unpause"], ["epochs", "2"], ["stop"]):
        assert here("control", str(run), *order)[0] == 0
    asked = [(command.name, command.value) for command in store.commands(run)]
    assert store.run(run).status == "stopped"
    store.close()
    assert asked == [
        ("lr", 0.02), ("pause", None), ("step", None), ("unpause", None), ("epochs", 2.0),
        ("stop", None),
    ]  # fmt: skip


def test_the_lines_of_a_pipe_are_not_wrapped(here: Any) -> None:
    code, output, _ = here("train", "--model", "mlp", "--epochs", "6", "--patience", "0")
    assert code == 0
    starts = [line.split()[0] for line in output.splitlines() if line.strip()]
    assert starts == ["Run", "1", "2", "3", "4", "5", "6", "Run"]
    assert max(map(len, output.splitlines())) > 80


def test_the_word_that_unpause_had_once_still_works_with_a_hint(tmp_path: Path, here: Any) -> None:
    store = Store(tmp_path)
    run = store.add(RunConfig())
    code, _, hint = here("control", str(run), "resume")
    assert code == 0
    assert hint == "lrscope: control RUN resume is now control RUN unpause.\n"
    assert [command.name for command in store.commands(run)] == ["unpause"]
    code, _, refused = here("control", str(run), "faster")
    assert code == 2
    assert "is not one of pause, unpause, step, stop, lr, scale, cut, epochs" in refused
    store.close()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["control", "7", "pause"], "There is no run 7."),
        (["control", "1", "pause"], "Run 1 is over (finished)"),
        (["control", "1", "jump"], "'jump' is not one of"),
        (["control", "x", "pause"], "'x' is not a run: give its number, such as 3."),
        (["control", "2", "pause", "3"], "pause takes no value, and 3 was given"),
        (["control", "2", "lr", "fast"], "'fast' is not a number, such as 0.01"),
        (["fork", "1", "-1"], "-1 is below 0: runs count from 1, epochs from 0."),
        (["fork", "1", "last"], "'last' is not an epoch: give its number, such as 12"),
        (["replay", "1.5"], "'1.5' is not a run"),
        (["replay", "x.csv"], "'x.csv' is not a run: make it one with lrscope import x.csv."),
        (["replay", "9" * 40], "There is no run 999"),
        (["train", "--cuda-graph"], "--cuda-graph needs a value: on or off."),
        (["train", "--cuda-graph", "--epochs", "1"], "--cuda-graph needs a value: on or off."),
        (["train", "--home", "--json"], "--home needs a value: FOLDER."),
        (["train", "--snapshot-budget", "-1"], "A budget of -1 MB cannot be"),
        (["--port", "99999"], "'99999' is not a port: give a number from 0 to 65535."),
        (
            ["control", "2", "lr", "-1"],
            "The learning rate must be a number above 0 and at most 100.",
        ),
        (["control", "2", "lr"], "The learning rate must be a number above 0"),
        (["fork", "7", "1"], "There is no run 7."),
        (["replay", "7"], "There is no run 7."),
        (["fork", "1", "2"], "fork it after an epoch from 0 to 1."),
        (["fork", "1", "1", "--seed", "3"], "Seed cannot change in a fork."),
        (["fork", "1", "1", "--epochs", "1"], "Epochs must be above 1"),
        (
            ["fork", "1", "1", "--lr", "0"],
            "Learning rate must be a number above 0 and at most 100.",
        ),
        (["resume", "1"], "Run 1 has finished; fork it"),
        (["resume", "7"], "There is no run 7."),
        (["fork", "3", "1"], "Run 3 was imported"),
        (["resume", "3"], "Run 3 was imported"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
@pytest.mark.usefixtures("held")
def test_what_cannot_be_done_is_one_line(here: Any, arguments: list[str], message: str) -> None:
    code, _, output = here(*arguments)
    assert code == 2
    assert message in output
    assert len(output.splitlines()) == 1


@pytest.mark.parametrize(
    "command", [["replay", "1"], ["fork", "1", "1"], ["resume", "1"], ["control", "1", "pause"]]
)
def test_a_command_that_needs_a_run_makes_no_home(tmp_path: Path, command: list[str]) -> None:
    done = lrscope(*command, home=tmp_path / "typo")
    assert done.returncode == 2
    assert done.stderr.startswith(f"lrscope: There is no LRScope home at {tmp_path / 'typo'}: ")
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "typo").exists()


def test_a_file_that_cannot_be_imported_makes_no_home(tmp_path: Path) -> None:
    assert lrscope("import", "none.csv", home=tmp_path / "new").returncode == 2
    assert not (tmp_path / "new").exists()


@pytest.fixture
def held(tmp_path: Path) -> Path:
    """A home with a finished run of one epoch, a queued one and an imported one."""
    store = Store(tmp_path)
    run, schedule = store.add(RunConfig(epochs=1), claimed=True), Schedule(RunConfig(), 1)
    decision = schedule.advance(1.0)
    store.record(run, EpochEnded(1, 0.1, 0.1, metrics(1.0, 1.0, 0.5), 1.0, decision))
    store.record(run, Ended("finished", 1.0, 0.5))
    store.add(RunConfig())
    store.add_imported(Recipe(epochs=1), "a.csv", store.epochs(run))
    store.close()
    return tmp_path


def test_help_names_every_setting(tmp_path: Path) -> None:
    output = lrscope("train", "--help", home=tmp_path).stdout
    for setting in SETTINGS:
        assert f"--{setting.key}" in output
    assert "serve" in lrscope("--help", home=tmp_path).stdout


def test_a_busy_port_is_named_with_a_free_one_to_take(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = lrscope("--no-open", "--port", str(port), home=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith(f"lrscope: port {port} is in use; try: lrscope --port ")
    assert len(done.stderr.splitlines()) == 1


def test_a_home_that_cannot_be_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = lrscope("train", "--epochs", "1", home=tmp_path / "file")
    assert done.returncode == 2
    assert "--home" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_replay_in_the_terminal_says_what_would_have_been_different(tmp_path: Path) -> None:
    curve = tmp_path / "mine.csv"
    curve.write_text("epoch,loss\n" + "".join(f"{i},{loss}\n" for i, loss in enumerate(LOSSES)))
    done = fresh("import", str(curve), "--lr", "0.1", "--patience", "1", home=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "Run 1: 8 epochs of mine.csv. Try: lrscope replay 1",
        "Curve: val_loss, column loss. mine.csv counts its epochs from 0; here they count from 1.",
    ]
    done = lrscope("replay", "1", "--patience", "3", home=tmp_path)
    assert done.stdout.splitlines()[:2] == [
        "Run 1. Exact up to epoch 4: in epoch 5 the LR would have been 0.1 instead of 0.01. "
        "The rest is a guess, since the losses would have been different.",
        "The cut after epoch 4 came after 2 bad epochs. No patience avoids a cut for good: the "
        "last 6 epochs are all bad, so a longer one only puts it off.",
    ]
    for line in ("this run  4, 6, 8", "what if   6", "Keras     5, 8"):
        assert line in done.stdout
    output = lrscope("replay", "1", "--patience", "3", "--json", home=tmp_path).stdout
    records = [json.loads(line) for line in output.splitlines()]
    assert [r["lr"] for r in records] == pytest.approx([0.1] * 6 + [0.01] * 2)
    assert [r["exact"] for r in records] == [True] * 4 + [False] * 4
    assert records[3]["decision"]["kind"] == "waiting"


LOSSES = [1.0, 0.9, 0.95, 0.92, 0.91, 0.93, 0.94, 0.95]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["import", "none.csv"], "none.csv cannot be read (No such file or directory)"),
        (["import", "bad.csv"], "bad.csv line 3: loss is 'x', not a number"),
        (["import", "good.csv", "--factor", "2"], "Factor must be a number above 0 and below 1."),
        (["import", "good.csv", "--tag", "b"], "has no column called b: choose one of loss."),
    ],
)
def test_what_cannot_be_replayed_or_imported_is_one_sentence(
    tmp_path: Path, arguments: list[str], sentence: str
) -> None:
    (tmp_path / "bad.csv").write_text("epoch,loss\n1,2\n2,x\n")
    (tmp_path / "good.csv").write_text("epoch,loss\n1,2\n2,1\n")
    here = [str(tmp_path / a) if a.endswith(".csv") else a for a in arguments]
    done = lrscope(*here, home=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith("lrscope: ")
    assert sentence in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("option", ["--home", "--datasets"])
def test_an_empty_name_of_a_folder_is_not_the_current_folder(tmp_path: Path, option: str) -> None:
    done = lrscope("train", "--epochs", "1", option, "", home=tmp_path / "home")
    assert done.returncode == 2
    assert done.stderr == "lrscope: A folder's name is empty: give one, or leave the option out.\n"
    assert not list(tmp_path.iterdir())


def test_a_config_file_is_trained_and_an_option_wins_over_it(here: Any, tmp_path: Path) -> None:
    file = tmp_path / "run.toml"
    file.write_text('model = "mlp"\nschedule = "StepLR"\nstep-size = 3\nepochs = 2\nlr = 0.02\n')
    assert here("train", "--config", str(file), "--lr", "0.03", "--json")[0] == 0
    assert here("train", "--config", str(file), "--schedule", "none", "--json")[0] == 0
    with closing(Store(tmp_path)) as store:
        first, second = store.run(1), store.run(2)
    assert first.config == RunConfig(model="mlp", schedule=StepLR(step_size=3), epochs=2, lr=0.03)
    assert second.config == RunConfig(model="mlp", schedule=NoSchedule(), epochs=2, lr=0.02)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("patiance = 3", "There is no setting 'patiance'."),
        ("lr = true", "Learning rate must be a number above 0 and at most 100."),
        ("epochs = [1, 2]", "Epochs must be a whole number from 1 to 10,000."),
        ("lr", "is no TOML"),
    ],
)
def test_a_config_file_that_cannot_be_is_one_sentence_and_nothing_starts(
    here: Any, tmp_path: Path, content: str, said: str
) -> None:
    (tmp_path / "run.toml").write_text(content)
    code, _, error = here("train", "--config", str(tmp_path / "run.toml"))
    assert (code, len(error.splitlines())) == (2, 1)
    assert said in error
    assert not (tmp_path / "lrscope.sqlite").exists()
