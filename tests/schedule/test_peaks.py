"""The peak that is told is the highest LR that was used, and it is told of its epoch."""

from itertools import pairwise

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.config.test_cycles import CYCLES
from trainer.config import schedules
from trainer.config.recipe import Recipe
from trainer.config.traits import ScheduleSettings
from trainer.replay.replay import Replayed, preview, replay
from trainer.schedule.parts import main_part


def used_by_torch(run: Recipe, batches: int) -> list[list[float]]:
    """The LR of every batch, epoch by epoch, as torch's class gives it when it is stepped."""
    part = main_part(run, batches, run.epochs)
    lrs: list[list[float]] = []
    scheduler, per_batch = part.scheduler, run.schedule.traits.per_batch
    assert scheduler is not None
    for epoch in range(run.epochs):
        lrs.append([])
        for batch in range(batches):
            lrs[-1].append(part.lr)
            if per_batch and (epoch, batch) != (run.epochs - 1, batches - 1):
                scheduler.step()
        if not per_batch:
            scheduler.step()
    return lrs


def peaks(steps: list[Replayed]) -> list[Replayed]:
    return [step for step in steps if step.decision.kind == "peak"]


@settings(max_examples=settings.default.max_examples // 5)  # an example steps a run
@given(
    spec=st.one_of(
        CYCLES,
        st.builds(
            schedules.CosineAnnealingLR,
            T_max=st.integers(1, 12),
            eta_min=st.sampled_from([0.0, 1e-3, 0.03, 0.2]),
        ),
    ),
    epochs=st.integers(2, 30),
    batches=st.integers(1, 7),
)
def test_a_peak_is_the_highest_lr_used_around_it(spec: ScheduleSettings, epochs, batches):
    assume(not spec.refusal(epochs, batches))
    run = Recipe(schedule=spec, epochs=epochs, lr=0.03)
    lrs = used_by_torch(run, batches)
    for step in peaks(replay([1.0] * (epochs - 1), run, batches=batches)):
        turn, epoch = step.decision.turn, step.epoch
        of_epoch, first_of_next = lrs[epoch - 1], lrs[epoch][0]
        assert turn == pytest.approx(max([*of_epoch, first_of_next]), rel=1e-12)
        if turn == first_of_next:
            assert f", as epoch {epoch + 1} starts;" in step.decision.sentence
        else:
            assert turn in of_epoch
            assert f", in epoch {epoch};" in step.decision.sentence


@settings(max_examples=settings.default.max_examples // 5)  # an example steps a run
@given(spec=CYCLES, epochs=st.integers(1, 30), batches=st.integers(1, 7))
def test_the_highest_lr_of_a_run_is_told_where_it_was_used(spec, epochs, batches):
    assume(not spec.refusal(epochs, batches))
    run = Recipe(schedule=spec, epochs=epochs, lr=0.03)
    lrs = [lr for epoch in used_by_torch(run, batches) for lr in epoch]
    assert preview(run, batches).top == pytest.approx(max(lrs), rel=1e-12)
    rises = [i for i, (a, b) in enumerate(pairwise(lrs), 1) if b > a * (1 + 1e-12)]
    falls = [i for i, (a, b) in enumerate(pairwise(lrs), 1) if b < a * (1 - 1e-12)]
    found = peaks(replay([1.0] * epochs, run, batches=batches))
    if rises and falls and rises[0] < falls[-1]:  # it goes up, and then down
        assert max(step.decision.turn or 0 for step in found) == pytest.approx(max(lrs), rel=1e-12)


def test_a_peak_between_two_steps_is_told_of_the_higher_one():
    steps = replay(
        [1.0] * 12, schedule="OneCycleLR", pct_start=0.1, anneal_strategy="linear", epochs=12,
        lr=0.01,
    )  # fmt: skip
    assert [step.lr for step in steps[:3]] == pytest.approx([4e-4, 9.26e-3, 8.33e-3], rel=1e-3)
    assert steps[0].decision.sentence == "OneCycleLR: LR goes up from 4e-4 to 0.00926."
    assert steps[1].decision.sentence == (
        "OneCycleLR: LR at its peak, 0.00926, in epoch 2; then it goes down."
    )
    assert len(peaks(steps)) == 1


def test_a_decaying_cycle_peaks_where_its_height_does():
    spec = schedules.CyclicLR(max_lr=0.2, step_size_up=4, mode="exp_range", gamma=0.99)
    run = Recipe(schedule=spec, epochs=8, lr=0.01)
    steps = replay([1.0] * 8, run, batches=50)
    lrs = used_by_torch(run, 50)
    first, top = peaks(steps)[0], max(map(max, lrs))
    assert top in lrs[first.epoch - 1]
    assert first.decision.turn == top


def test_a_rise_to_eta_min_ends_at_a_peak():
    spec = schedules.CosineAnnealingLR(T_max=3, eta_min=0.2)
    steps = replay([1.0] * 7, Recipe(schedule=spec, epochs=7, lr=0.01))
    assert [steps[i].decision.sentence for i in (2, 5)] == [
        "CosineAnnealingLR: LR at its peak, 0.2, as epoch 4 starts; then it goes down.",
        "CosineAnnealingLR: LR at its lowest, 0.01, as epoch 7 starts; then it goes up.",
    ]
