"""The settings of a run as one flat table, from which the form, terminal and URL are built.

A setting is identified by its path in the config ("lr", "schedule.patience") and, since schedules
and optimizers have settings of their own, by its owner, the name of its class. Its key, used in
the terminal and the URL, is its name ("patience"), or "optimizer-eps" where an optimizer and a
schedule share the name.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar, get_args, get_origin

from pydantic import ValidationError
from pydantic.fields import FieldInfo

from .fields import Kind, Scale, Settings, bounds_of, permitted
from .optimizers import OPTIMIZERS
from .own import called, whole
from .recipe import Recipe
from .run import OF_OWN_DATA, RunConfig, is_known_data
from .schedules import SCHEDULES
from .text import exact, nearest

Group = Literal["run", "optimizer", "schedule"]
KINDS: dict[Any, Kind] = {bool: "bool", int: "int", float: "float"}
R = TypeVar("R", bound=Recipe)
S = TypeVar("S", bound=Settings)
# How many unknown settings an error names, and the characters of each.
MOST_UNKNOWN, MOST_SHOWN = 5, 60
NOTHING_KEPT: Mapping[str, Any] = {}
# 0,02 and 1,5e-3, but not 1,000: that is a thousand to some.
DECIMAL_COMMA = re.compile(r"(?![1-9]\d{0,2},\d{3}$)\d*,\d+([eE][+-]?\d+)?", re.ASCII)


@dataclass(frozen=True)
class Setting:
    """One setting: its names, its allowed values, and how it is displayed."""

    key: str
    group: Group
    owner: str | None
    name: str
    kind: Kind
    choices: tuple[str, ...]
    default: Any
    label: str
    help: str
    unit: str
    scale: Scale
    slider: tuple[float, float] | None
    main: bool
    words: dict[str, str]
    least: float | None
    most: float | None
    permitted: str  # what its value must be, as it follows "must be"
    own: str  # what may be named beside the choices, "" for nothing

    @property
    def path(self) -> str:
        return self.name if self.group == "run" else f"{self.group}.{self.name}"

    def text(self, value: Any) -> str:
        """A value as text for the form, the terminal and the URL; `to_config` reads it back."""
        match self.kind:
            case "bool":
                return "on" if value else "off"
            case "list":
                return ", ".join(str(part) for part in value)
            case "float":
                return exact(value)
            case "int":
                return self.words.get(str(value), str(value))
            case _:
                return str(value)

    def shown(self, value: Any) -> str:
        """A value as a table or a name has it: in its word, or as one's own is called."""
        text = self.text(value)
        known = self.words.get(str(value), text)
        return called(text) if self.own and known == text else known


class ConfigError(Exception):
    """A config is invalid: `problems` has one sentence for each (path, owner) at fault."""

    def __init__(self, problems: dict[tuple[str, str | None], str]) -> None:
        super().__init__(" ".join(problems.values()))
        self.problems = problems


def _settings() -> Iterator[Setting]:
    own = {
        group: {name for cls in classes.values() for name in cls.model_fields}
        for group, classes in (("optimizer", OPTIMIZERS), ("schedule", SCHEDULES))
    }
    shared = own["optimizer"] & own["schedule"]
    for name, field in RunConfig.model_fields.items():
        match name:
            case "optimizer":
                yield _setting(name, "run", None, name, field, tuple(OPTIMIZERS))
            case "schedule":
                yield _setting(name, "run", None, name, field, tuple(SCHEDULES))
            case _:
                yield _setting(name, "run", None, name, field)
    groups: tuple[tuple[Group, dict[str, Any]], ...] = (
        ("schedule", SCHEDULES),
        ("optimizer", OPTIMIZERS),
    )
    for group, classes in groups:
        for owner, cls in classes.items():
            for name, field in cls.model_fields.items():
                if name == "name":
                    continue
                word = f"optimizer_{name}" if group == "optimizer" and name in shared else name
                yield _setting(word, group, owner, name, field)


