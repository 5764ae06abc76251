"""`lrscope export`: runs in the forms that people carry away."""

from pathlib import Path
from typing import Annotated

import typer

from app.cli.nearest import known
from app.cli.options import Command, Home, Runs
from app.cli.refusals import fail, opened
from app.formats import FORMATS, content, contents, is_folder, write


def register(cli: typer.Typer) -> None:
    cli.command(cls=Command)(export)


def _form(name: str) -> str:
    if name not in FORMATS:
        raise fail(f"There is no format {name[:60]!r}: take one of {', '.join(FORMATS)}.")
    return name


def export(
    runs: Runs,
    form: Annotated[
        str,
        typer.Option(
            "--format",
            parser=_form,
            metavar="|".join(FORMATS),
            help="The form.",
            autocompletion=lambda incomplete: [f for f in FORMATS if f.startswith(incomplete)],
            show_default=False,
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="PATH",
            help="The file; a folder for TensorBoard, and where each run has a file of its own.",
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite files.")] = False,
    home: Home = None,
) -> None:
    """Write runs in another form; without --out to the terminal, where that is one text.

    A fork has the epochs that it shares with its parent.
    """
    chosen, numbers = FORMATS[form], list(dict.fromkeys(runs))
    folder = is_folder(chosen, numbers)
    if out is None and (folder or not chosen.text):
        what = "the folder to write to" if folder else "the file to write"
        raise fail(f"Name {what}: --out PATH.")
    with opened(home) as store:
        for run in numbers:
            known(store, run)
        if out is None:
            print(content(chosen, store, numbers), end="")
            return
        if folder and out.exists() and not out.is_dir():
            raise fail(f"{out} is a file: these are several, so name a folder.")
        write(contents(chosen, store, numbers, out), force)
    print(f"Wrote {out}.")
