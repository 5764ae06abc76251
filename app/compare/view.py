"""The view Compare: runs laid over one another, and what their seeds can show."""

from typing import Annotated, Any

import dash_mantine_components as dmc
from dash import ClientsideFunction, Dash, Input, Output, State, dcc, html, no_update
from dash.development.base_component import Component
from pydantic import Field

from app import exporting, ids, repeating, run_picker, seeds_box
from app.charts import figures
from app.checked import RunChoice
from app.compare import address, live
from app.compare.listing import heading, listing, metrics, remark
from app.compare.reading import Reading
from app.compare.scene import scene
from app.compare.verdict import verdict
from app.paths import comparison
from app.run_columns import RunColumns
from app.seeds_box import Count
from trainer.config.metrics import label
from trainer.config.table import SETTINGS, ConfigError
from trainer.store.faults import CommandError, StoreError
from trainer.store.store import Store

Query = Annotated[str, Field(max_length=8000)]
SHORT = {"val_loss": "validation loss", "train_loss": "train loss", "val_accuracy": "accuracy"}
EMPTY = "No run is chosen yet. Add some below: those that differ only in their seed form a setting."
NEWEST = 10  # runs that an empty comparison offers


def layout(store: Store, query: str) -> Component:
    """The view as the address's query asks for it."""
    asked = address.read(query)
    named: dict[str, Any] = {"aria-label": "What the runs show"}
    return html.Main(
        [
            _runs(store, asked),
            _middle(asked),
            html.Aside(
                id=ids.COMPARE_VERDICT,
                className="compare-verdict",
                **named,
            ),
            dcc.Store(ids.COMPARE_QUERY, data=query),
            dcc.Store(ids.COMPARE_REDRAW),
            dcc.Store(ids.COMPARE_CHOICES),
            dcc.Store(ids.COMPARE_NEW),
            dcc.Store(ids.COMPARE_VIEW),
        ],
        className="compare",
    )


def _shown(reading: Reading, query: str) -> dict[str, Any]:
    """All that the view shows for a query: the list, the verdict, the picture, what was refused."""
    asked = address.read(query)
    refused = list(asked.refused)
    try:
        read, missing = reading.of(asked.runs)
        shown = scene(asked, read)
        drawn = shown.picture(reading.decisions(shown.strips()))
    except StoreError as error:
        shown = scene(asked, [])
        read, drawn, missing = [], shown.picture({}), [str(error)]
    names = metrics(read) if shown.read else list(SHORT)
    if asked.metric and shown.read and shown.metric not in names:
        refused.append(f"None of these runs has a metric {asked.metric[:40]!r}.")
    named = [run for run in asked.hidden if run not in asked.runs]
    refused += missing + [f"Run {run} is not in the comparison." for run in sorted(named)]
    return {
        "list": listing(shown),
        "verdict": verdict(shown),
        "left_out": repeating.not_repeated([r for g in shown.groups if g.by_hand for r in g.runs]),
        "refused": " ".join(refused),
        "metrics": [{"value": name, "label": label(name)} for name in names],
        "view": {
            **drawn.figure(),
            "state": live.state(shown),
            "metric": shown.metric,
            "heading": heading(shown),
            "title": label(shown.metric),
            "remark": remark(shown),
            "empty": not shown.read,
            "several": len(shown.groups) > 1,
            "named": len(names) > len(SHORT),
            "live": shown.live,
        },
    }