def _setting(
    word: str,
    group: Group,
    owner: str | None,
    name: str,
    field: FieldInfo,
    choices: tuple[str, ...] = (),
) -> Setting:
    display: Any = field.json_schema_extra
    bounds = bounds_of(field)
    default = field.default
    kind: Kind
    if choices:
        kind, default = "choice", field.default.name
    elif get_origin(field.annotation) is Literal:
        kind, choices = "choice", get_args(field.annotation)
    elif field.annotation is str and display["words"]:
        kind, choices = "choice", tuple(display["words"])
    elif field.annotation is str:
        kind = "text"
    else:
        kind = KINDS.get(field.annotation, "list")
    return Setting(
        key=word.lower().replace("_", "-"),
        group=group,
        owner=owner,
        name=name,
        kind=kind,
        choices=choices,
        default=default,
        label=field.title or name,
        help=field.description or "",
        unit=display["unit"],
        scale=display["scale"],
        slider=display["slider"],
        main=display["main"],
        words=display["words"],
        least=bounds.get("ge", bounds.get("gt")),
        most=bounds.get("le", bounds.get("lt")),
        permitted=permitted(kind, field, choices),
        own=display["own"],
    )


SETTINGS: tuple[Setting, ...] = tuple(_settings())


def declared(model: type[Settings]) -> tuple[Setting, ...]:
    """The settings of a model that has no parts, such as the plan of a sweep."""
    return tuple(_setting(n, "run", None, n, field) for n, field in model.model_fields.items())


def setting_of(key: str) -> Setting:
    """The run's setting with that key."""
    return next(setting for setting in SETTINGS if setting.key == key and setting.owner is None)


def chosen(values: Mapping[str, Any], config_type: type[Recipe] = RunConfig) -> list[Setting]:
    """The settings that apply to these values: the run's, its schedule's and optimizer's, and those
    of data of one's own only where the data is.

    Args:
        config_type: the class of the config; a Recipe has fewer of the run's settings.
    """
    default = config_type()
    owners = {
        "run": None,
        "schedule": values.get("schedule", default.schedule.name),
        "optimizer": values.get("optimizer", default.optimizer.name),
    }
    data = values.get("dataset")
    known = not isinstance(data, str) or is_known_data(data)
    return [
        setting
        for setting in SETTINGS
        if setting.owner == owners[setting.group]
        and (setting.group != "run" or setting.name in config_type.model_fields)
        and not (known and setting.name in OF_OWN_DATA)
    ]


def to_config(values: Mapping[str, Any]) -> RunConfig:
    """The config that these values, by key, describe; settings not given keep their defaults.

    Text is parsed as in the form: "1e-3", "0,02", "20, 35, 45".

    Raises:
        ConfigError: a value is out of bounds or malformed, or a key belongs to a schedule or
            optimizer that is not the chosen one.
    """
    return _built(RunConfig, values)


def to_recipe(values: Mapping[str, Any]) -> Recipe:
    """The recipe that these values, by key, describe, for a run that was not trained here.

    Raises:
        ConfigError: as `to_config`.
    """
    return _built(Recipe, values)


def to_plan(model: type[S], values: Mapping[str, Any]) -> S:
    """The model (`declared`) that these values, by key, describe, as `to_config`.

    Raises:
        ConfigError: a value is out of bounds or malformed, or a key is unknown.
    """
    known = {setting.key: setting for setting in declared(model)}
    if wrong := [key for key in values if key not in known][:MOST_UNKNOWN]:
        raise ConfigError({(key, None): unknown(key, known) for key in wrong})
    try:
        return model.model_validate({known[k].name: _read(known[k], v) for k, v in values.items()})
    except ValidationError as error:
        raise refusal(error, tuple(known.values())) from error


