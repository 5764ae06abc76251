"""The dialog that imports a loss curve recorded elsewhere, or follows one that is still growing."""

import base64
import binascii
import tempfile
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

import dash_mantine_components as dmc
from dash import Dash, Input, Output, State, ctx, dcc, html, no_update
from dash.development.base_component import Component
from dash.exceptions import PreventUpdate

from app import ids, run_picker
from app.checked import refuse
from trainer.config.table import ConfigError
from trainer.config.text import plain
from trainer.curves import tensorboard as event_files
from trainer.curves.csv import MOST_NAME, CurveError, read
from trainer.followers import Followers
from trainer.store.faults import StoreError
from trainer.store.store import Store
from trainer.worker import Worker

MOST_BYTES = 20_000_000
HELP = (
    "A CSV file (epoch and loss, with or without a header) or a TensorBoard event file, up to "
    f"{MOST_BYTES // 1_000_000} MB. It becomes a run with decisions and what-if; nothing is "
    "trained, and the file stays on this machine."
)
FOLLOW_HELP = (
    "A browser tells no page where a file lies, so type its path, as it is on the machine where "
    "LRScope runs: of a CSV file, of a TensorBoard event file, or of the folder of those. Epochs "
    "are drawn as they are written, until you press Stop."
)
TEXT_FILES = {".csv", ".tsv"}
MOST_PATH = 1000  # characters of a path in an error


def layout() -> Component:
    """The button in the header, and its dialog."""
    named: dict[str, Any] = {"aria-label": "File to import"}
    return html.Div(
        [
            dmc.Button(
                ["Import", html.Span(" a curve", className="wide")],
                id=ids.IMPORT,
                variant="default",
                size="sm",
            ),
            dmc.Modal(
                [
                    # Not Mantine's own head, which would be a second banner of the page.
                    html.Div(
                        [
                            html.H2("Import a loss curve"),
                            dmc.Button(
                                "Close", id=ids.IMPORT_CLOSE, size="compact-sm", variant="subtle"
                            ),
                        ],
                        className="counting",
                    ),
                    html.P(HELP, className="import-help"),
                    html.Div(
                        [
                            dmc.TextInput(
                                id=ids.IMPORT_LR,
                                label="Learning rate",
                                description="If the file has none.",
                                value="0.01",
                            ),
                            dmc.TextInput(
                                id=ids.IMPORT_TAG,
                                label="Tag or column",
                                description="If its name is unusual.",
                                value="",
                            ),
                        ],
                        className="import-fields",
                    ),
                    dmc.Switch(
                        id=ids.IMPORT_FOLLOW,
                        label="Follow this file: another program is still writing it",
                        checked=False,
                        size="sm",
                    ),
                    html.Div(
                        dcc.Upload(
                            html.Div("Drop a file here, or click to choose one."),
                            id=ids.IMPORT_FILE,
                            className="upload",
                            max_size=MOST_BYTES,
                        ),
                        **named,
                    ),
                    html.Div(
                        [
                            dmc.TextInput(
                                id=ids.IMPORT_PATH,
                                label="Path on this machine",
                                description=FOLLOW_HELP,
                                placeholder="/home/me/logs/metrics.csv",
                                value="",
                                autoComplete="off",
                            ),
                            dmc.Button("Follow", id=ids.IMPORT_START, size="sm"),
                        ],
                        className="follow",
                    ),
                    html.Div(id=ids.IMPORT_ERROR, className="start-error", role="alert"),
                ],
                id=ids.IMPORT_DIALOG,
                withCloseButton=False,
            ),
        ]
    )