def _runs(store: Store, asked: address.Asked) -> Component:
    """The left column."""
    named: dict[str, Any] = {"aria-label": "Runs to compare"}
    try:
        choices = run_picker.choices(store, asked.runs)
    except StoreError:
        choices = []
    newest = [int(choice["value"]) for choice in choices[:NEWEST]]
    colours = [
        {"value": address.SETTING, "label": "setting"},
        {"value": address.RUN, "label": "run"},
        *_settings(),
    ]
    start: list[Component] = [html.P("There is no run yet. Train one in the Lab.")]
    if newest:
        offer = f"Compare the newest {len(newest)} runs"
        start = [
            html.P(EMPTY),
            html.A(offer, href=comparison(newest), className="plain-link"),
        ]
    return html.Aside(
        [
            html.Div(
                [
                    html.H2("Compare", id=ids.COMPARE_HEADING),
                    exporting.menu(asked.runs, ids.COMPARE_EXPORT),
                ],
                className="counting",
            ),
            html.Div(start, id=ids.COMPARE_EMPTY, className="compare-empty"),
            dmc.MultiSelect(
                id=ids.COMPARE_ADD,
                data=choices,
                value=[str(run) for run in asked.runs],
                placeholder="Add runs\N{HORIZONTAL ELLIPSIS}",
                nothingFoundMessage="No run has these words.",
                searchable=True,
                selectFirstOptionOnChange=True,
                maxDropdownHeight=420,
                renderOption={"function": "runs.option"},
                filter={"function": "runs.filter"},
                comboboxProps={"width": "max-content", "position": "bottom-start"},
                classNames={
                    "option": "run-choice",
                    "dropdown": "run-choices",
                    "pill": "chosen-run",
                },
                size="sm",
                className="add-runs",
                **{"aria-label": "Add runs"},
            ),
            html.Div(id=ids.COMPARED, className="compared"),
            html.Div(
                [
                    dmc.Select(
                        id=ids.COMPARE_COLOUR,
                        label="Colour by",
                        data=colours,
                        value=asked.colour,
                        allowDeselect=False,
                        searchable=True,
                        selectFirstOptionOnChange=True,
                        size="xs",
                    ),
                    _choice("group", "Group seeds", {"on": "on", "off": "off"},
                            "on" if asked.group else "off", label="Group seeds"),
                ],
                className="compare-look",
            ),
            html.Div(
                [
                    seeds_box.layout(ids.SEEDS_COUNT, "More seeds"),
                    dmc.Button("Train more of each", id=ids.MORE_SEEDS, size="sm"),
                    dmc.Button(
                        "With and without the schedule",
                        id=ids.CONSTANT_TOO,
                        variant="default",
                        size="sm",
                    ),
                ],
                className="compare-repeat",
            ),
            html.Div(id=ids.COMPARE_LEFT_OUT, className="card-small"),
        ],
        className="compare-runs",
        **named,
    )  # fmt: skip


def _settings() -> list[dict[str, str]]:
    labels: dict[str, str] = {}
    for setting in SETTINGS:
        labels.setdefault(setting.key, setting.label.lower())
    return [{"value": key, "label": text} for key, text in labels.items()]


def _choice(
    key: str, about: str, choices: dict[str, str], chosen: str, label: str = ""
) -> Component:
    """Buttons of which one is pressed; each sets a part of the address."""
    buttons = []
    for value, text in choices.items():
        state: dict[str, Any] = {
            "aria-pressed": str(value == chosen).lower(),
            "data-key": key,
            "data-value": value,
        }
        buttons.append(html.Button(text, className="choice", **state))
    named: dict[str, Any] = {"aria-label": about}
    group = html.Div(buttons, className="choices", role="group", **named)
    return html.Div([html.Span(label), group], className="labelled") if label else group


def _middle(asked: address.Asked) -> Component:
    """The controls of the picture, and the picture."""
    hidden: dict[str, Any] = {"aria-hidden": "true"}
    named: dict[str, Any] = {"aria-label": "The picture"}
    return html.Section(
        [
            html.Div(
                [
                    _choice("metric", "Metric", SHORT, asked.metric),
                    dmc.Select(
                        id=ids.COMPARE_METRIC,
                        data=[],
                        value=None,
                        allowDeselect=False,
                        searchable=True,
                        selectFirstOptionOnChange=True,
                        size="xs",
                        className="other-metric",
                        **{"aria-label": "Metric by name"},
                    ),
                    _choice("x", "Axis", address.AXES, asked.x),
                    _choice("scale", "Scale", {s: s for s in address.SCALES}, asked.scale),
                ],
                className="compare-controls",
            ),
            html.Div(id=ids.COMPARE_REFUSED, className="start-error", role="alert"),
            html.Div(
                [
                    html.Div(
                        [
                            html.H2(id=ids.COMPARE_TITLE),
                            html.Span(id=ids.COMPARE_REMARK, className="card-small"),
                            html.Div(
                                [
                                    html.Span("smoothing"),
                                    dmc.Slider(
                                        id=ids.COMPARE_SMOOTH,
                                        value=asked.smooth,
                                        min=0,
                                        max=address.MOST_SMOOTH,
                                        step=0.05,
                                        size="sm",
                                        thumbLabel="Smoothing",
                                        updatemode="mouseup",
                                    ),
                                ],
                                className="smoothing",
                            ),
                        ],
                        className="chart-head",
                    ),
                    html.Div(
                        [
                            html.Div(id=ids.COMPARE_CHART, className="dash-graph chart"),
                            # It loads plotly, and draws nothing: a graph of Dash's goes back to its
                            # first figure with each zoom.
                            html.Div(dcc.Graph(figure=figures.BLANK), hidden=True),
                            html.Div(id=ids.COMPARE_LABELS, className="labels", **hidden),
                        ],
                        className="chart-area",
                    ),
                ],
                className="panel compare-panel",
            ),
        ],
        className="compare-picture",
        **named,
    )


