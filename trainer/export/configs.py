"""A run's config as a file that `lrscope train --config` takes, and as a command. torch-free."""

import json
import shlex
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..config import forks
from ..config.run import RunConfig
from ..config.table import Setting, chosen, from_config, keyed
from ..config.text import plain
from ..store.run import Run
from ..store.store import Store
from .error import ExportError
from .tables import known

MOST_BYTES = 1_000_000  # of a config file; a written one has a thousand


def config(store: Store, run: int) -> str:
    """A run's config in TOML, by the keys of its settings. What a config does not hold, such as the
    run's past, is said in a comment.

    Raises:
        CommandError: there is no such run.
        ExportError: it was not trained here.
    """
    row = known(store, run)
    own = _config(row)
    told = [f"Run {run}: {command(store, run)}"]
    if row.parent:
        told.append(
            f"It continues from epoch {row.parent_epoch} of run {row.parent}, which this file does "
            "not: it trains from the start."
        )
    if store.interventions(run):
        told.append("What was changed by hand as it trained is not in this file.")
    return "".join(f"# {plain(sentence)}\n" for sentence in told) + toml(own)


def toml(config: RunConfig) -> str:
    """Every setting of a config, one a line."""
    values = from_config(config)
    return "".join(f"{s.key} = {_toml(s, values[s.key])}\n" for s in _named(config))


def _toml(setting: Setting, value: Any) -> str:
    match setting.kind:
        case "bool":
            return "true" if value else "false"
        case "list":
            return f"[{', '.join(map(str, value))}]"
        case "int" | "float":
            return repr(value)
        case _:
            return json.dumps(value)


def read(path: Path) -> dict[str, Any]:
    """The settings of a config file by key, as text: of JSON if its name says so, else of TOML.

    Raises:
        ExportError: it cannot be read, or has something else than settings.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise ExportError(f"{path} cannot be read ({error.strerror}).") from None
    if len(data) > MOST_BYTES:
        raise ExportError(f"{path} is too large for a config file.")
    form = "JSON" if path.suffix.lower() == ".json" else "TOML"
    try:
        text = data.decode("utf-8-sig")
        found = json.loads(text) if form == "JSON" else tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        why = " ".join(str(error).split())
        raise ExportError(f"{path} is no {form} ({why}).") from None
    if not isinstance(found, dict):
        raise ExportError(f"{path} must have settings by name, such as lr and patience.")
    return keyed({name: _text(path, name, value) for name, value in found.items()})


def _text(path: Path, name: str, value: Any) -> str:
    """A value as it is typed, so that a file is read like the form and the terminal."""
    match value:
        case bool():
            return "on" if value else "off"
        case str() | int() | float():
            return str(value)
        case list() if all(isinstance(part, str | int | float) for part in value):
            return ", ".join(map(str, value))
    raise ExportError(
        f"{path}: {name[:60]!r} must be a number, a text, true or false, or a list of numbers."
    )


def command(store: Store, run: int) -> str:
    """The command that trains a run, with only what differs from the defaults; a fork's with only
    what differs from its parent.

    Raises:
        CommandError: there is no such run.
        ExportError: it was not trained here.
    """
    row = known(store, run)
    own = _config(row)
    parent = store.run(row.parent) if row.parent else None
    if parent is None or parent.config is None:
        return train_command(own)
    given = _given(own, from_config(forks.changed_config(parent.config, parent.epochs, {})))
    return shlex.join(["lrscope", "fork", str(row.parent), str(row.parent_epoch), *given])


def train_command(config: RunConfig) -> str:
    """The command that trains this config, with only what differs from the defaults."""
    return shlex.join(["lrscope", "train", *_given(config, {})])


def _given(config: RunConfig, kept: Mapping[str, Any]) -> list[str]:
    """The options for what differs from the `kept` values. Another schedule or optimizer starts
    with its defaults.
    """
    values = from_config(config)
    given = []
    for setting in _named(config):
        value, group = values[setting.key], setting.group
        same = group == "run" or kept.get(group) == values[group]
        default = kept.get(setting.key, setting.default) if same else setting.default
        if value != default:
            given += [f"--{setting.key}", setting.text(value).replace(", ", ",")]
    return given


def _named(config: RunConfig) -> list[Setting]:
    """A config's settings: the run's, its schedule's, its optimizer's."""
    return chosen(from_config(config))


def _config(row: Run) -> RunConfig:
    if row.config is None:
        raise ExportError(f"Run {row.id} was {row.source}: it has no config to train with.")
    return row.config
