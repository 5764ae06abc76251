"""Data and a network of one's own in the form: completed, shown, and trusted before it runs."""

from typing import Any

from dash import Dash, Input, Output, html
from dash.development.base_component import Component

from app import ids
from app.own import sample_of
from trainer.config.own import in_file
from trainer.config.run import is_known_model
from trainer.config.table import ConfigError, to_config
from trainer.own import completion
from trainer.own.errors import OwnError
from trainer.own.looking import Look, look
from trainer.own.samples import samples
from trainer.own.survey import Survey, survey

SETTINGS = "sliders own-settings"
DATA = {".npz", ".csv"}


def register(app: Dash) -> None:
    """Complete what is typed; show what it names."""

    @app.callback(
        Output(ids.field("dataset", ids.OWN), "data"),
        Input(ids.field("dataset", ids.OWN), "value"),
        prevent_initial_call=True,
    )
    def complete_data(typed: str | None) -> list[str]:
        return completion.paths(typed or "", DATA)

    @app.callback(
        Output(ids.field("model", ids.OWN), "data"),
        Input(ids.field("model", ids.OWN), "value"),
        prevent_initial_call=True,
    )
    def complete_network(typed: str | None) -> list[str]:
        return completion.networks(typed or "")

    @app.callback(
        Output(ids.OWN_DATA, "children"),
        Output(ids.OWN_SETTINGS, "className"),
        *(
            Input(ids.field(key, owner), "value")
            for key, owner in (
                ("dataset", None), ("dataset", ids.OWN), ("image-size", None), ("target", None)
            )
        ),
    )  # fmt: skip
    def show_data(
        chosen: str | None, typed: str | None, size: str | None, target: str | None
    ) -> tuple[list[Component], str]:
        if chosen != ids.OWN or not typed:
            return [], SETTINGS
        try:
            given = {"dataset": typed.strip(), "image-size": size or "", "target": target or ""}
            found = survey(to_config(given))
            return _data(found), f"{SETTINGS} {'images' if found.form else 'rows'}"
        except ConfigError:  # said beside its box
            return [], f"{SETTINGS} images"
        except OwnError:
            return [], f"{SETTINGS} rows" if typed.strip().endswith(".csv") else SETTINGS

    @app.callback(
        Output(ids.OWN_NETWORK, "children"),
        *(
            Input(ids.field(key, owner), "value")
            for key, owner in (
                ("dataset", None), ("dataset", ids.OWN), ("image-size", None), ("target", None),
                ("model", None), ("model", ids.OWN),
            )
        ),
        Input(ids.TRUST, "checked"),
    )  # fmt: skip
    def show_network(
        data: str | None,
        own_data: str | None,
        size: str | None,
        target: str | None,
        chosen: str | None,
        typed: str | None,
        trusted: bool | None,
    ) -> list[Component]:
        if chosen != ids.OWN:
            return []
        given = {
            "dataset": (own_data if data == ids.OWN else data) or "", "image-size": size or "",
            "target": target or "", "model": typed or "",
        }  # fmt: skip
        try:
            config = to_config({key: value.strip() for key, value in given.items()})
            of_samples = sample_of(config)
        except (ConfigError, OwnError):  # said beside its box
            return []
        if is_known_model(config.model):
            return []
        if in_file(config.model) and not trusted:
            return [html.P("Tick it to see the network.", className="card-small")]
        try:
            return _network(look(config.model, *of_samples))
        except OwnError as error:
            return [html.P(str(error), className="own-error", role="alert")]


def _data(found: Survey) -> list[Component]:
    told: list[Component] = [html.P(" ".join(found.told()), className="card-small")]
    try:
        drawn = samples(found)
    except OwnError as error:
        return [*told, html.P(str(error), className="own-error")]
    if not drawn:
        return told
    pictures = [
        html.Figure(
            [
                html.Img(src=sample.address, alt=f"A sample of {sample.name or 'the data'}"),
                html.Figcaption(sample.name, title=sample.name),
            ]
        )
        for sample in drawn
    ]
    return [*told, html.Div(pictures, className="samples")]


def _network(found: Look) -> list[Component]:
    named: dict[str, Any] = {"aria-label": "Layers of the network"}
    rows = [
        html.Tr(
            [
                html.Td(layer.name),
                html.Td(layer.kind),
                html.Td(" × ".join(map(str, layer.shape))),
                html.Td(f"{layer.parameters:,}" if layer.parameters else ""),
            ]
        )
        for layer in found.layers
    ]
    more = f" The first {len(found.layers)} of {len(found.layers) + found.more} layers:"
    count = f"{found.parameters:,} parameters.{more if found.more else ''}"
    head = html.Tr([html.Th(word) for word in ("layer", "kind", "gives", "params")])
    return [
        html.P(" ".join([count, *found.notes]), className="card-small"),
        html.Div(
            html.Table([html.Thead(head), html.Tbody(rows)]),
            className="layers",
            tabIndex="0",
            role="region",
            **named,
        ),
    ]
