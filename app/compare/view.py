"""The view Compare."""

from dash import Dash, html
from dash.development.base_component import Component

from trainer.store.store import Store


def layout(_: Store, __: str) -> Component:
    """The view as the address's query asks for it."""
    return html.Main([html.H2("Compare")], className="compare")


def register(app: Dash, store: Store) -> None:
    """The callbacks of the view."""
