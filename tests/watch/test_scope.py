"""The two lines in a loop, and what they write."""

import copy
import json
import pickle
import subprocess
import threading
import time

import pytest
import torch
from torch.optim import lr_scheduler

from tests.bench.turns import until
from tests.forked import python
from tests.watch.spools import ask, line, lines, spool
from trainer.watch import Scope, watch


def test_a_loop_is_written_from_its_start_to_its_end(tmp_path, optimizer, batch):
    scheduler = lr_scheduler.ExponentialLR(optimizer, gamma=0.5)
    with watch("mine", scheduler, home=tmp_path, monitor="val_loss", batches=3) as scope:
        for epoch in scope.epochs(2):
            for _ in range(3):
                scope.batch(batch())
            scheduler.step()
            scope.log(seen=7)
            scope.epoch(val_loss=1 / (epoch + 1))
    start = line(tmp_path, "start")
    assert (start["spool"], start["name"], start["monitor"]) == (1, "mine", "val_loss")
    assert (start["epochs"], start["batches"], start["locked"]) == (None, 3, True)
    assert start["torch"] == torch.__version__
    assert start["optimizer"]["class"] == "SGD"
    assert start["optimizer"]["groups"][0]["momentum"] == 0.9
    assert start["scheduler"]["module"] == "torch.optim.lr_scheduler"
    assert start["scheduler"]["state"]["gamma"] == 0.5
    assert line(tmp_path, "planned")["epochs"] == 2
    epochs = lines(tmp_path, "epoch")
    assert [e["epoch"] for e in epochs] == [1, 2]
    assert [e["metrics"] for e in epochs] == [
        {"val_loss": 1.0, "seen": 7},
        {"val_loss": 0.5, "seen": 7},
    ]
    assert [(e["lr"], e["lr_last"], e["next_lrs"]) for e in epochs] == [
        (0.1, 0.1, [0.05]),
        (0.05, 0.05, [0.025]),
    ]
    assert [(e["batches"], e["stepped"]) for e in epochs] == [(3, 1), (3, 1)]
    assert lines(tmp_path)[-1] == {"kind": "end", "status": "finished", "reason": None}


def test_the_files_are_private_to_the_user(tmp_path, optimizer):
    with watch("mine", optimizer=optimizer, home=tmp_path / "home"):
        made = sorted((tmp_path / "home" / "watched").iterdir())
    assert {path.suffix for path in made} == {".lock", ".jsonl"}
    assert {path.stat().st_mode & 0o777 for path in made} == {0o600}
    assert made[0].parent.stat().st_mode & 0o777 == 0o700


def test_the_home_is_the_one_of_the_environment(tmp_path, optimizer, monkeypatch):
    monkeypatch.setenv("LRSCOPE_HOME", str(tmp_path))
    watch("mine", optimizer=optimizer).close()
    assert line(tmp_path, "end")


def test_a_loop_that_resumes_numbers_its_epochs_from_where_it_was(tmp_path, optimizer):
    with watch("mine", optimizer=optimizer, home=tmp_path) as scope:
        epochs = scope.epochs(50, start=47)
        assert len(epochs) == 3
        for _ in epochs:
            scope.epoch(loss=1.0)
    kinds = [found["kind"] for found in lines(tmp_path)]
    assert kinds.index("first") < kinds.index("epoch")
    assert line(tmp_path, "first")["epoch"] == 48
    assert line(tmp_path, "planned")["epochs"] == 50
    assert [found["epoch"] for found in lines(tmp_path, "epoch")] == [48, 49, 50]


def test_a_second_loop_goes_on_counting(tmp_path, optimizer):
    with watch("mine", optimizer=optimizer, home=tmp_path) as scope:
        for count in (2, 3):
            for _ in scope.epochs(count):
                scope.epoch()
    assert [found["epochs"] for found in lines(tmp_path, "planned")] == [2, 5]
    assert [found["epoch"] for found in lines(tmp_path, "epoch")] == [1, 2, 3, 4, 5]


def test_progress_within_an_epoch_has_its_losses(tmp_path, optimizer, batch):
    with watch("mine", optimizer=optimizer, home=tmp_path) as scope:
        loss = batch()
        scope.batch(torch.tensor(loss))
        scope.epoch()
    assert line(tmp_path, "progress") == {
        "kind": "progress",
        "epoch": 1,
        "batch": 1,
        "lr": 0.1,
        "trace": [[0, loss, 0.1]],
    }
    assert line(tmp_path, "epoch")["trace"] == [[0, loss, 0.1]]


def test_a_loss_that_comes_now_and_then_is_in_the_trace(tmp_path, optimizer):
    with watch("mine", optimizer=optimizer, home=tmp_path) as scope:
        for loss in (3.0, 2.0, 1.0):
            scope.batch()  # as in a library that tells the loss of some batches only
            scope.batch()
            until(lambda: time.monotonic() >= scope._training._trace.due)
            scope.batch(loss)
        scope.epoch()
    assert line(tmp_path, "epoch")["trace"] == [[2, 3.0, 0.1], [5, 2.0, 0.1], [8, 1.0, 0.1]]


def test_a_training_that_never_tells_an_epoch_is_told_to(tmp_path, optimizer, batch):
    with watch("mine", optimizer=optimizer, home=tmp_path) as scope:
        scope.batch(batch())
    end = line(tmp_path, "end")
    assert end["status"] == "finished"
    assert "call scope.epoch()" in end["reason"]


