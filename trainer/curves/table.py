"""A CSV's lines as the values of epochs, read at once or as they are written. torch-free."""

import itertools
import math
from collections.abc import Iterator
from typing import NamedTuple

from .cells import Lines
from .columns import (
    COUNTERS,
    CurveError,
    NoCurveError,
    Role,
    counted,
    cut,
    further,
    rank_of,
    roles_of,
)

MOST_VALUES = 300_000  # such as 30 runs of 10,000 epochs, or 5 metrics on 60,000 lines
MOST_FURTHER = 20  # metrics beside those of a known role
# A value that was not recorded, as opposed to nan; Keras writes NA.
MISSING = {"", "na", "n/a", "none", "null"}


class Row(NamedTuple):
    """The values recorded at an epoch, by column or tag. `at` is its line or its step."""

    epoch: int
    at: int
    values: dict[str, float]


class Entry(NamedTuple):
    """What a line has: its epoch, its number, its values by column, whether any is a metric, and
    its step where the file counts both.
    """

    epoch: int
    at: int
    values: dict[str, float]
    measured: bool
    step: float | None = None


class Table:
    """A CSV's lines as one row per epoch: `add` what the file has, then `end` it.

    Lightning writes train and validation values, and its LR, on lines of their own: those of one
    epoch are one row. An epoch that has other metrics but not the curve is skipped, as with
    validation every second epoch; an epoch without any metric counts as nan.

    Args:
        name: the file's name, for errors.
        tag: the column to use as the curve, if the names do not identify it.
    """

    def __init__(self, name: str, tag: str | None = None) -> None:
        self._name = name
        self._tag = tag
        self._lines = Lines(name)
        self.header: Header | None = None
        self._read = 0  # lines below the header
        self._ahead: dict[str, float] = {}
        self._lr: float | None = None
        self._last: Entry | None = None

    def add(self, data: bytes) -> Iterator[Row]:
        """Take the next lines; yields each epoch that has ended, since another began.

        Raises:
            NoCurveError: there is no curve among its columns.
            CurveError: something in it is wrong.
        """
        self._lines.add(data)
        lines = iter(self._lines)
        if self.header is None:
            first = next(lines, None)
            if first is None:
                return
            self.header = Header(self._name, *first, self._lines.delimiter, self._tag)
            if not self.header.named:
                lines = itertools.chain([first], lines)
        self.header.check(self._lines.count)
        for number, cells in lines:
            entry = self._entry(self.header, number, cells)
            if entry is not None and (row := self._merge(self.header, entry)):
                yield row

    @property
    def current(self) -> Row | None:
        """The epoch to which the next line may still belong; None if it has no curve yet, or, in a
        file with several lines for an epoch, nothing measured.
        """
        last, header = self._last, self.header
        if last is None or header is None or (header.step and not last.measured):
            return None
        return self._row(header, last)

    def end(self) -> Iterator[Row]:
        """The last epoch.

        Raises:
            NoCurveError: the file is empty.
        """
        if self.header is None:
            raise NoCurveError(f"{self._name} is empty: it needs a line for each epoch.")
        if self._last and (row := self._row(self.header, self._last)):
            yield row

    def _entry(self, header: "Header", number: int, cells: list[str]) -> Entry | None:
        """The values of a line; None if they belong to the next one."""
        self._read += 1
        values, measured = header.values(number, cells)
        step = values.pop(header.step, None) if header.step else None
        if header.counter is None:
            return Entry(self._read, number, values, measured)
        epoch = values.pop(header.counter, None)
        if epoch is None and (not measured or (step is not None and header.curve not in values)):
            # Lightning logs the LR before its epoch, W&B what belongs to a batch, on a line without
            # the number of an epoch.
            self._ahead |= values
            return None
        if epoch is None or epoch % 1 != 0 or abs(epoch) > 2**53:
            raise CurveError(
                f"{self._name} line {number}: {cut(header.counter)} is not a whole number: "
                "correct it."
            )
        if self._ahead:
            values, self._ahead = self._ahead | values, {}
        return Entry(int(epoch), number, values, measured, step)

    def _merge(self, header: "Header", entry: Entry) -> Row | None:
        """Take a line's values; returns the row of the epoch before it, if it begins another."""
        last = self._last
        if last is None or entry.epoch > last.epoch:
            row = last and self._row(header, last)
            if last:  # an LR holds until another is recorded
                lr = header.roles.get("lr", "")
                self._lr = None if row else last.values.get(lr, self._lr)
            self._last = entry
            return row
        epoch, at, values, measured, step = entry
        again = header.curve in values and header.curve in last.values
        # Validated several times in an epoch, as every so many steps: the last one counts.
        later = step is not None and last.step is not None and step > last.step
        if epoch == last.epoch and (later or not again):
            # The train loss of several batches: the last one counts, too.
            kept = last.values | values
            self._last = Entry(epoch, at, kept, measured or last.measured, step or last.step)
            return None
        raise CurveError(
            f"{self._name} line {at}: {epoch} comes after {last.epoch}, but epochs must "
            "increase: sort the lines and keep one for each epoch."
        )

    def _row(self, header: "Header", entry: Entry) -> Row | None:
        epoch, at, values, measured, _ = entry
        values = dict(values)
        if not measured:
            values.setdefault(header.curve, math.nan)
        if header.curve not in values:
            return None
        if "lr" in header.roles and self._lr is not None:
            values.setdefault(header.roles["lr"], self._lr)
        return Row(epoch, at, values)


