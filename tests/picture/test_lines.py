"""A curve's path: exact to a tenth of a pixel, with all that can be seen of it and no more."""

import re

from hypothesis import given
from hypothesis import strategies as st

from app.charts.series import Line
from app.picture.axes import Axis
from app.picture.lines import path, pieces, straightened, thinned, written

POINTS = st.lists(st.tuples(st.integers(0, 5_000), st.integers(-9_999, 9_999)), max_size=60)


def read(d: str) -> list[tuple[int, int]]:
    """The points of a path, in tenths: what a browser would make of it, by SVG's own rules."""
    found, x, y = [], 0.0, 0.0
    for command, rest in re.findall(r"([Mlhv])([^Mlhv]*)", d):
        numbers = [float(number) for number in rest.split()]
        match command:
            case "M":
                x, y = numbers
            case "l":
                x, y = x + numbers[0], y + numbers[1]
            case "h":
                x += numbers[0]
            case "v":
                y += numbers[0]
        found.append((round(10 * x), round(10 * y)))
    return found


@given(POINTS.filter(lambda points: len(points) > 1))
def test_a_path_leads_through_its_points(points):
    points = straightened(points)
    if len(points) > 1:
        assert read(written(points)) == points


@given(POINTS)
def test_thinning_keeps_the_highest_and_lowest_of_each_pixel(points):
    points = sorted(points)
    kept = thinned(points)
    assert set(kept) <= set(points)
    for column in {x // 10 for x, _ in points}:
        before = [y for x, y in points if x // 10 == column]
        after = [y for x, y in kept if x // 10 == column]
        assert (min(after), max(after), after[0], after[-1]) == (
            min(before), max(before), before[0], before[-1],
        )  # fmt: skip
        assert len(after) <= 4


@given(POINTS)
def test_straightening_loses_no_corner_and_no_peak(points):
    kept = straightened(points)
    if points:
        assert (kept[0], kept[-1]) == (points[0], points[-1])
        for i in (0, 1):
            assert {min(p[i] for p in kept), max(p[i] for p in kept)} == {
                min(p[i] for p in points), max(p[i] for p in points),
            }  # fmt: skip


def test_a_gap_parts_a_line_unless_it_is_joined_and_a_step_has_two_corners():
    x, y = Axis(0, 10, 0, 100), Axis(0, 10, 100, 0)
    line = Line([0, 1, 2, 3], [0, None, 2, 3])
    assert list(pieces(line, x, y)) == [[(0, 1000)], [(200, 800), (300, 700)]]
    assert path(line, x, y, joined=True) == "M0 100l20 -20l10 -10"
    assert path(Line([0, 1], [0, 1]), x, y, stepped=True) == "M0 100h10v-10"
    assert path(Line([], []), x, y) == ""
    assert path(Line([1], [1]), x, y) == "M10 90h0"
