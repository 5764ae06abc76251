"""Converts between config, controls and URL. Controls are built from `trainer.config.table`."""

import math
from collections.abc import Collection, Iterable, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode

import dash_mantine_components as dmc
from dash import html
from dash.development.base_component import Component

from app import ids
from trainer.config import table as settings
from trainer.config.run import RunConfig
from trainer.config.table import SETTINGS, ConfigError, Group, Setting
from trainer.config.text import lr_text

# Settings with a fixed place on the page; every other setting is placed by `main`.
PAIRS = (("dataset", "model"), ("optimizer", "schedule"))
COUNTS = ("epochs", "batch-size", "seed")
# Data and a network of one's own: a box for each, and the settings of such data.
OF_OWN = {
    "dataset": (
        "Your data",
        "or your folder",
        "On this machine: a folder of images in a folder a class, an .npz or a .csv.",
    ),
    "model": (
        "Your network",
        "or yours",
        "On this machine: a class in a file, or a classifier of torchvision.models.",
    ),
}
OWN_SETTINGS = ("image-size", "target")
TRUSTED = (
    "A network in a file runs the file's code on this machine with your rights: tick this only for "
    "a file that you know. To type its path ticks it."
)
MOST_MARKS = 5
NOTHING_LOCKED: Mapping[str, str] = {}


def to_query(config: RunConfig) -> str:
    """The settings that differ from the defaults, as a URL query: "?lr=0.02&patience=3"."""
    values = settings.from_config(config)
    own = {setting.key: setting for setting in settings.chosen(values)}
    changed = {
        key: own[key].text(value) for key, value in values.items() if value != own[key].default
    }
    return f"?{urlencode(changed)}" if changed else ""


def from_query(query: str) -> RunConfig:
    """The config that a URL query describes.

    Raises:
        ConfigError: the query has an unknown setting or a value out of bounds.
    """
    return settings.to_config(dict(parse_qsl(query.removeprefix("?"), keep_blank_values=True)))


def parse(fields: Iterable[Mapping[str, str]], values: Iterable[Any]) -> RunConfig:
    """The config that the controls describe.

    Raises:
        ConfigError: with a sentence for every control at fault.
    """
    return settings.to_config(given(fields, values))


def given(fields: Iterable[Mapping[str, str]], values: Iterable[Any]) -> dict[str, Any]:
    """The settings in the controls, by key, from ids and values as Dash passes them.

    Controls of a schedule or optimizer other than the chosen one are skipped.
    """
    by_id = {
        (field["key"], field["owner"]): value for field, value in zip(fields, values, strict=True)
    }
    for key in OF_OWN:
        if by_id.get((key, "")) == ids.OWN:
            by_id[key, ""] = (by_id.get((key, ids.OWN)) or "").strip()
    own = settings.chosen({key: value for (key, owner), value in by_id.items() if not owner})
    at = {s.key: (s.key, s.owner or "") for s in own}
    return {key: "" if by_id[i] is None else by_id[i] for key, i in at.items() if i in by_id}


def own_keys(fields: Iterable[Mapping[str, str]], values: Iterable[Any]) -> set[str]:
    """Of which settings the box for one's own is used."""
    return {f["key"] for f, v in zip(fields, values, strict=True) if v == ids.OWN}


def problems(
    refusal: ConfigError, place: str = "run", own: Collection[str] = ()
) -> list[dict[str, Any]]:
    """Each sentence of an error with the id of its control.

    Args:
        own: the settings of which the box for one's own is used.
    """
    return [
        {
            "id": ids.field(setting.key, ids.OWN if setting.key in own else setting.owner, place),
            "sentence": sentence,
        }
        for (path, owner), sentence in refusal.problems.items()
        for setting in SETTINGS
        if setting.path == path and owner in (None, setting.owner)
    ]


def layout(config: RunConfig, locked: Mapping[str, str] = NOTHING_LOCKED) -> list[Component]:
    """The whole form for a config; `locked` has the reason for each path that cannot change."""
    values = settings.from_config(config)
    named = {s.key: s for s in SETTINGS if s.owner is None}
    placed = {key for pair in PAIRS for key in pair} | {*COUNTS, *OWN_SETTINGS}
    values = {**{key: named[key].default for key in OWN_SETTINGS}, **values}

    def draw(keys: Iterable[str]) -> list[Any]:
        return [control(named[k], named[k].text(values[k]), locked=locked) for k in keys]

    data_and_model, *others = [html.Div(draw(p), className=f"pair pair-{p[0]}") for p in PAIRS]
    return [
        data_and_model,
        html.Div(
            [
                own_box(named["dataset"], values["dataset"], locked),
                html.Div(id=ids.OWN_DATA, className="own"),
                html.Div(draw(OWN_SETTINGS), id=ids.OWN_SETTINGS, className="sliders own-settings"),
                own_box(named["model"], values["model"], locked),
                html.Div(
                    [
                        dmc.Checkbox(
                            id=ids.TRUST, label="Run the code in this file", size="sm", radius="xs"
                        ),
                        html.Span(TRUSTED, className="card-small"),
                    ],
                    className="trust",
                    hidden=True,
                ),
                html.Div(id=ids.OWN_NETWORK, className="own"),
            ],
            className="pair pair-own",
        ),
        *others,
        html.Div(
            draw(key for key, s in named.items() if s.main and key not in placed),
            className="sliders",
        ),
        html.Div(
            group_controls("schedule", config, main=True, locked=locked),
            id=ids.group_controls("schedule", "main"),
            className="sliders",
        ),
        html.Div(draw(COUNTS), className="counts"),
        html.Details(
            [
                html.Summary("More: monitor, warm-up, parameters"),
                html.Div(
                    draw(k for k, s in named.items() if not s.main and k not in placed),
                    className="fields",
                ),
                html.H3("Schedule"),
                html.Div(
                    group_controls("schedule", config, main=False, locked=locked),
                    id=ids.group_controls("schedule", "more"),
                    className="fields",
                ),
                html.H3("Optimizer"),
                html.Div(
                    group_controls("optimizer", config, main=False, locked=locked),
                    id=ids.group_controls("optimizer", "more"),
                    className="fields",
                ),
            ],
            className="more",
        ),
    ]