def register(app: Dash, store: Store, worker: Worker, followers: Followers) -> None:
    """Open the dialog; import a file or follow one, or show the error."""

    @app.callback(
        Output(ids.IMPORT_DIALOG, "opened"),
        Output(ids.IMPORT_ERROR, "children"),
        Input(ids.IMPORT, "n_clicks"),
        Input(ids.IMPORT_CLOSE, "n_clicks"),
        prevent_initial_call=True,
    )
    def show(_: Any, __: Any) -> tuple[bool, str]:
        return ctx.triggered_id == ids.IMPORT, ""

    @app.callback(
        Output(ids.IMPORT_DIALOG, "opened", allow_duplicate=True),
        Output(ids.IMPORT_ERROR, "children", allow_duplicate=True),
        Output(ids.RUN, "data", allow_duplicate=True),
        Output(ids.RUN, "value", allow_duplicate=True),
        Output(ids.IMPORT_FILE, "contents"),
        Input(ids.IMPORT_FILE, "contents"),
        State(ids.IMPORT_FILE, "filename"),
        State(ids.IMPORT_LR, "value"),
        State(ids.IMPORT_TAG, "value"),
        prevent_initial_call=True,
    )
    def take(contents: str | None, name: str, lr: str, tag: str) -> tuple[Any, ...]:
        if contents is None:
            raise PreventUpdate
        worker.loaded()
        from trainer.curves.importing import import_curve

        try:
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "curve"
                path.write_bytes(base64.b64decode(contents.partition(",")[2], validate=True))
                # The name comes from the browser and may be a path on another system.
                called = PureWindowsPath(PurePosixPath(name).name).name
                curve = read(path, tag.strip() or None, called)
            run = import_curve(store, curve, {"lr": lr} if curve.lr is None else {})
        except (CurveError, ConfigError, StoreError) as error:
            # Clear the file so that the same one can be chosen again.
            return no_update, str(error), no_update, no_update, None
        except OSError as error:
            kept = plain(name, MOST_NAME)
            why = f"{kept} could not be kept while it is read ({error.strerror}): make room."
            return no_update, why, no_update, no_update, None
        except (binascii.Error, ValueError):
            why = f"{plain(name, MOST_NAME)} could not be received; try again."
            return no_update, why, no_update, no_update, None
        return False, "", run_picker.choices(store, run), str(run), None

    @app.callback(
        Output(ids.IMPORT_DIALOG, "opened", allow_duplicate=True),
        Output(ids.IMPORT_ERROR, "children", allow_duplicate=True),
        Output(ids.RUN, "data", allow_duplicate=True),
        Output(ids.RUN, "value", allow_duplicate=True),
        Input(ids.IMPORT_START, "n_clicks"),
        Input(ids.IMPORT_PATH, "n_submit"),
        State(ids.IMPORT_PATH, "value"),
        State(ids.IMPORT_LR, "value"),
        State(ids.IMPORT_TAG, "value"),
        prevent_initial_call=True,
    )
    def follow(_: Any, __: Any, path: str, lr: str, tag: str) -> tuple[Any, ...]:
        if not ctx.triggered_id:
            refuse()
        worker.loaded()
        try:
            run = followers.follow(path_of(path), {}, tag.strip() or None, lr)
        except (CurveError, ConfigError, StoreError) as error:
            return no_update, str(error), no_update, no_update
        return False, "", run_picker.choices(store, run), str(run)


def path_of(text: str) -> Path:
    """The file or folder that a person has named to be followed.

    Raises:
        CurveError: it is not a whole path, or not one of a file that LRScope can follow.
    """
    typed = text.strip()
    shown = plain(typed, MOST_PATH)
    try:
        path = Path(typed).expanduser()
        if not typed or not path.is_absolute():
            raise CurveError(
                f"{shown or 'An empty text'} is not a whole path: type it from the root on, such "
                "as /home/me/logs/metrics.csv."
            )
        if path.is_dir():
            is_curve = next(path.glob(event_files.NAMES), None) is not None
        else:
            is_curve = path.suffix.lower() in TEXT_FILES or event_files.is_event_file(path.name)
    except (OSError, RuntimeError, ValueError) as error:  # as for ~ of a user who is not known
        why = getattr(error, "strerror", None) or error
        raise CurveError(f"{shown} cannot be read ({why}): type another path.") from error
    if not is_curve:
        raise CurveError(
            f"{shown} is no CSV file (.csv, .tsv), no TensorBoard event file and no folder with "
            "those: type the path of one."
        )
    return path
