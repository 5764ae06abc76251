"""The commands' options: those that several share, and a run's settings, built from
`trainer.config.table`.
"""

import inspect
import math
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from shlex import quote
from typing import Annotated, Any

import typer
from rich.markup import escape
from typer.core import TyperCommand

from app.cli.nearest import complete_run
from app.cli.refusals import fail
from trainer import folders
from trainer.config.run import RunConfig
from trainer.config.table import SETTINGS, Setting, keyed, to_config
from trainer.export import configs

MOST_DIGITS = 18  # what SQLite can hold
MOST_PORT = 65535


class Command(TyperCommand):
    """A command that says plainly what is wrong with its arguments."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if ctx.resilient_parsing:  # a shell asks what may come next
            return super().parse_args(ctx, args)
        valued = {
            name: option
            for option in self.get_params(ctx)
            if option.param_type_name == "option" and not getattr(option, "is_flag", False)
            for name in option.opts
        }
        for before, given, after in zip(["", *args], args, [*args[1:], "--"], strict=False):
            if given in valued and after.startswith("--"):
                values = (getattr(valued[given], "metavar", None) or "").replace("|", " or ")
                raise fail(f"{given} needs a value{values and f': {values}'}.")
            negative = re.fullmatch(r"-\d+", given)
            if negative and before not in valued and not ctx.ignore_unknown_options:
                raise fail(f"{given} is below 0: runs count from 1, epochs from 0.")
        return super().parse_args(ctx, args)


# Parsers of values; a default comes to them as it is, and what cannot be ends the command.


def run_number(text: str) -> int:
    """The number of a run."""
    if not re.fullmatch(r"[0-9]+", text):
        if re.search(r"\.csv$|tfevents", text, re.IGNORECASE):
            raise fail(f"{text!r} is not a run: make it one with lrscope import {quote(text)}.")
        raise fail(f"{text!r} is not a run: give its number, such as 3.")
    if len(text) > MOST_DIGITS:
        raise fail(f"There is no run {text}.")
    return int(text)


def sweep_number(text: str) -> int:
    """The number of a sweep."""
    if not re.fullmatch(r"[0-9]+", text):
        raise fail(f"{text!r} is not a sweep: give its number, such as 3.")
    if len(text) > MOST_DIGITS:
        raise fail(f"There is no sweep {text}.")
    return int(text)


def epoch_number(text: str) -> int:
    """The number of an epoch."""
    if not re.fullmatch(r"[0-9]+", text) or len(text) > MOST_DIGITS:
        raise fail(f"{text!r} is not an epoch: give its number, such as 12; 0 is the start.")
    return int(text)


def number(text: str | float) -> float:
    """A number."""
    try:
        return float(text)
    except ValueError:
        raise fail(f"{text!r} is not a number, such as 0.01 or 1e-3.") from None


def megabytes(text: str | float) -> float:
    """A budget in megabytes."""
    if not 0 <= (value := number(text)) < math.inf:
        raise fail(f"A budget of {text} MB cannot be: give a number from 0.")
    return value


def seconds(text: str | float) -> float:
    """A length of time."""
    if not 0 < (value := number(text)) < math.inf:
        raise fail(f"{text} seconds cannot be: give a number above 0.")
    return value


def port_number(text: str | int) -> int:
    """The number of a port."""
    if not re.fullmatch(r"[0-9]{1,5}", str(text)) or int(text) > MOST_PORT:
        raise fail(f"{text!r} is not a port: give a number from 0 to {MOST_PORT}.")
    return int(text)


def folder(text: str | Path) -> Path:
    """A folder."""
    if text == "":  # as from "$UNSET", which would be the current folder
        raise fail("A folder's name is empty: give one, or leave the option out.")
    return Path(text)


def one_run(help: str) -> Any:
    """The argument RUN, with what the run is for."""
    return typer.Argument(
        parser=run_number, metavar="RUN", help=help, autocompletion=complete_run, show_default=False
    )


Home = Annotated[
    Path | None,
    typer.Option(
        parser=folder,
        metavar="FOLDER",
        envvar=folders.HOME_ENV,
        help="Folder of the runs; by default in the user's data folder.",
    ),
]
Datasets = Annotated[
    Path | None,
    typer.Option(
        parser=folder,
        metavar="FOLDER",
        envvar=folders.DATASETS_ENV,
        help="Folder of the data sets; by default in the user's cache.",
    ),
]


def _runs(metavar: str) -> Any:
    return typer.Argument(
        parser=run_number,
        metavar=metavar,
        help="The runs.",
        autocompletion=complete_run,
        show_default=False,
    )


Runs = Annotated[list[int], _runs("RUN...")]
SomeRuns = Annotated[list[int] | None, _runs("[RUN]...")]
Budget = Annotated[
    float,
    typer.Option(
        "--snapshot-budget",
        parser=megabytes,
        metavar="MB",
        help="Megabytes that a run's snapshots may use.",
    ),
]
ConfigFile = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="A file with settings, as lrscope export --format config writes it; an option wins "
        "over it.",
    ),
]
Data = Annotated[
    Path | None,
    typer.Option(
        metavar="PATH",
        help="Your own data: a folder of images in a folder a class, an .npz with x and y, or a "
        ".csv of numbers.",
    ),
]
JsonFlag = Annotated[
    bool,
    typer.Option(
        "--json", help="Print one JSON object per line: one per epoch, and one for the run."
    ),
]


def from_file(config: Path | None) -> RunConfig:
    """The config in a file; the default one without a file.

    Raises:
        ConfigError: it is none that can be.
        ExportError: the file cannot be read.
    """
    return to_config(configs.read(config) if config else {})


def with_data(settings: dict[str, str | None], data: Path | None) -> dict[str, str | None]:
    """The settings with one's own data, if it was given."""
    if data is None:
        return settings
    if settings["dataset"] is not None:
        raise fail("Give --data or --dataset, not both.")
    return {**settings, "dataset": str(data.expanduser().absolute())}


