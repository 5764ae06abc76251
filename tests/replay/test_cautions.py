"""What is said before Start is true of torch's own classes."""

from collections.abc import Sequence

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.optim import lr_scheduler

from tests.schedule.by_torch import plateau_runs
from trainer.config import optimizers, schedules, table
from trainer.config.optimizers import OPTIMIZERS
from trainer.config.run import RunConfig
from trainer.config.schedules import SCHEDULES
from trainer.replay.cautions import cautions
from trainer.replay.replay import preview, replay, used


def told(run: RunConfig, metrics: Sequence[float | None] = ()) -> str:
    return " ".join(caution.sentence for caution in cautions(run, preview(run, 20), metrics))


def test_the_presets_surprise_nobody_but_the_cycle_and_the_tutorial_as_it_is_written():
    assert {name for name, run in table.PRESETS.items() if told(run)} == {
        "One cycle: up, then down",
        "Tutorial, as written",
    }
    assert "stays at that of guessing" in told(table.PRESETS["Tutorial, as written"])


def test_the_tutorial_is_made_to_learn_by_nothing_but_another_lr():
    written, learns = (table.PRESETS[f"Tutorial, {how}"] for how in ("as written", "made to learn"))
    assert written.lr == 0.1
    assert learns == written.model_copy(update={"lr": 0.001})


@pytest.mark.parametrize(
    ("run", "sentence"),
    [
        (RunConfig(lr=0.1), "Adam at 0.1 often stops these networks"),
        (RunConfig(schedule=schedules.CyclicLR(max_lr=0.5)), "Adam at 0.5 often stops"),
        (RunConfig(lr=0.1, optimizer=optimizers.SGD()), ""),
        (
            RunConfig(schedule=schedules.ReduceLROnPlateau(patience=49)),
            "No cut is possible in 50 epochs: the first could come after epoch 51.",
        ),
        (RunConfig(schedule=schedules.ReduceLROnPlateau(min_lr=0.1)), "is not above Min LR 0.1"),
        (RunConfig(schedule=schedules.ReduceLROnPlateau(eps=0.1)), "attempted without effect"),
        (
            RunConfig(lr=1e-5, schedule=schedules.ReduceLROnPlateau(patience=1)),
            "At 1e-8 cuts are skipped",
        ),
        (RunConfig(schedule=schedules.CosineAnnealingLR(T_max=20)), "After epoch 20 the LR rises"),
        (RunConfig(schedule=schedules.CosineAnnealingLR(T_max=60)), "does not reach its lowest"),
        (RunConfig(schedule=schedules.CosineAnnealingLR(eta_min=1)), "above the LR: the LR rises"),
        (RunConfig(schedule=schedules.OneCycleLR()), "OneCycleLR also moves Adam's beta 1"),
        (RunConfig(schedule=schedules.OneCycleLR()), "spans exactly 50 epochs"),
        (
            RunConfig(schedule=schedules.CyclicLR(max_lr=0.02), optimizer=optimizers.SGD()),
            "CyclicLR also moves SGD's momentum, between 0.800 and 0.900.",
        ),
        (RunConfig(schedule=schedules.CyclicLR(step_size_up=60, max_lr=0.02)), "reach its peak"),
        (RunConfig(schedule=schedules.StepLR(step_size=50)), "the first would come after 50"),
        (RunConfig(schedule=schedules.MultiStepLR(milestones=(20, 60))), "it never reaches 60"),
        (RunConfig(schedule=schedules.CosineAnnealingWarmRestarts(T_0=50)), "No restart in"),
        (
            RunConfig(schedule=schedules.PolynomialLR(total_iters=9)),
            "From epoch 10 on, the LR is 0",
        ),
        (RunConfig(schedule=schedules.LinearLR(total_iters=60)), "does not reach its end"),
    ],
)
def test_a_surprise_is_told(run, sentence):
    assert sentence in told(run)


def test_a_relative_threshold_on_values_below_zero_is_told():
    run = RunConfig()
    assert "choose the threshold mode abs" in told(run, [-1.0, -0.99995])
    assert replay([-1.0, -0.99995], run)[-1].decision.kind == "improved"
    assert told(run, [1.0, None]) == ""


@settings(max_examples=settings.default.max_examples // 4)  # an example replays a run
@given(run=plateau_runs())
def test_where_a_cut_is_said_to_be_impossible_a_flat_loss_brings_none(run):
    steps = used(run, [1.0] * run.epochs)
    falls = any(step.next_lr < step.lr for step in steps)
    never = any(word in told(run) for word in ("No cut", "no cut will"))
    assert falls != never


def test_one_cycle_does_raise_past_its_steps_in_torch():
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
    scheduler = lr_scheduler.OneCycleLR(optimizer, max_lr=0.1, total_steps=3)
    optimizer.step()
    for _ in range(3):
        scheduler.step()
    with pytest.raises(ValueError, match="Tried to step"):
        scheduler.step()


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@settings(max_examples=settings.default.max_examples // 25)  # 84 times, each previews a run
@given(epochs=st.integers(1, 60), lr=st.floats(1e-9, 2))
def test_every_schedule_has_a_preview_and_says_what_it_must(name, optimizer, epochs, lr):
    spec = SCHEDULES[name].model_validate({"max_lr": 3.0} if name == "CyclicLR" else {})
    run = RunConfig(schedule=spec, optimizer=OPTIMIZERS[optimizer](), epochs=epochs, lr=lr)
    assert len(preview(run, 5).steps) == epochs
    found = cautions(run, preview(run, 5))
    assert all(caution.sentence.endswith(".") for caution in found)
    for caution in found:
        if caution.fix is None:
            continue
        path, value = caution.fix
        key = next(s.key for s in table.chosen(table.from_config(run)) if s.path == path)
        mended = table.changed(run, {key: value})
        kept = {other.sentence for other in cautions(mended, preview(mended, 5))}
        assert caution.sentence not in kept, caution
