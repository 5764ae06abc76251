"""A text file's lines as cells, in time linear in the file. torch-free."""

import csv
import re
from collections.abc import Iterator
from typing import NamedTuple

from .columns import CurveError

MOST_LINES = 1_000_000
MOST_FIELDS = 100_000  # in a line
MOST_LINE_BYTES = 10_000_000


class Line(NamedTuple):
    """A line's number, from 1, and its cells with the spaces around them."""

    number: int
    cells: list[str]


class Lines:
    """The lines of a file, without blank lines and comments.

    Args:
        name: the file's name, for errors.
        data: its bytes, in UTF-8 or Latin-1.

    Raises:
        CurveError: it is not a text file, or larger than a curve can be.
    """

    def __init__(self, name: str, data: bytes) -> None:
        self._name = name
        if b"\0" in data:
            raise CurveError(f"{name} is not a text file: export the curve as CSV in UTF-8.")
        if data.count(b"\n") + data.count(b"\r") - data.count(b"\r\n") > MOST_LINES:
            raise CurveError(
                f"{name} has more than {MOST_LINES:,} lines: export one line for each epoch."
            )
        self._lines = data.removeprefix(b"\xef\xbb\xbf").splitlines()  # UTF-8's byte order mark
        longest = max(self._lines, key=len, default=b"")
        if len(longest) > MOST_LINE_BYTES:
            raise CurveError(
                f"{name} line {self._lines.index(longest) + 1} is longer than "
                f"{MOST_LINE_BYTES // 1_000_000} MB: export only the columns of the curve."
            )
        self._encoding = "utf-8"
        try:
            data.decode()
        except UnicodeDecodeError:
            self._encoding = "latin-1"
        number, line = next(self._written(), (0, ""))
        if not line:
            raise CurveError(f"{name} is empty: it needs a line for each epoch.")
        if line.count('"') > 2 * MOST_FIELDS:
            raise self._too_wide(number)
        # csv.Sniffer fails on a single column and is confused by decimal commas.
        unquoted = re.sub(r'"[^"]*"', "", line)
        self.delimiter = max("\t;,", key=unquoted.count)

    def __iter__(self) -> Iterator[Line]:
        """Each line's cells.

        Raises:
            CurveError: a line is not CSV, or has too many fields.
        """
        numbers: list[int] = []  # of the lines that the reader took for the next row

        def feed() -> Iterator[str]:
            for number, line in self._written():
                if len(line) > MOST_FIELDS and line.count(self.delimiter) >= MOST_FIELDS:
                    raise self._too_wide(number)
                numbers.append(number)
                yield line

        reader = csv.reader(feed(), delimiter=self.delimiter, skipinitialspace=True, strict=True)
        try:
            for cells in reader:
                if len(numbers) > 1:
                    raise csv.Error("unexpected end of data")
                yield Line(numbers.pop(), cells)
        except csv.Error as error:
            raise CurveError(
                f"{self._name} line {numbers[0]} is not CSV ({error}): correct it."
            ) from error

    def _written(self) -> Iterator[tuple[int, str]]:
        """The lines that are neither blank nor comments, from their first character on."""
        for number, raw in enumerate(self._lines, 1):
            line = raw.strip(b" ").decode(self._encoding)
            if line and not (line[0] <= "#" and line.lstrip().startswith("#")):
                yield number, line

    def _too_wide(self, number: int) -> CurveError:
        return CurveError(
            f"{self._name} line {number} has more than {MOST_FIELDS:,} fields: export only the "
            "columns of the curve."
        )
