"""A scheduler's steps as the spool has them: what the state was before and after."""

import copy
import math
import pickle
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch._dynamo.testing import CompileCounter
from torch.optim import lr_scheduler

from tests.watch.spools import line, lines
from trainer.watch import WatchWarning, watch

METRICS = [1.0, 0.5, 0.5, 0.5, 0.5]


def plateau(optimizer: torch.optim.Optimizer) -> Any:
    return lr_scheduler.ReduceLROnPlateau(optimizer, patience=1, factor=0.1)


def states(
    build: Callable[[Any], Any], optimizer: torch.optim.Optimizer, metrics: list[float]
) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """(before, after) of each step of a scheduler that nobody watches."""
    scheduler = build(optimizer)
    for metric in metrics:
        before = {"lr": optimizer.param_groups[0]["lr"], **scheduler.state_dict()}
        scheduler.step(metric)
        yield before, {"lr": optimizer.param_groups[0]["lr"], **scheduler.state_dict()}


@pytest.mark.parametrize("order", ["before", "after", "after, with batches"])
def test_each_epochs_step_is_seen_wherever_the_loop_has_it(tmp_path, optimizer, batch, order):
    scheduler = plateau(optimizer)
    with watch("mine", scheduler, home=tmp_path) as scope:
        for metric in METRICS:
            loss = batch()
            if "batches" in order:
                scope.batch(loss)
            if order == "before":
                scheduler.step(metric)
            scope.epoch(val_loss=metric)
            if order != "before":
                scheduler.step(metric)
    parameter = torch.nn.Parameter(torch.ones(1))
    expected = list(states(plateau, torch.optim.SGD([parameter], lr=0.1), METRICS))
    epochs = lines(tmp_path, "epoch")
    assert [epoch["stepped"] for epoch in epochs] == [1] * len(METRICS)
    for epoch, metric, (before, after) in zip(epochs, METRICS, expected, strict=True):
        step = epoch["step"]
        assert step["metric"] == metric
        for seen, wanted in ((step["before"], before), (step["after"], after)):
            assert seen["lrs"] == [wanted["lr"]]
            for name in ("best", "num_bad_epochs", "cooldown_counter", "last_epoch"):
                assert seen["state"][name] == wanted[name]
        assert (epoch["lr"], epoch["next_lrs"]) == (before["lr"], [after["lr"]])


@pytest.mark.parametrize("order", ["before", "after"])
def test_a_step_every_other_epoch_belongs_to_its_own(tmp_path, optimizer, batch, order):
    scheduler = plateau(optimizer)
    with watch("mine", scheduler, home=tmp_path) as scope:
        for epoch in range(6):
            batch()
            if epoch % 2 and order == "before":
                scheduler.step(float(epoch))
            scope.epoch()
            if epoch % 2 and order == "after":
                scheduler.step(float(epoch))
    seen = [(e["stepped"], e["step"] and e["step"]["metric"]) for e in lines(tmp_path, "epoch")]
    assert seen == [(0, None), (1, 1.0), (0, None), (1, 3.0), (0, None), (1, 5.0)]


@pytest.mark.parametrize("order", ["scheduler first", "scope first"])
def test_of_a_schedule_that_steps_each_batch_the_last_step_and_all_lrs_are_known(
    tmp_path, optimizer, batch, order
):
    scheduler = lr_scheduler.OneCycleLR(optimizer, max_lr=0.1, total_steps=12)
    used = []
    with watch("mine", scheduler, home=tmp_path) as scope:
        for _ in range(3):
            for _ in range(4):
                used.append(optimizer.param_groups[0]["lr"])
                loss = batch()
                if order == "scope first":
                    scope.batch(loss)
                scheduler.step()
                if order == "scheduler first":
                    scope.batch(loss)
            scope.epoch()
    epochs = lines(tmp_path, "epoch")
    assert [(e["lr"], e["lr_last"]) for e in epochs] == [(used[i], used[i + 3]) for i in (0, 4, 8)]
    assert [e["next_lrs"][0] for e in epochs[:2]] == [used[4], used[8]]
    assert [e["stepped"] for e in epochs] == [4, 4, 4]
    step = epochs[0]["step"]
    assert step["before"]["lrs"] == [used[3]]
    assert step["after"]["groups"][0]["momentum"] != step["before"]["groups"][0]["momentum"]
    assert all(lr in used for e in epochs for _, _, lr in e["trace"])


