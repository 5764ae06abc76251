"""A text file's lines as cells, in time linear in the file. torch-free."""

import csv
import re
from collections.abc import Iterator

from .columns import CurveError

# Whatever is larger is refused before it is read, for half a second is all that a refusal may take.
MOST_BYTES = 20_000_000
MOST_LINES = 120_000  # 12 for each of 10,000 epochs, or one for each of 1,000 batches in 120 epochs
MOST_LENGTH = 2_000_000  # characters in a line
MOST_FIELDS = 100_000  # in a line
MOST_CELLS = 5_000_000  # in all lines


class Lines:
    """The lines of a file, without blank lines and comments: all at once, or as they are written.

    Args:
        name: the file's name, for errors.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._bytes = 0
        self._ended = 0  # lines, with those that are blank
        self._fields = 0
        self._new: list[tuple[int, str]] = []
        self.count = 0
        self.delimiter = ""

    def add(self, data: bytes) -> None:
        """Take the next lines of the file, in UTF-8 or Latin-1; only the last may have no end.

        Raises:
            CurveError: it is not a text file, or larger than a curve can be.
        """
        name = self._name
        self._bytes += len(data)
        if self._bytes > MOST_BYTES:
            raise CurveError(
                f"{name} is larger than {MOST_BYTES // 1_000_000} MB: export only the curve."
            )
        if b"\0" in data:
            raise CurveError(f"{name} is not a text file: export the curve as CSV in UTF-8.")
        ends = data.count(b"\n") + data.count(b"\r") - data.count(b"\r\n")
        if self._ended + ends > MOST_LINES:
            raise CurveError(
                f"{name} has more than {MOST_LINES:,} lines: export one line for each epoch."
            )
        text = _decoded(data)
        first = len(self._new)
        for number, written in enumerate(text.split("\n"), self._ended + 1):
            line = written.strip(" ")
            if line and not (line[0] <= "#" and line.lstrip().startswith("#")):
                self._new.append((number, line))
        self._ended += ends
        added = self._new[first:]
        self.count += len(added)
        if not added:
            return
        long = [(number, line) for number, line in added if len(line) > MOST_FIELDS]
        for number, line in long:
            if len(line) > MOST_LENGTH:
                raise CurveError(
                    f"{name} line {number} is longer than {MOST_LENGTH:,} characters: export only "
                    "the columns of the curve."
                )
        if not self.delimiter:
            number, line = added[0]
            if line.count('"') > 2 * MOST_FIELDS:
                raise self._too_wide(number)
            # csv.Sniffer fails on a single column and is confused by decimal commas.
            self.delimiter = max("\t;,", key=re.sub(r'"[^"]*"', "", line).count)
        for number, line in long:
            if line.count(self.delimiter) >= MOST_FIELDS:
                raise self._too_wide(number)
        self._fields += text.count(self.delimiter)
        if self._fields >= MOST_CELLS:
            raise CurveError(
                f"{name} has more than {MOST_CELLS:,} fields: export only the columns of the curve."
            )

    def __iter__(self) -> Iterator[tuple[int, list[str]]]:
        """Each new line's number, from 1, and its cells with the spaces around them.

        Raises:
            CurveError: a line is not CSV.
        """
        new, self._new = self._new, []
        if not new:
            return
        reader = csv.reader(
            (line for _, line in new), delimiter=self.delimiter, skipinitialspace=True, strict=True
        )
        for row, (number, _) in enumerate(new, 1):
            try:
                cells = next(reader)
                if reader.line_num > row:
                    raise csv.Error("unexpected end of data")
            except csv.Error as error:
                raise CurveError(
                    f"{self._name} line {number} is not CSV ({error}): correct it."
                ) from error
            yield number, cells

    def _too_wide(self, number: int) -> CurveError:
        return CurveError(
            f"{self._name} line {number} has more than {MOST_FIELDS:,} fields: export only the "
            "columns of the curve."
        )


def _decoded(data: bytes) -> str:
    """The text, with one newline at the end of each line."""
    data = data.removeprefix(b"\xef\xbb\xbf")  # UTF-8's byte order mark
    try:
        text = data.decode()
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    return text.replace("\r\n", "\n").replace("\r", "\n")
