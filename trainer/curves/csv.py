"""Reads a loss curve from a CSV file or a TensorBoard event file as a `Curve`. torch-free."""

import csv
import io
import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from . import tensorboard as event_files
from .columns import CurveError as CurveError
from .columns import Role, rank_of, roles_of, unnamed, words

MOST = 10_000  # epochs
MOST_BYTES = 2**26
# A value that was not recorded, as opposed to nan; Keras writes NA.
MISSING = {"", "na", "n/a", "none", "null"}
WATCHED: tuple[Role, ...] = ("val_loss", "train_loss", "val_accuracy")  # most likely first
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


@dataclass(frozen=True)
class Row:
    """The values recorded at an epoch, by column or tag; `where` is a line or a step."""

    epoch: int
    where: str
    values: dict[str, float]


def read(path: Path, tag: str | None = None) -> Curve:
    """Read a loss curve from a CSV file, an event file, or a folder with one event file.

    The curve is the validation loss by its usual names, or `loss` if there is no other; a CSV may
    instead have only a training loss or an accuracy. Other known metrics are read too; in an event
    file only if recorded at every step of the curve. An epoch that has other metrics but not the
    curve is skipped, as with validation every second epoch; an epoch without any metric counts as
    nan, which pandas leaves empty.

    Args:
        path: comma-, semicolon- or tab-separated values, or TensorBoard's `*tfevents*`.
        tag: the column or tag to use as the curve, if the names do not identify it.

    Raises:
        CurveError: the file is of another kind, or something in it is wrong.
    """
    try:
        if path.is_dir():
            files = sorted(path.glob("*tfevents*"))
            if len(files) != 1:
                raise CurveError(
                    f"{path.name} has {len(files) or 'no'} event files: choose one file."
                )
            path = files[0]
        if path.stat().st_size > MOST_BYTES:
            raise CurveError(f"{path.name} is larger than 64 MiB: export only the curve.")
        data = path.read_bytes()
    except OSError as error:
        raise CurveError(
            f"{path.name} cannot be read ({error.strerror}): choose another file."
        ) from error
    # An event file's first record contains the version of the format.
    if "tfevents" in path.name or b"brain.Event:" in data[:64]:
        return _read_events(path, tag)
    return _read_csv(path.name, data, tag)


def _read_csv(name: str, data: bytes, tag: str | None) -> Curve:
    if b"\0" in data:
        raise CurveError(f"{name} is not a text file: export the curve as CSV in UTF-8.")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    lines = [
        (number, line)
        for number, line in enumerate(io.StringIO(text, newline=None), 1)
        if line.strip(" \n") and not line.lstrip().startswith("#")
    ]
    if not lines:
        raise CurveError(f"{name} is empty: it needs a line for each epoch.")
    # csv.Sniffer fails on a single column and is confused by decimal commas.
    unquoted = re.sub(r'"[^"]*"', "", lines[0][1])
    delimiter = max("\t;,", key=unquoted.count)
    cells = [(number, _cells(name, number, line, delimiter)) for number, line in lines]
    header, body = cells[0][1], cells[1:]
    if all(_is_number(cell, delimiter) for cell in header):
        if len(header) > 2:
            raise CurveError(
                f"{name} line {lines[0][0]} has {len(header)} numbers but no header before it: "
                "add one, such as epoch,train_loss,val_loss."
            )
        header, body = ["epoch", "loss"][-len(header) :], cells
    for column in filter(None, header):
        if header.count(column) > 1:
            raise CurveError(f"{name} has two columns called {column}: rename one of them.")
    counters = {column: " ".join(words(column)) for column in header}
    counter = next((c for word in COUNTERS for c in header if counters[c] == word), None)
    roles = roles_of(name, "column", [c for c in header if counters[c] not in COUNTERS], tag)
    rows = _rows(name, header, body, delimiter, counter, roles)
    return _curve(name, _merged(name, rows, next(iter(roles.values()))), roles)


def _cells(name: str, number: int, line: str, delimiter: str) -> list[str]:
    try:
        (cells,) = csv.reader([line], delimiter=delimiter, skipinitialspace=True, strict=True)
    except csv.Error as error:
        raise CurveError(f"{name} line {number} is not CSV ({error}): correct it.") from error
    return [cell.strip() for cell in cells]


def _number(cell: str, delimiter: str) -> float | None:
    """None for a value that was not recorded; ValueError if it is not a number."""
    if cell.lower() in MISSING:
        return None
    if "_" in cell:
        raise ValueError  # 1_000 is a number only in Python
    return float(cell if delimiter == "," else cell.replace(",", "."))  # a decimal comma


def _is_number(cell: str, delimiter: str) -> bool:
    try:
        _number(cell, delimiter)
    except ValueError:
        return False
    return True


