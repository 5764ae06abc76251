"""The left column: the settings of the next run, and Start."""

from typing import Any

import dash_mantine_components as dmc
from dash import ClientsideFunction, Dash, Input, Output, State, html, no_update
from dash.development.base_component import Component
from dash.exceptions import PreventUpdate

from app import form, ids, own, run_picker
from app.checked import RunChoice, refuse
from app.lab import forking, preview
from app.lab.control import pace_of
from app.lab.forking import Fork
from app.paths import SWEEP
from app.repeating import config_of
from trainer.config.run import RunConfig
from trainer.config.table import PRESETS, ConfigError, to_config
from trainer.own.naming import with_names
from trainer.store.faults import CommandError
from trainer.store.store import Store

FIELDS, SLIDERS = ids.every("field"), ids.every("slider")


def layout(config: RunConfig, refused: str) -> Component:
    """The form with these settings; `refused` says what of the address was left out."""
    name: dict[str, Any] = {"aria-label": "Settings of the next run"}
    folded: dict[str, Any] = {"aria-expanded": "true"}
    these: dict[str, Any] = {"aria-label": "Sweep these settings"}
    return html.Aside(
        [
            # Only in a narrow window, where the form is above the charts.
            html.Button("Settings of the next run", id=ids.FOLD, className="fold", **folded),
            html.Div(
                [forking.layout(), _presets(config), html.Div(form.layout(config), id=ids.FORM)],
                className="form",
            ),
            html.Div(
                [
                    preview.layout(),
                    html.Div(refused, id=ids.START_REFUSED, className="start-error", role="alert"),
                    html.Div(
                        [
                            dmc.Button("Start", id=ids.START, fullWidth=True, size="md"),
                            html.A(
                                "Sweep",
                                id=ids.SWEEP_THESE,
                                href=SWEEP,
                                className="sweep-these",
                                title="Sweep these settings: train them with several values",
                                **these,
                            ),
                        ],
                        className="start-buttons",
                    ),
                ],
                className="start",
            ),
        ],
        className="controls",
        **name,
    )


def _presets(config: RunConfig) -> Component:
    """What fills the whole form: a preset, or the run on show."""
    title = "Use this run's settings"
    named: dict[str, Any] = {"aria-label": title}
    return html.Div(
        [
            dmc.Select(
                id=ids.PRESET,
                data=list(PRESETS),
                placeholder="Start from a preset",
                value=next((name for name, preset in PRESETS.items() if preset == config), None),
                size="sm",
                comboboxProps={"width": "max-content", "position": "bottom-start"},
                **{"aria-label": "Preset"},
            ),
            html.Span(
                dmc.Button("This run's", id=ids.AS_RUN, size="sm", variant="default", **named),
                title=f"{title} in the form; nothing is started.",
            ),
        ],
        className="presets",
    )


