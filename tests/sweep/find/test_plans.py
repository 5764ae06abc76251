"""The LRs that are tried, and what a plan refuses."""

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.small import small
from trainer.config.table import ConfigError
from trainer.sweep.find.plans import BestHere, RangeTest, Steps, WhichLR, cost, plan


def test_half_decades_are_written_as_people_write_them() -> None:
    assert Steps().lrs == [1e-4, 3e-4, 1e-3, 3e-3, 0.01, 0.03, 0.1]
    assert Steps(lowest=2e-3, highest=0.02, per_decade=1).lrs == [2e-3, 0.02]
    assert Steps(lowest=1.5e-3, highest=0.02).lrs == [1.5e-3, 4.7e-3, 0.015]


@given(
    lowest=st.floats(1e-10, 1.0),
    decades=st.floats(0.01, 2.0),
    per_decade=st.integers(1, 8),
)
def test_lrs_rise_from_the_lowest_and_never_pass_the_highest(
    lowest: float, decades: float, per_decade: int
) -> None:
    highest = lowest * 10**decades
    lrs = Steps(lowest=lowest, highest=highest, per_decade=per_decade).lrs
    assert lrs[0] == lowest
    assert lrs == sorted(set(lrs))
    assert lrs[-1] <= highest
    ratio = 10 ** (1 / per_decade)
    for before, after in pairwise(lrs[:-1]):  # few digits, and the last is no higher than asked
        assert after / before == pytest.approx(ratio, rel=0.3)


def test_what_goes_on_from_a_probe_differs_in_its_schedule_and_length_only() -> None:
    config = small(epochs=50, warmup=5, lr=0.5)
    probe, *rest = BestHere().first(config)
    kept = BestHere().to_the_end(config, probe.lr)
    assert [c.lr for c in (probe, *rest)] == Steps().lrs
    assert (probe.schedule.name, probe.epochs, probe.warmup) == ("none", 2, 0)
    assert (kept.schedule.factor, kept.schedule.patience, kept.epochs) == (0.1, 10, 50)
    same = {"schedule": probe.schedule, "epochs": probe.epochs}
    assert kept.model_copy(update=same) == probe


def test_a_probe_of_b_trains_its_last_epoch_at_a_tenth() -> None:
    cells = WhichLR(seeds=3).first(small(seed=4))
    assert [c.seed for c in cells[::7]] == [4, 5, 6]
    assert {(c.epochs, c.schedule.step_size, c.schedule.gamma) for c in cells} == {(7, 6, 0.1)}


def test_values_are_read_as_in_the_form() -> None:
    assert plan("find", lowest="1e-3", per_decade="1", keep="2") == BestHere(
        lowest=1e-3, per_decade=1, keep=2
    )
    with pytest.raises(ConfigError, match="LRs a decade must be a whole number from 1 to 8"):
        plan("which", per_decade="0")
    with pytest.raises(ConfigError, match="Highest LR must be above the lowest"):
        plan("range", lowest=1, highest=1)
    with pytest.raises(ConfigError, match=r"no setting 'probes'. The nearest is probe"):
        plan("find", probes=3)
    with pytest.raises(ConfigError, match="Epochs must be more than the 2 of each probe"):
        BestHere().first(small(epochs=2))


def test_a_plan_says_what_it_will_train() -> None:
    config = small(epochs=50)
    assert cost(BestHere(), config) == "7 LRs, 158 epochs"
    assert cost(WhichLR(), config) == "7 LRs, 98 epochs"
    assert cost(RangeTest(), config) == "300 batches"


def test_the_lr_of_a_range_test_grows_by_the_same_ratio() -> None:
    test = RangeTest(batches=20, lowest=1e-4, highest=1.0)
    assert test.lr(0) == 1e-4
    assert math.log10(test.lr(6) / test.lr(5)) == pytest.approx(0.2)
