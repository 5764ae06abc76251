"""The facts of the page on ReduceLROnPlateau and its kin, of torch's class and of ours."""

import inspect
import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from pydantic import ValidationError
from torch.optim import lr_scheduler

from tests.schedule.by_torch import (
    BATCHES,
    EPOCHS,
    HAND_MADE,
    LR,
    METRICS,
    SPECS,
    by_torch,
    spec_id,
    torch_plateau,
    torch_scheduler,
)
from trainer.config import schedules
from trainer.config.run import RunConfig
from trainer.config.schedules import SCHEDULES
from trainer.schedule.schedule import Schedule


def states_of_torch(run: RunConfig, metrics: Sequence[float]) -> Iterator[dict[str, Any]]:
    scheduler = torch_plateau(run)
    group = scheduler.optimizer.param_groups[0]
    for metric in metrics:
        used = group["lr"]
        scheduler.step(metric)
        yield {
            "used": used,
            "next": group["lr"],
            "best": scheduler.best,
            "bad": scheduler.num_bad_epochs,
            "cooldown": scheduler.cooldown_counter,
        }


def states_of_ours(run: RunConfig, metrics: Sequence[float]) -> Iterator[dict[str, Any]]:
    schedule = Schedule(run, BATCHES)
    for metric in metrics:
        used = schedule.lr
        decision = schedule.advance(metric)
        assert decision.lr == used
        yield {
            "used": used,
            "next": schedule.lr,
            "best": decision.plateau.best,
            "bad": decision.plateau.bad_epochs,
            "cooldown": decision.plateau.cooldown_left,
            "kind": decision.kind,
        }


@pytest.fixture(params=[states_of_torch, states_of_ours], ids=["torch", "lrscope"])
def states(request: pytest.FixtureRequest) -> Callable[..., list[dict[str, Any]]]:
    def drive(
        metrics: Sequence[float], lr: float = 0.1, monitor: str = "val_loss", **rule: Any
    ) -> list[dict[str, Any]]:
        run = RunConfig(
            lr=lr, monitor=monitor, epochs=100, schedule=schedules.ReduceLROnPlateau(**rule)
        )
        return list(request.param(run, metrics))

    return drive


def above(value: float) -> float:
    return math.nextafter(value, math.inf)


def below(value: float) -> float:
    return math.nextafter(value, -math.inf)


UP: dict[str, Any] = {"monitor": "val_accuracy"}
FACTS: dict[str, tuple[dict[str, Any], list[float], dict[str, list[float]]]] = {
    "1 better: a new best, no bad epochs": (
        {"patience": 5}, [3, 3, 3, 2, 2],
        {"best": [3, 3, 3, 2, 2], "bad": [0, 1, 2, 0, 1]},
    ),
    "1 a cut starts the cooldown, which ignores bad epochs but not a new best": (
        {"patience": 0, "cooldown": 3}, [3, 3, 3, 2, 2, 2],
        {
            "cooldown": [0, 3, 2, 1, 0, 3], "bad": [0] * 6, "best": [3, 3, 3, 2, 2, 2],
            "next": [0.1, 0.01, 0.01, 0.01, 0.01, 0.001],
        },
    ),
    "3 a cut at the end of an epoch is in force from the next": (
        {"patience": 1}, [1] * 5,
        {"used": [0.1, 0.1, 0.1, 0.01, 0.01], "next": [0.1, 0.1, 0.01, 0.01, 0.001]},
    ),
    "4 strict, min rel": (
        {"threshold": 0.5}, [4, 2, below(2)], {"best": [4, 4, below(2)]},
    ),
    "4 strict, min abs": (
        {"threshold": 0.5, "threshold_mode": "abs"}, [2, 1.5, below(1.5)],
        {"best": [2, 2, below(1.5)]},
    ),
    "4 strict, max rel": (
        UP | {"threshold": 0.5}, [0.5, 0.75, above(0.75)], {"best": [0.5, 0.5, above(0.75)]},
    ),
    "4 strict, max abs": (
        UP | {"threshold": 0.5, "threshold_mode": "abs"}, [0.25, 0.75, above(0.75)],
        {"best": [0.25, 0.25, above(0.75)]},
    ),
    "4 compared with the best, not with the value before": (
        {}, [1, 5, 4, 3], {"bad": [0, 1, 2, 3], "best": [1] * 4},
    ),
    "4 a slow gain adds up": (
        {"threshold": 0.1}, [1, 0.95, 0.92, 0.89], {"best": [1, 1, 1, 0.89], "bad": [0, 1, 2, 0]},
    ),
    "5 rel of a negative best takes worse for better": (
        {}, [-1, -0.99995], {"best": [-1, -0.99995], "bad": [0, 0]},
    ),
    "5 rel of a best of 0 is beaten by a negative value only": (
        {}, [0, 0, -1e-9], {"best": [0, 0, -1e-9], "bad": [0, 1, 0]},
    ),
    "5 abs is right where rel is wrong": (
        {"threshold_mode": "abs"}, [-1, -0.99995], {"best": [-1, -1], "bad": [0, 1]},
    ),
    "6 nan and inf are bad and never the best": (
        {}, [1, math.nan, math.inf], {"best": [1, 1, 1], "bad": [0, 1, 2]},
    ),
    "6 only nan: the first cut comes one call earlier": (
        {"patience": 2}, [math.nan] * 3, {"next": [0.1, 0.1, 0.01]},
    ),
    "7 a cut within eps is not made, but counted as if": (
        {"lr": 1e-8, "patience": 1, "cooldown": 2}, [1] * 6,
        {"next": [1e-8] * 6, "bad": [0, 1, 0, 0, 0, 1], "cooldown": [0, 0, 2, 1, 0, 0]},
    ),
    "8 min_lr clamps a cut": (
        {"patience": 0, "min_lr": 0.05}, [1] * 3, {"next": [0.1, 0.05, 0.05]},
    ),
    "8 min_lr never raises": (
        {"lr": 0.01, "patience": 0, "min_lr": 0.05}, [1] * 3, {"next": [0.01] * 3},
    ),
}  # fmt: skip


