"""What is said of a change by hand beforehand is what torch's own class then does."""

import pytest

from tests.small import SCHEDULES, small
from trainer.config.run import RunConfig
from trainer.schedule.interventions import consequence
from trainer.schedule.schedule import Schedule

BATCHES = 3


def course(settings: RunConfig, epochs: int, at: tuple[int, int] | None = None) -> list[float]:
    """The LR of every batch; at (epoch, batch) it is doubled by hand."""
    schedule, lrs = Schedule(settings, BATCHES), []
    for epoch in range(epochs):
        for batch in range(BATCHES):
            if (epoch, batch) == at:
                schedule.set_lr(2 * schedule.lr)
            lrs.append(schedule.lr)
            schedule.step_batch()
        schedule.advance(1.0 / (epoch + 1))
    return lrs


def ratios(settings: RunConfig, at: tuple[int, int], epochs: int = 9) -> list[float]:
    """How much higher each batch's LR is for the change, from the change on."""
    changed, plain = course(settings, epochs, at), course(settings, epochs)
    start = at[0] * BATCHES + at[1]
    pairs = zip(changed[start:], plain[start:], strict=True)
    return [new / old for new, old in pairs if old > 1e-12]


@pytest.mark.parametrize("name", SCHEDULES)
def test_what_is_foretold_is_what_the_class_does(name):
    settings = small(schedule=SCHEDULES[name], epochs=9)
    said, seen = consequence(settings, "scale", 2), ratios(settings, (2, 1))
    assert seen[0] == pytest.approx(2)
    if "next batch" in said:
        assert seen[1:] == pytest.approx([1] * (len(seen) - 1))
    elif "end of this epoch" in said:
        assert seen[:2] == pytest.approx([2, 2])
        assert seen[2:] == pytest.approx([1] * (len(seen) - 2))
    elif "until the step after T max" in said:
        low = settings.schedule.eta_min
        changed, plain = (course(settings, 9, at) for at in ((1, 1), None))
        above = [
            (c - low) / (p - low) for c, p in zip(changed, plain, strict=True) if p - low > 1e-9
        ]
        assert above[4:9] == pytest.approx([above[4]] * 5)
        assert above[4] > 1.9
        assert above[9:] == pytest.approx([1] * (len(above) - 9))
    else:
        assert "same relative" in said or "stays" in said or "keeps the new LR" in said
        assert seen == pytest.approx([2] * len(seen))


@pytest.mark.parametrize("name", SCHEDULES)
def test_in_a_watched_training_no_schedule_overwrites_what_was_set(name):
    settings = small(schedule=SCHEDULES[name], epochs=9)
    said = consequence(settings, "lr", 2, lasts=True)
    assert "same relative" in said or "stays constant" in said or "keeps the new LR" in said
    assert "overwrites" not in said
    assert "restores" not in said


@pytest.mark.parametrize("name", SCHEDULES)
def test_in_the_warm_up_the_ratio_ends_with_it(name):
    settings = small(schedule=SCHEDULES[name], epochs=9, warmup=3)
    assert "when it ends" in consequence(settings, "lr", 1)
    seen = ratios(settings, (1, 1))
    assert seen[:5] == pytest.approx([2] * 5)
    assert seen[5:] == pytest.approx([1] * len(seen[5:]))
    assert consequence(settings, "lr", 3) == consequence(small(schedule=SCHEDULES[name]), "lr", 3)


def test_every_schedule_says_what_added_epochs_bring():
    said = {name: consequence(small(schedule=s), "epochs", 1) for name, s in SCHEDULES.items()}
    assert "lowest" in said["OneCycleLR"]
    assert "rises again" in said["CosineAnnealingLR"]
    assert all(sentence.endswith(".") for sentence in said.values())
    settings = small(schedule=SCHEDULES["OneCycleLR"])
    lrs = course(settings, 9)
    assert lrs[6 * BATCHES :] == [min(lrs)] * 9
    settings = small(schedule=SCHEDULES["CosineAnnealingLR"])
    lrs = course(settings, 9)[::BATCHES]
    assert lrs[4] > lrs[3]
