"""`lrscope export`: runs in the forms that people carry away."""

import re
from pathlib import Path
from typing import Annotated, Any

import typer

from app.charts.theme import COLOURS, Scheme
from app.cli.nearest import known
from app.cli.options import Command, Home, Runs
from app.cli.refusals import fail, opened
from app.formats import FORMATS, PLAIN, content, contents, is_folder, write
from app.picture.panes import LEAST, MOST
from app.picture.svg import Look
from trainer.config.text import nearest


def register(cli: typer.Typer) -> None:
    cli.command(cls=Command)(export)


def _form(name: str) -> str:
    if name not in FORMATS:
        near = nearest(name, FORMATS)
        hint = f"the nearest is {near}" if near else f"take one of {', '.join(FORMATS)}"
        raise fail(f"There is no format {name[:60]!r}: {hint}.")
    return name


def _size(text: str) -> tuple[int, int]:
    found = re.fullmatch(r"([0-9]{1,5})[xX\N{MULTIPLICATION SIGN}]([0-9]{1,5})", text)
    sides = (int(found[1]), int(found[2])) if found else (0, 0)
    if not all(LEAST <= side <= MOST for side in sides):
        raise fail(
            f"{text[:60]!r} is not a size: give width and height in pixels, such as 1200x800, "
            f"each from {LEAST} to {MOST}."
        )
    return sides


def _theme(name: str) -> Scheme:
    if name not in COLOURS:
        raise fail(f"There is no theme {name[:60]!r}: take light or dark.")
    return name


def _look(name: str, size: tuple[int, int] | None, scheme: Scheme | None) -> Look:
    """The look of a picture; only a picture has one."""
    if not FORMATS[name].drawn and (size or scheme):
        pictures = " and ".join(f for f, form in FORMATS.items() if form.drawn)
        raise fail(f"{'--size' if size else '--theme'} is for {pictures}, not for {name}.")
    return Look(*(size or PLAIN[:2]), scheme or PLAIN.scheme)


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
    size: Annotated[
        Any,
        typer.Option(parser=_size, metavar="WxH", help="Of svg and png, in pixels: 1200x800."),
    ] = None,
    theme: Annotated[
        Any, typer.Option(parser=_theme, metavar="light|dark", help="Of svg and png.")
    ] = None,
    home: Home = None,
) -> None:
    """Write runs in another form; without --out to the terminal, where that is one text.

    A fork has the epochs that it shares with its parent.
    """
    chosen, numbers, look = FORMATS[form], list(dict.fromkeys(runs)), _look(form, size, theme)
    folder = is_folder(chosen, numbers)
    if out is None and (folder or not chosen.text):
        what = "the folder to write to" if folder else "the file to write"
        raise fail(f"Name {what}: --out PATH.")
    with opened(home) as store:
        for run in numbers:
            known(store, run)
        if out is None:
            print(content(chosen, store, numbers, look), end="")
            return
        if folder and out.exists() and not out.is_dir():
            raise fail(f"{out} is a file: these are several, so name a folder.")
        write(contents(chosen, store, numbers, out, look), force)
    print(f"Wrote {out}.")