def group_controls(
    group: Group, config: RunConfig, main: bool, locked: Mapping[str, str] = NOTHING_LOCKED
) -> list[Any]:
    """The controls of the config's schedule or optimizer: the main ones, or the rest."""
    values = settings.from_config(config)
    own = [s for s in settings.chosen(values) if s.group == group and s.main == main]
    if not own and not main:
        return [html.Span("No further parameters.", className="card-small")]
    return [control(s, s.text(values[s.key]), locked=locked) for s in own]


def control(
    setting: Setting,
    value: str,
    place: str = "run",
    locked: Mapping[str, str] = NOTHING_LOCKED,
) -> Any:
    """One setting's control: a select, a text box, or a text box with a slider below it.

    `place` is its form: "run" or "what-if".
    """
    why = locked.get(setting.path)
    common: dict[str, Any] = {
        "disabled": why is not None,
        "id": ids.field(setting.key, setting.owner, place),
        "value": value,
        "description": why or setting.help,
        "label": html.Span(setting.label, title=why or setting.help),
        "size": "sm",
        "inputWrapperOrder": ["label", "description", "input", "error"],
    }
    if setting.kind in ("choice", "bool"):
        choices = setting.choices or ("off", "on")
        data = [{"value": c, "label": setting.words.get(c, c)} for c in choices]
        if setting.own:
            data.append({"value": ids.OWN, "label": "yours"})
            common["value"] = value if value in choices else ids.OWN
        return dmc.Select(
            data=data,
            allowDeselect=False,
            comboboxProps={"width": "max-content", "position": "bottom-start"},
            **common,
        )
    box = dmc.TextInput(
        rightSection=html.Span(setting.unit) if setting.unit and setting.scale != "none" else None,
        rightSectionWidth=56 if setting.unit and setting.scale != "none" else None,
        rightSectionPointerEvents="none",
        autoComplete="off",
        **common,
    )
    if setting.slider is None:
        return box
    low, high = setting.slider
    log = setting.scale == "log"
    slider = dmc.Slider(
        id=ids.slider(setting.key, setting.owner, place),
        value=position(setting, float(value)),
        min=math.log10(low) if log else low,
        max=math.log10(high) if log else high,
        step=0.05 if log else 1 if setting.kind == "int" else 0.01,
        marks=_marks(setting),
        label=None,
        size="sm",
        updatemode="drag",
        thumbLabel=setting.label,
        disabled=why is not None,
        **({"scale": {"function": "pow10scale"}} if log else {}),
    )
    return html.Div([box, slider], className="slider")


def own_box(setting: Setting, value: str, locked: Mapping[str, str] = NOTHING_LOCKED) -> Any:
    """The box for the path of one's own data or network, completed as it is typed."""
    label, such, help = OF_OWN[setting.key]
    why = locked.get(setting.path)
    return dmc.Autocomplete(
        id=ids.field(setting.key, ids.OWN),
        value="" if value in setting.choices else value,
        label=html.Span(label, title=why or help),
        description=why or help,
        placeholder=such,
        disabled=why is not None,
        size="sm",
        limit=40,
        maxDropdownHeight=260,
        comboboxProps={"width": "max-content", "position": "bottom-start"},
        inputWrapperOrder=["label", "description", "input", "error"],
    )


def position(setting: Setting, value: float) -> float:
    """A value's position on its slider: on a log scale its exponent, with 0 at the low end."""
    assert setting.slider is not None
    return math.log10(value or setting.slider[0]) if setting.scale == "log" else value


def _marks(setting: Setting) -> list[dict[str, Any]]:
    assert setting.slider is not None
    low, high = setting.slider
    if setting.scale == "log":
        exponents = range(round(math.log10(low)), round(math.log10(high)) + 1)
        return [{"value": e, "label": lr_text(10.0**e)} for e in exponents]
    step = next(
        step for step in (0.2, 0.5, 1.0, 5.0, 25.0, 250.0) if (high - low) / step <= MOST_MARKS
    )
    first = math.ceil(low / step)
    ticks = [round(i * step, 9) for i in range(first, math.floor(high / step) + 1)]
    return [{"value": tick, "label": f"{tick:g}"} for tick in ticks]
