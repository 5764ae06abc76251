"""A run again: all is as it was but for the one thing that is changed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.small import SCHEDULES, small
from trainer.config.repeat import MOST_SEEDS, other_seeds, with_and_without
from trainer.config.run import RunConfig
from trainer.config.table import from_config


@given(seed=st.integers(0, 60), count=st.integers(1, MOST_SEEDS))
def test_other_seeds_are_all_different_and_nothing_else_is(seed, count):
    config = small(seed=seed)
    found = other_seeds(config, count)
    assert len({config.seed, *(other.seed for other in found)}) == count + 1
    assert {other.model_copy(update={"seed": seed}) for other in found} == {config}


@pytest.mark.parametrize("count", [-1, 0, MOST_SEEDS + 1])
def test_a_number_of_seeds_that_cannot_be_is_refused(count):
    with pytest.raises(ValueError, match=f"from 1 to {MOST_SEEDS}"):
        other_seeds(small(), count)


@pytest.mark.parametrize("schedule", SCHEDULES.values(), ids=str)
def test_with_and_without_differ_in_the_schedule_alone(schedule):
    config = small(schedule=schedule, warmup=2, lr=0.01)
    kept, constant = with_and_without(config)
    default = RunConfig().schedule
    assert kept.schedule == (default if schedule.name == "none" else schedule)
    assert constant.schedule.name == "none"
    own = from_config(constant)
    assert {key: value for key, value in from_config(config).items() if key in own} | {
        "schedule": "none"
    } == own
