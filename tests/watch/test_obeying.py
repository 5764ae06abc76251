"""What the page asks of a watched training."""

import json
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch.optim import lr_scheduler

from tests.bench.turns import until
from tests.watch.spools import ask, line, lines, spool
from trainer.watch import watch

pytestmark = pytest.mark.usefixtures("looks_always")

BY_HAND = ["pause", "unpause", "step", "lr", "scale", "cut"]


def test_without_permission_nothing_but_stop_is_obeyed(tmp_path, optimizer):
    with watch("mine", optimizer=optimizer, home=tmp_path) as scope:
        for epoch in scope.epochs(2):
            if not epoch:
                ask(tmp_path, "lr", 0.5)
            scope.epoch()
    assert "control=True" in line(tmp_path, "refused")["reason"]
    assert optimizer.param_groups[0]["lr"] == 0.1


def test_a_loop_that_cannot_be_stopped_says_so(tmp_path, optimizer):
    with watch("mine", optimizer=optimizer, control=True, home=tmp_path) as scope:
        numbers = [ask(tmp_path, "stop"), ask(tmp_path, "epochs", 5)]
        scope.epoch()
    assert line(tmp_path, "start")["controls"] == BY_HAND
    refused = lines(tmp_path, "refused")
    assert [found["command"] for found in refused] == numbers
    assert all("scope.epochs" in found["reason"] for found in refused)


def test_with_permission_and_epochs_all_is_obeyed(tmp_path, optimizer):
    with watch("mine", optimizer=optimizer, control=True, home=tmp_path) as scope:
        scope.epochs(2)
    assert lines(tmp_path, "controls")[0]["controls"] == ["stop", *BY_HAND, "epochs"]


def test_a_change_is_told_with_its_batch_and_the_lrs_around_it(tmp_path, optimizer, batch):
    with watch("mine", optimizer=optimizer, control=True, home=tmp_path) as scope:
        scope.epoch()
        scope.batch(batch())
        number = ask(tmp_path, "scale", 0.5)
        scope.batch(batch())
        scope.batch(batch())
        scope.epoch()
    assert line(tmp_path, "intervened") == {
        "kind": "intervened",
        "command": number,
        "epoch": 2,
        "batch": 2,
        "name": "scale",
        "value": 0.5,
        "lr_before": 0.1,
        "lr_after": 0.05,
    }
    last = lines(tmp_path, "epoch")[-1]
    assert (last["lr"], last["lr_last"]) == (0.1, 0.05)


def test_after_an_epoch_it_stands_between_the_epochs(tmp_path, optimizer, batch):
    """Also where the scheduler steps after `epoch`: the epoch's own line is first."""
    scheduler = lr_scheduler.ExponentialLR(optimizer, 0.5)
    with watch("mine", scheduler, control=True, home=tmp_path) as scope:
        for epoch in range(2):
            batch()
            if not epoch:
                ask(tmp_path, "lr", 0.7)
            scope.epoch()
            scheduler.step()
    kinds = ("epoch", "intervened")
    found = [(each["kind"], each["epoch"]) for each in lines(tmp_path, *kinds)]
    assert found == [("epoch", 1), ("intervened", 2), ("epoch", 2)]
    assert line(tmp_path, "intervened")["lr_before"] == 0.05
    assert [each["lr"] for each in lines(tmp_path, "epoch")] == [0.1, 0.7]


def test_a_loop_that_never_steps_its_scheduler_still_obeys(tmp_path, optimizer, batch):
    scheduler = lr_scheduler.ExponentialLR(optimizer, 0.5)
    with watch("mine", scheduler, control=True, home=tmp_path) as scope:
        for epoch in range(3):
            batch()
            if not epoch:
                ask(tmp_path, "lr", 0.7)
            scope.epoch()
    assert [each["lr"] for each in lines(tmp_path, "epoch")] == [0.1, 0.1, 0.7]


def test_epochs_are_added_to_the_loop(tmp_path, optimizer):
    seen = []
    with watch("mine", optimizer=optimizer, control=True, home=tmp_path) as scope:
        for epoch in scope.epochs(2):
            seen.append(epoch)
            if not epoch:
                ask(tmp_path, "epochs", 3)
            scope.epoch()
    assert seen == [0, 1, 2, 3, 4]
    assert [each["epochs"] for each in lines(tmp_path, "planned")] == [2, 5]
    assert line(tmp_path, "intervened")["value"] == 3


def test_a_schedule_of_a_fixed_length_refuses_more_epochs(tmp_path, optimizer):
    scheduler = lr_scheduler.OneCycleLR(optimizer, 0.1, total_steps=1200)
    with watch("mine", scheduler, control=True, home=tmp_path) as scope:
        for _ in scope.epochs(1):
            ask(tmp_path, "epochs", 3)
    assert "1,200 steps" in line(tmp_path, "refused")["reason"]


def paused(tmp_path: Path, loop: Callable[[], None]) -> threading.Thread:
    """Run the loop in a thread until it is paused."""
    thread = threading.Thread(target=loop)
    thread.start()
    until(lambda: bool(lines(tmp_path, "paused")))
    return thread


