"""What is done by hand: commands to the displayed run."""

from collections.abc import Callable
from typing import Any

import dash_mantine_components as dmc
from dash import ALL, ClientsideFunction, Dash, Input, Output, State, ctx, html, no_update
from dash.development.base_component import Component
from dash.exceptions import PreventUpdate

from app import ids
from app.checked import RunChoice, refuse
from trainer.config.table import ConfigError, to_config
from trainer.store.faults import CommandError
from trainer.store.store import Store

PACES = {"1": "1/s", "5": "5/s", "max": "max"}
ADDED_EPOCHS = 10
# label, command, value, help
BUTTONS = (
    ("÷10", "scale", 0.1, "Divide the learning rate by 10."),
    ("÷2", "scale", 0.5, "Halve the learning rate."),
    ("×2", "scale", 2.0, "Double the learning rate."),
    ("cut now", "cut", None, "Cut the learning rate as the plateau rule would."),
    (f"+{ADDED_EPOCHS} epochs", "epochs", ADDED_EPOCHS, "Add epochs to the run."),
)


def pace_key(pace: float | None) -> str:
    """The option of the pace control for a number of epochs per second."""
    return "max" if pace is None else f"{pace:g}"


def pace_of(key: str | None) -> float | None:
    """Epochs per second for an option of the pace control; None for no limit."""
    return float(key) if key in PACES and key != "max" else None


def pace() -> Component:
    """How fast the run trains, and the next one."""
    named: dict[str, Any] = {"aria-label": "Pace: epochs per second"}
    control = dmc.SegmentedControl(
        id=ids.PACE,
        data=[{"value": key, "label": label} for key, label in PACES.items()],
        value="5",
        size="sm",
        **named,
    )
    return commanded("pace", control)


def pause_and_step() -> list[Component]:
    """The buttons next to Stop."""
    space: dict[str, Any] = {"aria-keyshortcuts": "Space"}
    default: dict[str, Any] = {"variant": "default", "disabled": True}
    pause = dmc.Button("Pause", id=ids.PAUSE, className="pause", **default, **space)
    return [
        commanded("pause", pause),
        commanded("step", dmc.Button("Step", id=ids.STEP, **default)),
    ]


def commanded(command: str, control: Component, help: str = "") -> Component:
    """A control that sends a command; on hover it says what it does, or why the run does not obey
    it.
    """
    told: dict[str, Any] = {"data-command": command, "data-help": help}
    return html.Span(control, className="commanded", title=help, **told)


def layout() -> list[Component]:
    """What is done by hand, for the head of the LR chart: changes while a run trains; Resume and
    Fork afterwards.
    """
    small: dict[str, Any] = {"size": "compact-xs", "variant": "default"}
    return [
        html.Div(
            [
                html.Span("by hand:", className="card-small"),
                *[
                    commanded(name, dmc.Button(label, id=ids.by_hand(name, value), **small), help)
                    for label, name, value, help in BUTTONS
                ],
                commanded(
                    "lr",
                    dmc.TextInput(
                        id=ids.SET_LR_TO,
                        placeholder="LR",
                        size="xs",
                        autoComplete="off",
                        className="set-lr",
                        **{"aria-label": "Learning rate to set"},
                    ),
                ),
                commanded("lr", dmc.Button("Set", id=ids.SET_LR, **small)),
            ],
            className="by-hand",
        ),
        html.Span(id=ids.PENDING, className="pending", role="status"),
        dmc.Button("Undo", id=ids.UNDO, className="undo", **small),
        html.Span(className="space"),
        dmc.Button("Resume", id=ids.RESUME, className="resume", **small),
        dmc.Button("Fork", id=ids.FORK, className="fork", **small),
    ]


def register(app: Dash, store: Store) -> None:
    """Send a button's command to the run; show a refusal under the buttons."""

    def refusal(run: str | None, do: Callable[[int], None]) -> str:
        """Do this with the run; the sentence if the run refuses it, else an empty one."""
        if run is None:
            raise PreventUpdate
        try:
            do(int(run))
        except CommandError as refused:
            return str(refused)
        return ""

    def command(run: str | None, name: Any, value: float | None = None) -> str:
        return refusal(run, lambda number: store.ask(number, name, value))

    @app.callback(
        Output(ids.REFUSED, "children"),
        Input({"type": "by-hand", "name": ALL, "value": ALL}, "n_clicks"),
        State(ids.RUN, "value"),
        prevent_initial_call=True,
    )
    def by_hand(clicks: list[int | None], run: RunChoice | None) -> str:
        pressed = ctx.triggered_id
        if not pressed or not any(clicks):
            raise PreventUpdate
        values = {value for _, name, value, _ in BUTTONS if pressed == ids.by_hand(name, value)}
        if not values:
            refuse()
        return command(run, pressed["name"], *values)

    @app.callback(
        Output(ids.REFUSED, "children", allow_duplicate=True),
        Output(ids.SET_LR_TO, "value"),
        Input(ids.SET_LR, "n_clicks"),
        Input(ids.SET_LR_TO, "n_submit"),
        State(ids.SET_LR_TO, "value"),
        State(ids.RUN, "value"),
        prevent_initial_call=True,
    )
    def set_lr(_: Any, __: Any, text: str | None, run: RunChoice | None) -> tuple[str, Any]:
        try:
            refused = command(run, "lr", to_config({"lr": text}).lr)
        except ConfigError as error:
            refused = str(error)
        return refused, no_update if refused else ""

    @app.callback(
        Output(ids.REFUSED, "children", allow_duplicate=True),
        Input(ids.PAUSE, "n_clicks"),
        Input(ids.STEP, "n_clicks"),
        State(ids.PAUSE, "data-paused"),
        State(ids.RUN, "value"),
        prevent_initial_call=True,
    )
    def pause(_: Any, __: Any, paused: bool | None, run: RunChoice | None) -> str:
        if ctx.triggered_id == ids.STEP:
            return command(run, "step")
        # What the button said when it was pressed: two quick presses do not undo each other.
        return command(run, "unpause" if paused else "pause")

    @app.callback(
        Output(ids.REFUSED, "children", allow_duplicate=True),
        Input(ids.UNDO, "n_clicks"),
        State(ids.RUN, "value"),
        prevent_initial_call=True,
    )
    def undo(_: Any, run: RunChoice | None) -> str:
        return refusal(run, store.undo)

    @app.callback(
        Output(ids.REFUSED, "children", allow_duplicate=True),
        Input(ids.RESUME, "n_clicks"),
        State(ids.RUN, "value"),
        prevent_initial_call=True,
    )
    def resume(_: Any, run: RunChoice | None) -> str:
        return refusal(run, store.resume)

    app.clientside_callback(
        ClientsideFunction("live", "forgetRefusal"),
        Input(ids.RUN, "value"),
        prevent_initial_call=True,
    )