def check_steps(recipe: Recipe, epochs: int, batches: int) -> None:
    """Refuse a schedule that torch's class cannot run for so many epochs of so many batches.

    Raises:
        ConfigError: with a sentence beside the setting at fault.
    """
    refused = recipe.schedule.refusal(epochs, batches)
    if refused:
        field, sentence = refused
        raise ConfigError({(f"schedule.{field}", recipe.schedule.name): sentence})


def _check_least(config: Recipe, kept: Mapping[str, Any]) -> None:
    """Refuse values that are too small to be asked for, except those that a run has already.

    Raises:
        ConfigError: with a sentence for each setting at fault.
    """
    values = from_config(config)
    problems = {
        (s.path, s.owner): _must_be(s)
        for s in chosen(values, type(config))
        if s.least is not None and values[s.key] < s.least and kept.get(s.key) != values[s.key]
    }
    if problems:
        raise ConfigError(problems)


def _built(
    config_type: type[R], values: Mapping[str, Any], kept: Mapping[str, Any] = NOTHING_KEPT
) -> R:
    """The config with these values, by key, of which a run has the `kept` ones already."""
    names = _names(values, config_type)
    fields: dict[str, Any] = {}
    parts: dict[str, dict[str, Any]] = {"schedule": {}, "optimizer": {}}
    known = {setting.key: setting for setting in chosen(values, config_type)}
    problems: dict[tuple[str, str | None], str] = {}
    for key, value in values.items():
        setting = known.get(key)
        if setting is None:
            problems[key, None] = _unknown_key(key, names)
            if len(problems) == MOST_UNKNOWN:
                break
        elif setting.group != "run":
            parts[setting.group][setting.name] = _read(setting, value)
        elif setting.name not in parts:
            fields[setting.name] = _read(setting, value)
    if problems:
        raise ConfigError(problems)
    for part, own in parts.items():
        fields[part] = {"name": names[part], **own}
    try:
        config = config_type.model_validate(fields)
    except ValidationError as error:
        raise refusal(error) from error
    # Not validators: a run that was stored before this was refused can still be read.
    _check_least(config, kept)
    if isinstance(config, RunConfig) and config.batches:  # else once its data is read
        check_steps(config, config.epochs - config.warmup, config.batches)
    return config


def from_config(config: Recipe) -> dict[str, Any]:
    """The config's values by key; `to_config`, or `to_recipe`, turns them back into the config."""
    values: dict[str, Any] = {"schedule": config.schedule.name, "optimizer": config.optimizer.name}
    data = {"dataset": config.dataset} if isinstance(config, RunConfig) else {}
    for setting in chosen({**values, **data}, type(config)):
        part = config if setting.group == "run" else getattr(config, setting.group)
        if setting.path not in ("schedule", "optimizer"):
            values[setting.key] = getattr(part, setting.name)
    return values


def changed(config: R, values: Mapping[str, Any]) -> R:
    """The config with these values, by key, changed.

    Another schedule or optimizer starts with its defaults.

    Raises:
        ConfigError: as `to_config`.
    """
    if not values:
        return config
    own = from_config(config)
    other = {
        group for group in ("schedule", "optimizer") if values.get(group, own[group]) != own[group]
    }
    same = {s.key for s in chosen(own, type(config)) if s.group not in other}
    applying = {s.key for s in chosen({**own, **values}, type(config))}
    kept = {key: value for key, value in own.items() if key in same & applying}
    return _built(type(config), {**kept, **values}, kept)


def differences(configs: Sequence[Recipe]) -> dict[str, list[Any]]:
    """The settings, by key and in the order of the form, in which configs differ, with the value of
    each config; None where one has no such setting.
    """
    values = [from_config(config) for config in configs]
    keys = dict.fromkeys(setting.key for setting in SETTINGS)
    found = {key: [own.get(key) for own in values] for key in keys}
    return {key: own for key, own in found.items() if any(value != own[0] for value in own)}


def keyed(named: Mapping[str, Any]) -> dict[str, Any]:
    """Settings by key, from settings named as Python arguments: batch_size, T_max."""
    return {name.lower().replace("_", "-"): value for name, value in named.items()}


