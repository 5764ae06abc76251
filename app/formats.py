"""The forms in which runs leave LRScope, one entry each, and how their files are written."""

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from app.picture.drawn import drawn
from app.picture.html import html
from app.picture.png import png
from app.picture.svg import Look, svg
from trainer.export import configs, notebook, script, tables, tensorboard
from trainer.export.error import ExportError
from trainer.store.store import Store

PLAIN = Look()
Content = Mapping[Path, str | bytes]  # by file


@dataclass(frozen=True)
class Format:
    """A form of runs.

    Attributes:
        file: the name of a run's file in a folder, with `{}` for its number.
        each: what the file of one run has.
        all: what one file for several runs has; None if each has a file of its own.
        text: whether it is text, which a terminal can show.
        in_folder: whether one run, too, is a folder.
        drawn: whether it is a picture, whose functions also take its look.
    """

    file: str
    each: Callable[..., str | bytes]
    all: Callable[..., str | bytes] | None = None
    text: bool = True
    in_folder: bool = False
    drawn: bool = False


Picture = Callable[[Store, Sequence[int], Look], str | bytes]


def _one(picture: Picture) -> Callable[[Store, int, Look], str | bytes]:
    return lambda store, run, look: picture(store, [run], look)


def _svg(store: Store, runs: Sequence[int], look: Look) -> str:
    return svg([drawn(store, run) for run in runs], look)


def _png(store: Store, runs: Sequence[int], look: Look) -> bytes:
    return png([drawn(store, run) for run in runs], look)


def _html(store: Store, runs: Sequence[int]) -> str:
    return html(store, [drawn(store, run) for run in runs])


FORMATS: dict[str, Format] = {
    "script": Format("run-{}.py", script.script),
    "notebook": Format("run-{}.ipynb", notebook.notebook),
    "config": Format("run-{}.toml", configs.config),
    "csv": Format("run-{}.csv", lambda store, run: tables.csv(store, [run]), tables.csv),
    "jsonl": Format("run-{}.jsonl", lambda store, run: tables.jsonl(store, [run]), tables.jsonl),
    "tensorboard": Format(
        "run-{}/events.out.tfevents.lrscope", tensorboard.events, text=False, in_folder=True
    ),
    "svg": Format("run-{}.svg", _one(_svg), _svg, drawn=True),
    "png": Format("run-{}.png", _one(_png), _png, text=False, drawn=True),
    "html": Format("run-{}.html", lambda store, run: _html(store, [run]), _html),
}


def is_folder(form: Format, runs: Sequence[int]) -> bool:
    """Whether these runs are a folder in this form, and not one file."""
    return form.in_folder or (form.all is None and len(runs) > 1)


def content(form: Format, store: Store, runs: Sequence[int], look: Look = PLAIN) -> str | bytes:
    """What the one file of these runs has; `look` is of pictures.

    Raises:
        ExportError, CommandError: a run is not there, or cannot have this form.
    """
    how = (look,) if form.drawn else ()
    return form.each(store, runs[0], *how) if form.all is None else form.all(store, runs, *how)


def contents(
    form: Format, store: Store, runs: Sequence[int], out: Path, look: Look = PLAIN
) -> Content:
    """What each file of these runs has, at or in `out`; `look` is of pictures.

    Raises:
        ExportError, CommandError: a run is not there, or cannot have this form.
    """
    if is_folder(form, runs):
        return {out / form.file.format(run): form.each(store, run) for run in runs}
    return {out: content(form, store, runs, look)}


def write(files: Content, force: bool = False) -> None:
    """Write files, each beside its place and then renamed, so that none is ever there in part.

    Args:
        force: overwrite those that are there.

    Raises:
        ExportError: one is there and is not to be overwritten, and nothing was written; or one
            cannot be written.
    """
    for path in files:
        if path.is_dir():
            raise ExportError(f"{path} is a folder: name a file in it.")
        if path.exists() and not force:
            raise ExportError(f"{path} is there already: name another, or overwrite it (--force).")
    for path, told in files.items():
        beside = path.with_name(f".{path.name}.{os.getpid()}.part")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            beside.write_bytes(told.encode() if isinstance(told, str) else told)
            beside.replace(path)
        except OSError as error:
            raise ExportError(f"{path} cannot be written ({error.strerror}).") from None
        finally:
            with suppress(OSError):
                beside.unlink(missing_ok=True)
