"""What a fork may change, what it must not, and what its schedule makes of it."""

from collections.abc import Sequence
from typing import Any

import pytest

from tests.small import SCHEDULES, small
from trainer.config import forks, optimizers, schedules
from trainer.config.run import RunConfig
from trainer.config.table import SETTINGS, ConfigError
from trainer.schedule.handover import hand_over
from trainer.schedule.schedule import Schedule

FORMULAS = sorted(name for name, spec in schedules.SCHEDULES.items() if spec.traits.formula)

BATCHES = 3
METRICS = [1.0, 0.9, 0.95, 0.94, 0.8, 0.85, 0.86, 0.7]


def trained(settings: RunConfig, epochs: int) -> tuple[dict[str, Any], float, dict[str, Any]]:
    """A schedule at the end of an epoch: (undecided state, metric, decided state)."""
    schedule = Schedule(settings, BATCHES)
    for metric in METRICS[:epochs]:
        schedule.step_batch(BATCHES)
        undecided = schedule.state_dict()
        schedule.advance(metric)
    return undecided, metric, schedule.state_dict()


def forked(parent: RunConfig, child: RunConfig, epoch: int) -> Schedule:
    schedule = Schedule(child, BATCHES)
    hand_over(schedule, *trained(parent, epoch), parent)
    return schedule


def course(schedule: Schedule, epochs: int, metrics: Sequence[float] = METRICS) -> list[float]:
    """The LR of each epoch's first batch."""
    lrs = []
    for metric in metrics[:epochs]:
        lrs.append(schedule.lr)
        schedule.step_batch(BATCHES)
        schedule.advance(metric)
    return lrs


def test_every_locked_setting_is_one_and_says_why():
    paths = {setting.path for setting in SETTINGS}
    assert forks.LOCKED.keys() <= paths
    assert all(why.endswith(".") and "\n" not in why for why in forks.LOCKED.values())
    assert not {"lr", "schedule", "epochs", "monitor", "schedule.patience"} & forks.LOCKED.keys()