@pytest.mark.parametrize("fact", FACTS)
def test_fact(fact, states):
    rule, metrics, expected = FACTS[fact]
    rows = states(metrics, **rule)
    for name, column in expected.items():
        assert [row[name] for row in rows] == pytest.approx(column, rel=1e-15, abs=0), name


@pytest.mark.parametrize(
    ("patience", "cooldown", "cuts"),
    [
        (5, 0, [7, 13, 19, 25]),
        (0, 0, [2, 3, 4, 5]),
        (2, 3, [4, 10, 16, 22]),
        (1, 0, [3, 5, 7, 9]),
        (0, 2, [2, 5, 8, 11]),
    ],
    ids=lambda value: f"2-{value}",
)
def test_fact_2_patience_is_off_by_one(patience, cooldown, cuts, states):
    rows = states([1.0] * cuts[-1], patience=patience, cooldown=cooldown, factor=0.5)
    assert [call for call, row in enumerate(rows, 1) if row["next"] != row["used"]] == cuts
    assert cuts[0] == patience + 2
    assert {b - a for a, b in itertools.pairwise(cuts)} == {cooldown + patience + 1}


def test_fact_3_after_step_get_last_lr_is_the_next_epochs():
    scheduler = torch_plateau(RunConfig(lr=0.1, schedule=schedules.ReduceLROnPlateau(patience=0)))
    for _ in range(2):
        scheduler.step(1.0)
    assert scheduler.get_last_lr() == [0.1 * 0.1]


def test_fact_6_minus_infinity_is_the_best_for_ever():
    run = RunConfig(schedule=schedules.ReduceLROnPlateau())
    scheduler, schedule = torch_plateau(run), Schedule(run, BATCHES)
    for metric in (-math.inf, -1e300, -math.inf):
        scheduler.step(metric)
        decision = schedule.advance(metric)
    assert (scheduler.best, scheduler.num_bad_epochs) == (-math.inf, 2)
    assert (decision.plateau.best, decision.plateau.bad_epochs) == (None, 2)


def test_fact_7_a_cut_without_effect_is_named_so():
    run = RunConfig(lr=1e-8, schedule=schedules.ReduceLROnPlateau(patience=0))
    schedule = Schedule(run, BATCHES)
    assert [schedule.advance(1.0).kind for _ in range(3)] == ["improved", "no effect", "no effect"]


@pytest.mark.parametrize("factor", [1.0, 1.5, 0.0, -0.5])
def test_fact_9_torch_refuses_a_factor_of_1_or_more_the_form_also_0_or_less(factor):
    with pytest.raises(ValidationError):
        schedules.ReduceLROnPlateau(factor=factor)
    optimizer = HAND_MADE["SGD"]()
    if factor >= 1:
        with pytest.raises(ValueError, match="Factor"):
            lr_scheduler.ReduceLROnPlateau(optimizer, factor=factor)
    else:
        assert lr_scheduler.ReduceLROnPlateau(optimizer, factor=factor).factor == factor


def test_fact_9_step_needs_a_metric():
    with pytest.raises(TypeError):
        lr_scheduler.ReduceLROnPlateau(HAND_MADE["SGD"]()).step()  # type: ignore[call-arg]


