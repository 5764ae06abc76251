"""Reads a loss curve from a CSV file or a TensorBoard event file as a `Curve`. torch-free."""

import itertools
import math
import re
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from ..config.text import plain
from . import tensorboard as event_files
from .cells import Line, Lines
from .columns import CurveError as CurveError
from .columns import Role, cut, rank_of, roles_of, unnamed, words

MOST = 10_000  # epochs
MOST_BYTES = 2**26
MOST_NAME = 200  # characters of a metric's name, as of a recipe's monitor
# A value that was not recorded, as opposed to nan; Keras writes NA.
MISSING = {"", "na", "n/a", "none", "null"}
WATCHED: tuple[Role, ...] = ("val_loss", "train_loss", "val_accuracy")  # most likely first
COUNTING = re.compile("epoch|step|iter")
COUNTERS = ["epoch", "epochs", "step", "global step", "iteration", "iter"]


@dataclass(frozen=True)
class Curve:
    """A recorded curve, one entry per epoch.

    `name` is the file's name; `epochs` its own strictly increasing numbering of epochs or steps.
    `metrics` has at least one metric by name, the most likely monitor first; None in them means
    nan, +inf or not recorded. `val_accuracy` lies in 0 to 1. `lr` is None if the file has none.
    """

    name: str
    epochs: tuple[int, ...]
    metrics: dict[str, tuple[float | None, ...]]
    lr: tuple[float, ...] | None = None


class Row(NamedTuple):
    """The values recorded at an epoch, by column or tag.

    `at` is its line or its step; `measured` says whether it has any metric.
    """

    epoch: int
    at: int
    values: dict[str, float]
    measured: bool = True


def read(path: Path, tag: str | None = None, name: str | None = None) -> Curve:
    """Read a loss curve from a CSV file, an event file, or a folder with one event file.

    The curve is the validation loss by its usual names, or `loss` if there is no other; a CSV may
    instead have only a training loss or an accuracy. Other known metrics are read too; in an event
    file only if recorded at every step of the curve. An epoch that has other metrics but not the
    curve is skipped, as with validation every second epoch; an epoch without any metric counts as
    nan, which pandas leaves empty.

    Args:
        path: comma-, semicolon- or tab-separated values, or TensorBoard's `*tfevents*`.
        tag: the column or tag to use as the curve, if the names do not identify it.
        name: what the file is called; its own name if None.

    Raises:
        CurveError: the file is of another kind, or something in it is wrong.
    """
    called = plain(name or path.name, MOST_NAME)
    try:
        if path.is_dir():
            files = sorted(path.glob("*tfevents*"))
            if len(files) != 1:
                raise CurveError(f"{called} has {len(files) or 'no'} event files: choose one file.")
            return read(files[0], tag)
        if not stat.S_ISREG(path.stat().st_mode):  # a pipe or a device may have no end
            raise CurveError(f"{called} is not a regular file: save the curve to one first.")
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
        if len(data) > MOST_BYTES:
            raise CurveError(f"{called} is larger than 64 MiB: export only the curve.")
    except (OSError, ValueError) as error:  # a ValueError for a name that no file can have
        why = getattr(error, "strerror", None) or error
        raise CurveError(f"{called} cannot be read ({why}): choose another file.") from error
    # An event file's first record contains the version of the format.
    if "tfevents" in called or b"brain.Event:" in data[:64]:
        return _read_events(called, data, tag)
    return _read_csv(called, data, tag)


def _read_csv(name: str, data: bytes, tag: str | None) -> Curve:
    table = Lines(name, data)
    body = iter(table)
    first, delimiter = next(body), table.delimiter
    header = [cell.strip() for cell in first.cells]
    if all(_is_number(cell, delimiter) for cell in header):
        if len(header) > 2:
            raise CurveError(
                f"{name} line {first.number} has {len(header)} numbers but no header before "
                "it: add one, such as epoch,train_loss,val_loss."
            )
        header, body = ["epoch", "loss"][-len(header) :], itertools.chain([first], body)
    seen: set[str] = set()
    for column in filter(None, header):
        if column in seen:
            raise CurveError(f"{name} has two columns called {cut(column)}: rename one of them.")
        seen.add(column)
    counters = {c: " ".join(words(c)) for c in header if COUNTING.search(c.lower())}
    counters = {column: counted for column, counted in counters.items() if counted in COUNTERS}
    counter = min(counters, key=lambda c: COUNTERS.index(counters[c]), default=None)
    roles = roles_of(name, "column", [c for c in header if c not in counters], tag)
    rows = _rows(name, header, body, delimiter, counter, roles)
    return _curve(name, "line", _merged(name, rows, next(iter(roles.values()))), roles)


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


def _rows(
    name: str,
    header: list[str],
    body: Iterable[Line],
    delimiter: str,
    counter: str | None,
    roles: dict[Role, str],
) -> Iterator[Row]:
    """The rows as written. All metrics with known names are checked, also those of other runs."""
    known = {column: rank[0] for column in header if (rank := rank_of(column))}
    metrics = {column for column, role in known.items() if role != "lr"}
    known |= {column: role for role, column in roles.items()}
    kept = {*roles.values(), counter}
    columns = [(i, c) for i, c in enumerate(header) if c == counter or c in known]
    ahead: dict[str, float] = {}
    for ordinal, (number, cells) in enumerate(body, 1):
        if len(cells) != len(header):
            raise CurveError(
                f"{name} line {number} has {len(cells)} fields where the first line has "
                f"{len(header)}: make all lines the same length."
            )
        values, measured = {}, False
        for i, column in columns:
            cell = cells[i]
            if not cell:
                continue
            try:
                value = _number(cell, delimiter)
            except ValueError:
                raise CurveError(
                    f"{name} line {number}: {cut(column)} is {cell.strip()[:40]!r}, not a number: "
                    "correct it."
                ) from None
            if value is None:
                continue
            if column != counter and (wrong := _wrong(known[column], value)):
                raise CurveError(f"{name} line {number}: {cut(column)} is {wrong}")
            measured = measured or column in metrics
            if column in kept:
                values[column] = value
        epoch = values.pop(counter, None) if counter else float(ordinal)
        if epoch is None and not measured and values.keys() <= {roles.get("lr")}:
            ahead = values  # Lightning logs the LR before its epoch, on a line without epoch number
        elif epoch is None or epoch % 1 != 0 or abs(epoch) > 2**53:
            raise CurveError(
                f"{name} line {number}: {cut(counter or '')} is not a whole number: correct it."
            )
        else:
            yield Row(int(epoch), number, ahead | values, measured)
            ahead = {}


