"""The left column's other form: how to find a learning rate, what that costs, and Look for it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any, Literal

import dash_mantine_components as dmc
from dash import ClientsideFunction, Dash, Input, Output, State, ctx, dcc, html, no_update
from dash.development.base_component import Component
from pydantic import Field

from app import form, ids, own
from app.checked import Typed
from app.sweep import address
from app.sweep.address import MOST_QUERY, Asked
from app.sweep.plan import time_told
from trainer.config.grid import MOST_WORKERS
from trainer.config.run import RunConfig
from trainer.config.table import ConfigError, Setting, changed, declared, setting_of
from trainer.own.errors import OwnError
from trainer.store.faults import CommandError, StoreError
from trainer.store.store import Store
from trainer.store.sweeps import Kind, Sweep
from trainer.sweep.find.finding import add_find, plan_of
from trainer.sweep.find.plans import PLANS, Plan, cost, epochs, plan

PLACE = "find"
GRID, FIND = "grid", "find"  # what the left column shows
USUAL: Kind = "which"
# The ways, with what each answers.
WAYS: dict[Kind, tuple[str, str]] = {
    "which": (
        "Which LR",
        "A few epochs at each LR and one at a tenth of it, on a few seeds: the lowest LR that is "
        "about as good as the best.",
    ),
    "find": (
        "The best run here",
        "A few epochs at each LR on this seed; the best of them go on to the end.",
    ),
    "range": (
        "Range test",
        "The classic test: the LR grows with every batch. It shows where the loss falls and where "
        "it breaks, and gives no answer: the rules disagree.",
    ),
}
LIMIT = "Factor and patience cannot be found this way: on one seed their differences are noise."
FIELDS = ids.every("field", PLACE)
Query = Annotated[str, Field(max_length=MOST_QUERY)]
Way = Literal["find", "which", "range"]
Text = Annotated[str, Field(max_length=60)]
FieldId = dict[str, Annotated[str, Field(max_length=40)]]


def settings(kind: Kind) -> list[Setting]:
    """What a way needs to know, as controls of its own; `find` also how long the runs are."""
    epochs = [setting_of("epochs")] if kind == "find" else []
    return [replace(each, owner=kind, slider=None) for each in (*epochs, *declared(PLANS[kind]))]


def mode(asked: Asked) -> dict[str, str]:
    """What the left column shows first, as attributes of the view."""
    return {"data-mode": FIND if asked.way else GRID, "data-way": asked.way or USUAL}


def switch(asked: Asked) -> Component:
    """What chooses between a grid and this form."""
    named: dict[str, Any] = {"aria-label": "What to train"}
    choices = {GRID: "Grid", FIND: "Find a learning rate"}
    control: Component = dmc.SegmentedControl(
        id=ids.SWEEP_MODE,
        data=[{"value": value, "label": label} for value, label in choices.items()],
        value=FIND if asked.way else GRID,
        size="xs",
        fullWidth=True,
        **named,
    )
    return control


def layout(asked: Asked) -> Component:
    """The form, with what an address asks for."""
    named: dict[str, Any] = {"aria-label": "How to find it"}
    return html.Div(
        [
            dmc.SegmentedControl(
                id=ids.FIND_WAY,
                data=[{"value": kind, "label": label} for kind, (label, _) in WAYS.items()],
                value=asked.way or USUAL,
                orientation="vertical",
                size="xs",
                fullWidth=True,
                **named,
            ),
            *(_fields(kind, asked) for kind in WAYS),
            dmc.NumberInput(
                id=ids.FIND_WORKERS,
                label="Workers",
                value=asked.workers,
                min=1,
                max=MOST_WORKERS,
                allowDecimal=False,
                clampBehavior="blur",
                size="sm",
                className="find-workers",
            ),
            html.P(LIMIT, className="card-small"),
        ],
        className="find-form",
    )


def _fields(kind: Kind, asked: Asked) -> Component:
    way: dict[str, Any] = {"data-way": kind}
    given = dict(asked.plan) if asked.way == kind else {}
    if kind == "find":
        given.setdefault("epochs", str(asked.config.epochs))
    controls = {
        main: [
            form.control(each, given.get(each.key, each.text(each.default)), PLACE)
            for each in settings(kind)
            if (each.main or each.key == "epochs") == main
        ]
        for main in (True, False)
    }
    more = html.Details(
        [html.Summary("More"), html.Div(controls[False], className="find-boxes")],
        className="find-more",
    )
    parts = [
        html.P(WAYS[kind][1], className="card-small"),
        html.Div(controls[True], className="find-boxes"),
        *([more] if controls[False] else []),
    ]
    return html.Div(parts, className="find-fields", **way)


def foot(refused: str) -> Component:
    """What it costs, what is refused, and the button."""
    return html.Div(
        [
            html.Div(id=ids.FIND_COST, className="sweep-cost", role="status"),
            html.Div(refused, id=ids.FIND_REFUSED, className="start-error", role="alert"),
            dmc.Button("Look for it", id=ids.FIND_START, fullWidth=True, size="md"),
            dcc.Store(ids.FIND_PROBLEMS),
            dcc.Store(ids.FIND_QUERY),
        ],
        className="start find-start",
    )


def of_sweep(sweep: Sweep) -> Asked:
    """The form of a way to find an LR that there is."""
    try:
        values = plan_of(sweep).model_dump()
    except StoreError:  # the page says so
        values = {}
    known = {each.name: each for each in declared(PLANS[sweep.kind])}
    given = {known[name].key: known[name].text(value) for name, value in values.items()}
    return Asked(sweep.id, None, sweep.config, workers=sweep.workers, way=sweep.kind, plan=given)


def given(kind: Kind, fields: Sequence[FieldId], values: Sequence[str | None]) -> dict[str, str]:
    """What the controls of a way hold, by key."""
    pairs = zip(fields, values, strict=True)
    return {field["key"]: value or "" for field, value in pairs if field["owner"] == kind}


def made(kind: Kind, base: str, texts: Mapping[str, str]) -> tuple[RunConfig, Plan]:
    """The run and the plan that the form describes.

    Raises:
        ConfigError: it cannot be.
    """
    config, texts = form.from_query(base), dict(texts)
    problems: dict[tuple[str, str | None], str] = {}
    try:
        if kind == "find":
            config = changed(config, {"epochs": texts.pop("epochs")})
    except ConfigError as error:
        problems |= error.problems
    try:
        planned = plan(kind, **texts)
    except ConfigError as error:
        raise ConfigError(problems | error.problems) from error
    if problems:
        raise ConfigError(problems)
    planned.first(config)
    own.check(config)
    return config, planned


def problems(kind: Kind, error: ConfigError) -> tuple[list[dict[str, Any]], str]:
    """Each sentence with the id of its control, and those that belong to none."""
    names = {each.name: each.key for each in settings(kind)}
    beside, others = [], []
    for (path, _), sentence in error.problems.items():
        if path in names:
            beside.append({"id": ids.field(names[path], kind, PLACE), "sentence": sentence})
        else:
            others.append(sentence)
    return beside, " ".join(others)


def query(kind: Kind, base: str, texts: Mapping[str, str], workers: Typed) -> str:
    """The address of these settings: of a way's only those that are not usual."""
    usual = {each.key: each.text(each.default) for each in declared(PLANS[kind])}
    if kind == "find":
        usual["epochs"] = str(form.from_query(base).epochs)
    plan = {key: text for key, text in texts.items() if text != usual.get(key)}
    count = workers if isinstance(workers, int) and workers else 1
    return address.write(Asked(config=form.from_query(base), workers=count, way=kind, plan=plan))