def given(options: dict[str, str | None]) -> dict[str, Any]:
    """The settings that were given, by key."""
    return keyed({name: value for name, value in options.items() if value is not None})


def with_settings(
    command: Callable[..., None], settings: Iterable[Setting] = SETTINGS
) -> Callable[..., None]:
    """The command with an option for each of these settings. It receives them as keywords with text
    values, None if not given.
    """
    by_key: dict[str, list[Setting]] = {}
    for setting in settings:
        by_key.setdefault(setting.key, []).append(setting)
    own = [p for p in inspect.signature(command).parameters.values() if p.kind != p.VAR_KEYWORD]
    drawn = [
        inspect.Parameter(
            key.replace("-", "_"),
            inspect.Parameter.KEYWORD_ONLY,
            default=None,
            annotation=Annotated[
                str | None,
                typer.Option(
                    f"--{key}",
                    help=_help(same),
                    metavar=_metavar(same[0]),
                    autocompletion=_values(same[0]),
                    rich_help_panel=_panel(same[0]),
                ),
            ],
        )
        for key, same in by_key.items()
    ]
    parameters = [*(p.replace(kind=p.KEYWORD_ONLY) for p in own), *drawn]
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {p.name: p.annotation for p in parameters}
    return command


def _panel(setting: Setting) -> str:
    return {"run": "The run", "schedule": "Schedules", "optimizer": "Optimizers"}[setting.group]


def _metavar(setting: Setting) -> str:
    if setting.own:
        return "NAME|PATH"
    if setting.choices:
        return "|".join(setting.choices) if len(setting.choices) < 5 else "NAME"
    if setting.kind == "int":
        return "|".join([*setting.words.values(), "N"])
    return {"bool": "on|off", "float": "NUMBER", "list": "N,N,...", "text": "NAME"}[setting.kind]


def _values(setting: Setting) -> Callable[[str], list[str]]:
    """What a shell completes a value to."""
    known = setting.choices or (("on", "off") if setting.kind == "bool" else ())
    words = [*known, *(setting.words.values() if setting.kind == "int" else ())]
    return lambda incomplete: [word for word in words if word.startswith(incomplete)]


def _help(settings: list[Setting]) -> str:
    """What the option does, which classes have it, and its default for each."""
    first = settings[0]
    listed = len(first.choices) >= 5 or first.own
    own = first.own and f", or {first.own}"
    choices = f" One of {', '.join(first.choices)}{own}." if listed else ""
    if first.owner is None:
        default = f" Default {first.text(first.default)}." if first.default != "" else ""
        return escape(f"{first.help}{choices}{default}")
    owners = ", ".join(f"{s.owner} (default {s.text(s.default)})" for s in settings)
    return escape(f"{first.help}{choices} For {owners}.")
