"""The Family panel: which run was forked from which, and how each ended."""

import zlib
from collections.abc import Iterator
from typing import Any

from dash import ALL, Dash, Input, Output, State, ctx, dcc, html
from dash.development.base_component import Component
from dash.exceptions import PreventUpdate

from app import address, ids, run_names, run_picker
from app.checked import RunChoice
from app.run_picker import LISTED_RUNS
from trainer.config import forks
from trainer.config.table import chosen, from_config
from trainer.config.text import significant
from trainer.store.lineage import Member, trees
from trainer.store.rows import Unreadable, UnreadableError
from trainer.store.run import Run
from trainer.store.store import Store

PLACE = address.FAMILY


def layout() -> Component:
    return html.Div(
        [
            html.Div(id=ids.FAMILY, className="family"),
            dcc.Store(ids.FAMILY_ASKED),
            dcc.Store(ids.FAMILY_SEEN),
        ]
    )


def family(store: Store, run: int | None) -> list[Component]:
    """Every run with its forks below it, and the runs that cannot be read, with the reason; `run`
    is the displayed one.
    """
    found: list[Component] = [tree(store, root, run) for root in trees(store, LISTED_RUNS)]
    found += [
        html.P(each.reason, className="member-unreadable")
        for each in store.runs(LISTED_RUNS)
        if isinstance(each, Unreadable)
    ]
    return found or [html.P("No runs yet.")]


def tree(store: Store, member: Member, run: int | None) -> Component:
    """A run with its forks below it; `run` is the displayed one."""
    row = member.run
    differs = _differs(store, row)
    if differs and not row.name:
        head, more = differs, ""
    else:
        head, more = run_names.name(row), differs or run_names.details(row)
    small = [*filter(None, [more]), run_names.status(row)[1], *_best(store, row)]
    current: dict[str, Any] = {"aria-current": "true" if row.id == run else "false"}
    label = html.Button(
        [
            html.Span(str(row.id), className="member-number"),
            html.Span(head),
            html.Span(" · ".join(small), className="card-small"),
        ],
        id=ids.member(row.id),
        className="member",
        **current,
    )
    forked = [html.Li(tree(store, child, run)) for child in member.children]
    return html.Div([label, html.Ul(forked)] if forked else [label])


def _best(store: Store, run: Run) -> Iterator[str]:
    """The best validation loss and its epoch, if there is one that can be read."""
    try:
        best = store.best(run.id, "val_loss")
    except UnreadableError:
        return
    if best is not None:
        yield f"best {significant(best.metrics.get('val_loss'))}, epoch {best.epoch}"


def _differs(store: Store, run: Run) -> str | None:
    """How a fork differs from its parent; None if it is no fork, or its parent cannot be read."""
    try:
        parent = store.run(run.parent) if run.parent else None
    except UnreadableError:
        parent = None
    if parent is None:
        return None
    values = from_config(run.recipe)
    own = {s.path: s for s in chosen(values, type(run.recipe))}
    changed = [
        f"{own[path].label} {own[path].text(values[own[path].key])}"
        for path in forks.changed(parent.recipe, run.recipe)
    ]
    return f"after epoch {run.parent_epoch}: {', '.join(changed) or 'nothing changed'}"


def register(app: Dash, store: Store) -> None:
    """Draw the tree when its tab is open; a click displays the run."""

    @app.callback(
        Output(ids.FAMILY, "children"),
        Output(ids.FAMILY_SEEN, "data"),
        Input(ids.TAB, "value"),
        Input(ids.VIEW, "data"),
        Input(ids.STATUS, "children"),
        Input(ids.FAMILY_ASKED, "data"),
        State(ids.FAMILY_SEEN, "data"),
        State(ids.RUN, "value"),
        prevent_initial_call=True,
    )
    def draw(tab: str, _: Any, __: Any, ___: Any, seen: int | None, run: RunChoice | None) -> Any:
        if tab != PLACE:
            raise PreventUpdate
        drawn = family(store, int(run) if run else None)
        now = zlib.crc32(repr(drawn).encode())
        if now == seen:
            raise PreventUpdate
        return drawn, now

    @app.callback(
        Output(ids.RUN, "data", allow_duplicate=True),
        Output(ids.RUN, "value", allow_duplicate=True),
        Input(ids.member(ALL), "n_clicks"),
        prevent_initial_call=True,
    )
    def show(clicks: list[int | None]) -> tuple[Any, str]:
        if not ctx.triggered_id or not any(clicks):
            raise PreventUpdate
        run = ctx.triggered_id["run"]
        if not isinstance(run, int) or not store.has(run):
            raise PreventUpdate
        return run_picker.choices(store, run), str(run)
