"""The store's rows as dataclasses, and how they are read. torch-free."""

import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from typing import Any, get_args, get_type_hints

from pydantic import FiniteFloat, TypeAdapter, ValidationError

from ..config import versions
from ..config.recipe import Recipe
from ..config.run import RunConfig
from ..engine.events import Started
from ..schedule.decisions import Decision
from ..schedule.epoch import Epoch
from ..schedule.interventions import InterventionName, RecordedIntervention
from ..schedule.trace import Trace
from .faults import StoreError
from .run import COMMANDS, OVER, CommandName, Elsewhere, Run, Source, Status
from .schema import EPOCH_COLUMNS


class UnreadableError(StoreError):
    """A run cannot be read; the message says which and why."""

    def __init__(self, run: int, why: str) -> None:
        super().__init__(f"Run {run} cannot be read: {why}.")
        self.run = run


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A stored run that cannot be read, with the reason in one sentence."""

    id: int
    reason: str


@dataclass(frozen=True, slots=True)
class Command:
    """A person's command to a run: `stop`, `pause`, `unpause`, `step` (train to the end of an epoch
    and pause), `pace` with epochs per second (None: no limit), or an intervention.
    """

    id: int
    name: CommandName
    value: float | None


TAGS = TypeAdapter(tuple[str, ...])
METRICS = TypeAdapter(dict[str, FiniteFloat | None])
TRACE = TypeAdapter(tuple[tuple[FiniteFloat | None, ...], tuple[FiniteFloat, ...]])
STARTED = TypeAdapter(Started)
CONTROLS = TypeAdapter(tuple[CommandName, ...])
ELSEWHERE = TypeAdapter(Elsewhere)
# Columns of the table that are not stored as fields of `Run`.
CONFIG_COLUMNS = "id, source, config, config_version"
ADDED = (
    "(SELECT coalesce(sum(value), 0) FROM interventions WHERE run = runs.id AND name = 'epochs')"
)
STOPPING = (
    "status = 'training' AND EXISTS (SELECT 1 FROM commands "
    "WHERE run = runs.id AND name = 'stop' AND id > runs.asked) AS stopping"
)
DERIVED = ("id", "source", "recipe", "added", "stopping")
PLAIN = [name for name in Run.__slots__ if name not in DERIVED]
RUN_COLUMNS = ", ".join([CONFIG_COLUMNS, *PLAIN, f"{ADDED} AS added", STOPPING])
INTERVENTION_COLUMNS = tuple(field.name for field in fields(RecordedIntervention))
# What SQLite holds in a column: in a damaged file it can be anything.
RUN_TYPES = get_type_hints(Run) | {
    "status": str, "started": str | None, "decision": str | None, "paused": int,
    "starred": int, "archived": int, "tags": str,
    "controls": str | None, "elsewhere": str | None,
}  # fmt: skip
EPOCH_TYPES = get_type_hints(Epoch) | {"metrics": str, "decision": str | None}
INTERVENTION_TYPES = get_type_hints(RecordedIntervention) | {"name": str}


def run(row: tuple[Any, ...]) -> Run:
    """A run, from a row of RUN_COLUMNS.

    Raises:
        UnreadableError: something in it is not in this LRScope's format.
    """
    id, source, config, version, *plain, added, stopping = row
    values = dict(zip(PLAIN, plain, strict=True))
    try:
        _check_types(values, RUN_TYPES)
        for word, known in ((values["status"], Status), (source, Source)):
            if word not in get_args(known):
                raise ValueError(f"{word!r} is not known here")
        if values["parent"] is not None and not 0 < values["parent"] < id:
            raise ValueError(f"it cannot be a fork of run {values['parent']}")
        with _part("config"):
            recipe = versions.read(RunConfig if source == "trained" else Recipe, config, version)
        with _part("start"):
            started = values["started"] and STARTED.validate_json(values["started"], strict=True)
        if started and started.batches < 1:
            raise ValueError(f"it has {started.batches} batches per epoch")
        decision = _decision(values["decision"])
        with _part("tags"):
            tags = TAGS.validate_json(values["tags"], strict=True)
        with _part("controls"):
            controls = values["controls"] and CONTROLS.validate_json(
                values["controls"], strict=True
            )
        with _part("elsewhere"):
            elsewhere = values["elsewhere"] and ELSEWHERE.validate_json(
                values["elsewhere"], strict=True
            )
        added = int(added)
        if recipe.epochs + added < 1:
            raise ValueError(f"{added} epochs were added to its {recipe.epochs}")
    except (ValueError, TypeError, ArithmeticError) as error:
        raise UnreadableError(id, str(error)) from error
    # One that ends while it is asked to pause is over.
    paused = bool(values["paused"]) and values["status"] not in OVER
    values |= {"started": started, "decision": decision, "paused": paused}
    values |= {"added": added, "stopping": bool(stopping), "tags": tags}
    values |= {"controls": controls, "elsewhere": elsewhere}
    values |= {name: bool(values[name]) for name in ("starred", "archived")}
    return Run(id=id, source=source, recipe=recipe, **values)


def run_or_reason(row: tuple[Any, ...]) -> Run | Unreadable:
    """A run, from a row of RUN_COLUMNS, or why it cannot be read."""
    try:
        return run(row)
    except UnreadableError as error:
        return Unreadable(error.run, str(error))


def epoch(run: int, row: tuple[Any, ...]) -> Epoch:
    """The epoch in a row of EPOCH_COLUMNS.

    Raises:
        UnreadableError: it is not what this LRScope writes.
    """
    values = dict(zip(EPOCH_COLUMNS, row, strict=True))
    try:
        _check_types(values, EPOCH_TYPES)
        with _part("metrics"):
            values["metrics"] = METRICS.validate_json(values["metrics"], strict=True)
        values["decision"] = _decision(values["decision"])
    except (ValueError, TypeError) as error:
        raise UnreadableError(run, f"epoch {values['epoch']}: {error}") from error
    return Epoch(**values)


def trace(run: int, row: tuple[Any, ...]) -> tuple[int, Trace]:
    """An epoch and its trace, from a row of `epoch, trace`.

    Raises:
        UnreadableError: it is not what this LRScope writes.
    """
    number, text = row
    try:
        _check_types({"epoch": number, "trace": text}, {"epoch": int, "trace": str})
        with _part("losses"):
            losses, lrs = TRACE.validate_json(text, strict=True)
    except (ValueError, TypeError) as error:
        raise UnreadableError(run, f"the trace of epoch {number}: {error}") from error
    return number, Trace(losses, lrs)


def intervention(run: int, row: tuple[Any, ...]) -> RecordedIntervention:
    """The intervention in a row of INTERVENTION_COLUMNS.

    Raises:
        UnreadableError: it is not what this LRScope writes.
    """
    values = dict(zip(INTERVENTION_COLUMNS, row, strict=True))
    try:
        _check_types(values, INTERVENTION_TYPES)
        if values["name"] not in get_args(InterventionName):
            raise ValueError(f"{values['name']!r} is not known here")
    except ValueError as error:
        raise UnreadableError(run, f"intervention {values['id']}: {error}") from error
    return RecordedIntervention(**values)


def command(run: int, row: tuple[Any, ...]) -> Command:
    """The command in a row of `id, name, value`.

    Raises:
        UnreadableError: it is not what this LRScope writes.
    """
    number, name, value = row
    if name not in COMMANDS or not isinstance(value, float | None):
        raise UnreadableError(run, f"command {number}: {name!r} {value!r} is not known here")
    return Command(number, name, value)


def _check_types(values: dict[str, Any], types: dict[str, Any]) -> None:
    """Check what SQLite returned against the types of its columns.

    Raises:
        ValueError: one is of another type, or not finite.
    """
    for name, value in values.items():
        if not isinstance(value, types[name]) or value in (math.inf, -math.inf):
            raise ValueError(f"{name} is {value!r}")


def decision(run: int, text: str) -> Decision:
    """A stored decision of a cell's own schedule.

    Raises:
        UnreadableError: it is not what this LRScope writes.
    """
    try:
        found = _decision(text)
        if found is None:
            raise ValueError("a decision is missing")
    except (ValueError, TypeError) as error:
        raise UnreadableError(run, str(error)) from error
    return found


def _decision(text: str | None) -> Decision | None:
    if text is None:
        return None
    with _part("decision"):
        decision = json.loads(text, parse_float=_finite)
        if isinstance(decision, dict):
            decision.pop("sentence", None)  # derived again from the evidence
        return Decision.model_validate(decision)


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text} is out of range")
    return value


@contextmanager
def _part(name: str) -> Iterator[None]:
    """Say in one clause what is wrong with this part of a row.

    Raises:
        ValueError: something is.
    """
    try:
        yield
    except json.JSONDecodeError as error:
        raise ValueError(f"there is no valid JSON in its {name}") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or f"its {name}"
        match first["type"]:
            case "json_invalid":
                raise ValueError(f"there is no valid JSON in its {name}") from error
            case "extra_forbidden":
                raise ValueError(f"there is no setting {place}") from error
        raise ValueError(f"{place}: {first['msg'].lower()}") from error
