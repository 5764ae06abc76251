"""A curve in files that another program is writing: each look at them reads what is new.

torch-free.
"""

import itertools
import stat
from bisect import bisect_right
from pathlib import Path
from typing import NamedTuple, Protocol

from ..config.text import plain
from . import tensorboard as event_files
from .columns import (
    CurveError,
    NoCurveError,
    Role,
    cut,
    further,
    is_held_out,
    metrics_of,
    rank_of,
    roles_of,
    unnamed,
)
from .csv import MOST, MOST_NAME, check_name
from .table import MOST_FURTHER, MOST_VALUES, Row, Table, refused
from .tail import Tail, unreadable

MOST_KEPT = 1000  # values of a tag since the curve's last step


class News(NamedTuple):
    """The epochs that a look has found.

    `first` is the place of the first of them in the curve, from 0: it is lower than before where
    the files were written anew. `rows` are epochs that have ended, since another began; `current`
    is the one after them, to which more may come. `grew` says whether there was anything new.
    """

    first: int
    rows: list[Row]
    current: Row | None
    grew: bool


class Growing(Protocol):
    """A curve that grows.

    Attributes:
        name: what its file or folder is called.
        why: why there is no curve yet, in a sentence; None if there is one.
        roles: the columns or tags in use by role, the curve first; empty before there is a curve.
        metrics: the name of the metric in each column or tag.
        eager: whether an epoch may be whole before the next begins.
        named: what has the names: "column", "tag", or nothing.
    """

    name: str
    why: str | None
    roles: dict[Role, str]
    metrics: dict[str, str]
    eager: bool
    named: str

    def look(self, at_end: bool = False) -> News:
        """Read what is new.

        Args:
            at_end: nothing more comes: a last line without an end counts.

        Raises:
            VanishedError: it is gone.
            CurveError: something in it is wrong.
        """

    def settle(self) -> None:
        """Keep to the column or tag that is the curve now, whatever may come."""

    def rewind(self) -> None:
        """Begin again with the next look."""


def growing(path: Path, tag: str | None = None) -> Growing:
    """The curve in a CSV file, in an event file or in a folder of event files.

    Args:
        tag: the column or tag to use as the curve, if the names do not identify it.

    Raises:
        CurveError: there is no such file, or it is of another kind.
    """
    name = plain(path.name or str(path), MOST_NAME)
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            next(path.iterdir(), None)
            return Events(path, name, tag)
        if not stat.S_ISREG(mode):  # a pipe or a device may have no end
            raise CurveError(f"{name} is not a regular file: follow the file that is written.")
        with path.open("rb") as file:
            start = file.read(event_files.HEAD)
    except (OSError, ValueError) as error:
        raise unreadable(name, error) from error
    if event_files.is_event_file(path.name, start):
        return Events(path, name, tag)
    return Csv(path, name, tag)


class Csv:
    """A CSV that grows by lines."""

    def __init__(self, path: Path, name: str, tag: str | None) -> None:
        self.name = name
        self._tag = tag
        self._settled: str | None = None
        self._tail = Tail(path, name, lambda data: data.rfind(b"\n") + 1)
        self._begin()

    def settle(self) -> None:
        self._settled = next(iter(self.roles.values()))

    def _begin(self) -> None:
        self._table = Table(self.name, self._settled or self._tag)
        self._rows = 0
        self.why: str | None = f"{self.name} has no line yet."
        self.roles: dict[Role, str] = {}
        self.metrics: dict[str, str] = {}
        self.eager, self.named = True, "column"
        self._is_useless = False

    def rewind(self) -> None:
        self._tail.rewind()
        self._begin()

    def look(self, at_end: bool = False) -> News:
        data, anew = self._tail.read(at_end)
        if anew:
            self._begin()
        rows: list[Row] = []
        if data and not self._is_useless:
            try:
                rows = self._add(data)
            except NoCurveError as error:  # until the file is written anew, with another header
                self.why, self._is_useless = str(error), True
        first, self._rows = self._rows, self._rows + len(rows)
        header = self._table.header
        if header is None:
            return News(first, [], None, bool(data))
        if not self.roles:
            check_name(self.name, header.curve)
            self.roles, self.named = header.roles, header.named
            self.metrics = metrics_of(header.roles, header.further, header.columns)
            # While an epoch trains, a file with a line for each of its steps has only a train loss.
            self.eager = header.step is None or is_held_out(header.curve)
        current = self._table.current
        has_curve = rows or current is not None or self._rows
        self.why = None if has_curve else f"{self.name} has no value of {cut(header.curve)} yet."
        return News(first, rows, current, bool(data))

    def _add(self, data: bytes) -> list[Row]:
        try:
            return list(self._table.add(data))
        except NoCurveError:
            if self._settled is None:
                raise
            self._settled = None  # another curve was begun in the same file
            self._table = Table(self.name, self._tag)
            return list(self._table.add(data))


