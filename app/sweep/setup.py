"""The left column: which settings take which values, what that costs, and Start."""

from typing import Any

import dash_mantine_components as dmc
from dash import ALL, ClientsideFunction, Dash, Input, Output, State, ctx, dcc, html, no_update
from dash.development.base_component import Component

from app import form, ids, own, run_names, run_picker
from app.checked import RunChoice, Typed, Whole
from app.form import TRUSTED
from app.paths import LAB
from app.repeating import config_of
from app.sweep import finding
from app.sweep.address import Asked
from app.sweep.filled import Form, Texts, allow
from app.sweep.plan import PlanError, cost
from app.sweep.rows import counts, rows
from trainer.config.own import in_file
from trainer.config.run import RunConfig
from trainer.config.text import lr_text
from trainer.own.errors import OwnError
from trainer.store.faults import CommandError, StoreError
from trainer.store.store import Store
from trainer.store.sweeps import Sweep
from trainer.sweep.adding import add

KEYS, VALUES = ids.sweep_row("key", ALL), ids.sweep_row("values", ALL)


def layout(store: Store, asked: Asked, shown: Sweep | None) -> Component:
    """The form, with what an address asks for; `shown` can be added to once it has ended."""
    named: dict[str, Any] = {"aria-label": "Settings of the next sweep"}
    grows = f"Add to sweep {shown.id}" if shown and shown.kind == "grid" else ""
    try:
        choices = run_picker.choices(store, asked.run)
    except StoreError:
        choices = []
    refused = " ".join(asked.refused)
    return html.Aside(
        [
            html.Div(
                [
                    html.H2("Sweep"),
                    finding.switch(asked),
                    dmc.Select(
                        id=ids.SWEEP_FROM,
                        data=choices,
                        value=str(asked.run) if asked.run else None,
                        placeholder="From a run's settings\N{HORIZONTAL ELLIPSIS}",
                        nothingFoundMessage="No run has these words.",
                        searchable=True,
                        selectFirstOptionOnChange=True,
                        maxDropdownHeight=420,
                        renderOption={"function": "runs.option"},
                        filter={"function": "runs.filter"},
                        comboboxProps={"width": "max-content", "position": "bottom-start"},
                        classNames={"option": "run-choice", "dropdown": "run-choices"},
                        size="sm",
                        **{"aria-label": "From a run's settings"},
                    ),
                    html.P(base(asked.config), id=ids.SWEEP_BASE_TEXT, className="card-small"),
                    html.Div(rows(asked), id=ids.SWEEP_ROWS, className="sweep-rows"),
                    counts(asked),
                    finding.layout(asked),
                    dmc.Switch(
                        id=ids.SWEEP_HALVING,
                        label="Halving: stop those that lag",
                        checked=asked.halving,
                        size="sm",
                    ),
                    html.Div(
                        [
                            dmc.Checkbox(
                                id=ids.SWEEP_TRUST,
                                label="Run the code in this file",
                                size="sm",
                                radius="xs",
                            ),
                            html.Span(TRUSTED, className="card-small"),
                        ],
                        id=ids.SWEEP_TRUSTED,
                        className="trust",
                        hidden=True,
                    ),
                ],
                className="sweep-form",
            ),
            html.Div(
                [
                    html.Div(id=ids.SWEEP_COST, className="sweep-cost", role="status"),
                    html.Div(
                        refused,
                        id=ids.SWEEP_REFUSED,
                        className="start-error",
                        role="alert",
                    ),
                    dmc.Button("Train the grid", id=ids.SWEEP_START, fullWidth=True, size="md"),
                    dmc.Button(
                        grows,
                        id=ids.SWEEP_ADD,
                        fullWidth=True,
                        size="sm",
                        variant="default",
                        style={} if grows else {"display": "none"},
                        **{"aria-describedby": ids.SWEEP_ADD_WHY},
                    ),
                    html.Div(id=ids.SWEEP_ADD_WHY, className="card-small"),
                ],
                className="start grid-start",
            ),
            finding.foot(refused),
            dcc.Store(ids.SWEEP_BASE, data=form.to_query(asked.config)),
            dcc.Store(ids.SWEEP_PROBLEMS),
            dcc.Store(ids.SWEEP_QUERY),
            dcc.Store(ids.SWEEP_GO),
            dcc.Store(ids.SWEEP_ADDED),
            dcc.Store(ids.SWEEP_OVER),
            dcc.Store(ids.SWEEP_SHOWN, data=shown.id if shown else None),
        ],
        className="sweep-setup",
        **named,
    )


