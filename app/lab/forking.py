"""Setting up a fork in the form: the parent's values, what may change, and the consequences."""

from collections.abc import Iterator
from typing import Any

import dash_mantine_components as dmc
from dash import ClientsideFunction, Dash, Input, Output, State, dcc, html, no_update
from dash.development.base_component import Component
from dash.exceptions import PreventUpdate
from typing_extensions import TypedDict  # the one that pydantic reads before Python 3.12

from app import form, ids
from app.checked import RunChoice, Whole
from app.lab.answer import Result
from trainer.config import forks
from trainer.config.run import RunConfig
from trainer.config.table import ConfigError, changed
from trainer.config.text import epochs_text
from trainer.snapshots.retraining import epochs_to_retrain
from trainer.store import lineage
from trainer.store.store import Store


class Fork(TypedDict):
    """A fork that is being set up: of a run after an epoch, with these values. `before` is the
    form's query when it began.
    """

    run: Whole
    epoch: Whole
    before: str | None
    values: dict[str, Any]


def layout() -> Component:
    """The banner above the form, hidden until someone sets up a fork."""
    return html.Div(
        [
            html.Div(
                [
                    html.Strong(id=ids.FORK_TITLE),
                    dmc.Button("Cancel", id=ids.FORK_CANCEL, size="compact-xs", variant="subtle"),
                ],
                className="counting",
            ),
            html.Ul(id=ids.FORK_EFFECTS, className="fork-effects"),
            dcc.Store(ids.FORK_OF),
        ],
        id=ids.FORK_BANNER,
        className="fork-banner",
        hidden=True,
    )


def parent_config(store: Store, fork: Fork) -> RunConfig | None:
    """The parent's config, including added epochs; None if the parent no longer exists."""
    parent = store.run(fork["run"])
    if parent is None or parent.config is None:
        return None
    return forks.changed_config(parent.config, parent.epochs, {})


def check(store: Store, fork: Fork, config: RunConfig) -> list[str]:
    """The consequences of this config for a fork, one sentence each.

    Raises:
        ConfigError: it changes what the fork's past depends on.
    """
    refused = lineage.refusal(store, fork["run"], fork["epoch"])
    parent = parent_config(store, fork)
    if refused or parent is None:
        raise ConfigError({("epochs", None): refused or f"Run {fork['run']} cannot be forked."})
    owner = lineage.owner(store, fork["run"], fork["epoch"])
    length = lineage.length(store, config, owner, fork["epoch"])
    row = store.run(fork["run"])
    batches = row.batches if row else None
    forks.check(parent, config, fork["epoch"], length, batches)
    effects = forks.consequences(parent, config, fork["epoch"])
    if again := epochs_to_retrain(store, fork["run"], fork["epoch"]):
        effects.append(
            f"There is no snapshot of epoch {fork['epoch']}: {epochs_text(again)} will be "
            "retrained to get there, with the same numbers."
        )
    effects += _left_out(store, fork)
    return effects or ["Nothing has changed yet: this fork would repeat its parent exactly."]


def _left_out(store: Store, fork: Fork) -> Iterator[str]:
    """What of a run a fork of it does not repeat, even without a change."""
    run, epoch = fork["run"], fork["epoch"]
    later = [made for made in store.interventions(run) if made.epoch > epoch]
    if any(made.by_hand for made in later):
        yield f"What was done by hand after epoch {epoch} is not repeated."
    if any(not made.by_hand for made in later):
        yield (
            f"Changes of the CPU threads after epoch {epoch} are not repeated: the last bits may "
            "differ."
        )
    owner = lineage.owner(store, run, epoch)
    if owner != run:
        yield f"Epoch {epoch} belongs to run {owner}: run {run}'s settings apply from there."


def add(store: Store, fork: Fork, config: RunConfig, pace: float | None) -> int:
    """Queue the fork; returns the run id.

    Raises:
        ConfigError: it changes what its past depends on.
    """
    check(store, fork, config)
    owner = lineage.owner(store, fork["run"], fork["epoch"])
    return store.add(config, pace, parent=(owner, fork["epoch"]))


def register(app: Dash, store: Store) -> None:
    """Set up a fork from the run on show or from a what-if; fill the form; cancel it."""

    @app.callback(
        Output(ids.FORK_OF, "data"),
        Input(ids.FORK, "n_clicks"),
        State(ids.RUN, "value"),
        State(ids.POINTED, "data"),
        State(ids.QUERY, "data"),
        prevent_initial_call=True,
    )
    def begin(_: Any, run: RunChoice | None, pointed: Whole | None, query: str | None) -> Any:
        row = store.run(int(run)) if run else None
        if row is None or row.config is None:
            raise PreventUpdate
        last = lineage.last(store, row.id)
        epoch = last if pointed is None else min(pointed, last)
        return {"run": row.id, "epoch": epoch, "before": query, "values": {}}

    @app.callback(
        Output(ids.FORK_OF, "data", allow_duplicate=True),
        Input(ids.MEASURE, "n_clicks"),
        State(ids.WHAT_IF, "data"),
        State(ids.QUERY, "data"),
        prevent_initial_call=True,
    )
    def measure(_: Any, result: Result | None, query: str | None) -> Any:
        if not result or not result["first"] or store.run(result["run"]) is None:
            raise PreventUpdate
        epoch = result["first"] - 1
        return {"run": result["run"], "epoch": epoch, "before": query, "values": result["values"]}

    @app.callback(
        Output(ids.FORK_OF, "data", allow_duplicate=True),
        Input(ids.FORK_CANCEL, "n_clicks"),
        prevent_initial_call=True,
    )
    def cancel(_: Any) -> None:
        return None

    @app.callback(
        Output(ids.FORM, "children", allow_duplicate=True),
        Output(ids.FORK_BANNER, "hidden"),
        Output(ids.FORK_TITLE, "children"),
        Output(ids.START, "children"),
        Output(ids.FORK_BEFORE, "data"),
        Input(ids.FORK_OF, "data"),
        State(ids.FORK_BEFORE, "data"),
        prevent_initial_call=True,
    )
    def fill(fork: Fork | None, before: str | None) -> tuple[Any, ...]:
        if fork is None:
            if before is None:
                raise PreventUpdate
            return form.layout(form.from_query(before)), True, "", "Start", None
        config = parent_config(store, fork)
        if config is None:
            raise PreventUpdate
        try:
            config = changed(config, {**fork["values"], "epochs": config.epochs})
        except ConfigError:  # the what-if had the run's planned epochs, without those added by hand
            raise PreventUpdate from None
        if config.epochs <= fork["epoch"]:  # a fork at a run's end gets as many epochs again
            config = config.model_copy(update={"epochs": fork["epoch"] + config.epochs})
        title = f"Fork of run {fork['run']} after epoch {fork['epoch']}"
        # After a second fork, Cancel restores the form as it was before the first.
        kept = no_update if before is not None else fork["before"] or ""
        return form.layout(config, forks.LOCKED), False, title, "Start the fork", kept

    app.clientside_callback(
        ClientsideFunction("form", "revealForm"),
        Input(ids.FORK_OF, "data"),
        prevent_initial_call=True,
    )