def test_each_schedule_in_a_sequence_is_known_before_and_after(tmp_path, optimizer, batch):
    warm = lr_scheduler.LinearLR(optimizer, start_factor=0.1, total_iters=2)
    main = lr_scheduler.ChainedScheduler(
        [lr_scheduler.CosineAnnealingLR(optimizer, 5), lr_scheduler.ConstantLR(optimizer)]
    )
    scheduler = lr_scheduler.SequentialLR(optimizer, [warm, main], milestones=[5])
    with watch("mine", scheduler, home=tmp_path) as scope:
        for _ in range(2):
            batch()
            scheduler.step()
            scope.epoch()
    described = line(tmp_path, "start")["scheduler"]
    assert described["state"]["_milestones"] == [5]
    assert [part["class"] for part in described["parts"]] == ["LinearLR", "ChainedScheduler"]
    assert [part["class"] for part in described["parts"][1]["parts"]] == [
        "CosineAnnealingLR",
        "ConstantLR",
    ]
    first, second = (epoch["step"] for epoch in lines(tmp_path, "epoch"))
    assert first["before"]["parts"][0]["state"]["last_epoch"] == 0
    assert first["after"]["parts"][0]["state"]["last_epoch"] == 1
    assert second["after"]["parts"][1]["parts"][0]["state"]["T_max"] == 5


def test_milestones_are_part_of_the_state(tmp_path, optimizer):
    with watch("mine", lr_scheduler.MultiStepLR(optimizer, [30, 80]), home=tmp_path):
        pass
    state = line(tmp_path, "start")["scheduler"]["state"]
    assert state["milestones"] == {"30": 1, "80": 1}


class HandMade:
    def __init__(self, optimizer: Any) -> None:
        self.optimizer = optimizer
        self.rule: Callable[[float], float] = lambda lr: lr / 2
        self.seen: list[float] = []

    def step(self) -> None:
        group = self.optimizer.param_groups[0]
        self.seen.append(group["lr"])
        group["lr"] = self.rule(group["lr"])


def test_a_hand_made_scheduler_is_seen_by_what_it_does(tmp_path, optimizer, batch):
    scheduler = HandMade(optimizer)
    with watch("mine", scheduler, home=tmp_path) as scope:
        for _ in range(2):
            batch()
            scheduler.step()
            scope.epoch()
    epochs = lines(tmp_path, "epoch")
    assert [epoch["lr"] for epoch in epochs] == [0.1, 0.05]
    assert epochs[1]["step"]["before"]["state"] == {"seen": [0.1]}
    assert epochs[1]["step"]["after"]["state"] == {"seen": [0.1, 0.05]}


def test_without_a_scheduler_the_optimizers_lr_is_recorded(tmp_path, optimizer, batch):
    with watch("mine", optimizer=optimizer, home=tmp_path) as scope:
        for lr in (0.1, 0.2):
            optimizer.param_groups[0]["lr"] = lr
            batch()
            scope.epoch()
            assert lines(tmp_path, "epoch")[-1]["lr"] == lr  # written at once
    assert line(tmp_path, "start")["scheduler"] is None


def test_all_groups_lrs_are_kept(tmp_path):
    parameters = [torch.nn.Parameter(torch.ones(1)) for _ in range(2)]
    groups = [{"params": [p], "lr": lr} for p, lr in zip(parameters, (0.1, 0.01), strict=True)]
    optimizer = torch.optim.SGD(groups, lr=0.1)
    scheduler = lr_scheduler.ExponentialLR(optimizer, gamma=0.5)
    with watch("mine", scheduler, home=tmp_path) as scope:
        optimizer.step()
        scheduler.step()
        scope.epoch()
    epoch = line(tmp_path, "epoch")
    assert (epoch["lrs"], epoch["next_lrs"]) == ([0.1, 0.01], [0.05, 0.005])
    assert epoch["step"]["before"]["lrs"] == [0.1, 0.01]
    assert [group["lr"] for group in epoch["step"]["after"]["groups"]] == [0.05, 0.005]


