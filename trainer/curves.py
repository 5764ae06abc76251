"""A loss curve from elsewhere: a CSV file or a TensorBoard event file -> a `Curve`. torch-free.

Columns and tags are known by their usual names: those of Keras's and Lightning's CSV loggers, of
Weights & Biases exports, and of SummaryWriter calls as tutorials write them.
"""

import csv
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Metric = Literal["train_loss", "val_loss", "val_accuracy"]
MOST_EPOCHS = 10_000  # as long as a run can be
VALIDATION = {"val", "valid", "validation", "eval", "evaluation", "test", "dev"}
TRAINING = {"train", "training"}
COUNTERS = ("epoch", "epochs", "step", "steps", "iteration", "iter")


class CurveError(Exception):
    """The file is no curve; the message is one sentence for the user."""


@dataclass(frozen=True)
class Curve:
    """A recorded training: one value an epoch in every column that the file has.

    `epochs` is the file's own numbering; None inside a metric stands for not a number.
    """

    name: str
    epochs: tuple[int, ...]
    metrics: Mapping[Metric, tuple[float | None, ...]]
    lr: tuple[float, ...] | None


Table = dict[str, dict[int, float]]
"""Column -> epoch -> value, as a file gives it; an empty cell has no entry."""


def read(path: Path, tag: str | None = None) -> Curve:
    """The curve in a CSV file, a TensorBoard event file, or a folder with one of those.

    Args:
        path: the file.
        tag: the column or the TensorBoard tag to take, where its name does not say it.

    Raises:
        CurveError: there is no such file, or it is malformed; nothing is read of it then.
    """
    try:
        if path.is_dir():
            path = _event_file(path)
        table = _events(path) if "tfevents" in path.name else _csv(path, tag)
    except OSError as error:
        raise CurveError(f"{path} cannot be read: {error.strerror or error}.") from error
    return _curve(path.name, table, tag)


def _event_file(folder: Path) -> Path:
    found = sorted(folder.glob("*tfevents*"))
    if len(found) != 1:
        raise CurveError(f"{folder} holds {len(found)} event files; name the file to import.")
    return found[0]


def meaning(name: str) -> str | None:
    """What a column or a tag of that name holds: a metric, loss, accuracy, lr, counter or None."""
    lowered = name.lower().rsplit(" - ", 1)[-1]  # Weights & Biases writes "run - column"
    if lowered.endswith(("__min", "__max")):
        return None
    words = re.findall(r"[a-z]+", lowered)
    if words and words[-1] in COUNTERS and len(words) <= 2 and "loss" not in words:
        return "counter"
    if words[:1] == ["lr"] or {"learning", "rate"} <= set(words):
        return "lr"
    held_out, trained = set(words) & VALIDATION, set(words) & TRAINING
    if "loss" in words:
        return "val_loss" if held_out else "train_loss" if trained else "loss"
    if set(words) & {"acc", "accuracy"} and not trained:
        return "val_accuracy" if held_out else "accuracy"
    return None


def _curve(name: str, table: Table, tag: str | None) -> Curve:
    """Give the columns their meaning, and line them up on the epochs of the metric."""
    by_meaning: dict[str, str] = {}
    for column in sorted(table, key=lambda c: "step" in c.lower()):  # an epoch's mean comes first
        by_meaning.setdefault(meaning(column) or "", column)
    if tag is not None:
        if tag not in table:
            raise CurveError(f"{name} has no {tag!r}; it has {_listed(table)}.")
        kind = meaning(tag)
        by_meaning[kind if kind in ("train_loss", "val_accuracy") else "val_loss"] = tag
    elif loss := by_meaning.pop("loss", None):
        # Alone it is the curve to look at; beside a validation loss it is the training's.
        by_meaning.setdefault("train_loss" if "val_loss" in by_meaning else "val_loss", loss)
    if accuracy := by_meaning.get("accuracy"):
        by_meaning.setdefault("val_accuracy", accuracy)
    metrics: tuple[Metric, ...] = ("val_loss", "train_loss", "val_accuracy")
    there = [metric for metric in metrics if metric in by_meaning]
    if not there and len(table) == 1:
        there, by_meaning["val_loss"] = ["val_loss"], next(iter(table))
    if not there:
        raise CurveError(f"{name} names no loss; choose one with --tag among {_listed(table)}.")
    epochs = tuple(sorted(table[by_meaning[there[0]]]))
    if len(epochs) < 2:
        raise CurveError(f"{name} has {len(epochs)} values; a curve has two or more.")
    if len(epochs) > MOST_EPOCHS:
        raise CurveError(f"{name} has {len(epochs):,} values; at most {MOST_EPOCHS:,} are taken.")
    columns = {metric: _metric(name, metric, table[by_meaning[metric]], epochs) for metric in there}
    lr = _lr(name, table[by_meaning["lr"]], epochs) if "lr" in by_meaning else None
    return Curve(name, epochs, columns, lr)


def _listed(table: Table) -> str:
    return ", ".join(sorted(table)) or "no scalars"


def _metric(
    name: str, metric: Metric, column: dict[int, float], epochs: tuple[int, ...]
) -> tuple[float | None, ...]:
    values = [column.get(epoch, math.nan) for epoch in epochs]
    if -math.inf in values:
        at = epochs[values.index(-math.inf)]
        raise CurveError(f"{name} has -inf for the {metric} of epoch {at}; mend that row.")
    share = 100 if metric == "val_accuracy" and any(v > 1 for v in values) else 1
    # torch's plateau rule counts infinity as it counts not a number: as bad.
    return tuple(v / share if math.isfinite(v) else None for v in values)


