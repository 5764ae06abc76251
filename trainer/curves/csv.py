"""Reads a loss curve from a CSV file or a TensorBoard event file as a `Curve`. torch-free."""

import itertools
import math
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from ..config.text import plain
from . import tensorboard as event_files
from .cells import Lines
from .columns import COUNTERS, Role, counted, cut, rank_of, roles_of, unnamed
from .columns import CurveError as CurveError

MOST = 10_000  # epochs
MOST_VALUES = 300_000  # such as 30 runs of 10,000 epochs, or 5 metrics on 60,000 lines
MOST_BYTES = 2**26
MOST_NAME = 200  # characters of a metric's name, as of a recipe's monitor
# A value that was not recorded, as opposed to nan; Keras writes NA.
MISSING = {"", "na", "n/a", "none", "null"}
WATCHED: tuple[Role, ...] = ("val_loss", "train_loss", "val_accuracy")  # most likely first


@dataclass(frozen=True)
class Curve:
    """A recorded curve, one entry per epoch.

    `name` is the file's name; `epochs` its own strictly increasing numbering of epochs or steps.
    `metrics` has at least one metric by name, the most likely monitor first; None in them means
    nan, +inf or not recorded. `val_accuracy` lies in 0 to 1. `lr` is None if the file has none.
    `chosen` says what in the file the first metric is: "tag validation/loss", "column loss"; None
    if it has no name there.
    """

    name: str
    epochs: tuple[int, ...]
    metrics: dict[str, tuple[float | None, ...]]
    lr: tuple[float, ...] | None = None
    chosen: str | None = field(default=None, compare=False)


# What a line has: its epoch, its number, its values by column, and whether any is a metric.
Entry = tuple[int, int, dict[str, float], bool]


class Row(NamedTuple):
    """The values recorded at an epoch, by column or tag. `at` is its line or its step."""

    epoch: int
    at: int
    values: dict[str, float]


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
    number, cells = first = next(body)
    delimiter = table.delimiter
    header = [cell.strip() for cell in cells]
    named = "column"
    if all(_is_number(cell, delimiter) for cell in header):
        if len(header) > 2:
            raise CurveError(
                f"{name} line {number} has {len(header)} numbers but no header before "
                "it: add one, such as epoch,train_loss,val_loss."
            )
        header, body = ["epoch", "loss"][-len(header) :], itertools.chain([first], body)
        named = ""
    seen: set[str] = set()
    for column in filter(None, header):
        if column in seen:
            raise CurveError(f"{name} has two columns called {cut(column)}: rename one of them.")
        seen.add(column)
    counters = {column: counts for column in header if (counts := counted(column))}
    counter = min(counters, key=lambda c: COUNTERS.index(counters[c]), default=None)
    ranks = {column: rank_of(column) for column in header if column not in counters}
    roles = roles_of(name, "column", ranks, tag)
    # All metrics with known names are checked, also those of other runs.
    known = {column: rank[0] for column, rank in ranks.items() if rank}
    known |= {column: role for role, column in roles.items()}
    if len(table) * len(known) > MOST_VALUES:
        raise CurveError(
            f"{name} has {len(known):,} columns of metrics and learning rates on {len(table):,} "
            f"lines, more than {MOST_VALUES:,} values: export fewer columns, or one line for each "
            "epoch."
        )
    entries = _entries(name, header, body, delimiter, counter, known, roles)
    return _curve(name, "line", named, _merged(name, entries, next(iter(roles.values()))), roles)


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


