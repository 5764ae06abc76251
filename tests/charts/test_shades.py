"""The sequential scale."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.charts import shades, theme

strong = st.floats(0, 1)


@pytest.mark.parametrize("scheme", theme.COLOURS)
@given(strength=strong)
def test_what_is_written_on_any_shade_has_the_contrast_that_aa_asks_for(
    scheme: theme.Scheme, strength: float
) -> None:
    colour = theme.colours(scheme)
    ground = shades.shade(colour, strength)
    assert shades.contrast(colour[shades.ink(strength)[scheme]], ground) >= 4.5


@pytest.mark.parametrize("scheme", theme.COLOURS)
def test_a_better_value_stands_out_more(scheme: theme.Scheme) -> None:
    colour = theme.colours(scheme)
    grounds = [shades.shade(colour, i / 10) for i in range(11)]
    apart = [shades.contrast(ground, colour["panel"]) for ground in grounds]
    assert apart == sorted(apart)
    assert apart[-1] > 4 * apart[0]


def test_black_on_white_has_the_contrast_that_wcag_says() -> None:
    assert shades.contrast("#000000", "#ffffff") == pytest.approx(21)


costs = st.lists(st.none() | st.floats(1e-6, 1e6), max_size=9)


@given(costs)
def test_a_lower_cost_is_never_paler(values: list[float | None]) -> None:
    found, times = shades.strengths(values)
    assert [s is None for s in found] == [v is None for v in values]
    pairs = sorted((v, -(s or 0.0)) for v, s in zip(values, found, strict=True) if v is not None)
    drawn = [s for _, s in pairs]
    assert drawn == sorted(drawn)
    assert not pairs or drawn[0] == -1
    assert 1.5 - 1e-9 <= times <= 4 + 1e-9


def test_noise_makes_no_picture_and_a_dead_run_does_not_make_all_others_alike() -> None:
    near, _ = shades.strengths([1.0, 1.01])
    assert near[1] == pytest.approx(1 - math.log(1.01) / math.log(1.5))
    dead, _ = shades.strengths([0.1, 0.2, 2.3])
    assert dead[1] == pytest.approx(0.5)
    assert dead[2] == 0
