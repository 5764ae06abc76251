"""Several runs at once: each read is one query, however many they are. torch-free."""

import json
import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from statistics import median
from typing import get_args

from ..config.run import RunConfig
from ..schedule.decisions import Decision, Kind, PlateauEvidence
from ..schedule.interventions import RecordedIntervention
from . import rows
from .rows import INTERVENTION_COLUMNS, RUN_COLUMNS, Unreadable, UnreadableError
from .run import Run
from .store import Store

KINDS = set(get_args(Kind))
ASKED = "SELECT value FROM json_each(?)"


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """What epochs measured, a list for each column, in the order of the epochs; see
    `trainer.schedule.epoch.Epoch`.

    Attributes:
        recorded: all metrics of each epoch as they are stored, equal only where they are the same.
        metrics: the values of each metric by name, None where it was not measured or not finite.
    """

    epochs: list[int] = field(default_factory=list)
    lrs: list[float] = field(default_factory=list)
    last_lrs: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    recorded: list[str] = field(default_factory=list)
    metrics: Mapping[str, list[float | None]] = field(default_factory=dict)

    def metric(self, name: str) -> list[float | None]:
        """The values of one metric; None everywhere, if it was never measured."""
        return self.metrics.get(name) or [None] * len(self.epochs)

    def upto(self, epoch: int) -> "Columns":
        """The part up to this epoch."""
        count = sum(number <= epoch for number in self.epochs)
        metrics = {name: values[:count] for name, values in self.metrics.items()}
        return replace(
            self, metrics=metrics, **{name: getattr(self, name)[:count] for name in PLAIN}
        )

    def then(self, later: "Columns") -> "Columns":
        """These epochs, and later ones."""
        names = dict.fromkeys([*self.metrics, *later.metrics])
        metrics = {name: self.metric(name) + later.metric(name) for name in names}
        parts = {name: getattr(self, name) + getattr(later, name) for name in PLAIN}
        return replace(self, metrics=metrics, **parts)


PLAIN = ("epochs", "lrs", "last_lrs", "seconds", "recorded")


def runs(store: Store, asked: Collection[int]) -> dict[int, Run | Unreadable]:
    """Those of these runs that there are, also the ones that cannot be read."""
    found = store.connection.execute(
        f"SELECT {RUN_COLUMNS} FROM runs WHERE deleted IS NULL AND id IN ({ASKED})",
        (json.dumps([*asked]),),
    )
    return {row[0]: rows.run_or_reason(row) for row in found}


def columns(store: Store, asked: Collection[int]) -> dict[int, Columns | Unreadable]:
    """The own epochs of each of these runs."""
    found: dict[int, Columns | Unreadable] = {}
    stored: dict[int, list[tuple[object, ...]]] = {run: [] for run in asked}
    for run, *row in store.connection.execute(
        "SELECT run, epoch, lr, lr_last, seconds, metrics FROM epochs "
        f"WHERE run IN ({ASKED}) ORDER BY run, epoch",
        (json.dumps([*asked]),),
    ):
        stored[run].append(tuple(row))
    for run, its in stored.items():
        try:
            found[run] = _columns(its)
        except (ValueError, TypeError):
            found[run] = Unreadable(run, _reason(store, run))
    return found


def _columns(its: list[tuple[object, ...]]) -> Columns:
    """The columns of these rows of epochs.

    Raises:
        TypeError, ValueError: one of them is not what LRScope writes.
    """
    if not its:
        return Columns()
    numbers, lrs, last_lrs, seconds, texts = ([*column] for column in zip(*its, strict=True))
    # In one go, which takes a third of the time of a text at a time.
    metrics = json.loads(f"[{','.join(texts)}]", parse_constant=_refuse)
    measured = [value for values in metrics for value in values.values() if value is not None]
    if len(metrics) != len(its) or not all(isinstance(value, dict) for value in metrics):
        raise ValueError("metrics")
    for value in (*lrs, *last_lrs, *seconds, *measured):
        if not isinstance(value, float | int) or not math.isfinite(value):
            raise ValueError(repr(value))
    names = dict.fromkeys(name for values in metrics for name in values)
    by_name = {name: [values.get(name) for values in metrics] for name in names}
    return Columns(numbers, lrs, last_lrs, seconds, texts, by_name)


