"""The view Sweep: settings that take several values, and what their runs show."""

from typing import Any

from dash import Dash, html
from dash.development.base_component import Component

from app import ids
from trainer.store.store import Store


def layout(_: Store, __: str) -> Component:
    """The view as the address's query asks for it."""
    setup: dict[str, Any] = {"aria-label": "A sweep's settings"}
    picture: dict[str, Any] = {"aria-label": "The sweep"}
    numbers: dict[str, Any] = {"aria-label": "What the sweep shows"}
    return html.Main(
        [
            html.Aside([html.H2("Sweep")], className="sweep-setup", **setup),
            html.Section(
                [
                    html.Div(
                        [html.Div(id=ids.SWEEP_HEAT), html.Div(id=ids.SWEEP_MULTIPLES)],
                        className="panel",
                    ),
                    html.Div(html.Div(id=ids.SWEEP_TREE), className="panel"),
                    html.Div(html.Div(id=ids.SWEEP_PARALLEL), className="panel"),
                ],
                className="sweep-picture",
                **picture,
            ),
            html.Aside(
                [
                    html.Div(id=ids.SWEEP_STATEMENT, className="panel"),
                    html.Div(id=ids.SWEEP_CELL, className="panel"),
                    html.Div(id=ids.SWEEP_RANKED, className="panel"),
                ],
                className="sweep-numbers",
                **numbers,
            ),
        ],
        className="sweep",
    )


def register(_: Dash, __: Store) -> None:
    """What the view asks for."""
