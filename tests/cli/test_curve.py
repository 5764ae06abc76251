"""A curve in the terminal keeps the order of its values."""

from hypothesis import given
from hypothesis import strategies as st

from app.cli.curve import EIGHTHS, curve

VALUES = st.lists(st.none() | st.floats(-1e6, 1e6), max_size=60)


def levels(lines: list[str], width: int) -> list[int]:
    """The height of each column, in eighths of a line."""
    padded = [line.ljust(width) for line in lines]
    return [sum(EIGHTHS.index(line[i]) for line in padded) for i in range(width)]


@given(VALUES, st.integers(1, 5))
def test_a_higher_value_is_never_drawn_lower(values: list[float | None], height: int) -> None:
    lines = curve(values, 60, height)
    finite = [value for value in values if value is not None]
    assert len(lines) == (height if finite else 0)
    drawn = levels(lines, len(values))
    pairs = [(v, level) for v, level in zip(values, drawn, strict=True) if v is not None]
    assert all(a[1] <= b[1] for a in pairs for b in pairs if a[0] < b[0])
    assert all(1 <= level <= 8 * height for _, level in pairs)
    if finite and max(finite) > min(finite):
        assert {1, 8 * height} <= {level for _, level in pairs}
    assert all(level == 0 for v, level in zip(values, drawn, strict=True) if v is None and lines)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=500), st.integers(1, 40))
def test_a_long_curve_is_as_wide_as_it_may_be(values: list[float], width: int) -> None:
    lines = curve(values, width, 3)
    assert max(map(len, lines)) == min(width, len(values))