def test_fact_10_torch_cannot_compose_plateau_with_a_warm_up():
    optimizer = HAND_MADE["SGD"]()
    plateau = lr_scheduler.ReduceLROnPlateau(optimizer)
    assert not hasattr(plateau, "base_lrs")
    with pytest.raises(NotImplementedError):
        plateau.get_lr()
    warmup = lr_scheduler.LinearLR(optimizer)
    with pytest.raises(ValueError, match="ReduceLROnPlateau"):
        lr_scheduler.SequentialLR(optimizer, [warmup, plateau], milestones=[2])
    with pytest.raises(ValueError, match="ReduceLROnPlateau"):
        lr_scheduler.ChainedScheduler([warmup, plateau], optimizer=optimizer)


def test_fact_11_a_loaded_state_brings_its_patience_but_not_its_lr():
    old = lr_scheduler.ReduceLROnPlateau(HAND_MADE["SGD"](), patience=0)
    for _ in range(3):
        old.step(1.0)
    new = lr_scheduler.ReduceLROnPlateau(HAND_MADE["SGD"](), patience=7, factor=0.5)
    new.load_state_dict(old.state_dict())
    assert (new.patience, new.factor, new.best) == (0, 0.1, 1.0)
    assert new.optimizer.param_groups[0]["lr"] == LR != old.optimizer.param_groups[0]["lr"]


WRITE_OVER = {"CyclicLR", "CosineAnnealingWarmRestarts", "OneCycleLR"}


@pytest.mark.parametrize("spec", SPECS, ids=spec_id)
def test_fact_12_an_lr_set_by_hand_is_written_over_or_survives_as_a_ratio(spec):
    if getattr(spec, "eta_min", 0):
        spec = spec.model_copy(update={"eta_min": 0.0})
    if spec.name == "ReduceLROnPlateau":
        spec = spec.model_copy(update={"min_lr": 0.0})
    lrs: dict[float, list[float]] = {}
    for by_hand in (1.0, 0.5):
        optimizer = HAND_MADE["SGD"]()
        scheduler = torch_scheduler(spec, optimizer)
        lrs[by_hand] = []
        for epoch in range(6):
            if epoch == 2:
                optimizer.param_groups[0]["lr"] *= by_hand
            if spec.name == "ReduceLROnPlateau":
                scheduler.step(METRICS[epoch])
            else:
                scheduler.step()
            lrs[by_hand].append(optimizer.param_groups[0]["lr"])
    ratio = 1.0 if spec.name in WRITE_OVER else 0.5
    assert lrs[0.5][2:] == pytest.approx([ratio * lr for lr in lrs[1.0][2:]])


def test_fact_12_cosine_forgets_the_ratio_where_it_turns_up_again():
    optimizer = HAND_MADE["SGD"]()
    scheduler = torch_scheduler(schedules.CosineAnnealingLR(T_max=3), optimizer)
    optimizer.param_groups[0]["lr"] *= 0.5
    lrs = []
    for _ in range(4):
        scheduler.step()
        lrs.append(optimizer.param_groups[0]["lr"])
    assert lrs == pytest.approx([LR * 0.5 * 0.75, LR * 0.5 * 0.25, 0, LR * 0.25])


def test_fact_12_lambda_lr_writes_over_an_lr_set_by_hand():
    optimizer = HAND_MADE["SGD"]()
    scheduler = lr_scheduler.LambdaLR(optimizer, lambda _: 1.0)
    optimizer.step()
    optimizer.param_groups[0]["lr"] = 1.0
    scheduler.step()
    assert optimizer.param_groups[0]["lr"] == LR


def test_fact_13_cosine_rises_again_after_t_max():
    optimizer = HAND_MADE["SGD"]()
    lrs = [batches[0][0] for batches in by_torch(schedules.CosineAnnealingLR(T_max=6), optimizer)]
    assert lrs[:7] == sorted(lrs[:7], reverse=True)
    assert lrs[6:] == sorted(lrs[6:])
    assert lrs[-1] > lrs[6]


def test_fact_13_one_cycle_raises_past_its_total_steps():
    scheduler = torch_scheduler(schedules.OneCycleLR(), HAND_MADE["SGD"]())
    for _ in range(EPOCHS * BATCHES):
        scheduler.step()
    with pytest.raises(ValueError, match="total"):
        scheduler.step()


def test_fact_14_verbose_is_gone():
    for name in SCHEDULES.keys() - {"none"}:
        assert "verbose" not in inspect.signature(getattr(lr_scheduler, name)).parameters
    with pytest.raises(TypeError):
        lr_scheduler.ReduceLROnPlateau(HAND_MADE["SGD"](), verbose=True)  # type: ignore[call-arg]
