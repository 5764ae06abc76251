"""A curve as an SVG's path: in tenths of a pixel, no more points than can be seen. Pure."""

from collections.abc import Iterator, Sequence
from itertools import groupby, pairwise

from app.charts.series import Line
from app.picture.axes import Axis

Point = tuple[int, int]  # in tenths of a pixel
COLUMN = 10  # tenths of a pixel in which only the first, last, highest and lowest point are kept


def path(line: Line, x: Axis, y: Axis, joined: bool = False, stepped: bool = False) -> str:
    """The `d` of a path through the points that have a place on both axes; "" if there are none.

    Args:
        joined: join the points on both sides of a gap.
        stepped: keep each value up to the next point.
    """
    return "".join(map(written, pieces(line, x, y, joined, stepped)))


def pieces(
    line: Line, x: Axis, y: Axis, joined: bool = False, stepped: bool = False
) -> Iterator[list[Point]]:
    """The parts of a line between its gaps, thinned."""
    for part in _parts(line, x, y, joined):
        corners = _stepped(part) if stepped else part
        yield straightened(thinned(corners))


def _parts(line: Line, x: Axis, y: Axis, joined: bool) -> Iterator[list[Point]]:
    part: list[Point] = []
    for at, value in zip(line.x, line.y, strict=True):
        if value is not None and y.shows(value):
            part.append((round(10 * x.place(at)), round(10 * y.place(value))))
        elif part and not joined:
            yield part
            part = []
    if part:
        yield part


def _stepped(points: Sequence[Point]) -> list[Point]:
    corners = [points[0]]
    for x, y in points[1:]:
        corners += [(x, corners[-1][1]), (x, y)]
    return corners


def thinned(points: Sequence[Point]) -> list[Point]:
    """The first, the last, the highest and the lowest point of each pixel's column."""
    kept: list[Point] = []
    for _, column in groupby(points, key=lambda point: point[0] // COLUMN):
        own = list(column)
        if len(own) > 4:
            heights = [y for _, y in own]
            ends = {0, len(own) - 1, heights.index(min(heights)), heights.index(max(heights))}
            own = [own[i] for i in sorted(ends)]
        kept += own
    return kept


def straightened(points: Sequence[Point]) -> list[Point]:
    """The same line without the points within its horizontal and vertical stretches."""
    kept: list[Point] = []
    for point in points:
        while len(kept) > 1 and any(
            kept[-2][i] == kept[-1][i] == point[i]
            and min(kept[-2][j], point[j]) <= kept[-1][j] <= max(kept[-2][j], point[j])
            for i, j in ((0, 1), (1, 0))
        ):
            kept.pop()
        if not kept or kept[-1] != point:
            kept.append(point)
    return kept


def written(points: Sequence[Point]) -> str:
    """The points as a path: absolute for the first, then relative, which is shorter."""
    if not points:
        return ""
    (x, y), *_ = points
    found = [f"M{tenths(x)} {tenths(y)}"]
    if len(points) == 1:
        return f"{found[0]}h0"  # with round ends, a dot
    for (x0, y0), (x1, y1) in pairwise(points):
        dx, dy = x1 - x0, y1 - y0
        if not dx:
            found.append(f"v{tenths(dy)}")
        elif not dy:
            found.append(f"h{tenths(dx)}")
        else:
            found.append(f"l{tenths(dx)} {tenths(dy)}")
    return "".join(found)


def tenths(value: int) -> str:
    """12.3 for 123, as short as it can be."""
    whole, part = divmod(abs(value), 10)
    text = f"{whole}.{part}" if part else str(whole)
    return f"-{text}" if value < 0 else text
