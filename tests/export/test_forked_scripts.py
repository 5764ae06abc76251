"""The script of a fork trains the whole lineage, and changes what the fork changed."""

from itertools import cycle, product
from typing import Any

import pytest

from tests.export.scripts import printed, quick, recorded, trained
from tests.small import SCHEDULES
from trainer.config.optimizers import SGD, Adam, RMSprop
from trainer.export.script import script

# Settings of each schedule that differ from those of tests.small.
CHANGED: dict[str, dict[str, Any]] = {
    "plateau": {"patience": 1, "min_lr": 0.004, "threshold": 0.5},
    "StepLR": {"gamma": 0.5, "step_size": 1},
    "MultiStepLR": {"milestones": (2, 5)},
    "ExponentialLR": {"gamma": 0.9},
    "CosineAnnealingLR": {"T_max": 5, "eta_min": 1e-3},
    "WarmRestarts": {"T_0": 3},
    "OneCycleLR": {"pct_start": 0.6},
    "CyclicLR": {"max_lr": 0.02},
    "LinearLR": {"end_factor": 0.3},
    "PolynomialLR": {"power": 2.0},
    "ConstantLR": {"factor": 0.5},
}
# The epoch of a fork, in the warm-up of two epochs, at its end or after it, and the fork's LR.
PLACES = [(1, 0.006), (2, 0.006), (4, 0.01), (4, 0.006), (1, 0.01), (2, 0.01)]


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_every_schedule_follows_every_other(store, root, schedule):
    config = quick(schedule=SCHEDULES[schedule], warmup=2, epochs=6)
    parent = trained(store, config, root)
    for (after, lr), other in zip(cycle(PLACES), SCHEDULES.values(), strict=False):
        own = config.model_copy(update={"schedule": other, "lr": lr, "epochs": 7})
        run = trained(store, own, root, (parent, after))
        assert printed(store, run, root) == recorded(store, run), script(store, run)


@pytest.mark.parametrize("schedule", CHANGED)
def test_a_schedule_goes_on_with_other_settings(store, root, schedule):
    config = quick(schedule=SCHEDULES[schedule], epochs=6)
    parent = trained(store, config, root)
    other = config.schedule.model_copy(update=CHANGED[schedule])
    for spec, lr in product((config.schedule, other), (0.01, 0.006)):
        own = config.model_copy(update={"schedule": spec, "lr": lr, "epochs": 7})
        run = trained(store, own, root, (parent, 3))
        assert printed(store, run, root) == recorded(store, run), script(store, run)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (Adam(), Adam(beta2=0.9, weight_decay=0.1, amsgrad=True)),
        (SGD(momentum=0.0), SGD(momentum=0.5, nesterov=True)),
        (RMSprop(), RMSprop(momentum=0.5, centered=True)),
    ],
    ids=lambda spec: spec.name,
)
@pytest.mark.parametrize("schedule", ["plateau", "OneCycleLR"])
def test_a_fork_changes_the_optimizer(store, root, schedule, before, after):
    parent = trained(store, quick(optimizer=before, schedule=SCHEDULES[schedule]), root)
    for follower in (schedule, "CyclicLR", "none"):
        own = quick(optimizer=after, schedule=SCHEDULES[follower])
        run = trained(store, own, root, (parent, 2))
        assert printed(store, run, root) == recorded(store, run), script(store, run)


def test_a_fork_watches_another_monitor(store, root):
    plateau = SCHEDULES["plateau"]
    parent = trained(store, quick(schedule=plateau, monitor="val_accuracy", epochs=6), root)
    own = quick(schedule=plateau, monitor="train_loss", epochs=8, lr=0.02)
    run = trained(store, own, root, (parent, 3))
    assert printed(store, run, root) == recorded(store, run), script(store, run)


def test_a_fork_of_a_fork_outlives_its_cycle(store, root):
    first = trained(store, quick(schedule=SCHEDULES["plateau"], epochs=5), root)
    cycle = quick(schedule=SCHEDULES["OneCycleLR"], epochs=5)
    second = trained(store, cycle, root, (first, 2))
    third = trained(store, cycle.model_copy(update={"epochs": 7}), root, (second, 4))
    assert printed(store, third, root) == recorded(store, third), script(store, third)
    assert len(recorded(store, third)) == 8
