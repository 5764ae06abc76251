"""The script of a fork trains the whole lineage, and changes what the fork changed."""

from itertools import cycle, product

import pytest

from tests.export.scripts import printed, quick, recorded, trained
from tests.small import SCHEDULES
from trainer.export.script import script

# Settings of each schedule that differ from those of tests.small.
CHANGED = {
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