def test_a_learning_rate_in_a_tensor_is_a_number_of_its_moment(tmp_path):
    lr = torch.tensor(0.5)
    optimizer = torch.optim.Adam([torch.nn.Parameter(torch.ones(1))], lr=lr)
    scheduler = lr_scheduler.ExponentialLR(optimizer, gamma=0.5)
    with watch("mine", scheduler, home=tmp_path) as scope:
        for _ in range(2):
            optimizer.step()
            scheduler.step()
            scope.epoch()
    epochs = lines(tmp_path, "epoch")
    assert [(e["lr"], e["next_lrs"]) for e in epochs] == [(0.5, [0.25]), (0.25, [0.125])]
    assert [e["step"]["before"]["lrs"] for e in epochs] == [[0.5], [0.25]]


def test_what_json_has_no_word_for_is_left_out(tmp_path, optimizer, batch):
    scheduler = lr_scheduler.LambdaLR(optimizer, lambda epoch: 1 / (epoch + 1))
    with watch("mine", scheduler, home=tmp_path) as scope:
        batch()
        scheduler.step()
        scope.epoch()
    state = line(tmp_path, "epoch")["step"]["after"]["state"]
    assert "lr_lambdas" not in state
    assert state["base_lrs"] == [0.1]


def test_states_copies_and_pickles_are_those_of_a_scheduler_that_nobody_watches(
    tmp_path, optimizer
):
    scheduler = plateau(optimizer)
    state, pickled = scheduler.state_dict(), pickle.dumps((scheduler, optimizer))
    with watch("mine", scheduler, home=tmp_path):
        assert scheduler.state_dict() == state
        assert vars(scheduler).keys() == vars(plateau(optimizer)).keys()
        assert pickle.dumps((scheduler, optimizer)) == pickled
        loaded, its_optimizer = pickle.loads(pickled)
        for other in (copy.deepcopy(scheduler), loaded):
            assert other.state_dict() == state
            other.step(1.0)
        copied = copy.deepcopy(optimizer)
        assert copied.state_dict() == optimizer.state_dict() == its_optimizer.state_dict()
        copied.step()
    assert not lines(tmp_path, "epoch")


def own_step() -> dict[type, Any]:
    return {cls: vars(cls).get("step") for cls in vars(lr_scheduler).values() if type(cls) is type}


def hooks(optimizer: torch.optim.Optimizer) -> list[Any]:
    return list(optimizer._optimizer_step_pre_hooks.values())


def test_closed_it_leaves_classes_and_hooks_as_they_were(tmp_path, optimizer):
    before, hooked = own_step(), hooks(optimizer)
    for scheduler in (plateau(optimizer), lr_scheduler.StepLR(optimizer, 5)):  # own and inherited
        with watch("mine", scheduler, home=tmp_path):
            assert own_step() != before
            assert hooks(optimizer) != hooked
        assert own_step() == before
        assert hooks(optimizer) == hooked


def test_two_scopes_at_once_see_each_its_own(tmp_path):
    homes = [tmp_path / "first", tmp_path / "second"]
    parameters = [[torch.nn.Parameter(torch.ones(1))] for _ in homes]
    optimizers = [torch.optim.SGD(p, lr=0.1) for p in parameters]
    schedulers = [lr_scheduler.StepLR(optimizer, 1) for optimizer in optimizers]
    before = own_step()
    first, second = (watch("mine", s, home=h) for s, h in zip(schedulers, homes, strict=True))
    for _ in range(2):
        for optimizer, scheduler in zip(optimizers, schedulers, strict=True):
            optimizer.step()
            scheduler.step()
        schedulers[1].step()
        first.epoch()
        second.epoch()
    first.close()
    schedulers[1].step()
    second.epoch()
    second.close()
    assert [[e["stepped"] for e in lines(home, "epoch")] for home in homes] == [[1, 1], [2, 2, 1]]
    assert own_step() == before


def test_two_scopes_may_watch_one_scheduler(tmp_path, optimizer, batch):
    scheduler = plateau(optimizer)
    homes = [tmp_path / "outer", tmp_path / "inner"]
    with watch("outer", scheduler, home=homes[0]) as outer:
        with watch("inner", scheduler, home=homes[1]) as inner:
            batch()
            scheduler.step(1.0)
            inner.epoch()
        outer.epoch()
        batch()
        scheduler.step(2.0)
        outer.epoch()
    assert [[e["stepped"] for e in lines(home, "epoch")] for home in homes] == [[1, 1], [1]]


