"""fastai's four rules, beside numpy where a rule uses it, and beside fastai where it is there."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from trainer.sweep.find.suggestions import (
    SLIDE_THRESHOLD,
    SLIDE_WIDTH,
    apart,
    minimum,
    slide,
    smoothed,
    steep,
    suggestions,
    valley,
)

CURVES = st.lists(st.floats(0.01, 10.0), min_size=SLIDE_WIDTH + 2, max_size=60)


def lrs_of(losses: Sequence[float]) -> list[float]:
    return [1e-6 * 1.2**i for i in range(len(losses))]


def test_a_steady_fall_is_a_valley_that_begins_at_once() -> None:
    losses = [10.0 - i for i in range(10)]
    # From -1, as fastai has it, to 9: a third is 3.33, so -1 + 3 + 1.
    assert valley(list(range(10)), losses) == 3


def test_the_longest_valley_may_have_gaps() -> None:
    losses = [5.0, 9.0, 4.0, 8.0, 3.0, 7.0, 2.0, 20.0, 21.0, 22.0]
    # The longest fall has five: 9, 8, 7, 2 has only four, so it is 5, 4, 3, 2 that is first found.
    longest = valley(list(range(10)), losses)
    assert longest == 6 - 4 + int(4 / 3) + int(4 / 3 / 2)


@given(losses=CURVES)
def test_the_steepest_and_the_lowest_are_numpys(losses: list[float]) -> None:
    lrs = lrs_of(losses)
    slopes = np.diff(losses) / np.diff(np.log(lrs))
    chosen = lrs.index(steep(lrs, losses))
    assert slopes[chosen] == pytest.approx(slopes.min())
    assert minimum(lrs, losses) == lrs[int(np.argmin(losses))] / 10


@given(losses=CURVES)
def test_the_slide_stops_where_both_ends_are_as_steep(losses: list[float]) -> None:
    lrs, slopes = lrs_of(losses), np.gradient(losses)
    differ = [abs(slopes[i + SLIDE_WIDTH] - slopes[i]) for i in range(len(losses) - SLIDE_WIDTH)]
    assume(all(abs(d - SLIDE_THRESHOLD) > 1e-9 for d in differ))
    stops = next((i for i in reversed(range(len(differ))) if differ[i] <= SLIDE_THRESHOLD), -1)
    assert slide(lrs, losses) == lrs[min(stops + 1, len(differ) - 1)]


def test_losses_are_smoothed_without_bias() -> None:
    assert smoothed([3.0] * 50) == pytest.approx([3.0] * 50)
    losses = [1.0, 5.0, 2.0]
    weights = [0.98**2, 0.98, 1.0]
    mean = sum(w * v for w, v in zip(weights, losses, strict=True)) / sum(weights)
    assert smoothed(losses)[-1] == pytest.approx(mean)


def test_rules_see_no_loss_from_the_first_that_is_not_a_number_on() -> None:
    losses = [2.0 - 0.01 * i for i in range(60)]
    lrs = lrs_of([0.0] * 100)
    cut = suggestions(lrs[:60], losses, 100)
    nan = suggestions(lrs, [*losses[:55], *[math.nan] * 45], 100)
    assert cut == nan
    assert set(suggestions(lrs[:3], losses[:3], 100).values()) == {None}


def test_how_far_suggestions_are_apart() -> None:
    assert apart([1e-3, None, 1e-2]) == pytest.approx(10)
    assert apart([1e-3, None]) is None


@given(losses=CURVES)
def test_each_rule_is_as_fastai_has_it(losses: list[float]) -> None:
    schedule: Any = pytest.importorskip(
        "fastai.callback.schedule", reason="fastai is not installed"
    )
    import torch

    lrs = lrs_of(losses)
    ours: dict[str, Callable[[Sequence[float], Sequence[float]], float | None]] = {
        "valley": valley, "slide": slide, "steep": steep, "minimum": minimum,
    }  # fmt: skip
    given_lrs = torch.tensor(lrs, dtype=torch.float64)
    given_losses = torch.tensor(losses, dtype=torch.float64)
    for name, rule in ours.items():
        theirs, _ = getattr(schedule, name)(given_lrs, given_losses, len(losses))
        assert rule(lrs, losses) == pytest.approx(theirs), name
