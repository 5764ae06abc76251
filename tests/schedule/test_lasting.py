"""An LR set by hand in a watched training lasts: every schedule goes on from it alike."""

import pytest

from tests.schedule.by_torch import BATCHES, EPOCHS, METRICS, PER_BATCH, SPECS, run_of, spec_id
from trainer.config import schedules
from trainer.config.traits import ScheduleSettings
from trainer.replay.ahead import ahead
from trainer.schedule.interventions import Intervention
from trainer.schedule.past import Stretch
from trainer.schedule.schedule import Schedule

SET_IN = 4  # the epoch that it is set before


def lrs(spec: ScheduleSettings, factor: float) -> list[float]:
    """The LR of every batch from that epoch on, if it is multiplied before it."""
    schedule, used = Schedule(run_of(spec), BATCHES, lasts=True), []
    for epoch in range(1, EPOCHS):
        if epoch == SET_IN:
            schedule.intervene("scale", factor)
        for _ in range(BATCHES):
            used.append(schedule.lr)
            schedule.step_batch()
        schedule.advance(METRICS[epoch - 1])
    return used[(SET_IN - 1) * BATCHES :]


@pytest.mark.parametrize("spec", SPECS, ids=spec_id)
@pytest.mark.parametrize("factor", [0.5, 3.0])
def test_every_later_lr_is_multiplied_alike(spec, factor):
    if isinstance(spec, schedules.ReduceLROnPlateau):  # its cuts never go below it
        spec = spec.model_copy(update={"min_lr": 0.0})
    lowest = getattr(spec, "eta_min", 0.0)
    before, after = lrs(spec, 1.0), lrs(spec, factor)
    share = (before[0] * factor - lowest) / (before[0] - lowest)
    scaled = [lowest + (lr - lowest) * share for lr in before]
    assert after == pytest.approx(scaled, rel=1e-9)


@pytest.mark.parametrize("spec", [s for s in SPECS if s.name in PER_BATCH], ids=spec_id)
def test_what_is_ahead_goes_on_from_it_too(spec):
    made, recipe = [Intervention(SET_IN, 0, "scale", 0.5)], run_of(spec)
    found = dict(ahead([Stretch(recipe, 0, made, lasts=True)], None, BATCHES, EPOCHS).low)
    own = dict(ahead([Stretch(recipe)], None, BATCHES, EPOCHS).low)
    later = [x for x in found.keys() & own.keys() if x > SET_IN + 0.5]
    assert len(later) > BATCHES
    for x in later:
        assert found[x] == pytest.approx(own[x] / 2, rel=1e-9)