def _lr(name: str, column: dict[int, float], epochs: tuple[int, ...]) -> tuple[float, ...]:
    """The LR of each epoch; where it is not written anew, the last one written."""
    written = sorted(column.items())
    for epoch, lr in written:
        if not (math.isfinite(lr) and lr >= 0):
            raise CurveError(f"{name} has the learning rate {lr} in epoch {epoch}; mend that row.")
    lrs, current, at = [], written[0][1], 0
    for epoch in epochs:
        while at < len(written) and written[at][0] <= epoch:
            current, at = written[at][1], at + 1
        lrs.append(current)
    return tuple(lrs)


# CSV


def _csv(path: Path, tag: str | None) -> Table:
    raw = path.read_bytes()
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = raw.decode("latin-1")
    if "\0" in text:
        raise CurveError(f"{path.name} is no text; give a CSV or a TensorBoard event file.")
    lines = [
        (number, line)
        for number, line in enumerate(text.splitlines(), 1)
        if line.strip() and not line.lstrip().startswith("#")
    ]
    if not lines:
        raise CurveError(f"{path.name} is empty.")
    delimiter = next((d for d in "\t;," if d in lines[0][1]), ",")
    rows = list(_cells(path.name, lines, delimiter))
    header = rows[0][1] if any(_number(cell, delimiter) is None for cell in rows[0][1]) else None
    if header is None and len(rows[0][1]) > 2:
        raise CurveError(
            f"{path.name} has {len(rows[0][1])} columns and no header; write one, such as "
            "epoch,train_loss,val_loss."
        )
    names = header or (["loss"] if len(rows[0][1]) == 1 else ["epoch", "loss"])
    needed = {column for column in names if meaning(column) or column == tag or len(names) == 1}
    return _table(path.name, names, rows[1:] if header else rows, delimiter, needed)


def _cells(
    name: str, lines: list[tuple[int, str]], delimiter: str
) -> Iterator[tuple[int, list[str]]]:
    for number, line in lines:
        try:
            yield number, [cell.strip() for cell in next(csv.reader([line], delimiter=delimiter))]
        except csv.Error as error:
            raise CurveError(f"{name}, line {number}: {error}.") from error


def _number(cell: str, delimiter: str) -> float | None:
    """A cell's number; nan for an empty one, None where it is no number."""
    try:
        return float(cell.replace(",", ".") if delimiter == ";" else cell) if cell else math.nan
    except ValueError:
        return None


def _table(
    name: str,
    names: list[str],
    rows: list[tuple[int, list[str]]],
    delimiter: str,
    needed: set[str],
) -> Table:
    counters = [i for i, column in enumerate(names) if meaning(column) == "counter"]
    counters.sort(key=lambda i: "epoch" not in names[i].lower())
    table: Table = {}
    previous, width = -math.inf, len(names)
    for order, (line, cells) in enumerate(rows):
        at = f"{name}, line {line}"
        if len(cells) != width:
            raise CurveError(f"{at}: {len(cells)} fields, where the first line has {width}.")
        epoch: float = order
        if counters:
            counted = _number(cells[counters[0]], delimiter)
            if counted is None or counted != counted // 1:
                raise CurveError(f"{at}: {cells[counters[0]]!r} is no number of an epoch.")
            epoch = counted
        if epoch < previous:
            raise CurveError(
                f"{at}: epoch {epoch:g} comes after epoch {previous:g}; sort the rows."
            )
        previous = epoch
        for i, cell in enumerate(cells):
            if i in counters or not cell:
                continue
            value = _number(cell, delimiter)
            if value is None and names[i] in needed:
                raise CurveError(f"{at}: {cell!r} is no number; mend it, or leave the cell empty.")
            column = table.setdefault(names[i], {})
            if value is not None and column.setdefault(int(epoch), value) is not value:
                # Lightning writes train and validation on two lines of an epoch; not one twice.
                if meaning(names[i]) in (None, "lr"):
                    column[int(epoch)] = value
                else:
                    raise CurveError(f"{at}: epoch {epoch:g} has a second {names[i]}.")
    return {column: values for column, values in table.items() if values}


# TensorBoard


def _events(path: Path) -> Table:
    """Every scalar of an event file; of a step that was written twice the last value."""
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.tensorflow_stub import errors
    from tensorboard.compat.tensorflow_stub.pywrap_tensorflow import PyRecordReader_New
    from tensorboard.util.tensor_util import make_ndarray

    table: Table = {}
    reader = PyRecordReader_New(str(path))
    count = 0
    while True:
        try:
            reader.GetNext()
            event = Event.FromString(reader.record())
        except errors.OutOfRangeError:
            return table
        except Exception as error:  # the record's frame, or what protobuf makes of its bytes
            raise CurveError(
                f"{path.name} is damaged after {count} records; copy it once more."
            ) from error
        count += 1
        for value in event.summary.value:
            if value.HasField("simple_value"):
                table.setdefault(value.tag, {})[event.step] = value.simple_value
            elif value.HasField("tensor"):
                array = make_ndarray(value.tensor)
                if array.size == 1 and array.dtype.kind == "f":
                    table.setdefault(value.tag, {})[event.step] = float(array)