def register(app: Dash, store: Store) -> None:
    """The callbacks of the form, and Start."""

    @app.callback(
        Output(ids.PROBLEMS, "data"),
        Output(ids.START, "disabled"),
        Output(ids.QUERY, "data"),
        Output(ids.PRESET, "value"),
        Output(ids.FORK_EFFECTS, "children"),
        Input(FIELDS, "value"),
        State(FIELDS, "id"),
        State(ids.PRESET, "value"),
        State(ids.FORK_OF, "data"),
    )
    def check(
        values: list[str | None],
        fields: list[dict[str, str]],
        preset: str | None,
        fork: Fork | None,
    ) -> tuple[Any, ...]:
        used = form.own_keys(fields, values)
        try:
            config = form.parse(fields, values)
            if fork:
                effects = [html.Li(sentence) for sentence in forking.check(store, fork, config)]
                return [], False, form.to_query(config), None, effects
            own.check(config)
        except ConfigError as error:
            refusal = with_names(error, form.given(fields, values).get("model"))
            return form.problems(refusal, own=used), True, no_update, no_update, no_update
        # The preset's name is cleared when a value changes. It is never set here, since that would
        # overwrite what is being typed.
        still = preset is None or PRESETS.get(preset) == config
        return [], False, form.to_query(config), no_update if still else None, []

    @app.callback(
        Output(ids.FORM, "children"), Input(ids.PRESET, "value"), prevent_initial_call=True
    )
    def fill(preset: str | None) -> list[Component]:
        if preset is None:
            raise PreventUpdate
        if preset not in PRESETS:
            refuse()
        return form.layout(PRESETS[preset])

    @app.callback(
        Output(ids.FORM, "children", allow_duplicate=True),
        Output(ids.START_REFUSED, "children", allow_duplicate=True),
        Input(ids.AS_RUN, "n_clicks"),
        State(ids.RUN, "value"),
        prevent_initial_call=True,
    )
    def fill_as_run(_: Any, run: RunChoice | None) -> tuple[Any, str]:
        if run is None:
            return no_update, "There is no run yet."
        try:
            return form.layout(config_of(store, int(run))), ""
        except CommandError as refused:
            return no_update, str(refused)

    @app.callback(
        Output(ids.group_controls("schedule", "main"), "children"),
        Output(ids.group_controls("schedule", "more"), "children"),
        Input(ids.field("schedule", None), "value"),
        prevent_initial_call=True,
    )
    def choose_schedule(name: str) -> tuple[Any, Any]:
        config = to_config({"schedule": name})
        return form.group_controls("schedule", config, True), form.group_controls(
            "schedule", config, False
        )

    @app.callback(
        Output(ids.group_controls("optimizer", "more"), "children"),
        Input(ids.field("optimizer", None), "value"),
        prevent_initial_call=True,
    )
    def choose_optimizer(name: str) -> Any:
        return form.group_controls("optimizer", to_config({"optimizer": name}), False)

    @app.callback(
        Output(ids.RUN, "data", allow_duplicate=True),
        Output(ids.RUN, "value", allow_duplicate=True),
        Output(ids.FORK_OF, "data", allow_duplicate=True),
        Output(ids.START_REFUSED, "children"),
        Output(ids.STARTED, "data"),
        Input(ids.START, "n_clicks"),
        State(FIELDS, "value"),
        State(FIELDS, "id"),
        State(ids.PACE, "value"),
        State(ids.FORK_OF, "data"),
        State(ids.TRUST, "checked"),
        prevent_initial_call=True,
    )
    def start(
        _: Any,
        values: list[str | None],
        fields: list[dict[str, str]],
        pace: str | None,
        fork: Fork | None,
        trusted: bool | None,
    ) -> tuple[Any, ...]:
        try:
            config, speed = form.parse(fields, values), pace_of(pace)
            if not fork:
                own.check(config)
                own.ask_for_trust(config, trusted)
                own.refuse_broken(config)
            run = forking.add(store, fork, config, speed) if fork else store.add(config, speed)
        except ConfigError:
            raise PreventUpdate from None  # the sentences are already next to the fields
        except CommandError as refused:
            return no_update, no_update, no_update, str(refused), no_update
        # What is ahead of the form is drawn again only where a fork's form became a run's.
        return run_picker.choices(store, run), str(run), None if fork else no_update, "", run

    app.clientside_callback(
        ClientsideFunction("form", "revealCharts"),
        Input(ids.STARTED, "data"),
        prevent_initial_call=True,
    )
    app.clientside_callback(
        ClientsideFunction("form", "follow"),
        Input(FIELDS, "value"),
        Input(SLIDERS, "value"),
        State(FIELDS, "id"),
        State(SLIDERS, "id"),
        State(SLIDERS, "scale"),
        State(SLIDERS, "step"),
        prevent_initial_call=True,
    )
    app.clientside_callback(
        ClientsideFunction("form", "forgetRefusal"),
        Output(ids.START_REFUSED, "children", allow_duplicate=True),
        Input(FIELDS, "value"),
        Input(ids.TRUST, "checked"),
        prevent_initial_call=True,
    )
    app.clientside_callback(
        ClientsideFunction("own", "choose"),
        Input(FIELDS, "value"),
        State(FIELDS, "id"),
    )
    app.clientside_callback(
        ClientsideFunction("form", "showProblems"),
        Input(ids.PROBLEMS, "data"),
        State(FIELDS, "id"),
        State(FIELDS, "error"),
        prevent_initial_call=True,
    )
    app.clientside_callback(
        ClientsideFunction("address", "keep"),
        Input(ids.QUERY, "data"),
        Input(ids.RUN, "value"),
        Input(ids.TAB, "value"),
        Input(ids.AGAIN_WITH, "value"),
        State(ids.TAB, "data-first"),
    )