def _wrong(role: Role, value: float) -> str | None:
    """What a value of that role cannot be; None if it is fine."""
    if value == -math.inf:
        return "-inf, which nothing can beat: correct or delete it."
    if role == "lr" and not 0 <= value < math.inf:
        return f"{value:g}, which is not a learning rate: correct it."
    if role == "val_accuracy" and (value < 0 or value > 100):
        return f"{value:g}, which is not an accuracy: correct it."
    return None


def _merged(name: str, rows: Iterable[Row], curve: str) -> Iterator[Row]:
    """One row per epoch, of those with the curve or, counted as nan, without any metric."""
    last: Row | None = None
    for row in rows:
        if last is None or row.epoch > last.epoch:
            yield from _with_curve(last, curve)
            last = row
        elif row.epoch == last.epoch and not (curve in row.values and curve in last.values):
            # Lightning logs train and validation separately, and the train loss of several batches.
            values, measured = last.values | row.values, last.measured or row.measured
            last = Row(row.epoch, row.at, values, measured)
        else:
            raise CurveError(
                f"{name} line {row.at}: {row.epoch} comes after {last.epoch}, but epochs must "
                "increase: sort the lines and keep one for each epoch."
            )
    yield from _with_curve(last, curve)


def _with_curve(row: Row | None, curve: str) -> Iterator[Row]:
    if row is not None and not row.measured:
        row.values.setdefault(curve, math.nan)
    if row is not None and curve in row.values:
        yield row


def _read_events(name: str, data: bytes, tag: str | None) -> Curve:
    scalars: dict[str, dict[int, float]] = {}
    for each, step, value in event_files.scalars(name, data):
        steps = scalars.setdefault(each, {})
        steps[step] = value  # the last one if a step was recorded twice, as in TensorBoard
        if len(steps) > MOST and (each == tag if tag else rank_of(each) == ("val_loss", 0)):
            raise _too_many(name, f"step {step}", each)
    if tag is None and len(scalars) == 1:
        (tag,) = scalars
    roles = roles_of(name, "tag", list(scalars), tag)
    curve = next(iter(roles.values()))
    if tag is None and "val_loss" not in roles:
        raise unnamed(name, "tag", scalars)
    ordered = sorted(scalars[curve])
    roles = {role: tag for role, tag in roles.items() if scalars[tag].keys() >= set(ordered)}
    rows = []
    for step in ordered:
        values = {tag: scalars[tag][step] for tag in roles.values()}
        for role, tag in roles.items():
            if wrong := _wrong(role, values[tag]):
                raise CurveError(f"{name} step {step}: {cut(tag)} is {wrong}")
        rows.append(Row(step, step, values))
    return _curve(name, "step", rows, roles)


def _curve(name: str, kind: str, found: Iterable[Row], roles: dict[Role, str]) -> Curve:
    """The curve of these rows; `kind` says what their places are."""
    curve = next(iter(roles.values()))
    rows = list(itertools.islice(found, MOST + 1))
    if len(rows) < 2:
        raise CurveError(
            f"{name} has {len(rows) or 'no'} value of {cut(curve)}: record at least two epochs."
        )
    if len(rows) > MOST:
        raise _too_many(name, f"{kind} {rows[MOST].at}", curve)
    # By the names in use; a column that only its tag says is the curve keeps its own.
    if not rank_of(curve) and len(curve) > MOST_NAME:
        raise CurveError(f"{name}: {cut(curve)} is longer than {MOST_NAME} characters: rename it.")
    names = {role: role if rank_of(column) else plain(column) for role, column in roles.items()}
    metrics: dict[str, tuple[float | None, ...]] = {
        names[role]: tuple(_finite(row.values.get(roles[role])) for row in rows)
        for role in WATCHED
        if role in roles and any(roles[role] in row.values for row in rows)
    }
    accuracy = metrics.get(names.get("val_accuracy", ""))
    if accuracy and max(filter(None, accuracy), default=0.0) > 1:  # percent
        metrics[names["val_accuracy"]] = tuple(None if a is None else a / 100 for a in accuracy)
    lr = tuple(row.values[roles["lr"]] for row in rows if roles.get("lr") in row.values)
    if lr and len(lr) < len(rows):
        row = next(row for row in rows if roles["lr"] not in row.values)
        raise CurveError(
            f"{name} {kind} {row.at}: {cut(roles['lr'])} is missing: fill it in or delete the "
            "column."
        )
    return Curve(name, tuple(row.epoch for row in rows), metrics, lr or None)


def _too_many(name: str, where: str, curve: str) -> CurveError:
    return CurveError(
        f"{name} {where} is one more than {MOST:,} values of {cut(curve)}: export one value for "
        "each epoch."
    )


def _finite(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else value
