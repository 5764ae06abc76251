"""What a list of runs can be sorted and filtered by, as SQL over the row of a run. torch-free.

A run's config is JSON, of which every setting is a column. It is of the version in which it was
stored: what it lacks has its default. A config that is no JSON has no settings.
"""

import json
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

from pydantic import TypeAdapter, ValidationError

from ..config.own import called
from ..config.recipe import Recipe
from ..config.run import OF_OWN_DATA, TRAIN_IMAGES
from ..config.schedules import Schedule
from ..config.table import SETTINGS, Setting, setting_of
from ..config.text import plain
from .rows import ADDED
from .run import OVER

Kind = Literal["text", "number"]
SCHEDULE: TypeAdapter[Any] = TypeAdapter(Schedule)


@dataclass(frozen=True, slots=True)
class Column:
    """SQL for a column of the list, and what it gives; NULL where a run has none."""

    sql: str
    kind: Kind


def prepare(connection: sqlite3.Connection) -> None:
    """Give a connection the functions that the columns and the search call."""
    connection.create_function("folded", 1, _folded, deterministic=True)
    connection.create_function("summary", 2, _summary, deterministic=True)
    connection.create_function("called", 1, _called, deterministic=True)


def _folded(text: Any) -> str | None:
    """Text without regard to case, of any alphabet."""
    return None if text is None else str(text).casefold()


def _called(value: Any) -> Any:
    """What data or a network of one's own is called; any other value as it is."""
    return called(value) if isinstance(value, str) else value


@lru_cache(maxsize=4096)
def _summary(schedule: Any, lr: Any) -> str | None:
    """A stored schedule in a few words; None if it cannot be read."""
    try:
        found = SCHEDULE.validate_json(schedule or "{}")
        return plain(found.summary(lr))
    except (ValidationError, TypeError, ValueError, ArithmeticError):
        return None


def _quoted(text: str) -> str:
    return "'{}'".format(text.replace("'", "''"))


def _literal(value: Any) -> str:
    match value:
        case bool():
            return str(int(value))
        case int() | float():
            return repr(value)
        case str():
            return _quoted(value)
        case _:
            return _quoted(json.dumps(value, separators=(",", ":")))


def _stored(path: str, default: Any) -> str:
    return f"coalesce(json_extract(config, '$.{path}'), {_literal(default)})"


def _in_words(sql: str, words: dict[str, str]) -> str:
    if not words:
        return sql
    cases = " ".join(f"WHEN {_quoted(v)} THEN {_quoted(word)}" for v, word in words.items())
    return f"CASE {sql} {cases} ELSE called({sql}) END"


def _unknown(part: str) -> str:
    """What a part of a watched run's recipe is called that LRScope does not know, or NULL."""
    return f"CASE WHEN json_valid(elsewhere) THEN json_extract(elsewhere, '$.{part}') END"


def _of(settings: list[Setting]) -> Column:
    """The column of the settings of one key, each another owner's."""
    first = settings[0]
    text = first.kind in ("choice", "list", "text")
    if first.owner is None:
        path = f"{first.name}.name" if first.path in PARTS else first.path
        sql = _stored(path, first.default)
        if first.path in PARTS:
            sql = f"coalesce({_unknown(first.path)}, {sql})"
        if first.name not in Recipe.model_fields:
            sql = f"CASE WHEN source = 'trained' THEN {sql} END"
        if first.name in OF_OWN_DATA:
            known = ", ".join(map(_quoted, TRAIN_IMAGES))
            data = _stored("dataset", setting_of("dataset").default)
            sql = f"CASE WHEN {data} NOT IN ({known}) THEN {sql} END"
    else:
        chosen = _stored(f"{first.group}.name", setting_of(first.group).default)
        cases = " ".join(
            f"WHEN {_quoted(str(s.owner))} THEN {_stored(s.path, s.default)}" for s in settings
        )
        sql = f"CASE WHEN {_unknown(first.group)} IS NULL THEN CASE {chosen} {cases} END END"
    if text and first.path not in PARTS:
        sql = _in_words(sql, first.words)
    return Column(f"CASE WHEN json_valid(config) THEN {sql} END", "text" if text else "number")


def _by_key() -> dict[str, list[Setting]]:
    found: dict[str, list[Setting]] = {}
    for setting in SETTINGS:
        found.setdefault(setting.key, []).append(setting)
    return found


PARTS = ("schedule", "optimizer")
BY_KEY = _by_key()
OF_SETTINGS = {key: _of(settings) for key, settings in BY_KEY.items()}
TAGS = (
    "(SELECT group_concat(value, ', ') FROM "
    "json_each(CASE WHEN json_valid(tags) THEN tags ELSE '[]' END))"
)
MONITOR = (
    f"CASE WHEN json_valid(config) THEN {_stored('monitor', setting_of('monitor').default)} END"
)
WARMUP = OF_SETTINGS["warmup"].sql
SUMMARY = (
    f"CASE WHEN {_unknown('schedule')} IS NOT NULL THEN {_unknown('schedule')} "
    "WHEN json_valid(config) THEN "
    f"summary(json_extract(config, '$.schedule'), {_stored('lr', setting_of('lr').default)}) "
    f"|| CASE WHEN ({WARMUP}) > 0 THEN ', warm-up ' || ({WARMUP}) ELSE '' END END"
)
NAME = (
    "CASE WHEN name IS NOT NULL THEN name WHEN source != 'trained' THEN coalesce(origin, source) "
    "WHEN parent IS NOT NULL AND sweep IS NULL "
    "THEN 'fork of #' || parent || ' after ' || parent_epoch "
    f"ELSE {SUMMARY} END"
)
STATUS = (
    f"CASE WHEN paused AND status NOT IN ({', '.join(map(_quoted, sorted(OVER)))}) THEN 'paused' "
    "WHEN source = 'imported' AND status = 'finished' THEN 'imported' ELSE status END"
)

# What the results of a run are is read before: see `trainer.store.listing`.
COLUMNS: dict[str, Column] = {
    **OF_SETTINGS,
    "epochs": Column(f"{OF_SETTINGS['epochs'].sql} + {ADDED}", "number"),
    "id": Column("id", "number"),
    "name": Column(NAME, "text"),
    "starred": Column("starred", "number"),
    "status": Column(STATUS, "text"),
    "source": Column("source", "text"),
    "schedule": Column(SUMMARY, "text"),
    "best": Column("results.best", "number"),
    "last": Column("results.last", "number"),
    "test-accuracy": Column("test_accuracy", "number"),
    "epoch": Column("epoch", "number"),
    "seconds": Column("max(ended - began, 0)", "number"),
    "began": Column("began", "number"),
    "parent": Column("parent", "number"),
    "sweep": Column("sweep", "number"),
    "tags": Column(TAGS, "text"),
    "note": Column("note", "text"),
}
# What free text is looked for in, beside the number: also the name of the schedule's class.
SEARCHED = ("name", "tags", "note", "schedule", "dataset", "model")
SOUGHT = " || ' ' || ".join(
    f"coalesce({column.sql}, '')"
    for column in (*(COLUMNS[key] for key in SEARCHED), OF_SETTINGS["schedule"])
)


def stored_settings(config: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """The settings that a stored config has, by path, as they are stored."""
    for name, value in config.items():
        if name not in PARTS:
            yield name, value
        elif isinstance(value, dict):
            for own, part in value.items():
                yield name if own == "name" else f"{name}.{own}", part