class Longer(lr_scheduler.StepLR):
    def step(self, epoch: int | None = None) -> None:
        super().step(epoch)


def test_a_step_that_calls_its_parents_is_one_step(tmp_path, optimizer, batch):
    longer, plain = Longer(optimizer, 1), lr_scheduler.StepLR(optimizer, 1)
    homes = [tmp_path / "longer", tmp_path / "plain"]
    with watch("a", longer, home=homes[0]) as one, watch("b", plain, home=homes[1]) as other:
        batch()
        longer.step()
        one.epoch()
        other.epoch()
    assert [line(home, "epoch")["stepped"] for home in homes] == [1, 0]


class Failing(HandMade):
    def step(self) -> None:
        if len(self.seen) == 1:
            self.seen.append(math.nan)
            raise RuntimeError("of the scheduler's")
        super().step()


def test_what_a_step_raises_comes_out_of_it_and_the_next_one_is_seen(tmp_path, optimizer):
    scheduler = Failing(optimizer)
    with watch("mine", scheduler, home=tmp_path) as scope:
        scheduler.step()
        with pytest.raises(RuntimeError, match="of the scheduler's"):
            scheduler.step()
        scheduler.step()
        scope.epoch()
    assert line(tmp_path, "epoch")["stepped"] == 2


def test_a_scheduler_whose_steps_cannot_be_seen_is_said_to_be_one(tmp_path, optimizer, batch):
    scheduler = lr_scheduler.StepLR(optimizer, 1)
    vars(scheduler)["step"] = scheduler.step  # as some libraries do
    with watch("mine", scheduler, home=tmp_path) as scope:
        batch()
        scheduler.step()
        scope.epoch()
    assert "cannot be seen" in line(tmp_path, "warned")["sentence"]
    epoch = line(tmp_path, "epoch")
    assert (epoch["lr"], epoch["next_lrs"], epoch["step"]) == (0.1, [pytest.approx(0.01)], None)


class Bare:
    """An optimizer as other libraries have them: nothing but its groups."""

    def __init__(self) -> None:
        self.param_groups = [{"lr": 0.1}]


def test_an_optimizer_without_hooks_has_the_lrs_between_the_steps(tmp_path):
    optimizer = Bare()
    scheduler = HandMade(optimizer)
    with watch("mine", scheduler, home=tmp_path) as scope:
        for _ in range(2):
            for _ in range(2):
                scheduler.step()
            scope.epoch()
    seen = [(e["lr"], e["lr_last"], e["next_lrs"]) for e in lines(tmp_path, "epoch")]
    assert seen == [(0.1, 0.05, [0.025]), (0.025, 0.0125, [0.00625])]


def test_what_has_no_learning_rate_is_not_watched(tmp_path):
    with pytest.warns(WatchWarning, match="nothing of this training is recorded: give watch"):
        scope = watch("mine", home=tmp_path)
    assert list(scope.epochs(2)) == [0, 1]
    scope.epoch(loss=1.0)
    scope.close()
    assert not (tmp_path / "watched").exists()


def compiled(optimizer: torch.optim.Optimizer) -> int:
    """Step it twice, compiled; the pieces that it was compiled in."""
    torch._dynamo.reset()
    counter = CompileCounter()
    step = torch.compile(optimizer.step, backend=counter)
    for _ in range(2):
        step()
    return counter.frame_count


def test_a_compiled_step_of_the_optimizer_is_compiled_as_if_nobody_watched(tmp_path):
    def optimizer() -> torch.optim.Optimizer:
        parameter = torch.nn.Parameter(torch.ones(1))
        parameter.grad = torch.ones(1)
        return torch.optim.Adam([parameter], lr=torch.tensor(0.5))

    plain = compiled(optimizer())
    with watch("mine", optimizer=(watched := optimizer()), home=tmp_path) as scope:
        assert compiled(watched) == plain
        scope.epoch()
    assert line(tmp_path, "epoch")["lr"] == 0.5