class Header:
    """What the columns of a CSV have, by its first line.

    Attributes:
        columns: their names.
        counter: the column with the number of the epoch; None if each line is one.
        step: one that counts steps, too, in a file with several lines for an epoch.
        roles: the columns in use by role, the curve first.
        further: the other metrics of the curve's run, by their column.
        named: what has the names: "column"; nothing in a file without a header.

    Raises:
        NoCurveError: no column is the curve.
        CurveError: the line is wrong.
    """

    def __init__(
        self, name: str, number: int, cells: list[str], delimiter: str, tag: str | None
    ) -> None:
        self._name = name
        self._delimiter = delimiter
        self.columns = columns = [cell.strip() for cell in cells]
        self.named = "column"
        if all(_is_number(cell, delimiter) for cell in columns):
            if len(columns) > 2:
                raise CurveError(
                    f"{name} line {number} has {len(columns)} numbers but no header before "
                    "it: add one, such as epoch,train_loss,val_loss."
                )
            self.columns = columns = ["epoch", "loss"][-len(columns) :]
            self.named = ""
        seen: set[str] = set()
        for column in filter(None, columns):
            if column in seen:
                raise CurveError(
                    f"{name} has two columns called {cut(column)}: rename one of them."
                )
            seen.add(column)
        counters = {column: counts for column in columns if (counts := counted(column))}
        ordered = sorted(counters, key=lambda column: COUNTERS.index(counters[column]))
        self.counter = ordered[0] if ordered else None
        steps = [column for column in ordered[1:] if not counters[column].startswith("epoch")]
        self.step = steps[0] if steps else None
        ranks = {column: rank_of(column) for column in columns if column not in counters}
        self.roles = roles_of(name, "column", ranks, tag)
        self.curve = next(iter(self.roles.values()))
        # All metrics with known names are checked, also those of other runs.
        self._known: dict[str, Role] = {column: rank[0] for column, rank in ranks.items() if rank}
        self._known |= {column: role for role, column in self.roles.items()}
        self.further = dict(itertools.islice(further(ranks, self.roles).items(), MOST_FURTHER))
        self._choose()

    def _choose(self) -> None:
        """Choose which cells of a line to read."""
        kept = {*self.roles.values(), *self.further, self.counter, self.step}
        self._chosen = [
            (i, column, role := self._known.get(column), role not in (None, "lr"), column in kept)
            for i, column in enumerate(self.columns)
            if column and (column in kept or column in self._known)
        ]

    def check(self, lines: int) -> None:
        """Refuse so many lines as have too many values; leave further metrics out before that.

        Raises:
            CurveError: there are too many.
        """
        known = len(self._known)
        if lines * known > MOST_VALUES:
            raise CurveError(
                f"{self._name} has {known:,} columns of metrics and learning rates on {lines:,} "
                f"lines, more than {MOST_VALUES:,} values: export fewer columns, or one line for "
                "each epoch."
            )
        room = MOST_VALUES // max(lines, 1) - known
        if len(self.further) > room:
            self.further = dict(itertools.islice(self.further.items(), room))
            self._choose()

    def values(self, number: int, cells: list[str]) -> tuple[dict[str, float], bool]:
        """The values of a line in the columns in use, and whether any is a metric. Those in all
        columns of a known role are checked; a further one that is no number is left out.

        Raises:
            CurveError: one cannot be, or the line has another length than the first.
        """
        if len(cells) != len(self.columns):
            raise CurveError(
                f"{self._name} line {number} has {len(cells)} fields where the first line has "
                f"{len(self.columns)}: make all lines the same length."
            )
        values: dict[str, float] = {}
        measured = False
        for i, column, role, metric, keep in self._chosen:
            if not (cell := cells[i]):
                continue
            try:
                value = _number(cell, self._delimiter)
            except ValueError:
                if role is None and column != self.counter:
                    continue
                raise CurveError(
                    f"{self._name} line {number}: {cut(column)} is {cell.strip()[:40]!r}, not a "
                    "number: correct it."
                ) from None
            if value is None:
                continue
            if not 0 <= value <= 1 and role and (wrong := refused(role, value)):
                raise CurveError(f"{self._name} line {number}: {cut(column)} is {wrong}")
            measured = measured or metric or column in self.further
            if keep:
                values[column] = value
        return values, measured


def refused(role: Role, value: float) -> str | None:
    """What a value of that role cannot be; None if it is fine."""
    if value == -math.inf:
        return "-inf, which nothing can beat: correct or delete it."
    if role == "lr" and not 0 <= value < math.inf:
        return f"{value:g}, which is not a learning rate: correct it."
    if role == "val_accuracy" and (value < 0 or value > 100):
        return f"{value:g}, which is not an accuracy: correct it."
    return None


def _number(cell: str, delimiter: str) -> float | None:
    """None for a value that was not recorded; ValueError if it is not a number."""
    if "_" in cell:
        raise ValueError  # 1_000 is a number only in Python
    try:
        return float(cell if delimiter == "," else cell.replace(",", "."))  # a decimal comma
    except ValueError:
        if cell.strip().lower() in MISSING:
            return None
        raise


def _is_number(cell: str, delimiter: str) -> bool:
    try:
        _number(cell, delimiter)
    except ValueError:
        return False
    return True
