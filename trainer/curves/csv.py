"""Reads a loss curve from a CSV file or a TensorBoard event file as a `Curve`. torch-free."""

import itertools
import math
import stat
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..config.text import plain
from . import tensorboard as event_files
from .columns import CurveError as CurveError
from .columns import Role, cut, further, is_accuracy, metrics_of, rank_of, roles_of, unnamed
from .table import MOST_FURTHER, Row, Table, refused

MOST = 10_000  # epochs
MOST_BYTES = 2**26
MOST_NAME = 200  # characters of a metric's name, as of a recipe's monitor


@dataclass(frozen=True)
class Curve:
    """A recorded curve, one entry per epoch.

    `name` is the file's name; `epochs` its own strictly increasing numbering of epochs or steps.
    `metrics` has at least one metric by name, the most likely monitor first; None in them means
    nan, +inf or not recorded. An accuracy lies in 0 to 1. `lr` is None if the file has none.
    `chosen` says what in the file the first metric is: "tag validation/loss", "column loss"; None
    if it has no name there.
    """

    name: str
    epochs: tuple[int, ...]
    metrics: dict[str, tuple[float | None, ...]]
    lr: tuple[float, ...] | None = None
    chosen: str | None = field(default=None, compare=False)


def read(path: Path, tag: str | None = None, name: str | None = None) -> Curve:
    """Read a loss curve from a CSV file, an event file, or a folder with one event file.

    The curve is the validation loss by its usual names, or `loss` if there is no other; a CSV may
    instead have only a training loss, an accuracy or one other metric. Its run's other metrics are
    read too; in an event file only if recorded at every step of the curve.

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
            files = sorted(path.glob(event_files.NAMES))
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
    if event_files.is_event_file(called, data[: event_files.HEAD]):
        return _read_events(called, data, tag)
    return _read_csv(called, data, tag)


def _read_csv(name: str, data: bytes, tag: str | None) -> Curve:
    table = Table(name, tag)
    found = list(itertools.islice(itertools.chain(table.add(data), table.end()), MOST + 1))
    header = table.header
    assert header is not None  # or the end of the table was refused
    metrics = metrics_of(header.roles, header.further, header.columns)
    return _curve(name, "line", header.named, found, header.roles, metrics)


def _read_events(name: str, data: bytes, tag: str | None) -> Curve:
    scalars: dict[str, dict[int, float]] = {}
    for each, step, value in event_files.scalars(name, data):
        steps = scalars.setdefault(each, {})
        steps[step] = value  # the last one if a step was recorded twice, as in TensorBoard
        if len(steps) > MOST and (each == tag if tag else rank_of(each) == ("val_loss", 0)):
            raise too_many(name, f"step {step}", each)
    if tag is None and len(scalars) == 1:
        (tag,) = scalars
    roles = roles_of(name, "tag", {each: rank_of(each) for each in scalars}, tag)
    curve = next(iter(roles.values()))
    if tag is None and "val_loss" not in roles:
        raise unnamed(name, "tag", scalars)
    ordered = sorted(scalars[curve])
    others = further(scalars, roles)
    all_steps = set(ordered)
    roles = {role: tag for role, tag in roles.items() if scalars[tag].keys() >= all_steps}
    others = {tag: metric for tag, metric in others.items() if scalars[tag].keys() >= all_steps}
    others = dict(itertools.islice(others.items(), MOST_FURTHER))
    rows = []
    for step in ordered:
        values = {tag: scalars[tag][step] for tag in (*roles.values(), *others)}
        for role, tag in roles.items():
            if wrong := refused(role, values[tag]):
                raise CurveError(f"{name} step {step}: {cut(tag)} is {wrong}")
        rows.append(Row(step, step, values))
    return _curve(name, "step", "tag", rows, roles, metrics_of(roles, others, scalars))


def _curve(
    name: str,
    kind: str,
    named: str,
    rows: Sequence[Row],
    roles: dict[Role, str],
    metrics: dict[str, str],
) -> Curve:
    """The curve of these rows.

    Args:
        kind: what their places are: "line" or "step".
        named: what has the names: "column", "tag", or nothing.
        metrics: the name of the metric in each column or tag.
    """
    curve = next(iter(roles.values()))
    if len(rows) < 2:
        raise CurveError(
            f"{name} has {len(rows) or 'no'} value of {cut(curve)}: record at least two epochs."
        )
    if len(rows) > MOST:
        raise too_many(name, f"{kind} {rows[MOST].at}", curve)
    check_name(name, curve)
    found: dict[str, tuple[float | None, ...]] = {}
    for column, metric in metrics.items():
        if any(column in row.values for row in rows):
            values = tuple(finite(row.values.get(column)) for row in rows)
            percent = is_accuracy(column) and max(filter(None, values), default=0.0) > 1
            found[metric] = as_shares(values) if percent else values
    lr = tuple(row.values[roles["lr"]] for row in rows if roles.get("lr") in row.values)
    if lr and len(lr) < len(rows):
        row = next(row for row in rows if roles["lr"] not in row.values)
        raise CurveError(
            f"{name} {kind} {row.at}: {cut(roles['lr'])} is missing: fill it in or delete the "
            "column."
        )
    chosen = f"{named} {cut(curve)}" if named else None
    return Curve(name, tuple(row.epoch for row in rows), found, lr or None, chosen)


def check_name(name: str, curve: str) -> None:
    """Refuse a curve whose own name would be that of a metric, and is too long for one.

    Raises:
        CurveError: it is.
    """
    if not rank_of(curve) and len(curve) > MOST_NAME:
        raise CurveError(f"{name}: {cut(curve)} is longer than {MOST_NAME} characters: rename it.")


def too_many(name: str, where: str, curve: str) -> CurveError:
    """The error for a curve with more than MOST values."""
    return CurveError(
        f"{name} {where} is one more than {MOST:,} values of {cut(curve)}: export one value for "
        "each epoch."
    )


def as_shares(percents: Iterable[float | None]) -> tuple[float | None, ...]:
    """Percent as numbers from 0 to 1."""
    return tuple(None if value is None else value / 100 for value in percents)


def finite(value: float | None) -> float | None:
    """A value; None if it is not finite."""
    return None if value is None or not math.isfinite(value) else value