def base(config: RunConfig) -> list[Any]:
    """What the cells have in common, in a line, and where it is changed."""
    told = [
        run_names.model(config.model),
        run_names.dataset(config.dataset),
        f"{config.optimizer.name} {lr_text(config.lr)}",
        config.schedule.summary(config.lr),
        f"batch {config.batch_size}",
    ]
    link = html.A("change in the Lab", href=LAB + form.to_query(config), className="plain-link")
    return [html.Span(" · ".join(told) + ". "), link]


def register(app: Dash, store: Store) -> None:
    """The callbacks of the form, and Start."""
    boxes: list[tuple[Any, str]] = [(ids.SWEEP_BASE, "data"), (KEYS, "value"), (VALUES, "value")]
    boxes += [(each, "value") for each in (ids.SWEEP_SEEDS, ids.SWEEP_EPOCHS, ids.SWEEP_WORKERS)]
    boxes += [(ids.SWEEP_HALVING, "checked")]

    @app.callback(
        Output(ids.SWEEP_PROBLEMS, "data"),
        Output(ids.SWEEP_COST, "children"),
        Output(ids.SWEEP_REFUSED, "children"),
        Output(ids.SWEEP_START, "disabled"),
        Output(ids.SWEEP_TRUSTED, "hidden"),
        Output(ids.SWEEP_QUERY, "data"),
        Output(ids.SWEEP_ADD, "disabled"),
        Output(ids.SWEEP_ADD_WHY, "children"),
        *(Input(*box) for box in boxes),
        # What was trained tells more of the time, and of what is there.
        Input(ids.SWEEP_OVER, "data"),
        State(ids.SWEEP_SHOWN, "data"),
        prevent_initial_call="initial_duplicate",
    )
    def check(
        base: finding.Query | None,
        keys: Texts,
        texts: Texts,
        seeds: Typed,
        epochs: Typed,
        workers: Typed,
        halving: bool | None,
        _: Any,
        shown: Whole | None,
    ) -> tuple[Any, ...]:
        given = Form(base, keys, texts, (seeds, epochs, workers), halving)
        # What of the address was left out stays until something is changed.
        nothing = no_update if ctx.triggered_id in (None, ids.SWEEP_OVER) else ""
        try:
            made = given.plan()
        except PlanError as refused:
            told = " ".join(refused.others) or nothing
            return _problems(refused), [], told, True, no_update, given.query(), True, ""
        sentences = cost(store, made)
        said = [html.Strong(sentences[0]), *(html.Span(" " + each) for each in sentences[1:])]
        trusts = not any(in_file(cell.config.model) for cell in made.cells)
        query = given.query()
        sweep = store.sweep(shown) if shown else None
        grown = sweep is not None and sweep.kind == "grid" and sweep.over
        adds, why = given.adding(store, sweep, made) if sweep and grown else (0, "")
        return [], said, nothing, False, trusts, query, not adds, why

    @app.callback(
        Output(ids.SWEEP_BASE, "data"),
        Output(ids.SWEEP_BASE_TEXT, "children"),
        Output(ids.SWEEP_EPOCHS, "value"),
        Output(ids.field("epochs", "find", finding.PLACE), "value"),
        Output(ids.SWEEP_TRUST, "checked"),  # its network was not typed here
        Output(ids.SWEEP_REFUSED, "children", allow_duplicate=True),
        Input(ids.SWEEP_FROM, "value"),
        prevent_initial_call=True,
    )
    def take(run: RunChoice | None) -> tuple[Any, ...]:
        if run is None:
            return (no_update,) * 6
        try:
            config = config_of(store, int(run))
        except CommandError as refused:
            return (*(no_update,) * 5, str(refused))
        epochs = config.epochs
        return form.to_query(config), base(config), epochs, str(epochs), False, ""

    @app.callback(
        Output(ids.SWEEP_GO, "data"),
        Output(ids.SWEEP_REFUSED, "children", allow_duplicate=True),
        Input(ids.SWEEP_START, "n_clicks"),
        *(State(*box) for box in boxes),
        State(ids.SWEEP_TRUST, "checked"),
        prevent_initial_call=True,
    )
    def start(
        _: Any,
        base: finding.Query | None,
        keys: Texts,
        texts: Texts,
        seeds: Typed,
        epochs: Typed,
        workers: Typed,
        halving: bool | None,
        trusted: bool | None,
    ) -> tuple[Any, str]:
        given = Form(base, keys, texts, (seeds, epochs, workers), halving)
        try:
            made = given.plan()
            allow(made, trusted)
        except (PlanError, CommandError, OwnError) as refused:
            return no_update, str(refused)
        assert isinstance(given.workers, int)
        return add(store, made.config, made.grid, given.workers), ""

    @app.callback(
        Output(ids.SWEEP_ADDED, "data"),
        Output(ids.SWEEP_PROBLEMS, "data", allow_duplicate=True),
        Output(ids.SWEEP_REFUSED, "children", allow_duplicate=True),
        Input(ids.SWEEP_ADD, "n_clicks"),
        *(State(*box) for box in boxes),
        State(ids.SWEEP_TRUST, "checked"),
        State(ids.SWEEP_SHOWN, "data"),
        prevent_initial_call=True,
    )
    def extend(
        _: Any,
        base: finding.Query | None,
        keys: Texts,
        texts: Texts,
        seeds: Typed,
        epochs: Typed,
        workers: Typed,
        halving: bool | None,
        trusted: bool | None,
        shown: Whole | None,
    ) -> tuple[Any, ...]:
        sweep = store.sweep(shown) if shown else None
        if sweep is None or sweep.kind != "grid":
            return no_update, no_update, "There is no sweep on show to add to."
        given = Form(base, keys, texts, (seeds, epochs, workers), halving)
        try:
            allow(given.plan(), trusted)
            count = given.extend(store, sweep)
        except PlanError as refused:
            return no_update, _problems(refused), " ".join(refused.others)
        except (CommandError, OwnError) as error:
            return no_update, no_update, str(error)
        if not count:
            return no_update, [], f"Sweep {sweep.id} has all of these values already."
        return {"sweep": sweep.id, "cells": count}, [], ""

    @app.callback(
        Output(ids.SWEEP_REFUSED, "children", allow_duplicate=True),
        Output(ids.FIND_REFUSED, "children", allow_duplicate=True),
        Input(ids.SWEEP_TRUST, "checked"),
        State(ids.SWEEP_REFUSED, "children"),
        State(ids.FIND_REFUSED, "children"),
        prevent_initial_call=True,
    )
    def trust(_: Any, grid: Any, find: Any) -> tuple[Any, ...]:
        return tuple("" if told == own.NOT_TRUSTED else no_update for told in (grid, find))

    app.clientside_callback(
        ClientsideFunction("sweep", "grown"),
        Input(ids.SWEEP_ADDED, "data"),
        prevent_initial_call=True,
    )
    app.clientside_callback(
        ClientsideFunction("form", "showProblems"),
        Input(ids.SWEEP_PROBLEMS, "data"),
        State(VALUES, "id"),
        State(VALUES, "error"),
        prevent_initial_call=True,
    )
    app.clientside_callback(
        ClientsideFunction("sweep", "fill"),
        Input(KEYS, "value"),
        State(VALUES, "id"),
        State(KEYS, "data"),
    )
    app.clientside_callback(
        ClientsideFunction("sweep", "keep"),
        Input(ids.SWEEP_QUERY, "data"),
        Input(ids.FIND_QUERY, "data"),
        Input(ids.SWEEP_MODE, "value"),
        prevent_initial_call=True,
    )
    app.clientside_callback(
        ClientsideFunction("sweep", "go"),
        Input(ids.SWEEP_GO, "data"),
        prevent_initial_call=True,
    )


def _problems(refused: PlanError) -> list[dict[str, Any]]:
    """Each sentence with the id of its control."""
    return [
        {"id": ids.sweep_row("values", number), "sentence": sentence}
        for number, sentence in refused.rows.items()
    ]
