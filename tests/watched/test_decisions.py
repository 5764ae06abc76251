"""A watched loop's decisions are those of LRScope's own run on the same losses, in every number."""

import math
from typing import Any, Literal

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.optim import lr_scheduler

from tests.conftest import LONG
from tests.schedule.by_torch import (
    BATCHES,
    EPOCHS,
    HAND_MADE,
    LR,
    PER_BATCH,
    SPECS,
    spec_id,
    torch_scheduler,
    weight,
)
from tests.watched.spools import Loop, epoch, said, start
from trainer.config.optimizers import OPTIMIZERS
from trainer.config.traits import ScheduleSettings
from trainer.engine.events import EpochEnded, Warned
from trainer.replay.replay import replay
from trainer.store.recording import Happened
from trainer.store.run import Known

LOSSES = st.lists(
    st.one_of(st.floats(0, 10), st.just(math.nan), st.just(math.inf)),
    min_size=EPOCHS,
    max_size=EPOCHS,
)


def ended(news: list[Any]) -> list[EpochEnded]:
    happened = [each.event for each in news if isinstance(each, Happened)]
    return [event for event in happened if isinstance(event, EpochEnded)]


def warnings(news: list[Any]) -> list[str]:
    happened = [each.event for each in news if isinstance(each, Happened)]
    return [event.sentence for event in happened if isinstance(event, Warned) and event.sentence]


def loop(spec: ScheduleSettings, optimizer: torch.optim.Optimizer | None = None) -> Loop:
    optimizer = optimizer or torch.optim.SGD(weight(), lr=LR, momentum=0.9)
    scheduler = torch_scheduler(spec, optimizer)
    return Loop(optimizer, scheduler, BATCHES, spec.name in PER_BATCH, epochs=EPOCHS)


def steps(spec: ScheduleSettings, losses: list[float]) -> tuple[list[Any], list[Any], Any]:
    """What a watched loop's epochs were, and what LRScope's own run does with the same losses."""
    run = loop(spec)
    last = EPOCHS if spec.name != "OneCycleLR" else EPOCHS - 1  # torch has no step after the last
    spool = [run.started, *(run.epoch(val_loss=loss) for loss in losses[:last])]
    training, news = said(spool)
    return ended(news), replay(losses[:last], training.recipe, batches=BATCHES), training


@pytest.mark.parametrize("spec", SPECS, ids=spec_id)
def test_the_recipe_of_a_plain_loop_is_read_from_its_objects(spec):
    training, _ = said([loop(spec).started])
    seen = training.recipe
    same = spec.model_dump()
    if not same.get("cycle_momentum", True):  # then torch has not kept what it does not use
        same |= {name: seen.schedule.model_dump()[name] for name in ("base_momentum",)}
        same |= {"max_momentum": seen.schedule.max_momentum}
    assert seen.schedule.model_dump() == same
    assert (seen.lr, seen.epochs, training.elsewhere.schedule) == (LR, EPOCHS, None)
    assert (seen.optimizer.name, training.elsewhere.optimizer) == ("SGD", None)


def decides_the_same(spec: ScheduleSettings, losses: list[float]) -> None:
    watched, own, training = steps(spec, losses)
    assert training.elsewhere.schedule is None
    assert [row.decision for row in watched] == [step.decision for step in own]
    assert [(row.lr, row.lr_last) for row in watched] == [(step.lr, step.lr_last) for step in own]


@pytest.mark.parametrize("spec", [s for s in SPECS if s.traits.watches_monitor], ids=spec_id)
@given(losses=LOSSES)
def test_the_decisions_are_those_of_lrscopes_own_run_in_every_number(spec, losses):
    decides_the_same(spec, losses)