def test_a_paused_training_waits_says_so_and_does_not_count_the_wait(
    tmp_path, optimizer, capfd, monkeypatch
):
    from trainer.watch import obeying

    monkeypatch.setattr(obeying, "EVERY", 0.001)
    scope = watch("mine", optimizer=optimizer, control=True, home=tmp_path)
    ask(tmp_path, "pause")
    thread = paused(tmp_path, lambda: scope.batch(1.0))
    number = ask(tmp_path, "lr", 0.5)
    until(lambda: bool(lines(tmp_path, "intervened")))
    assert thread.is_alive()
    ask(tmp_path, "unpause")
    thread.join()
    scope.epoch()
    waited = scope._training.obeying.paused_for
    scope.close()
    assert line(tmp_path, "intervened")["command"] == number
    assert line(tmp_path, "unpaused")
    error = capfd.readouterr().err
    assert error.count("\n") == 1
    assert "mine is paused" in error
    assert waited > 0
    start, epoch = line(tmp_path, "start"), line(tmp_path, "epoch")
    assert epoch["seconds"] <= epoch["at"] - start["at"] - waited + 0.01


def test_a_step_goes_on_to_the_end_of_an_epoch(tmp_path, optimizer, batch):
    scope = watch("mine", optimizer=optimizer, control=True, home=tmp_path)
    ask(tmp_path, "step")

    def loop() -> None:
        for _ in range(2):
            scope.batch(batch())
            scope.batch(batch())
            scope.epoch()

    thread = paused(tmp_path, loop)
    assert line(tmp_path, "epoch")["epoch"] == 1
    ask(tmp_path, "unpause")
    thread.join()
    scope.close()
    assert len(lines(tmp_path, "epoch")) == 2


def test_stop_ends_a_pause(tmp_path, optimizer):
    scope = watch("mine", optimizer=optimizer, control=True, home=tmp_path)
    seen = []

    def loop() -> None:
        for epoch in scope.epochs(5):
            seen.append(epoch)
            if not epoch:
                ask(tmp_path, "pause")
            scope.epoch()

    thread = paused(tmp_path, loop)
    ask(tmp_path, "stop")
    thread.join()
    scope.close()
    assert seen == [0]


def deleted(folder: Path, waits: threading.Thread) -> None:
    """Delete what a paused training has written, and wait until it goes on."""
    for path in folder.iterdir():
        path.unlink()
    waits.join()


def test_a_pause_whose_record_is_deleted_is_over(tmp_path, optimizer):
    scope = watch("mine", optimizer=optimizer, control=True, home=tmp_path)
    ask(tmp_path, "pause")
    thread = paused(tmp_path, lambda: scope.batch(1.0))
    with pytest.warns(UserWarning, match="deleted"):
        deleted(tmp_path / "watched", thread)


def test_a_command_that_is_half_written_or_no_command_waits_or_is_passed_over(tmp_path, optimizer):
    with watch("mine", optimizer=optimizer, control=True, home=tmp_path) as scope:
        path = spool(tmp_path).with_suffix(".commands.jsonl")
        whole = json.dumps({"id": 3, "name": "lr", "value": 0.5})
        path.write_text('no json\n[]\n{"id": 1}\n' + whole[:10])
        scope.batch()
        assert not lines(tmp_path, "intervened")
        with path.open("a") as file:
            file.write(whole[10:] + "\n")
        scope.batch()
        scope.batch()
    assert line(tmp_path, "intervened")["command"] == 3


def test_a_command_that_fails_is_refused(tmp_path, optimizer):
    with watch("mine", optimizer=optimizer, control=True, home=tmp_path) as scope:
        for name, value in (("lr", "much"), ("dance", None)):
            ask(tmp_path, name, value)
        scope.batch()
    assert len(lines(tmp_path, "refused")) == 2


def test_of_several_processes_none_can_be_controlled_alone(tmp_path, optimizer, monkeypatch):
    monkeypatch.setenv("RANK", "0")
    monkeypatch.setenv("WORLD_SIZE", "4")
    with watch("mine", optimizer=optimizer, control=True, home=tmp_path) as scope:
        for _ in scope.epochs(2):
            ask(tmp_path, "lr", 0.5)
            scope.epoch()
        assert not scope.stopping
    assert line(tmp_path, "start")["controls"] == []
    assert not lines(tmp_path, "controls")
    assert "4 processes" in line(tmp_path, "warned")["sentence"]
    assert optimizer.param_groups[0]["lr"] == 0.1


def test_a_loss_on_no_device_is_not_needed(tmp_path):
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=0.1)
    with watch("mine", optimizer=optimizer, control=True, home=tmp_path) as scope:
        ask(tmp_path, "lr", 0.5)
        scope.batch()
    assert line(tmp_path, "intervened")["lr_after"] == 0.5


def test_an_optimizer_that_gives_copies_of_its_groups_refuses_a_change(tmp_path):
    class Copies:
        @property
        def param_groups(self) -> list[dict[str, float]]:
            return [{"lr": 0.1}]

    with watch("mine", optimizer=Copies(), control=True, home=tmp_path) as scope:
        ask(tmp_path, "scale", 0.5)
        scope.batch()
    assert "Copies did not take the learning rate" in line(tmp_path, "refused")["reason"]
    assert not lines(tmp_path, "intervened")