@pytest.mark.usefixtures("looks_always")
def test_stop_ends_the_loop_and_the_code_after_it_runs(tmp_path, optimizer):
    seen, goes_on = [], False
    with watch("mine", optimizer=optimizer, home=tmp_path) as scope:
        for epoch in scope.epochs(50):
            seen.append(epoch)
            scope.epoch()
            if epoch == 1:
                number = ask(tmp_path, "stop")
        goes_on = True
    assert seen == [0, 1]
    assert goes_on
    assert line(tmp_path, "start")["controls"] == []
    assert [found["controls"] for found in lines(tmp_path, "controls")] == [["stop"], []]
    assert line(tmp_path, "obeyed")["command"] == number
    assert line(tmp_path, "end") == {"kind": "end", "status": "stopped", "reason": None}


@pytest.mark.usefixtures("looks_always")
def test_a_loop_of_ones_own_asks_whether_to_stop(tmp_path, optimizer):
    scope = watch("mine", optimizer=optimizer, home=tmp_path)
    assert not scope.stopping
    assert line(tmp_path, "controls")["controls"] == ["stop"]
    ask(tmp_path, "stop")
    assert scope.stopping
    scope.close()
    assert line(tmp_path, "end")["status"] == "stopped"


def test_what_the_loop_raises_comes_out_of_it_and_is_its_end(tmp_path, optimizer):
    with (
        pytest.raises(RuntimeError, match="of my own"),
        watch("mine", optimizer=optimizer, home=tmp_path),
    ):
        raise RuntimeError("of my own")
    assert line(tmp_path, "end") == {
        "kind": "end",
        "status": "failed",
        "reason": "RuntimeError: of my own",
    }


def test_an_interrupt_from_the_keyboard_stops_it(tmp_path, optimizer):
    with pytest.raises(KeyboardInterrupt), watch("mine", optimizer=optimizer, home=tmp_path):
        raise KeyboardInterrupt
    assert line(tmp_path, "end")["status"] == "stopped"


UNCLOSED = """
import sys, torch
from trainer.watch import watch
optimizer = torch.optim.SGD([torch.zeros(1)], lr=0.1)
sys.kept = scope = watch("mine", optimizer=optimizer, home=sys.argv[1])
for epoch in scope.epochs(2):
    scope.epoch()
    if sys.argv[2] == "error" and epoch:
        raise ValueError("of my own")
    if sys.argv[2] == "early":
        break
"""


@pytest.mark.parametrize(
    ("how", "status", "reason"),
    [
        ("whole", "finished", None),
        ("early", "stopped", "The program ended."),
        ("error", "failed", "ValueError: of my own"),
    ],
)
def test_a_program_that_ends_without_closing_ends_the_run(tmp_path, how, status, reason):
    with python("-c", UNCLOSED, tmp_path, how, stderr=subprocess.PIPE) as process:
        assert (process.wait() == 0) == (how != "error"), process.stderr.read()
    assert line(tmp_path, "end") == {"kind": "end", "status": status, "reason": reason}


def test_a_scope_that_is_let_go_ends_its_run_and_leaves_the_class_as_it_was(tmp_path, optimizer):
    scheduler = lr_scheduler.StepLR(optimizer, 5)
    scope = watch("mine", scheduler, home=tmp_path)
    assert "step" in vars(lr_scheduler.StepLR)
    del scope
    assert line(tmp_path, "end")["status"] == "stopped"
    assert "step" not in vars(lr_scheduler.StepLR)


def test_a_closed_scope_records_nothing_and_still_loops(tmp_path, optimizer):
    scope = watch("mine", optimizer=optimizer, home=tmp_path)
    scope.close()
    before = spool(tmp_path).read_bytes()
    assert list(scope.epochs(3)) == [0, 1, 2]
    scope.batch(1.0)
    scope.log(a=1)
    scope.epoch(a=1)
    scope.close("failed")
    assert not scope.stopping
    assert spool(tmp_path).read_bytes() == before


def test_any_thread_may_call_it(tmp_path, optimizer, batch):
    scope = watch("mine", optimizer=optimizer, home=tmp_path)

    def train() -> None:
        scope.batch(batch())
        scope.epoch(loss=1.0)

    thread = threading.Thread(target=train)
    thread.start()
    thread.join()
    scope.close()
    assert line(tmp_path, "epoch")["metrics"] == {"loss": 1.0}


def test_a_copy_of_a_scope_records_nothing(tmp_path, optimizer):
    with watch("mine", optimizer=optimizer, home=tmp_path) as scope:
        for other in (copy.deepcopy(scope), pickle.loads(pickle.dumps(scope))):
            assert isinstance(other, Scope)
            other.epoch(loss=1.0)
            other.close()
    assert not lines(tmp_path, "epoch")


def test_numbers_come_back_exactly(tmp_path, optimizer):
    values = {"tiny": 5e-324, "third": 1 / 3, "nan": float("nan"), "inf": float("inf")}
    with watch("mine", optimizer=optimizer, home=tmp_path) as scope:
        scope.epoch(**values)
    assert json.dumps(line(tmp_path, "epoch")["metrics"]) == json.dumps(values)


def test_a_loop_that_breaks_off_can_no_longer_be_stopped(tmp_path, optimizer):
    with watch("mine", optimizer=optimizer, home=tmp_path) as scope:
        for _ in scope.epochs(50):
            break
        assert [found["controls"] for found in lines(tmp_path, "controls")] == [["stop"], []]
