"""Where values are on an axis, and its ticks: few, apart, and told apart."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.picture.axes import Axis, around, from_zero, texts

POSITIVE = st.floats(1e-300, 1e300)
LINEAR = st.floats(-1e12, 1e12).filter(lambda value: value == 0 or abs(value) > 1e-12)


@given(st.lists(POSITIVE, min_size=1, max_size=5))
def test_a_logarithmic_axis_has_room_for_its_values_and_ticks_among_them(values):
    axis = around(values, 500.0, 0.0, log=True)
    assert all(-1e-6 <= axis.place(value) <= 500 + 1e-6 for value in values)
    ticks = axis.ticks(6)
    assert len({words for _, words in ticks}) == len(ticks) <= 20
    assert all(axis.low <= value <= axis.high for value, _ in ticks)


@given(st.lists(LINEAR, min_size=1, max_size=5))
def test_a_linear_axis_has_room_for_its_values_and_ticks_among_them(values):
    for axis in (around(values, 500.0, 0.0, log=False), from_zero(values, 500.0, 0.0)):
        assert all(-1e-6 <= axis.place(value) <= 500 + 1e-6 for value in values)
        ticks = axis.ticks(6)
        assert len({words for _, words in ticks}) == len(ticks) <= 12


@pytest.mark.parametrize(
    ("low", "high", "log", "wanted"),
    [
        (3e-4, 3.0, True, ["0.001", "0.01", "0.1", "1"]),
        (0.04, 0.6, True, ["0.05", "0.1", "0.2", "0.5"]),
        (1e-9, 2e-2, True, ["1e-8", "1e-6", "1e-4", "0.01"]),
        (0.0, 0.0105, False, ["0", "0.005", "0.01"]),
        (0.99951, 0.99984, False, ["0.9996", "0.9997", "0.9998"]),
        (-1.2, 1.2, False, ["\N{MINUS SIGN}1", "0", "1"]),
    ],
)
def test_ticks_are_round_numbers_with_as_many_digits_as_they_need(low, high, log, wanted):
    assert [words for _, words in Axis(low, high, 0.0, 100.0, log).ticks(4)] == wanted


def test_an_axis_without_values_is_one_to_look_at():
    for log in (True, False):
        axis = around([None, math.nan, math.inf], 100.0, 0.0, log)
        assert axis.low < axis.high
        assert axis.ticks(4)
    assert not Axis(1, 10, 0, 1, log=True).shows(0.0)
    assert not Axis(1, 10, 0, 1).shows(math.nan)
    assert texts([0.1, 0.1001, 0.10001]) == ["0.1", "0.1001", "0.10001"]