class Events:
    """The scalars of a folder of event files, or of one: new files may come, and steps in them."""

    def __init__(self, path: Path, name: str, tag: str | None) -> None:
        self.name = name
        self._path = path
        self._settled = tag
        self.eager, self.named = True, "tag"
        self.rewind()

    def settle(self) -> None:
        self._settled = next(iter(self.roles.values()))

    def rewind(self) -> None:
        self._tails: dict[Path, tuple[Tail, set[str]]] = {}
        self._values: dict[str, dict[int, float]] = {}
        self._tags = 0  # when the roles were chosen
        self._rows = 0
        self._ended: int | None = None  # the last step that has ended
        self._lr: float | None = None
        self.why: str | None = f"{self.name} has no scalars yet."
        self.roles: dict[Role, str] = {}
        self.metrics: dict[str, str] = {}

    def look(self, at_end: bool = False) -> News:  # noqa: ARG002 - half a record is no number
        grew = False
        for path in self._files():
            if path not in self._tails:
                self._tails[path] = Tail(path, plain(path.name), event_files.whole), set()
            tail, known = self._tails[path]
            data, anew = tail.read()
            if anew:
                self.rewind()
                return self.look()
            grew = grew or bool(data)
            start = tail.offset - len(data)
            for tag, step, value in event_files.more_scalars(path.name, data, known, start):
                self._keep(tag, step, value)
        if len(self._values) != self._tags or not self.roles:
            self._choose()
        if not self.roles:
            return News(self._rows, [], None, grew)
        curve = self._values[next(iter(self.roles.values()))]
        lrs = sorted(self._values.get(self.roles.get("lr", ""), ()))
        rows = [self._row(step, lrs) for step in sorted(curve)]
        ended, current = rows[:-1], rows[-1] if rows else None
        first, self._rows = self._rows, self._rows + len(ended)
        for row in ended:
            self._ended = row.epoch
            self._lr = row.values.get(self.roles.get("lr", ""), self._lr)
        self._forget()
        return News(first, ended, current, grew)

    def _files(self) -> list[Path]:
        try:
            if not self._path.is_dir():
                return [self._path]
            return sorted(self._path.glob(event_files.NAMES))
        except OSError as error:
            raise unreadable(self.name, error) from error

    def _keep(self, tag: str, step: int, value: float) -> None:
        """Keep a value: the last one if a step was recorded twice, as in TensorBoard."""
        if self._ended is not None and step <= self._ended:
            return  # a training that was resumed repeats steps
        steps = self._values.setdefault(tag, {})
        steps[step] = value
        most = MOST_VALUES
        if self.roles:
            most = MOST + 1 if tag == next(iter(self.roles.values())) else MOST_KEPT
        if len(steps) > most:
            del steps[next(iter(steps))]

    def _choose(self) -> None:
        """Choose the tags to use: the curve once, and what is measured with it as it comes."""
        self._tags = len(self._values)
        if not self._values:
            return
        chosen = next(iter(self.roles.values()), self._settled)
        try:
            roles = roles_of(self.name, "tag", {tag: rank_of(tag) for tag in self._values}, chosen)
            curve = next(iter(roles.values()))
            # The first tags to come may be those of a batch.
            if chosen is None and (
                "val_loss" not in roles or (rank_of(curve) is None and len(self._values[curve]) < 2)
            ):
                raise unnamed(self.name, "tag", self._values)
        except NoCurveError as error:
            self.why = str(error)
            return
        check_name(self.name, curve)
        others = dict(itertools.islice(further(self._values, roles).items(), MOST_FURTHER))
        self.roles, self.why = roles, None
        self.metrics = metrics_of(roles, others, self._values)

    def _row(self, step: int, lrs: list[int]) -> Row:
        """What was recorded at a step.

        Args:
            lrs: the steps with an LR, in order.
        """
        values = {tag: self._values[tag][step] for tag in self.metrics if step in self._values[tag]}
        if tag := self.roles.get("lr"):  # an LR holds until another is recorded
            before = bisect_right(lrs, step)
            lr = self._values[tag][lrs[before - 1]] if before else self._lr
            if lr is not None:
                values[tag] = lr
        for role, tag in self.roles.items():
            if tag in values and (wrong := refused(role, values[tag])):
                raise CurveError(f"{self.name} step {step}: {cut(tag)} is {wrong}")
        return Row(step, step, values)

    def _forget(self) -> None:
        """Forget what has ended, and the tags that are not in use."""
        for tag, steps in self._values.items():
            if tag not in self.metrics and tag != self.roles.get("lr"):
                steps.clear()
            for step in [step for step in steps if self._ended is not None and step <= self._ended]:
                del steps[step]
