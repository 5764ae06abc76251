"""The steps of a cycle are those of torch's class, to the bit."""

from itertools import islice
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.optim import lr_scheduler

from tests.schedule.by_torch import weight
from trainer.config import schedules
from trainer.config.optimizers import SGD
from trainer.config.recipe import Recipe
from trainer.config.table import ConfigError
from trainer.config.traits import ScheduleSettings
from trainer.schedule.parts import main_part
from trainer.schedule.schedule import Schedule

momentum = st.floats(0, 0.99)
CYCLES: st.SearchStrategy[ScheduleSettings] = st.one_of(
    st.builds(
        schedules.OneCycleLR,
        pct_start=st.one_of(
            st.floats(0.001, 0.999), st.integers(2, 40).map(lambda steps: 1 / steps)
        ),
        div_factor=st.floats(1, 1e6),
        final_div_factor=st.floats(1, 1e8),
        anneal_strategy=st.sampled_from(["cos", "linear"]),
        three_phase=st.booleans(),
        cycle_momentum=st.booleans(),
        base_momentum=momentum,
        max_momentum=momentum,
    ),
    st.builds(
        schedules.CyclicLR,
        max_lr=st.floats(0.1, 1),
        step_size_up=st.integers(1, 12),
        mode=st.sampled_from(["triangular", "triangular2", "exp_range"]),
        gamma=st.one_of(st.just(1.0), st.floats(0.5, 1)),
        cycle_momentum=st.booleans(),
        base_momentum=momentum,
        max_momentum=momentum,
    ),
)


def recipe(spec: ScheduleSettings, epochs: int) -> Recipe:
    return Recipe(schedule=spec, epochs=epochs, lr=0.03, optimizer=SGD())


@settings(max_examples=settings.default.max_examples // 5)  # an example steps a run
@given(spec=CYCLES, epochs=st.integers(1, 30), batches=st.integers(1, 7))
def test_every_step_is_torchs_to_the_bit(spec, epochs, batches):
    if spec.refusal(epochs, batches):
        return
    run = recipe(spec, epochs)
    part = main_part(run, batches, epochs)
    steps = epochs * batches
    moved = spec.cycle(run.lr, epochs, batches, range(steps + 5))
    for lr, own in islice(moved, steps):
        assert lr == part.lr
        if spec.cycle_momentum:
            assert own == part.optimizer.param_groups[0]["momentum"]
        if part.scheduler.last_epoch < steps - 1:
            part.scheduler.step()
    if spec.name == "OneCycleLR":
        assert [lr for lr, _ in moved] == [part.lr] * 5


@settings(max_examples=settings.default.max_examples // 5)  # an example steps a run
@given(spec=CYCLES, first=st.integers(0, 40), count=st.integers(0, 40))
def test_steps_may_begin_anywhere(spec, first, count):
    if spec.refusal(9, 5):
        return
    part = list(spec.cycle(0.03, 9, 5, range(first, first + count)))
    assert part == list(spec.cycle(0.03, 9, 5, range(first + count)))[first:]


# What torch's class cannot do


def torch_runs(spec: Any, epochs: int, batches: int) -> bool:
    """Whether torch's class takes every step."""
    optimizer = torch.optim.SGD(weight(), lr=0.03, momentum=0.9)
    try:
        arguments = spec.arguments(0.03, epochs, batches)
        scheduler = getattr(lr_scheduler, spec.name)(optimizer, **arguments)
        optimizer.step()  # torch warns where a scheduler goes first
        for _ in range(epochs * batches - 1):
            scheduler.step()
    except (ZeroDivisionError, OverflowError):
        return False
    return True


@settings(max_examples=settings.default.max_examples // 5)  # an example steps a run
@given(spec=CYCLES, epochs=st.integers(1, 40), batches=st.sampled_from([1, 1, 1, 2, 3]))
def test_exactly_what_torch_cannot_run_is_refused(spec, epochs, batches):
    refused = spec.refusal(epochs, batches)
    assert (refused is None) == torch_runs(spec, epochs, batches)
    if refused:
        with pytest.raises(ConfigError) as refusal:
            Schedule(recipe(spec, epochs), batches)
        (((path, owner), sentence),) = refusal.value.problems.items()
        assert (path.split(".")[1], owner, sentence) == (refused[0], spec.name, refused[1])


def test_a_height_that_would_be_halved_too_often_is_refused():
    spec = schedules.CyclicLR(max_lr=0.1, step_size_up=2, mode="triangular2")
    assert torch_runs(spec, 4096, 1)
    assert spec.refusal(4095, 1) is None
    assert spec.refusal(4096, 1) == (
        "step_size_up",
        "Way up must be at least 3 for 4,096 epochs: in mode triangular2 torch's CyclicLR cannot "
        "halve its height 1,024 times.",
    )
    assert not torch_runs(spec, 4097, 1)  # and LRScope steps once more after the last batch
    longer = spec.model_copy(update={"step_size_up": 3})
    assert longer.refusal(4096, 1) is None
