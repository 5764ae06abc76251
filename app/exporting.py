"""Runs as downloads: the address of each form of them, and the menu that offers them."""

import io
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated
from urllib.parse import urlencode

from dash import ClientsideFunction, Dash, Input, html
from dash.development.base_component import Component
from flask import Response, abort, request
from pydantic import Field, TypeAdapter, ValidationError

from app import ids
from app.charts.theme import COLOURS, Scheme
from app.checked import RunChoice
from app.paths import EXPORT
from trainer.export.error import ExportError
from trainer.schedule.torch_changed import TorchChangedError
from trainer.store.faults import CommandError, StoreError
from trainer.store.store import Store

MOST_RUNS = 100  # in one download
FORMS = {
    "script": "PyTorch script",
    "notebook": "Notebook",
    "config": "Config file",
    "csv": "CSV",
    "jsonl": "JSON Lines",
    "tensorboard": "TensorBoard events",
    "svg": "Chart as SVG",
    "png": "Chart as PNG",
    "html": "Page that opens offline",
}
KINDS = {
    "py": "text/x-python", "ipynb": "application/x-ipynb+json", "toml": "application/toml",
    "csv": "text/csv", "jsonl": "application/jsonl", "svg": "image/svg+xml", "png": "image/png",
    "html": "text/html", "zip": "application/zip",
}  # fmt: skip
ASKED = TypeAdapter(Annotated[list[RunChoice], Field(min_length=1, max_length=MOST_RUNS)])


def address(runs: Sequence[int | str], form: str, scheme: str = "") -> str:
    """Where a form of these runs is downloaded; a picture in the colours of a scheme."""
    named = [*(("run", run) for run in runs), ("format", form)]
    return f"{EXPORT}?{urlencode([*named, *([('theme', scheme)] if scheme else [])])}"


def menu(runs: Sequence[int | str] = (), identity: str = ids.EXPORT) -> Component:
    """A small menu with a download for each form of these runs. Where others are chosen later, as
    the displayed run is, the browser's `lrscope.exporting.choose(identity, runs)` changes them.
    """
    links = [
        html.Li(html.A(name, href=address(runs, form), id=ids.export(form, identity)))
        for form, name in FORMS.items()
    ]
    return html.Details(
        [
            html.Summary("export\N{HORIZONTAL ELLIPSIS}", title="Download this run"),
            html.Ul(links),
            html.Span(className="export-refused", role="alert"),
        ],
        id=identity,
        className="export",
    )


def register(app: Dash, store: Store) -> None:
    """Serve the downloads; let the Lab's menu follow the displayed run."""

    @app.server.get(EXPORT)  # type: ignore[untyped-decorator]
    def export() -> Response:
        form, scheme = request.args.get("format", ""), request.args.get("theme", "light")
        try:
            chosen = ASKED.validate_python(request.args.getlist("run"), strict=True)
        except ValidationError:
            abort(400, f"Name 1 to {MOST_RUNS} runs by their numbers, such as run=3.")
        if form not in FORMS:
            abort(400, f"Name a format: {', '.join(FORMS)}.")
        if scheme not in COLOURS:
            abort(400, "A theme is light or dark.")
        runs = list(dict.fromkeys(map(int, chosen)))
        try:
            name, told = packed(store, runs, form, scheme)
        except (CommandError, ExportError, TorchChangedError) as refused:
            abort(400, str(refused))
        except StoreError as error:
            abort(503, str(error))
        answer = Response(told, content_type=KINDS[name.rpartition(".")[2]])
        answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
        answer.headers["Cache-Control"] = "no-store"
        return answer

    app.clientside_callback(
        ClientsideFunction("exporting", "follow"),
        Input(ids.RUN, "value"),
    )


def packed(store: Store, runs: Sequence[int], form: str, scheme: Scheme) -> tuple[str, bytes]:
    """The name of a download and what it has: one file or, where they are several, a zip.

    Raises:
        CommandError, ExportError, StoreError, TorchChangedError: a run is not there, cannot be
            read, or cannot have this form.
    """
    from app.formats import FORMATS, PLAIN, contents, is_folder

    chosen, look = FORMATS[form], PLAIN._replace(scheme=scheme)
    numbers = "-".join(map(str, runs)) if len(runs) <= 5 else f"{runs[0]}-and-{len(runs) - 1}-more"
    name = f"lrscope-run{'s' if len(runs) > 1 else ''}-{numbers}"
    folder = Path(name)
    files = contents(chosen, store, runs, folder, look)
    if not is_folder(chosen, runs):
        (told,) = files.values()
        return f"{name}.{chosen.file.rpartition('.')[2]}", _bytes(told)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, told in files.items():
            archive.writestr(path.as_posix(), _bytes(told))
    return f"{name}-{form}.zip", packed.getvalue()


def _bytes(told: str | bytes) -> bytes:
    return told.encode() if isinstance(told, str) else told