def workers_of(kind: Kind, workers: Typed) -> int:
    """In how many processes a way trains; a range test has one.

    Raises:
        ConfigError: it cannot be so many.
    """
    if kind == "range":
        return 1
    if not isinstance(workers, int) or not 1 <= workers <= MOST_WORKERS:
        told = f"Workers must be a whole number from 1 to {MOST_WORKERS}."
        raise ConfigError({("threads", None): told})
    return workers


def cost_told(store: Store, config: RunConfig, planned: Plan) -> list[Any]:
    """What the page says of a way before it starts: what it trains, and how long that takes."""
    trained = epochs(planned, config)
    kind = config.dataset, config.model, config.batch_size
    time = "" if trained is None else f" {time_told(store, {kind: trained})}"
    return [html.Strong(f"{cost(planned, config)}."), html.Span(time)]


def register(app: Dash, store: Store) -> None:
    """The callbacks of the form, and Look for it."""
    boxes: list[tuple[Any, str]] = [
        (ids.SWEEP_BASE, "data"), (ids.FIND_WAY, "value"), (FIELDS, "value"),
        (ids.FIND_WORKERS, "value"),
    ]  # fmt: skip

    @app.callback(
        Output(ids.FIND_PROBLEMS, "data"),
        Output(ids.FIND_COST, "children"),
        Output(ids.FIND_REFUSED, "children"),
        Output(ids.FIND_START, "disabled"),
        Output(ids.FIND_QUERY, "data"),
        *(Input(*box) for box in boxes),
        Input(ids.SWEEP_OVER, "data"),  # what was trained tells how long it takes
        State(FIELDS, "id"),
    )
    def check(
        base: Query | None,
        way: Way,
        values: list[Text | None],
        workers: Typed,
        _: Any,
        fields: list[FieldId],
    ) -> tuple[Any, ...]:
        texts = given(way, fields, values)
        asked = query(way, base or "", texts, workers)
        # What of the address was left out stays until something is changed.
        nothing = no_update if ctx.triggered_id in (None, ids.SWEEP_OVER) else ""
        try:
            config, planned = made(way, base or "", texts)
            workers_of(way, workers)
        except ConfigError as error:
            beside, others = problems(way, error)
            return beside, "", others or nothing, True, asked
        return [], cost_told(store, config, planned), nothing, False, asked

    @app.callback(
        Output(ids.SWEEP_GO, "data", allow_duplicate=True),
        Output(ids.FIND_REFUSED, "children", allow_duplicate=True),
        Input(ids.FIND_START, "n_clicks"),
        *(State(*box) for box in boxes),
        State(FIELDS, "id"),
        State(ids.SWEEP_TRUST, "checked"),
        prevent_initial_call=True,
    )
    def look(
        _: Any,
        base: Query | None,
        way: Way,
        values: list[Text | None],
        workers: Typed,
        fields: list[FieldId],
        trusted: bool | None,
    ) -> tuple[Any, str]:
        try:
            config, planned = made(way, base or "", given(way, fields, values))
            own.ask_for_trust(config, trusted)
            own.refuse_broken(config)
            return add_find(store, config, planned, workers_of(way, workers)), ""
        except (ConfigError, CommandError, OwnError) as refused:
            return no_update, str(refused)

    app.clientside_callback(
        ClientsideFunction("form", "showProblems"),
        Input(ids.FIND_PROBLEMS, "data"),
        State(FIELDS, "id"),
        State(FIELDS, "error"),
        prevent_initial_call=True,
    )
    app.clientside_callback(
        ClientsideFunction("sweep", "mode"),
        Input(ids.SWEEP_MODE, "value"),
        Input(ids.FIND_WAY, "value"),
        prevent_initial_call=True,
    )
