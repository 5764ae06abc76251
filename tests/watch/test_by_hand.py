"""A learning rate that is set by hand is the one of the next batch, and every schedule of torch's
goes on from it with the same relative changes. The oracle is the same schedule, left alone.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.optim import lr_scheduler

from tests.schedule.by_torch import METRICS, SPECS, spec_id, torch_scheduler
from tests.watch.spools import ask, line, lines
from trainer.config import schedules
from trainer.config.traits import ScheduleSettings
from trainer.watch import Scope, watch

Build = Callable[[Any], Any]

LR, STEPS, ASKED_AFTER = 0.02, 10, 3
RATIO = 3.0


def sequential(optimizer: Any) -> Any:
    warm = lr_scheduler.LinearLR(optimizer, start_factor=0.1, total_iters=3)
    middle = lr_scheduler.ExponentialLR(optimizer, 0.9)
    restarts = lr_scheduler.CosineAnnealingWarmRestarts(optimizer, 3)
    return lr_scheduler.SequentialLR(optimizer, [warm, middle, restarts], milestones=[2, 6])


def chain_of_a_sequence(optimizer: Any) -> Any:
    parts = [sequential(optimizer), lr_scheduler.ConstantLR(optimizer, 0.5, total_iters=6)]
    return lr_scheduler.ChainedScheduler(parts)


def chained(optimizer: Any) -> Any:
    parts = [
        lr_scheduler.ConstantLR(optimizer, 0.5, total_iters=6),
        lr_scheduler.ExponentialLR(optimizer, 0.9),
    ]
    return lr_scheduler.ChainedScheduler(parts)


def of(spec: ScheduleSettings) -> Build:
    return lambda optimizer: torch_scheduler(spec, optimizer)


PLATEAU = schedules.ReduceLROnPlateau(factor=0.3, patience=1, cooldown=1)
BUILDS: dict[str, Build] = {spec_id(spec): of(spec) for spec in [*SPECS[:-1], PLATEAU]} | {
    "beyond T max": lambda o: lr_scheduler.CosineAnnealingLR(o, 5),
    "LambdaLR": lambda o: lr_scheduler.LambdaLR(o, lambda step: 1 / (step + 1)),
    "MultiplicativeLR": lambda o: lr_scheduler.MultiplicativeLR(o, lambda _: 0.9),
    "SequentialLR": sequential,
    "ChainedScheduler": chained,
    "ChainedScheduler of a SequentialLR": chain_of_a_sequence,
}


def two_groups() -> torch.optim.Optimizer:
    groups = [{"params": [torch.nn.Parameter(torch.ones(1))], "lr": LR} for _ in range(2)]
    return torch.optim.SGD(groups, lr=LR, momentum=0.9)


def step(scheduler: Any, i: int) -> None:
    if isinstance(scheduler, lr_scheduler.ReduceLROnPlateau):
        scheduler.step(METRICS[i])
    else:
        scheduler.step()


def left_alone(build: Build) -> tuple[list[float], float]:
    """The LR of each batch, and the schedule's lowest."""
    optimizer = two_groups()
    scheduler = build(optimizer)
    lrs = []
    for i in range(STEPS):
        lrs.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        step(scheduler, i)
    return lrs, getattr(scheduler, "eta_min", 0.0)


@pytest.mark.usefixtures("looks_always")
@pytest.mark.parametrize("order", ["scheduler first", "scope first"])
@pytest.mark.parametrize("unit", ["batch", "epoch"])
@pytest.mark.parametrize("name", BUILDS)
def test_the_lr_asked_for_is_in_force_and_the_schedule_goes_on_from_it(tmp_path, name, unit, order):
    expected, lowest = left_alone(BUILDS[name])
    optimizer = two_groups()
    scheduler = BUILDS[name](optimizer)
    used = []

    def tell(scope: Scope) -> None:
        if unit == "batch":
            scope.batch(1.0)
        else:
            scope.epoch(loss=1.0)

    with watch("mine", scheduler, control=True, home=tmp_path) as scope:
        for i in range(STEPS):
            used.append([group["lr"] for group in optimizer.param_groups])
            optimizer.step()
            if i == ASKED_AFTER:
                # Within an epoch the schedule's own step may lie between; at its end none does.
                between = unit == "batch" and order == "scope first"
                base = expected[i if between else i + 1]
                ask(tmp_path, "lr", base * RATIO)
            if order == "scope first":
                tell(scope)
            step(scheduler, i)
            if order == "scheduler first":
                tell(scope)
    factor = (base * RATIO - lowest) / (base - lowest)
    after = [lowest + (lr - lowest) * factor for lr in expected[ASKED_AFTER + 1 :]]
    if not between:
        assert used[ASKED_AFTER + 1][0] == base * RATIO
    wanted = expected[: ASKED_AFTER + 1] + after
    assert [lrs[0] for lrs in used] == pytest.approx(wanted, rel=1e-9)
    assert [lrs[1] for lrs in used] == [lrs[0] for lrs in used]
    done = line(tmp_path, "intervened")
    assert (done["lr_before"], done["lr_after"]) == (pytest.approx(base), base * RATIO)
    assert not lines(tmp_path, "warned")


def asked(scope: Scope, home: Path, name: str, value: float | None = None) -> None:
    """Ask for it after a batch."""
    ask(home, name, value)
    scope.batch(1.0)


