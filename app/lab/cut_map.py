"""Replays over a grid of two settings: in each cell the first difference, or the number of cuts."""

import math
from collections.abc import Sequence
from typing import Any

from app.charts import theme
from trainer.config import table as settings
from trainer.config.recipe import Recipe
from trainer.config.table import Setting
from trainer.config.text import epochs_text
from trainer.schedule.epoch import Epoch, monitored
from trainer.schedule.past import Stretch

# Values per setting. A long run's map has fewer, so that it is there within seconds.
MOST_VALUES, LEAST_VALUES = 20, 5
MOST_REPLAYED = 200_000  # epochs, in all cells together
MEASURES = {"first": "first difference", "cuts": "cuts"}


def axes(config: Recipe) -> list[Setting]:
    """The settings that can be an axis: the schedule's numbers, and the warm-up."""
    own = settings.chosen(settings.from_config(config))
    return [
        s
        for s in own
        if s.kind in ("int", "float") and s.slider and (s.group == "schedule" or s.key == "warmup")
    ]


def default_axes(config: Recipe) -> tuple[str, str]:
    """Patience and factor if the schedule has them, else its first two numbers."""
    keys = [s.key for s in axes(config)]
    if {"patience", "factor"} <= set(keys):
        return "patience", "factor"
    return keys[0], keys[1] if len(keys) > 1 else keys[0]


def side(epochs: int) -> int:
    """How many values each setting has in the map of a run of this many epochs."""
    return min(max(math.isqrt(MOST_REPLAYED // max(epochs, 1)), LEAST_VALUES), MOST_VALUES)


def values(setting: Setting, current: float, count: int) -> list[float]:
    """At most `count` values over the setting's slider, including the current one."""
    assert setting.slider is not None
    low, high = setting.slider
    if setting.scale == "log":
        low, high = math.log10(low), math.log10(high)
    spread = [low + (high - low) * i / (count - 1) for i in range(count)]
    if setting.scale == "log":
        spread = [10**exponent for exponent in spread]
    rounded = {round(v) if setting.kind == "int" else float(f"{v:.2g}") for v in spread}
    if current not in rounded:
        rounded -= {min(rounded, key=lambda v: abs(v - current))}
    return sorted(rounded | {current})


def view_of(
    happened: Recipe,
    rows: list[Epoch],
    batches: int,
    other: Recipe,
    x: str,
    y: str,
    stretches: Sequence[Stretch] = (),
) -> dict[str, Any]:
    """The map's labels and cells, ready to draw and click.

    Args:
        happened: the recipe of the recorded run.
        rows: its epochs.
        batches: batches per epoch.
        other: the recipe in which two settings are varied.
        x, y: the keys of these settings.
        stretches: how the run was trained; the whole of it with `happened`, if empty.
    """
    from trainer.replay.difference import Past
    from trainer.replay.replay import cut_map

    by_key = {s.key: s for s in axes(other)}
    now, was = settings.from_config(other), settings.from_config(happened)
    along = {key: values(by_key[key], now[key], side(len(rows))) for key in (x, y)}
    cells = cut_map(
        Past(stretches or [Stretch(happened)], rows, batches),
        monitored(other.monitor, rows),
        other,
        (x, along[x]),
        (y, along[y]),
    )
    texts = {key: [by_key[key].text(v) for v in along[key]] for key in along}
    same_schedule = other.schedule.name == happened.schedule.name
    return {
        "x": texts[x],
        "y": texts[y],
        "labels": [by_key[x].label, by_key[y].label],
        "owners": [by_key[x].owner or "", by_key[y].owner or ""],
        "keys": [x, y],
        "first": cells.first,
        "cuts": cells.cuts,
        "epochs": rows[-1].epoch if rows else 0,
        "now": [by_key[x].text(now[x]), by_key[y].text(now[y])],
        "was": [by_key[x].text(was[x]), by_key[y].text(was[y])] if same_schedule else None,
    }


def figure(view: dict[str, Any], measure: str) -> dict[str, Any]:
    """A cut map's heat map: the number of cuts, or the first epoch that would differ."""
    last = view["epochs"] + 1  # no difference at all
    values = [
        [None if n is None else (first or last if measure == "first" else n) for first, n in pairs]
        for pairs in map(zip, view["first"], view["cuts"])
    ]
    # Colour by rank, so that a difference of one epoch is visible even in a long run.
    order = sorted({value for row in values for value in row if value is not None})
    z = [[None if value is None else order.index(value) for value in row] for row in values]
    text = [[_cell(view, i, j) for j in range(len(view["x"]))] for i in range(len(view["y"]))]
    here = {"type": "scatter", "mode": "markers", "hoverinfo": "skip"}
    x, y = view["labels"]
    traces: list[dict[str, Any]] = [
        {
            "type": "heatmap",
            "x": view["x"],
            "y": view["y"],
            "z": z,
            "text": text,
            "hovertemplate": "%{text}<extra></extra>",
            "showscale": False,
            "reversescale": measure == "first",
            "zmin": 0,
            "zmax": max(len(order) - 1, 1),
            "xgap": 1,
            "ygap": 1,
        },
        {**here, "x": view["now"][:1], "y": view["now"][1:], "marker": {"symbol": "circle-open"}},
    ]
    if view["was"]:
        traces.append(
            {**here, "x": view["was"][:1], "y": view["was"][1:], "marker": {"symbol": "x-thin"}}
        )
    for trace in traces[1:]:
        trace["marker"].update({"size": 9, "line": {"width": theme.CURVE}})
    axis: dict[str, Any] = {
        "type": "category",
        "nticks": 6,
        "tickfont": {"size": 10},
        "fixedrange": True,
    }
    title = {"standoff": 4, "font": {"size": 11}}
    return {
        "data": traces,
        "layout": {
            "xaxis": {
                **axis,
                "title": {"text": x, **title},
                "tickangle": 0,
                "range": [-0.5, len(view["x"]) - 0.5],
            },
            "yaxis": {
                **axis,
                "title": {"text": y, **title},
                "range": [-0.5, len(view["y"]) - 0.5],
            },
            "margin": {"l": 50, "r": 4, "t": 4, "b": 34},
            "showlegend": False,
            "dragmode": False,
        },
    }


def coloured(colour: dict[str, str]) -> dict[str, Any]:
    """The map's part of a template: cells, and the marks of the current and the run's values."""
    ink = colour["ink"]
    return {
        "heatmap": [{"colorscale": [[0, colour["grid"]], [1, colour["lr"]]]}],
        "scatter": [{"marker": {"color": ink, "line": {"color": ink}}}],
    }


def _cell(view: dict[str, Any], i: int, j: int) -> str:
    (x, y), first, cuts = view["labels"], view["first"][i][j], view["cuts"][i][j]
    at = f"{x} {view['x'][j]}, {y} {view['y'][i]}<br>"
    if cuts is None:
        return f"{at}these values cannot be combined"
    differs = f"differs from epoch {first}" if first else "no epoch differs"
    return f"{at}{differs}, {epochs_text(cuts, 'cut')}"