def decisions(store: Store, asked: Collection[int]) -> dict[int, list[Decision | None]]:
    """The decisions of each of these runs in the order of its epochs, for charts: validated are the
    kind and the count of bad epochs only. Of a sweep's cell also those of its own schedule on the
    epochs that it shares. Without a run that has one of another form.
    """
    found: dict[int, list[Decision | None]] = {}
    unreadable = set()
    for run, text, _ in store.connection.execute(
        f"SELECT run, decision, epoch FROM epochs WHERE run IN ({ASKED}) UNION ALL "
        f"SELECT run, decision, epoch FROM shared WHERE run IN ({ASKED}) ORDER BY run, epoch",
        (asked_for := json.dumps([*asked]), asked_for),
    ):
        try:
            found.setdefault(run, []).append(None if text is None else _decision(text))
        except (ValueError, TypeError, KeyError):
            unreadable.add(run)
    return {run: made for run, made in found.items() if run not in unreadable}


def _decision(text: str) -> Decision:
    """A decision, in a fourth of the time that its validation takes.

    Raises:
        KeyError, TypeError, ValueError: it is not what LRScope writes.
    """
    values = json.loads(text, parse_constant=_refuse)
    if values["kind"] not in KINDS or not isinstance(values["epoch"], int):
        raise ValueError(text)
    if values["plateau"] is not None:
        plateau = PlateauEvidence.model_construct(**values["plateau"])
        if not isinstance(plateau.bad_epochs, int) or not isinstance(plateau.patience, int):
            raise ValueError(text)
        values["plateau"] = plateau
    return Decision.model_construct(**values)


def _refuse(constant: str) -> None:
    raise ValueError(constant)


def _reason(store: Store, run: int) -> str:
    """Why a run's epochs cannot be read."""
    try:
        store.epochs(run)
    except UnreadableError as error:
        return str(error)
    return str(UnreadableError(run, "its metrics are not what LRScope writes"))


def by_hand(store: Store, asked: Collection[int]) -> dict[int, list[RecordedIntervention]]:
    """What was done by hand to these runs; nothing of a run whose record cannot be read."""
    found: dict[int, list[RecordedIntervention]] = {}
    unreadable = set()
    for run, *row in store.connection.execute(
        f"SELECT run, {', '.join(INTERVENTION_COLUMNS)} FROM interventions "
        f"WHERE run IN ({ASKED}) ORDER BY run, id",
        (json.dumps([*asked]),),
    ):
        try:
            made = rows.intervention(run, tuple(row))
        except UnreadableError:
            unreadable.add(run)
            continue
        if made.by_hand:
            found.setdefault(run, []).append(made)
    return {run: made for run, made in found.items() if run not in unreadable}


def seeds(store: Store, config: RunConfig) -> dict[int, int]:
    """The newest run of each seed that was trained, or is to be, with this config from its start,
    and was not given up.
    """
    found = store.connection.execute(
        "SELECT json_extract(config, '$.seed'), id FROM runs WHERE source = 'trained' "
        "AND deleted IS NULL AND (parent IS NULL OR sweep IS NOT NULL) "
        "AND status IN ('queued', 'training', 'finished') "
        "AND CASE WHEN json_valid(config) THEN json_remove(config, '$.seed') END "
        "= json_remove(?, '$.seed') "
        "AND NOT EXISTS (SELECT 1 FROM interventions WHERE run = runs.id AND name != 'threads') "
        "ORDER BY id",
        (config.model_dump_json(),),
    )
    return {seed: run for seed, run in found if isinstance(seed, int)}


RECENT = 500  # epochs that tell how long one takes


def seconds_an_epoch(store: Store, dataset: str, model: str, batch_size: int) -> float | None:
    """How long an epoch takes, in seconds: the median of the newest epochs of runs with this data,
    network and batch size that were trained here; None if there are none.
    """
    found = store.connection.execute(
        "SELECT seconds FROM epochs WHERE run IN (SELECT id FROM runs WHERE source = 'trained' "
        "AND deleted IS NULL AND epoch > 0 AND CASE WHEN json_valid(config) THEN "
        "json_extract(config, '$.dataset', '$.model', '$.batch_size') = json_array(?, ?, ?) END "
        "ORDER BY id DESC LIMIT 50) ORDER BY run DESC, epoch DESC LIMIT ?",
        (dataset, model, batch_size, RECENT),
    )
    seconds = [each for (each,) in found if isinstance(each, float | int)]
    return median(seconds) if seconds else None
