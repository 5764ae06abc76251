"""Every LR is torch's own: the oracle is torch's class, driven by hand as its manual says."""

from collections.abc import Callable
from typing import Any

import pytest
from torch.optim import lr_scheduler

from tests.schedule.by_torch import (
    BATCHES,
    EPOCHS,
    HAND_MADE,
    LR,
    METRICS,
    SPECS,
    by_schedule,
    by_torch,
    run_of,
    spec_id,
)
from trainer.config import schedules
from trainer.config.optimizers import OPTIMIZERS
from trainer.config.run import RunConfig
from trainer.config.schedules import SCHEDULES
from trainer.schedule.schedule import Schedule


def test_every_schedule_and_optimizer_is_compared_with_torch():
    assert {spec.name for spec in SPECS} == SCHEDULES.keys() - {"none"}
    assert HAND_MADE.keys() == OPTIMIZERS.keys()


@pytest.mark.parametrize("optimizer", HAND_MADE)
@pytest.mark.parametrize("spec", SPECS, ids=spec_id)
def test_every_batch_has_the_lr_and_momentum_of_torchs_own_class(spec, optimizer):
    got = [batches for batches, _ in by_schedule(run_of(spec, optimizer))]
    assert got == list(by_torch(spec, HAND_MADE[optimizer]()))


@pytest.mark.parametrize("spec", [schedules.OneCycleLR(), schedules.CyclicLR()], ids=spec_id)
def test_cycles_really_move_momentum_against_the_lr(spec):
    momentum: dict[str, Callable[[Any], float]] = {"SGD": lambda m: m[1], "Adam": lambda m: m[2][0]}
    for optimizer, of in momentum.items():
        seen = [m for batches, _ in by_schedule(run_of(spec, optimizer)) for m in batches]
        low, high = min(seen), max(seen)
        assert of(low) == pytest.approx(spec.max_momentum)
        assert of(high) == pytest.approx(spec.base_momentum, abs=0.02)


@pytest.mark.parametrize("spec", [schedules.NoSchedule(), *SPECS], ids=spec_id)
def test_each_decision_holds_the_first_lr_of_its_epoch_and_of_the_next(spec):
    epochs = list(by_schedule(run_of(spec)))
    firsts = [batches[0][0] for batches, _ in epochs]
    assert [decision.lr for _, decision in epochs] == firsts
    assert [decision.next_lr for _, decision in epochs[:-1]] == firsts[1:]
    assert [decision.epoch for _, decision in epochs] == list(range(1, EPOCHS + 1))
    for _, decision in epochs:
        assert (decision.plateau is not None) == (spec.name == "ReduceLROnPlateau")


@pytest.mark.parametrize(
    ("spec", "kinds"),
    [
        (schedules.NoSchedule(), ["kept"] * 4),
        (schedules.StepLR(step_size=2), ["kept", "cut", "kept", "cut"]),
        (schedules.MultiStepLR(milestones=(1, 4)), ["cut", "kept", "kept", "cut"]),
        (schedules.ExponentialLR(), ["lowered"] * 4),
        (schedules.ExponentialLR(gamma=1), ["kept"] * 4),
        (schedules.CosineAnnealingLR(T_max=2), ["lowered", "bottom", "raised", "peak"]),
        (
            schedules.CosineAnnealingWarmRestarts(T_0=2, T_mult=1),
            ["lowered", "restart", "lowered", "restart"],
        ),
        (schedules.OneCycleLR(pct_start=0.5), ["raised", "peak", "lowered", "lowered"]),
        (schedules.CyclicLR(step_size_up=1), ["peak", "bottom", "peak", "bottom"]),
        (schedules.ConstantLR(total_iters=2), ["kept", "raised", "kept", "kept"]),
    ],
    ids=lambda value: spec_id(value) if hasattr(value, "name") else "",
)
def test_a_schedule_without_a_metric_says_what_the_lr_did(spec, kinds):
    run = RunConfig(schedule=spec, lr=LR, epochs=4)
    assert [decision.kind for _, decision in by_schedule(run)] == kinds


@pytest.mark.parametrize("strategy", ["cos", "linear"])
def test_one_cycle_ends_at_its_lowest_lr_and_goes_no_further(strategy):
    spec = schedules.OneCycleLR(anneal_strategy=strategy)
    batches, decision = list(by_schedule(run_of(spec)))[-1]
    assert decision.next_lr == batches[-1][0] == pytest.approx(LR / 25 / 1e4)
    schedule = Schedule(run_of(spec), BATCHES)
    for _ in range(EPOCHS * BATCHES + 5):
        schedule.step_batch()
    assert schedule.lr == decision.next_lr


# Warm-up

WARMUP = 2


@pytest.mark.parametrize("spec", [schedules.NoSchedule(), *SPECS], ids=spec_id)
def test_warm_up_rises_in_a_line_and_then_the_schedule_begins_as_if_new(spec):
    epochs = list(by_schedule(run_of(spec, warmup=WARMUP), metrics=[9.0] * WARMUP + METRICS))
    steps = WARMUP * BATCHES

    optimizer = HAND_MADE["SGD"]()
    line = lr_scheduler.LinearLR(optimizer, start_factor=1 / (steps + 1), total_iters=steps)
    optimizer.step()
    expected = []
    for _ in range(steps):
        expected.append(optimizer.param_groups[0]["lr"])
        line.step()
    warm = [lr for batches, _ in epochs[:WARMUP] for lr, _, _ in batches]
    assert warm == expected
    assert warm == pytest.approx([LR * (k + 1) / (steps + 1) for k in range(steps)])
    assert [decision.kind for _, decision in epochs[:WARMUP]] == ["warm-up"] * WARMUP

    after = [batches for batches, _ in epochs[WARMUP:]]
    if spec.name == "none":
        assert {lr for batches in after for lr, _, _ in batches} == {LR}
    else:
        assert after == list(by_torch(spec, HAND_MADE["SGD"](), EPOCHS - WARMUP))


def test_warm_up_does_not_show_its_losses_to_the_plateau_rule():
    spec = schedules.ReduceLROnPlateau()
    (*_, (_, last), (_, first)) = list(by_schedule(run_of(spec, warmup=2), [0.1, 0.1, *METRICS]))[
        :3
    ]
    assert last.plateau is None
    assert (first.kind, first.plateau.level, first.plateau.best) == ("improved", None, 2.0)
