"""The view Sweep: settings that take several values, and what their runs show."""

from typing import Any
from urllib.parse import parse_qsl

from dash import Dash, html
from dash.development.base_component import Component

from app import ids
from app.repeating import config_of
from app.sweep import address, changing, finding, head, live, setup, values
from app.sweep.address import Asked
from app.sweep.filled import of_sweep
from trainer.store.faults import CommandError, StoreError
from trainer.store.store import Store
from trainer.store.sweeps import Sweep

LISTED = 50  # sweeps
EMPTY = (
    "Choose on the left which settings take which values: the sweep trains every combination, and "
    "what the runs share only once. Here you watch which do best."
)
EMPTY_FIND = (
    "Short trainings at many learning rates show which of them are worth a long one. Here you "
    "watch them, and read what they say and what they cannot say."
)


def layout(store: Store, query: str) -> Component:
    """The view as the address's query asks for it; with neither a sweep nor settings in it, the
    newest sweep.
    """
    asked, given = address.read(query), query.removeprefix("?")
    sweeps: list[Sweep] = []
    deleted: dict[int, float] = {}
    shown: Sweep | None = None
    refused = list(asked.refused)
    try:
        sweeps = store.sweeps(LISTED)
        if asked.sweep is not None:
            shown = store.sweep(asked.sweep)
            refused += [] if shown else [f"There is no sweep {asked.sweep}."]
        elif not given and sweeps:
            shown = sweeps[0]
        deleted = store.deleted_sweeps()
        if asked.run is not None:
            asked = asked._replace(config=config_of(store, asked.run))
    except (StoreError, CommandError) as error:  # the page says so
        refused.append(str(error))
        asked = asked._replace(run=None)
    if shown and shown not in sweeps:
        sweeps.append(shown)
    if 0 < len(refused) < len(parse_qsl(given, keep_blank_values=True)):
        refused.insert(0, "The address is followed except for this.")
    asked = _filled(asked._replace(refused=refused), shown)
    here: dict[str, Any] = {
        "data-sweep": str(shown.id) if shown else "",
        "data-kind": shown.kind if shown else "grid",
        **finding.mode(asked),
    }
    return html.Main(
        [
            setup.layout(store, asked, shown),
            _picture(head.layout(sweeps, shown, deleted)),
            _numbers(),
        ],
        className="sweep",
        **here,
    )


def _filled(asked: Asked, shown: Sweep | None) -> Asked:
    """With the settings of the sweep on show, or with usual ones, where an address has none."""
    if asked.over:
        return asked
    if shown and asked.run is None:
        asked = of_sweep(shown)._replace(refused=asked.refused)
        if shown.kind == "grid":  # also one of a single run
            return asked
    return asked._replace(over=values.first(asked.config))


def _picture(told: Component) -> Component:
    named: dict[str, Any] = {"aria-label": "The sweep"}
    cursor: dict[str, Any] = {"aria-label": "Cells; the arrow keys move among them"}
    return html.Section(
        [
            told,
            html.Div(
                [
                    html.Span(EMPTY, className="grid-empty"),
                    html.Span(EMPTY_FIND, className="find-empty"),
                ],
                id=ids.SWEEP_EMPTY,
                className="panel",
            ),
            html.Div(
                [
                    html.Div(id=ids.SWEEP_LOOK, className="sweep-look"),
                    html.Div(id=ids.SWEEP_NOTE, className="card-small"),
                    html.Div(
                        [
                            html.Div(id=ids.SWEEP_HEAT),
                            html.Button(id=ids.SWEEP_CURSOR, **cursor),
                            html.Div(id=ids.SWEEP_TIP, hidden=True),
                        ],
                        className="sweep-map",
                    ),
                    html.Div(id=ids.SWEEP_LEGEND, className="sweep-legend card-small"),
                ],
                className="panel sweep-heat-panel",
            ),
            _panel("found", "Over the learning rate", ids.SWEEP_FOUND, ids.SWEEP_FOUND_NOTE),
            _panel("tree", "Shared past", ids.SWEEP_TREE, ids.SWEEP_TREE_NOTE, ids.SWEEP_TREE_LOOK),
            html.Div(
                [
                    html.H2("Ranked"),
                    html.Div(id=ids.SWEEP_RANKED, className="sweep-ranked", tabIndex="0"),
                ],
                className="panel sweep-ranked-panel",
            ),
            _panel("parallel", "All settings", ids.SWEEP_PARALLEL, ids.SWEEP_PARALLEL_NOTE),
        ],
        className="sweep-picture",
        **named,
    )


def _panel(name: str, title: str, chart: str, note: str, look: str = "") -> Component:
    """A picture, with its title, what is chosen for it, and what it shows."""
    chosen = [html.Div(id=look, className="sweep-look")] if look else []
    return html.Div(
        [
            html.Div([html.H2(title), *chosen], className="counting"),
            html.Div(id=note, className="card-small"),
            html.Div(id=chart, className="dash-graph"),
        ],
        className=f"panel sweep-{name}-panel",
    )


def _numbers() -> Component:
    named: dict[str, Any] = {"aria-label": "What the sweep shows"}
    return html.Aside(
        [
            html.Div(
                [html.Div(id=ids.SWEEP_STATEMENT), html.Div(id=ids.SWEEP_NEXT)], className="panel"
            ),
            html.Div(id=ids.SWEEP_CELL, className="panel"),
            html.Div(
                [
                    html.H2("In numbers"),
                    html.Div(id=ids.SWEEP_FOUND_NUMBERS, className="sweep-ranked", tabIndex="0"),
                ],
                className="panel sweep-found-panel",
            ),
        ],
        className="sweep-numbers",
        **named,
    )


def register(app: Dash, store: Store) -> None:
    """What the view asks for."""
    setup.register(app, store)
    finding.register(app, store)
    head.register(app)
    changing.register(app.server, store)
    live.register(app.server, store)