def _read(setting: Setting, value: Any) -> Any:
    if setting.kind == "list" and isinstance(value, str):
        return [part for part in value.replace(",", " ").split() if part]
    if setting.kind == "float" and isinstance(value, str) and DECIMAL_COMMA.fullmatch(value):
        return value.replace(",", ".")
    if setting.own and isinstance(value, str) and value not in setting.choices:
        return whole(value)
    if setting.kind == "int":
        return next((number for number, word in setting.words.items() if word == value), value)
    return value


def _names(values: Mapping[str, Any], config_type: type[Recipe]) -> dict[str, str]:
    """The names of the schedule and of the optimizer; ConfigError if there is none of that name."""
    default = config_type()
    parts = [setting_of("schedule"), setting_of("optimizer")]
    names = {s.key: values.get(s.key, getattr(default, s.name).name) for s in parts}
    if problems := {
        (s.path, s.owner): _must_be(s, names[s.key]) for s in parts if names[s.key] not in s.choices
    }:
        raise ConfigError(problems)
    return names


def _unknown_key(key: str, names: Mapping[str, str]) -> str:
    owners = [setting for setting in SETTINGS if setting.key == key]
    if not owners:
        return unknown(key, {s.key for s in SETTINGS})
    if owners[0].name in OF_OWN_DATA:
        return f"{key} is for data of your own: give its path."
    if owners[0].owner is None:
        return f"{key} does not apply to a run that was not trained here."
    group = owners[0].group
    theirs = ", ".join(str(setting.owner) for setting in owners)
    return f"{key} does not belong to the {group} {names[group]}; it belongs to {theirs}."


def unknown(key: str, known: Iterable[str]) -> str:
    """That there is no setting of this name, and which known one is the nearest."""
    near = nearest(key, known)
    hint = f" The nearest is {near}." if near else ""
    return f"There is no setting {key[:MOST_SHOWN]!r}.{hint}"


def refusal(error: ValidationError, settings: Sequence[Setting] = SETTINGS) -> ConfigError:
    """pydantic's errors, each as a sentence at the path and owner of its setting."""
    problems: dict[tuple[str, str | None], str] = {}
    for problem in error.errors():
        place = [str(part) for part in problem["loc"]]
        context = problem.get("ctx", {})
        if problem["type"] == "refused":
            place = [*place, *context["field"].split(".")]
        group, owner, name = "run", None, place[0] if place else ""
        if name in ("schedule", "optimizer") and len(place) > 1:
            group = name
            owner = place[1] if place[1] in SCHEDULES | OPTIMIZERS else None
            name = place[2] if owner and len(place) > 2 else place[1]
        path = name if group == "run" else f"{group}.{name}"
        setting = next(
            (s for s in settings if s.path == path and owner in (None, s.owner)),
            None,
        )
        problems.setdefault((path, owner), _sentence(setting, path, problem))
    return ConfigError(problems)


def _sentence(setting: Setting | None, path: str, problem: Any) -> str:
    match problem["type"]:
        case "refused":
            return str(problem["ctx"]["sentence"])
        case "string_too_short" | "string_too_long" if setting:  # the monitor of a recipe
            most = bounds_of(Recipe.model_fields[setting.name])["max_length"]
            return f"{setting.label} must be a name of 1 to {most} characters."
        case _ if setting:
            return _must_be(setting, problem["input"])
        case _:
            return f"There is no setting {path[:MOST_SHOWN]!r}."


def _must_be(setting: Setting, value: Any = None) -> str:
    near = nearest(value, setting.choices) if isinstance(value, str) else None
    hint = f" The nearest is {near}." if near else ""
    return f"{setting.label} must be {setting.permitted}.{hint}"


# The presets of all schedules, by title.
PRESETS: dict[str, RunConfig] = {
    title: to_config({"schedule": name, **values})
    for name, schedule in SCHEDULES.items()
    for title, values in schedule.presets.items()
}
