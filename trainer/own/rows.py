"""A CSV of numbers: a row a sample, and a column with its label."""

import csv
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from ..config.text import plain
from .errors import OwnError
from .labels import Labels, labels_of, number_in

MOST_BYTES = 200_000_000
MOST_CELL = 40  # characters shown
DELIMITERS = ",;\t|"


@dataclass(frozen=True, slots=True)
class Rows:
    """The numbers of a CSV.

    Attributes:
        columns: the names of the columns of numbers.
        target: the name of the column of labels.
        values: the numbers, row by row.
        labels: what is to be predicted.
    """

    columns: tuple[str, ...]
    target: str
    values: "array[float]"
    labels: Labels

    def __len__(self) -> int:
        return len(self.labels)


def read(path: Path, target: str) -> Rows:
    """The rows of a CSV, with or without a header.

    Args:
        target: the name, or the number from 1 on, of the column to predict; "" for the last.

    Raises:
        OwnError: a row is not like the others, a cell is no number, or there is no such column.
        OSError: it cannot be read.
    """
    if path.stat().st_size > MOST_BYTES:
        raise OwnError(f"{path} has more than {MOST_BYTES // 10**6} MB: make it an .npz.")
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            first = file.readline()
            file.seek(0)
            delimiter = max(DELIMITERS, key=first.count)
            return _rows(path, csv.reader(file, delimiter=delimiter), delimiter == ";", target)
    except UnicodeDecodeError as error:
        raise OwnError(f"{path} is no text in UTF-8: save it as such.") from error
    except csv.Error as error:
        raise OwnError(f"{path} cannot be read as a CSV ({error}).") from error


def _rows(path: Path, lines: Iterator[list[str]], comma: bool, target: str) -> Rows:
    """The rows after the header. `comma`: a number may have a decimal comma."""
    filled = ((number, line) for number, line in enumerate(lines, 1) if any(map(str.strip, line)))
    start = [line for _, line in zip(range(2), filled, strict=False)]
    if len(start) < 2:
        raise OwnError(f"{path} has fewer than two rows.")
    (_, first), (_, second) = start
    width = len(first)
    if width < 2:
        raise OwnError(f"{path} has one column only: it takes numbers and a label.")
    has_header = _is_header(first, second, comma)
    names = [cell.strip() or f"column {i}" for i, cell in enumerate(first, 1)]
    if not has_header:
        names = [f"column {i}" for i in range(1, width + 1)]
    at = _place(path, names, target)
    columns = [name for i, name in enumerate(names) if i != at]
    values, labels = array("d"), []
    for number, line in chain(start[has_header:], filled):
        labels.append(_taken(path, number, line, names, at, comma, values))
    told = labels_of(labels, comma)
    return Rows(tuple(columns), names[at], values, told)


def _is_header(first: Sequence[str], second: Sequence[str], comma: bool) -> bool:
    """Whether a word stands in the first row where the second has a number, or words only."""
    words = [number_in(cell, comma) is None for cell in first]
    below = [number_in(cell, comma) is None for cell in second]
    return all(words) or any(a and not b for a, b in zip(words, below, strict=False))


def _place(path: Path, names: list[str], target: str) -> int:
    """The place of the column of that name or number."""
    if not target:
        return len(names) - 1
    if target in names:
        return names.index(target)
    if target.isdecimal() and 0 < int(target) <= len(names):
        return int(target) - 1
    shown = ", ".join(plain(name, MOST_CELL) for name in names[:8])
    more = ", …" if len(names) > 8 else ""
    raise OwnError(f"{path} has no column {plain(target, MOST_CELL)}: it has {shown}{more}.")


def _taken(
    path: Path,
    number: int,
    line: list[str],
    names: list[str],
    at: int,
    comma: bool,
    values: "array[float]",
) -> str:
    """The label of a row, whose numbers are added to `values`."""
    if len(line) != len(names):
        raise OwnError(
            f"Line {number} of {path} has {len(line)} cells, and the first has {len(names)}."
        )
    for i, cell in enumerate(line):
        if i == at:
            continue
        value = number_in(cell, comma)
        if value is None:
            what = f"{plain(cell.strip(), MOST_CELL)!r}" if cell.strip() else "nothing"
            raise OwnError(
                f"Line {number} of {path} has {what} in the column {plain(names[i], MOST_CELL)}, "
                "which must be a number: leave the row or the column out."
            )
        values.append(value)
    if not line[at].strip():
        raise OwnError(f"Line {number} of {path} has no label in the column {names[at]}.")
    return line[at].strip()
