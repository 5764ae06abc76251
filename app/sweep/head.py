"""The head of the sweep on show: which it is, how far it is, and what can be asked of it."""

from collections.abc import Mapping, Sequence
from typing import Any

import dash_mantine_components as dmc
from dash import ClientsideFunction, Dash, Input, Output, State, dcc, html
from dash.development.base_component import Component

from app import ids, run_names
from app.paths import RUNS
from app.sweep.values import short
from trainer.config.text import plain, significant
from trainer.store.sweeps import Epochs, Sweep

CONTROLS = {
    "pause": ("Pause", "It goes on exactly where it was left"),
    "stop": ("Stop", "It can be gone on with, exactly where it was left"),
    "resume": ("Go on", "Train what is left of it"),
    "archive": ("Archive", "Leave it and its runs out of lists"),
    "unarchive": ("Unarchive", "List it and its runs again"),
    "delete": ("Delete", "Delete it with its runs; for a minute this can be undone"),
}
NONE: Mapping[int, float] = {}
WORDS = {"queued": "waiting"}
KINDS = {"find": "find an LR", "which": "which LR", "range": "LR range test"}


def layout(
    sweeps: Sequence[Sweep],
    shown: Sweep | None,
    deleted: Mapping[int, float] = NONE,
) -> Component:
    """The head, with the sweeps to choose from.

    Args:
        deleted: those that can be brought back, each with the seconds left.
    """
    which: dict[str, Any] = {"aria-label": "Sweep"}
    bar: dict[str, Any] = {"aria-label": "Progress of the sweep"}
    told: dict[str, Any] = {"role": "status"}
    rename: dict[str, Any] = {"aria-label": "Rename the sweep", "data-what": "rename"}
    return html.Div(
        [
            html.Div([_undo(*each) for each in deleted.items()], id=ids.SWEEP_DELETED, **told),
            html.Div(
                [
                    html.Span("", id=ids.SWEEP_STATUS, className="status", **told),
                    html.Div(
                        [
                            dmc.Select(
                                id=ids.SWEEP_CHOICE,
                                data=[
                                    {"value": str(each.id), "label": _label(each)}
                                    for each in sweeps
                                ],
                                value=str(shown.id) if shown else None,
                                placeholder="Earlier sweeps\N{HORIZONTAL ELLIPSIS}",
                                nothingFoundMessage="There is no such sweep.",
                                allowDeselect=False,
                                searchable=True,
                                selectFirstOptionOnChange=True,
                                comboboxProps={"width": "max-content", "position": "bottom-start"},
                                size="sm",
                                className="run",
                                **which,
                            ),
                            html.Button("✎", className="rename", title="Rename", **rename),
                        ],
                        className="run-name",
                    ),
                    html.Div(
                        [_button(what) for what in CONTROLS],
                        id=ids.SWEEP_CONTROLS,
                        className="sweep-controls",
                    ),
                ],
                className="run-head",
            ),
            dcc.Store(ids.SWEEP_TITLE),
            html.Progress(id=ids.SWEEP_PROGRESS, value="0", max="100", **bar),
            html.Div(
                [
                    html.Strong(id=ids.SWEEP_COUNTS),
                    html.A(
                        "its runs in the table",
                        href=f"{RUNS}?sweep={shown.id}" if shown else RUNS,
                        className="plain-link",
                    ),
                    html.Span(id=ids.SWEEP_REASON, className="start-error", role="alert"),
                ],
                className="sweep-told",
            ),
        ],
        className="head",
    )


def _button(what: str) -> Component:
    word, help = CONTROLS[what]
    does: dict[str, Any] = {"data-what": what, "hidden": True, "title": help}
    return html.Button(word, className="sweep-button", **does)


def _undo(sweep: int, seconds: float) -> Component:
    """What brings a deleted sweep back."""
    does: dict[str, Any] = {"data-what": "restore", "data-sweep": str(sweep)}
    left: dict[str, Any] = {"data-seconds": f"{seconds:.1f}"}
    return html.Span(
        [f"Deleted sweep #{sweep}. ", html.Button("Undo", className="sweep-button", **does)], **left
    )


def register(app: Dash) -> None:
    """Go to the sweep that is chosen; call the one on show as it is called now."""
    app.clientside_callback(
        ClientsideFunction("sweep", "go"),
        Input(ids.SWEEP_CHOICE, "value"),
        prevent_initial_call=True,
    )
    app.clientside_callback(
        ClientsideFunction("sweep", "title"),
        Output(ids.SWEEP_CHOICE, "data"),
        Input(ids.SWEEP_TITLE, "data"),
        State(ids.SWEEP_CHOICE, "data"),
        prevent_initial_call=True,
    )


def _label(sweep: Sweep) -> str:
    return f"#{sweep.id} {name(sweep)}"


def name(sweep: Sweep) -> str:
    """What a person calls a sweep; else which settings it varies, and how often."""
    if sweep.name:
        return run_names.isolated(plain(sweep.name))
    if sweep.kind != "grid":
        return KINDS.get(sweep.kind, sweep.kind)
    grid = sweep.grid
    parts = [f"{len(axis.values)} {short(axis.key)}" for axis in grid.axes]
    parts += [f"{grid.seeds} seeds"] if grid.seeds > 1 else []
    return " \N{MULTIPLICATION SIGN} ".join(parts) or "one run"


def told(sweep: Sweep, epochs: Epochs, left: bool, archived: bool) -> dict[str, Any]:
    """What the head shows of a sweep; `left` and `archived` as of `controls`."""
    over = sweep.over
    asked = sweep.asked if not over else None
    word = {"pause": "pausing", "stop": "stopping"}.get(asked or "", "")
    return {
        "status": [sweep.status, word or WORDS.get(sweep.status, sweep.status)],
        "label": _label(sweep),
        "named": sweep.name or "",
        "counts": counts(sweep, epochs),
        "reason": sweep.reason or "",
        "percent": _percent(sweep, epochs),
        "controls": controls(sweep, left, archived),
        "over": over,
    }


def _percent(sweep: Sweep, epochs: Epochs) -> float:
    if sweep.status == "finished":  # also where halving has left out epochs
        return 100
    return round(100 * epochs.done / epochs.asked, 1) if epochs.asked else 0


def controls(sweep: Sweep, left: bool, archived: bool) -> list[str]:
    """What can be asked of a sweep; `left` says whether there is something to train, `archived`
    whether its cells are.
    """
    if not sweep.over:
        return [] if sweep.asked else ["pause", "stop"]
    is_paused = sweep.status == "paused"
    can_be_archived = not is_paused and sweep.kind != "range"  # which has no runs
    return [
        *(["stop"] if is_paused else []),
        *(["resume"] if left else []),
        *(["unarchive" if archived else "archive"] if can_be_archived else []),
        "delete",
    ]


def counts(sweep: Sweep, epochs: Epochs) -> str:
    """1,440 epochs asked, 374 trained, 3.85 times fewer."""
    said = [f"{epochs.asked:,} epoch{'' if epochs.asked == 1 else 's'} asked"]
    if epochs.done < epochs.asked:
        said.append(f"{epochs.done:,} reached")
    said.append(f"{epochs.trained:,} trained")
    if epochs.trained and epochs.done > epochs.trained:
        so_far = "" if sweep.status == "finished" else " so far"
        said.append(f"{significant(epochs.done / epochs.trained)} times fewer{so_far}")
    return ", ".join(said)