@pytest.mark.parametrize("spec", [s for s in SPECS if not s.traits.watches_monitor], ids=spec_id)
@settings(max_examples=settings.default.max_examples // (1 if LONG else 10))  # no loss moves its LR
@given(losses=LOSSES)
def test_so_are_those_of_a_schedule_that_does_not_look_at_the_losses(spec, losses):
    decides_the_same(spec, losses)


@pytest.mark.parametrize("name", HAND_MADE)
def test_an_optimizer_is_read_with_its_numbers(name):
    optimizer = HAND_MADE[name]()
    training, _ = said([start(optimizer)])
    assert training.recipe.optimizer.model_dump(exclude={"momentum"}) == OPTIMIZERS[
        name
    ]().model_dump(exclude={"momentum"})
    assert training.recipe.lr == LR


class Lion(torch.optim.SGD):
    pass


def test_an_optimizer_that_is_not_torchs_is_only_named():
    training, _ = said([start(Lion(weight(), lr=0.5))])
    assert (training.elsewhere.optimizer, training.recipe.lr) == ("Lion", 0.5)


def test_an_optimizer_of_kerass_is_called_so_since_torch_has_one_of_the_same_name():
    told = start(torch.optim.Adam(weight(), lr=0.5))
    told["optimizer"]["module"] = "keras.src.optimizers.adam"
    training, _ = said([told])
    assert training.elsewhere.optimizer == "Keras's Adam"


class Twice(lr_scheduler.ReduceLROnPlateau):
    """Cuts by more than its factor says, under the name of torch's class."""

    def _reduce_lr(self, epoch: int) -> None:
        super()._reduce_lr(epoch)
        super()._reduce_lr(epoch)


Twice.__name__ = "ReduceLROnPlateau"


@pytest.mark.parametrize("module", ["my.schedules", "torch.optim.lr_scheduler"])
def test_a_rule_of_somebodys_own_is_told_by_what_it_did_alone(module, monkeypatch):
    monkeypatch.setattr(Twice, "__module__", module)
    optimizer = torch.optim.SGD(weight(), lr=0.1)
    run = Loop(optimizer, Twice(optimizer, patience=1), 1, False)
    _, news = said([run.started, *(run.epoch(val_loss=1.0) for _ in range(4))])
    kinds = [row.decision.kind for row in ended(news)]
    cut = ended(news)[2].decision
    assert kinds[2] == "cut"
    assert cut.plateau is None
    assert cut.sentence == "ReduceLROnPlateau: LR cut from 0.1 to 0.001."


def test_a_lambda_is_told_by_what_it_did():
    optimizer = torch.optim.SGD(weight(), lr=0.1)
    scheduler = lr_scheduler.LambdaLR(optimizer, lambda done: 1 / (1 + done))
    run = Loop(optimizer, scheduler, 3, each_batch=True)
    training, news = said([run.started, run.epoch(loss=1.0), run.epoch(loss=0.5)])
    assert training.elsewhere.schedule == "LambdaLR"
    assert training.recipe.schedule.name == "none"
    assert [row.decision.sentence for row in ended(news)] == [
        "LambdaLR: LR goes down from 0.1 to 0.025.",
        "LambdaLR: LR goes down from 0.025 to 0.0143.",
    ]


def test_a_known_schedule_that_steps_each_batch_is_not_taken_for_one_that_steps_each_epoch():
    optimizer = torch.optim.SGD(weight(), lr=0.1)
    run = Loop(optimizer, lr_scheduler.CosineAnnealingLR(optimizer, 30), 3, each_batch=True)
    training, news = said([run.started, *(run.epoch(loss=1.0) for _ in range(3))])
    assert training.elsewhere.schedule == "CosineAnnealingLR, stepped each batch"
    assert [row.decision.kind for row in ended(news)] == ["lowered"] * 3


def test_each_part_of_a_sequence_is_told():
    optimizer = torch.optim.SGD(weight(), lr=0.1)
    parts = [
        lr_scheduler.LinearLR(optimizer, 0.5, total_iters=2),
        lr_scheduler.ExponentialLR(optimizer, 0.5),
    ]
    run = Loop(optimizer, lr_scheduler.SequentialLR(optimizer, parts, [2]), 1, False)
    training, news = said([run.started, *(run.epoch(loss=1.0) for _ in range(4))])
    assert training.elsewhere.schedule == "SequentialLR (LinearLR, ExponentialLR)"
    assert [row.decision.sentence for row in ended(news)] == [
        "SequentialLR, part 1 of 2, LinearLR: LR goes up from 0.05 to 0.075.",
        "SequentialLR, part 2 of 2, ExponentialLR: LR goes up from 0.075 to 0.1.",
        "SequentialLR, part 2 of 2, ExponentialLR: LR goes down from 0.1 to 0.05.",
        "SequentialLR, part 2 of 2, ExponentialLR: LR goes down from 0.05 to 0.025.",
    ]


def test_each_part_of_a_chain_is_told_with_its_factor():
    optimizer = torch.optim.SGD(weight(), lr=0.1)
    parts = [
        lr_scheduler.ConstantLR(optimizer, 0.5, total_iters=2),
        lr_scheduler.ExponentialLR(optimizer, 0.5),
    ]
    run = Loop(optimizer, lr_scheduler.ChainedScheduler(parts, optimizer), 1, False)
    _, news = said([run.started, *(run.epoch(loss=1.0) for _ in range(2))])
    assert [row.decision.sentence for row in ended(news)] == [
        "ChainedScheduler (ConstantLR ×1, ExponentialLR ×0.5): LR goes down from 0.05 to 0.025.",
        "Kept 0.025.",
    ]


def test_without_a_scheduler_what_the_loop_does_is_told():
    training, news = said(
        [
            start(torch.optim.SGD(weight(), lr=0.1)),
            epoch(1),
            epoch(2, next_lrs=[0.01]),
            epoch(3, lr=0.01),
        ]
    )
    assert [row.decision.sentence for row in ended(news)] == [
        "Kept 0.1.",
        "Your loop: LR cut from 0.1 to 0.01.",
        "Kept 0.01.",
    ]
    assert training.elsewhere.schedule == "set by the loop"


def test_a_constant_lr_is_claimed_to_be_nothing_else():
    training, _ = said([start(torch.optim.SGD(weight(), lr=0.1)), epoch(1)])
    assert (training.recipe.schedule.name, training.elsewhere.schedule) == ("none", None)


# The monitor


def plateau(mode: Literal["min", "max"] = "min", **metrics: list[float]) -> tuple[Any, list[Any]]:
    optimizer = torch.optim.SGD(weight(), lr=0.1)
    scheduler = lr_scheduler.ReduceLROnPlateau(optimizer, mode, patience=0)
    run = Loop(optimizer, scheduler, 1, False)
    told = zip(*metrics.values(), strict=True)
    return said([run.started, *(run.epoch(**dict(zip(metrics, v, strict=True))) for v in told)])


def test_the_metric_that_the_scheduler_was_given_is_the_monitor():
    training, news = plateau(my_loss=[0.5, 0.6], other=[1.0, 2.0])
    assert training.recipe.monitor == "my_loss"
    assert [row.decision.plateau.metric for row in ended(news)] == [0.5, 0.6]


def test_a_value_that_no_metric_has_is_a_metric_of_its_own():
    optimizer = torch.optim.SGD(weight(), lr=0.1)
    run = Loop(optimizer, lr_scheduler.ReduceLROnPlateau(optimizer), 1, False)
    line = run.epoch(val_loss=0.123456)
    training, news = said([run.started, line | {"metrics": {"val_loss": 0.12}}])
    assert training.recipe.monitor == "monitored"
    assert ended(news)[0].metrics == {"val_loss": 0.12, "monitored": 0.123456}


def test_a_score_of_an_unknown_name_says_that_higher_is_better():
    training, news = plateau("max", quality=[0.5, 0.6, 0.4])
    assert (training.recipe.monitor, training.recipe.mode) == ("quality (higher is better)", "max")
    assert [row.decision.kind for row in ended(news)] == ["improved", "improved", "cut"]
    assert warnings(news) == []
    assert ended(news)[0].metrics == {"quality (higher is better)": 0.5}


def test_an_accuracy_that_a_scheduler_takes_for_a_loss_is_said():
    training, news = plateau("min", val_acc=[0.5, 0.6])
    assert training.recipe.mode == "min"
    assert [row.decision.kind for row in ended(news)] == ["improved", "cut"]
    assert ended(news)[0].metrics == {"val_acc": 0.5, "val_acc (lower is better)": 0.5}
    assert warnings(news) == [
        "The scheduler was made with mode='min', so that a lower val_acc is better to it: make it "
        "with mode='max' if that is not meant."
    ]


# Groups and epochs


def test_the_lrs_of_the_other_groups_are_kept_as_metrics():
    optimizer = torch.optim.SGD(
        [{"params": weight(), "lr": 0.1}, {"params": weight(), "lr": 0.01}], lr=1.0
    )
    run = Loop(optimizer, lr_scheduler.ReduceLROnPlateau(optimizer, patience=0), 1, False)
    training, news = said([run.started, *(run.epoch(val_loss=loss) for loss in (1.0, 2.0, 3.0))])
    assert training.elsewhere.groups == 2
    assert [row.metrics["lr, group 2"] for row in ended(news)] == [0.01, 0.01, 1e-3]
    assert [row.decision.kind for row in ended(news)] == ["improved", "cut", "cut"]


def test_a_plan_that_nobody_has_told_grows_with_the_epochs():
    begin = start(torch.optim.SGD(weight(), lr=0.1))
    training, news = said([begin, epoch(1), epoch(2)])
    assert training.recipe.epochs == 3  # the next one is under way
    assert [each.recipe.epochs for each in news if isinstance(each, Known)] == [2, 3]
    training, _ = said([begin, epoch(1), epoch(2), {"kind": "end", "status": "finished"}])
    assert training.recipe.epochs == 2


def test_a_plan_that_is_exceeded_grows_with_the_epochs():
    begin = start(torch.optim.SGD(weight(), lr=0.1), epochs=2)
    training, _ = said([begin, *(epoch(number) for number in (1, 2))])
    assert (training.recipe.epochs, training.elsewhere.grows) == (2, False)
    training, _ = said([begin, *(epoch(number) for number in (1, 2, 3))])
    assert (training.recipe.epochs, training.elsewhere.grows) == (4, True)


def test_epochs_that_were_added_count_once():
    added = {
        "kind": "intervened", "command": 1, "epoch": 2, "batch": 0, "name": "epochs", "value": 10,
        "lr_before": 0.1, "lr_after": 0.1,
    }  # fmt: skip
    spool = [start(torch.optim.SGD(weight(), lr=0.1), epochs=50), epoch(1)]
    training, _ = said([*spool, {"kind": "planned", "epochs": 60}, added])
    assert training.recipe.epochs == 50  # and ten by hand