def register(app: Dash, store: Store, columns: RunColumns) -> None:
    """The callbacks of the view; `columns` reads the runs."""
    reading = Reading(store, columns)
    live.register(app.server, reading)

    @app.callback(
        Output(ids.COMPARED, "children"),
        Output(ids.COMPARE_VERDICT, "children"),
        Output(ids.COMPARE_REFUSED, "children"),
        Output(ids.COMPARE_METRIC, "data"),
        Output(ids.COMPARE_VIEW, "data"),
        Output(ids.COMPARE_LEFT_OUT, "children"),
        Input(ids.COMPARE_QUERY, "data"),
        Input(ids.COMPARE_REDRAW, "data"),
    )
    def show(query: Query | None, _: Any) -> tuple[Any, ...]:
        shown = _shown(reading, query or "")
        parts = ("list", "verdict", "refused", "metrics", "view", "left_out")
        return tuple(shown[part] for part in parts)

    @app.callback(
        Output(ids.COMPARE_ADD, "data"),
        Input(ids.COMPARE_CHOICES, "data"),
        State(ids.COMPARE_ADD, "value"),
        prevent_initial_call=True,
    )
    def refresh(
        asked: run_picker.Asked | None, chosen: list[RunChoice] | None
    ) -> list[dict[str, Any]]:
        shown = [int(run) for run in chosen or []]
        return run_picker.choices(store, shown, asked["text"] if asked else "")

    @app.callback(
        Output(ids.COMPARE_NEW, "data"),
        Output(ids.COMPARE_REFUSED, "children", allow_duplicate=True),
        Input(ids.MORE_SEEDS, "n_clicks"),
        State(ids.SEEDS_COUNT, "value"),
        State(ids.COMPARE_QUERY, "data"),
        prevent_initial_call=True,
    )
    def more_seeds(_: Any, count: Count, query: Query | None) -> tuple[Any, Any]:
        read, _missing = reading.of(address.read(query or "").runs)
        groups = scene(address.Asked(), read).groups
        try:
            new = repeating.more_of_each(store, [group.runs for group in groups], count)
        except CommandError as refused:
            return no_update, str(refused)
        return new, ""

    @app.callback(
        Output(ids.COMPARE_NEW, "data", allow_duplicate=True),
        Output(ids.COMPARE_REFUSED, "children", allow_duplicate=True),
        Input(ids.CONSTANT_TOO, "n_clicks"),
        State(ids.COMPARE_QUERY, "data"),
        prevent_initial_call=True,
    )
    def constant_too(_: Any, query: Query | None) -> tuple[Any, Any]:
        asked = address.read(query or "").runs
        if not asked:
            return no_update, ""
        try:
            return repeating.compared_with_constant(store, asked[0]), ""
        except (CommandError, ConfigError) as refused:
            return no_update, str(refused)

    app.clientside_callback(
        ClientsideFunction("compare", "draw"),
        Input(ids.COMPARE_VIEW, "data"),
    )
    for function, control, value in (
        ("add", ids.COMPARE_ADD, "value"),
        ("colour", ids.COMPARE_COLOUR, "value"),
        ("metric", ids.COMPARE_METRIC, "value"),
        ("smooth", ids.COMPARE_SMOOTH, "value"),
        ("join", ids.COMPARE_NEW, "data"),
    ):
        app.clientside_callback(
            ClientsideFunction("compare", function),
            Input(control, value),
            prevent_initial_call=True,
        )
