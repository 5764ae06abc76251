"""Fewer points of a long curve that look the same. Pure."""

from app.charts.series import Line

COLUMNS = 150  # each with the lowest and the highest of its points: 300 a curve


def thinned(line: Line, columns: int = COLUMNS) -> Line:
    """A line with at most two points a column, the lowest and the highest in their order, and its
    last point; a short line as it is. Gaps within a column are left out.
    """
    count = len(line.x)
    if count <= 2 * columns:
        return line
    kept: list[int] = []
    for column in range(columns):
        first, last = column * count // columns, (column + 1) * count // columns
        inside = [(value, i) for i in range(first, last) if (value := line.y[i]) is not None]
        if inside:
            kept += sorted({min(inside)[1], max(inside)[1]})
    if kept and kept[-1] != count - 1 and line.y[count - 1] is not None:
        kept.append(count - 1)
    return Line([line.x[i] for i in kept], [_short(line.y[i]) for i in kept])


def _short(value: float | None) -> float | None:
    """A value in the digits that can be seen, for a third of the text."""
    return value if value is None else float(f"{value:.5g}")


def corners(line: Line) -> Line:
    """A line of steps without the points in the middle of its flat parts."""
    y = line.y
    kept = [i for i in range(len(y)) if not (0 < i < len(y) - 1 and y[i - 1] == y[i] == y[i + 1])]
    return Line([line.x[i] for i in kept], [y[i] for i in kept])


def smoothed(values: list[float | None], weight: float) -> list[float | None]:
    """The exponential mean of the values up to each, in which the past has this weight. It starts
    at the first value and not at 0; a gap stays one.
    """
    if not weight:
        return values
    found: list[float | None] = []
    mean = share = 0.0
    for value in values:
        if value is None:
            found.append(None)
            continue
        mean = weight * mean + (1 - weight) * value
        share = weight * share + (1 - weight)
        found.append(mean / share)
    return found