def _rows(
    name: str,
    header: list[str],
    body: list[tuple[int, list[str]]],
    delimiter: str,
    counter: str | None,
    roles: dict[Role, str],
) -> Iterator[Row]:
    """The rows as written: all metrics with known names, including those of other runs."""
    known = {column: rank[0] for column in header if (rank := rank_of(column))}
    known |= {column: role for role, column in roles.items()}
    ahead: dict[str, float] = {}
    for ordinal, (number, cells) in enumerate(body, 1):
        where = f"line {number}"
        if len(cells) != len(header):
            raise CurveError(
                f"{name} {where} has {len(cells)} fields where the first line has {len(header)}: "
                "make all lines the same length."
            )
        values = {}
        for column, cell in zip(header, cells, strict=True):
            if column != counter and column not in known:
                continue
            try:
                value = _number(cell, delimiter)
            except ValueError:
                raise CurveError(
                    f"{name} {where}: {column} is {cell[:40]!r}, not a number: correct it."
                ) from None
            if value is not None:
                if column != counter:
                    _check(f"{name} {where}", column, known[column], value)
                values[column] = value
        epoch = values.pop(counter, None) if counter else float(ordinal)
        if epoch is None and values.keys() <= {roles.get("lr")}:
            ahead = values  # Lightning logs the LR before its epoch, on a line without epoch number
        elif epoch is None or epoch % 1 != 0 or abs(epoch) > 2**53:
            raise CurveError(f"{name} {where}: {counter} is not a whole number: correct it.")
        else:
            yield Row(int(epoch), where, ahead | values)
            ahead = {}


def _check(where: str, name: str, role: Role, value: float) -> None:
    if value == -math.inf:
        raise CurveError(f"{where}: {name} is -inf, which nothing can beat: correct or delete it.")
    if role == "lr" and not 0 <= value < math.inf:
        raise CurveError(f"{where}: {name} is {value:g}, which is not a learning rate: correct it.")
    if role == "val_accuracy" and (value < 0 or value > 100):
        raise CurveError(f"{where}: {name} is {value:g}, which is not an accuracy: correct it.")


def _merged(name: str, rows: Iterable[Row], curve: str) -> list[Row]:
    """One row per epoch, of those with the curve or, counted as nan, without any metric."""
    merged: list[Row] = []
    for row in rows:
        last = merged[-1] if merged else None
        if last is None or row.epoch > last.epoch:
            merged.append(row)
        elif row.epoch == last.epoch and not (curve in row.values and curve in last.values):
            # Lightning logs train and validation separately, and the train loss of several batches.
            merged[-1] = Row(row.epoch, row.where, last.values | row.values)
        else:
            raise CurveError(
                f"{name} {row.where}: {row.epoch} comes after {last.epoch}, but epochs must "
                "increase: sort the lines and keep one for each epoch."
            )
    for row in merged:
        if not any((rank := rank_of(column)) and rank[0] != "lr" for column in row.values):
            row.values.setdefault(curve, math.nan)
    return [row for row in merged if curve in row.values]


def _read_events(path: Path, tag: str | None) -> Curve:
    scalars = event_files.scalars(path)
    if tag is None and len(scalars) == 1:
        (tag,) = scalars
    roles = roles_of(path.name, "tag", list(scalars), tag)
    curve = next(iter(roles.values()))
    if tag is None and "val_loss" not in roles:
        raise unnamed(path.name, "tag", scalars)
    steps = sorted(scalars[curve])
    roles = {role: tag for role, tag in roles.items() if scalars[tag].keys() >= set(steps)}
    rows = []
    for step in steps:
        values = {tag: scalars[tag][step] for tag in roles.values()}
        for role, tag in roles.items():
            _check(f"{path.name} step {step}", tag, role, values[tag])
        rows.append(Row(step, f"step {step}", values))
    return _curve(path.name, rows, roles)


def _curve(name: str, rows: list[Row], roles: dict[Role, str]) -> Curve:
    curve = next(iter(roles.values()))
    if len(rows) < 2:
        raise CurveError(
            f"{name} has {len(rows) or 'no'} value of {curve}: record at least two epochs."
        )
    if len(rows) > MOST:
        raise CurveError(
            f"{name} {rows[MOST].where} is one more than {MOST:,} values of {curve}: export one "
            "value for each epoch."
        )
    # By the names in use; a column that only its tag says is the curve keeps its own.
    names = {role: role if rank_of(column) else column for role, column in roles.items()}
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
            f"{name} {row.where}: {roles['lr']} is missing: fill it in or delete the column."
        )
    return Curve(name, tuple(row.epoch for row in rows), metrics, lr or None)


def _finite(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else value