@pytest.fixture
def watched(tmp_path, looks_always):  # noqa: ARG001 - it is to be in force
    """Watches a scheduler, and says how each group's LR is once something was asked for."""

    def watching(
        build: Build | None,
        optimizer: torch.optim.Optimizer,
        name: str,
        value: float | None = None,
        steps: int = 0,
    ) -> tuple[list[float], Any]:
        scheduler = build(optimizer) if build else None
        with watch("mine", scheduler, optimizer, control=True, home=tmp_path) as scope:
            optimizer.step()
            for i in range(steps):
                step(scheduler, i)
            asked(scope, tmp_path, name, value)
        return [float(group["lr"]) for group in optimizer.param_groups], scheduler

    return watching


def test_groups_keep_their_ratios(watched):
    optimizer = two_groups()
    optimizer.param_groups[1]["lr"] = LR / 10
    lrs, scheduler = watched(BUILDS["LambdaLR"], optimizer, "scale", 0.5, steps=1)
    assert lrs == [LR / 4, LR / 40]
    step(scheduler, 2)
    assert [g["lr"] for g in optimizer.param_groups] == pytest.approx([LR / 6, LR / 60])


def test_an_optimizer_without_a_scheduler_has_the_lr_asked_for(watched):
    assert watched(None, two_groups(), "lr", 0.5)[0] == [0.5, 0.5]


@pytest.mark.parametrize("name", ["ChainedScheduler", "SequentialLR", "beyond T max"])
def test_the_last_lr_that_a_scheduler_tells_is_the_one_in_force(watched, name):
    lrs, scheduler = watched(BUILDS[name], two_groups(), "lr", 0.5, steps=2)
    assert lrs == scheduler.get_last_lr() == [0.5, 0.5]


def test_a_learning_rate_in_a_tensor_is_filled_in_place(watched):
    lr = torch.tensor(0.5, dtype=torch.float64)
    optimizer = torch.optim.Adam([torch.nn.Parameter(torch.ones(1))], lr=lr)
    held = optimizer.param_groups[0]["lr"]
    _, scheduler = watched(BUILDS["LambdaLR"], optimizer, "lr", 0.25)
    assert optimizer.param_groups[0]["lr"] is held
    assert held == 0.25
    step(scheduler, 1)
    assert held == pytest.approx(0.125)


@pytest.mark.parametrize(
    ("build", "steps", "value", "reason"),
    [
        (lambda o: lr_scheduler.PolynomialLR(o, 2), 2, 0.1, "is 0 at this moment"),
        (lambda o: lr_scheduler.CosineAnnealingLR(o, 3, 0.01), 3, 0.1, "at its lowest"),
        (lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, 3, 1, 0.01), 1, 0.01, "for more"),
        (BUILDS["LambdaLR"], 1, -1.0, "must be a number above 0"),
        (BUILDS["LambdaLR"], 1, float("nan"), "must be a number above 0"),
        (BUILDS["LambdaLR"], 1, None, "Say which"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence_and_changes_nothing(
    watched, tmp_path, build, steps, value, reason
):
    expected = two_groups()
    twin = build(expected)
    expected.step()
    for i in range(steps):
        step(twin, i)
    optimizer = two_groups()
    _, scheduler = watched(build, optimizer, "lr", value, steps=steps)
    assert reason in line(tmp_path, "refused")["reason"]
    assert not lines(tmp_path, "intervened")
    assert scheduler.state_dict().keys() == twin.state_dict().keys()
    assert scheduler.base_lrs == twin.base_lrs
    assert scheduler.get_last_lr() == twin.get_last_lr()
    assert optimizer.state_dict()["param_groups"] == expected.state_dict()["param_groups"]


def test_a_cut_is_the_plateau_rules_own_with_its_cooldown_and_lowest_lr(watched, tmp_path):
    def build(optimizer: torch.optim.Optimizer) -> Any:
        return lr_scheduler.ReduceLROnPlateau(
            optimizer, factor=0.3, patience=5, cooldown=4, min_lr=[0.001, 0.01]
        )

    lrs, rule = watched(build, two_groups(), "cut", steps=3)
    assert lrs == [pytest.approx(0.006), 0.01]
    assert (rule.cooldown_counter, rule.num_bad_epochs, rule.last_epoch) == (4, 0, 3)
    assert rule.get_last_lr() == lrs
    assert line(tmp_path, "intervened")["value"] is None


@pytest.mark.parametrize(
    ("build", "factor"),
    [
        (lambda o: lr_scheduler.StepLR(o, 100, gamma=0.3), 0.3),
        (chained, 0.9),
        (of(schedules.CyclicLR(mode="exp_range", gamma=0.97)), 0.1),
        (BUILDS["LambdaLR"], 0.1),
        (None, 0.1),
    ],
)
def test_a_cut_of_another_schedule_is_by_its_gamma_else_by_a_tenth(
    watched, tmp_path, build, factor
):
    watched(build, two_groups(), "cut")
    done = line(tmp_path, "intervened")
    assert done["lr_after"] == pytest.approx(factor * done["lr_before"])


class Own(lr_scheduler.LambdaLR):
    """A class that LRScope does not know."""


def test_of_a_schedule_that_is_not_known_it_is_said_that_it_may_write_over_it(watched, tmp_path):
    watched(lambda o: Own(o, lambda _: 1.0), two_groups(), "lr", 0.5)
    assert "does not know Own" in line(tmp_path, "warned")["sentence"]
    assert line(tmp_path, "intervened")["lr_after"] == 0.5
