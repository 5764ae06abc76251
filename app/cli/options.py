"""The commands' options: those that several share, and a run's settings, built from
`trainer.config.table`.
"""

import inspect
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from trainer import folders
from trainer.config.table import SETTINGS, Setting, keyed

Home = Annotated[
    Path | None,
    typer.Option(
        envvar=folders.HOME_ENV, help="Folder of the runs; by default in the user's data folder."
    ),
]
Datasets = Annotated[
    Path | None,
    typer.Option(
        envvar=folders.DATASETS_ENV, help="Folder of the data sets; by default in the user's cache."
    ),
]
Budget = Annotated[
    float,
    typer.Option(
        "--snapshot-budget", min=0, metavar="MB", help="Megabytes that a run's snapshots may use."
    ),
]
JsonFlag = Annotated[
    bool,
    typer.Option(
        "--json", help="Print one JSON object per line: one per epoch, and one for the run."
    ),
]


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
    if setting.choices:
        return "|".join(setting.choices) if len(setting.choices) < 5 else "NAME"
    if setting.kind == "int":
        return "|".join([*setting.words.values(), "N"])
    return {"bool": "on|off", "float": "NUMBER", "list": "N,N,..."}[setting.kind]


def _help(settings: list[Setting]) -> str:
    """What the option does, which classes have it, and its default for each."""
    first = settings[0]
    choices = f" One of {', '.join(first.choices)}." if len(first.choices) >= 5 else ""
    if first.owner is None:
        return escape(f"{first.help}{choices} Default {first.text(first.default)}.")
    owners = ", ".join(f"{s.owner} (default {s.text(s.default)})" for s in settings)
    return escape(f"{first.help}{choices} For {owners}.")