@pytest.mark.parametrize(
    "changes",
    [
        {"dataset": "mnist"},
        {"model": "cnn"},
        {"optimizer": optimizers.SGD()},
        {"warmup": 1},
        {"batch_size": 9},
        {"seed": 1},
        {"device": "auto"},
        {"threads": 2},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_what_breaks_the_past_is_refused_beside_its_field(changes):
    (path,) = changes
    (sentence,) = forks.locked(small(), small(**changes)).values()
    assert sentence == f"{forks.LABELS[path]} cannot change in a fork. {forks.LOCKED[path]}"
    with pytest.raises(ConfigError) as refused:
        forks.check(small(), small(**changes), 2)
    (sentence,) = refused.value.problems.values()
    assert refused.value.problems.keys() == {(path, None)}
    assert sentence.endswith(f" cannot change in a fork. {forks.LOCKED[path]}")


def test_what_keeps_the_past_may_change():
    child = small(
        lr=0.5,
        schedule=SCHEDULES["CyclicLR"].model_copy(update={"max_lr": 1.0}),
        optimizer=optimizers.Adam(beta1=0.5, amsgrad=True, weight_decay=0.1),
        epochs=99,
        monitor="val_accuracy",
    )
    forks.check(small(), child, 5)


def test_a_fork_needs_an_epoch_of_its_own():
    forks.check(small(epochs=6), small(epochs=6), 5)
    with pytest.raises(ConfigError, match="above 6"):
        forks.check(small(epochs=6), small(epochs=6), 6)


@pytest.mark.parametrize("epoch", range(1, 6))
@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize("warmup", [0, 2])
def test_without_a_change_the_schedule_goes_on_as_it_was(name, epoch, warmup):
    settings = small(schedule=SCHEDULES[name], warmup=warmup, epochs=8)
    whole = course(Schedule(settings, BATCHES), 8)
    assert course(forked(settings, settings, epoch), 8 - epoch, METRICS[epoch:]) == whole[epoch:]


@pytest.mark.parametrize("changes", [{"patience": 2}, {"factor": 0.25}, {"cooldown": 4}])
def test_a_changed_parameter_of_the_plateau_outlives_the_loaded_state(changes):
    plateau = schedules.ReduceLROnPlateau(patience=1, factor=0.5, threshold=0.01)
    parent, child = small(schedule=plateau), small(schedule=plateau.model_copy(update=changes))
    schedule = forked(parent, child, 3)  # after one bad epoch
    for name, value in changes.items():
        assert getattr(schedule.main.scheduler, name) == value
    again = course(schedule, 5, METRICS[3:])
    # Up to the fork nothing differs: it is as if the child had had its parameters all along.
    assert again == course(Schedule(child, BATCHES), 8)[3:]


@pytest.mark.parametrize("name", [n for n in SCHEDULES if n not in ("none", "plateau")])
def test_every_changed_parameter_of_every_schedule_is_taken_up(name):
    spec = SCHEDULES[name]
    parent = small(schedule=spec, epochs=8)
    plain = course(forked(parent, parent, 3), 5)
    others = {
        "step_size": 1,
        "gamma": 0.5,
        "milestones": (4,),
        "T_max": 6,
        "eta_min": 0.002,
        "T_0": 3,
        "T_mult": 1,
        "pct_start": 0.6,
        "final_div_factor": 10.0,
        "max_lr": 0.1,
        "step_size_up": 3,
        "end_factor": 0.5,
        "total_iters": 6,
        "power": 2.0,
        "factor": 0.9,
    }
    for field, value in others.items():
        if field in type(spec).model_fields and not (name == "CyclicLR" and field == "gamma"):
            child = small(schedule=spec.model_copy(update={field: value}), epochs=8)
            assert course(forked(parent, child, 3), 5) != plain, field


@pytest.mark.parametrize("name", FORMULAS)
def test_a_formula_goes_on_at_its_place_in_its_new_course(name):
    spec = next(s for s in SCHEDULES.values() if s.name == name)
    parent, child = small(schedule=spec, epochs=8), small(schedule=spec, lr=0.02, epochs=8)
    whole = course(Schedule(child, BATCHES), 8)
    assert course(forked(parent, child, 3), 5, METRICS[3:]) == pytest.approx(whole[3:])


@pytest.mark.parametrize("name", [n for n, s in SCHEDULES.items() if s.name not in FORMULAS])
def test_under_the_others_the_new_lr_is_that_of_the_next_epoch(name):
    parent = small(schedule=SCHEDULES[name], epochs=8)
    child = small(schedule=SCHEDULES[name], epochs=8, lr=0.05)
    schedule, plain = forked(parent, child, 2), forked(parent, parent, 2)
    assert schedule.lr == 0.05
    assert f"From epoch 3 on, the LR is {0.05}" in forks.consequences(parent, child, 2)[0]
    ratio = 0.05 / plain.lr
    for each in (schedule, plain):
        each.step_batch(BATCHES)
        each.advance(0.1)
    if name != "CosineAnnealingLR":
        assert schedule.lr == pytest.approx(ratio * plain.lr)


def test_a_cosine_rises_again_to_the_new_lr():
    cosine = schedules.CosineAnnealingLR(T_max=3)
    parent, child = (small(schedule=cosine, epochs=8, lr=lr) for lr in (0.01, 0.05))
    assert max(course(forked(parent, child, 1), 7)[1:]) == pytest.approx(0.05)


def test_another_class_begins_anew_and_fills_the_rest_of_the_run():
    parent = small(epochs=8, schedule=SCHEDULES["CyclicLR"])
    child = small(epochs=8, schedule=SCHEDULES["OneCycleLR"], lr=0.02)
    schedule = forked(parent, child, 3)
    fresh = Schedule(small(epochs=5, schedule=SCHEDULES["OneCycleLR"], lr=0.02), BATCHES)
    assert course(schedule, 5) == course(fresh, 5)
    assert "starts fresh after epoch 3" in forks.consequences(parent, child, 3)[0]


def test_another_class_chosen_in_the_warm_up_begins_after_it():
    parent, child = (small(epochs=8, warmup=4, schedule=SCHEDULES[n]) for n in ("none", "StepLR"))
    assert course(forked(parent, child, 2), 6) == course(Schedule(child, BATCHES), 8)[2:]


def test_a_cycles_peaks_are_told_where_a_fork_put_them():
    parent = small(epochs=8)
    child = small(epochs=8, schedule=schedules.CosineAnnealingLR(T_max=2))
    schedule = forked(parent, child, 3)
    kinds = []
    for _ in range(4):
        schedule.step_batch(BATCHES)
        kinds.append(schedule.advance(1.0).kind)
    assert kinds == ["lowered", "bottom", "raised", "peak"]


def test_a_new_monitor_makes_the_plateau_forget_what_it_saw():
    plateau = schedules.ReduceLROnPlateau(patience=1)
    parent = small(schedule=plateau)
    child = small(schedule=plateau, monitor="val_accuracy")
    schedule = forked(parent, child, 4)
    decisions = [schedule.advance(value) for value in (0.5, 0.6, 0.55)]
    assert [decision.kind for decision in decisions] == ["improved", "improved", "waiting"]
    assert decisions[0].plateau.level is None


@pytest.mark.parametrize("schedule", ["StepLR", "OneCycleLR", "plateau"])
def test_the_optimizers_own_momentum_follows_unless_the_schedule_moves_it(schedule):
    parent = RunConfig(
        optimizer=optimizers.SGD(momentum=0.5), schedule=SCHEDULES[schedule], epochs=8
    )
    child = parent.model_copy(update={"optimizer": optimizers.SGD(momentum=0.7)})
    momentum = forked(parent, child, 2).main.optimizer.param_groups[0]["momentum"]
    moved = forked(parent, parent, 2).main.optimizer.param_groups[0]["momentum"]
    assert momentum == (moved if schedule == "OneCycleLR" else 0.7)


def test_a_fork_inherits_what_is_not_named():
    parent = RunConfig(lr=0.5, schedule=schedules.StepLR(step_size=3), optimizer=optimizers.SGD())
    child = forks.changed_config(parent, 60, {"gamma": "0.3"})
    assert child == parent.model_copy(
        update={"epochs": 60, "schedule": schedules.StepLR(step_size=3, gamma=0.3)}
    )
    other = forks.changed_config(parent, 50, {"schedule": "ReduceLROnPlateau", "patience": "2"})
    assert other.schedule == schedules.ReduceLROnPlateau(patience=2)
    assert (other.lr, other.optimizer) == (0.5, optimizers.SGD())