def _entries(
    name: str,
    header: list[str],
    body: Iterable[tuple[int, list[str]]],
    delimiter: str,
    counter: str | None,
    known: dict[str, Role],
    roles: dict[Role, str],
) -> Iterator[Entry]:
    """The lines' values in the columns of these roles. Those in all known columns are checked."""
    kept = {*roles.values(), counter}
    columns = [
        (i, column, role := known.get(column), role not in (None, "lr"), column in kept)
        for i, column in enumerate(header)
        if column == counter or column in known
    ]
    lr = {roles.get("lr")}
    ahead: dict[str, float] = {}
    for ordinal, (number, cells) in enumerate(body, 1):
        if len(cells) != len(header):
            raise CurveError(
                f"{name} line {number} has {len(cells)} fields where the first line has "
                f"{len(header)}: make all lines the same length."
            )
        values: dict[str, float] = {}
        measured = False
        for i, column, role, metric, keep in columns:
            if not (cell := cells[i]):
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
            if not 0 <= value <= 1 and role and (wrong := _wrong(role, value)):
                raise CurveError(f"{name} line {number}: {cut(column)} is {wrong}")
            measured = measured or metric
            if keep:
                values[column] = value
        epoch = values.pop(counter, None) if counter else ordinal
        if epoch is None and not measured and values.keys() <= lr:
            ahead = values  # Lightning logs the LR before its epoch, on a line without epoch number
        elif epoch is None or epoch % 1 != 0 or abs(epoch) > 2**53:
            raise CurveError(
                f"{name} line {number}: {cut(counter or '')} is not a whole number: correct it."
            )
        else:
            if ahead:
                values, ahead = ahead | values, {}
            yield int(epoch), number, values, measured


def _wrong(role: Role, value: float) -> str | None:
    """What a value of that role cannot be; None if it is fine."""
    if value == -math.inf:
        return "-inf, which nothing can beat: correct or delete it."
    if role == "lr" and not 0 <= value < math.inf:
        return f"{value:g}, which is not a learning rate: correct it."
    if role == "val_accuracy" and (value < 0 or value > 100):
        return f"{value:g}, which is not an accuracy: correct it."
    return None


def _merged(name: str, entries: Iterable[Entry], curve: str) -> Iterator[Row]:
    """One row per epoch, of those with the curve or, counted as nan, without any metric."""
    last: Entry | None = None
    for entry in entries:
        if last is None or entry[0] > last[0]:
            yield from _with_curve(last, curve)
            last = entry
            continue
        epoch, at, values, measured = entry
        if epoch == last[0] and not (curve in values and curve in last[2]):
            # Lightning logs train and validation separately, and the train loss of several batches.
            last[2].update(values)
            last = epoch, at, last[2], measured or last[3]
        else:
            raise CurveError(
                f"{name} line {at}: {epoch} comes after {last[0]}, but epochs must "
                "increase: sort the lines and keep one for each epoch."
            )
    yield from _with_curve(last, curve)


def _with_curve(entry: Entry | None, curve: str) -> Iterator[Row]:
    if entry is None:
        return
    epoch, at, values, measured = entry
    if not measured:
        values.setdefault(curve, math.nan)
    if curve in values:
        yield Row(epoch, at, values)


def _read_events(name: str, data: bytes, tag: str | None) -> Curve:
    scalars: dict[str, dict[int, float]] = {}
    for each, step, value in event_files.scalars(name, data):
        steps = scalars.setdefault(each, {})
        steps[step] = value  # the last one if a step was recorded twice, as in TensorBoard
        if len(steps) > MOST and (each == tag if tag else rank_of(each) == ("val_loss", 0)):
            raise _too_many(name, f"step {step}", each)
    if tag is None and len(scalars) == 1:
        (tag,) = scalars
    roles = roles_of(name, "tag", {each: rank_of(each) for each in scalars}, tag)
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
    return _curve(name, "step", "tag", rows, roles)


def _curve(name: str, kind: str, named: str, found: Iterable[Row], roles: dict[Role, str]) -> Curve:
    """The curve of these rows; `kind` says what their places are, and `named` what has the names:
    "column", "tag", or nothing.
    """
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
    chosen = f"{named} {cut(curve)}" if named else None
    return Curve(name, tuple(row.epoch for row in rows), metrics, lr or None, chosen)


def _too_many(name: str, where: str, curve: str) -> CurveError:
    return CurveError(
        f"{name} {where} is one more than {MOST:,} values of {cut(curve)}: export one value for "
        "each epoch."
    )


def _finite(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else value
