"""Replays over a grid of two settings: in each cell the first difference, or the number of cuts."""

import math
from collections.abc import Callable, Collection, Sequence
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


def axes(config: Recipe, fork: bool = False) -> list[Setting]:
    """The settings that can be an axis: the schedule's numbers and, except in a fork, the
    warm-up.
    """
    own = settings.chosen(settings.from_config(config))
    return [
        s
        for s in own
        if s.kind in ("int", "float")
        and s.slider
        and (s.group == "schedule" or (s.key == "warmup" and not fork))
    ]


def default_axes(config: Recipe, fork: bool = False) -> tuple[str, str] | None:
    """Patience and factor if the schedule has them, else its first two numbers; None if there is
    no number.
    """
    keys = [s.key for s in axes(config, fork)]
    if not keys:
        return None
    if {"patience", "factor"} <= set(keys):
        return "patience", "factor"
    return keys[0], keys[1] if len(keys) > 1 else keys[0]


def side(epochs: int) -> int:
    """How many values each setting has in the map of a run of this many epochs."""
    return min(max(math.isqrt(MOST_REPLAYED // max(epochs, 1)), LEAST_VALUES), MOST_VALUES)


def values(setting: Setting, kept: Collection[float], count: int) -> list[float]:
    """At most `count` values over the setting's slider, including those that are to be kept."""
    assert setting.slider is not None
    low, high = setting.slider
    if setting.scale == "log":
        low, high = math.log10(low), math.log10(high)
    spread = [low + (high - low) * i / (count - 1) for i in range(count)]
    if setting.scale == "log":
        spread = [10**exponent for exponent in spread]
    rounded = {round(v) if setting.kind == "int" else float(f"{v:.2g}") for v in spread}
    for value in kept:
        if value not in rounded:
            rounded -= {min(rounded - set(kept), key=lambda v: abs(v - value))}
            rounded |= {value}
    return sorted(rounded)


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
    most = side(len(rows))
    now, was = settings.from_config(other), settings.from_config(happened)
    same_schedule = other.schedule.name == happened.schedule.name
    along = {
        key: values(by_key[key], {now[key], was[key]} if same_schedule else {now[key]}, most)
        for key in (x, y)
    }
    cells = cut_map(
        Past(stretches or [Stretch(happened)], rows, batches),
        monitored(other.monitor, rows),
        other,
        (x, along[x]),
        (y, along[y]),
    )
    texts = {key: [by_key[key].text(v) for v in along[key]] for key in along}
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
    """A cut map's heat map: the number of cuts, or the first epoch that would differ. A cell
    without either has the background's colour.
    """
    cells = [
        [None if n is None else (first if measure == "first" else n) or 0 for first, n in pairs]
        for pairs in map(zip, view["first"], view["cuts"])
    ]
    order = _order(cells, measure)
    z = [[None if value is None else order.index(value) for value in row] for row in cells]
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
            "zmin": 0,
            "zmax": max(len(order) - 1, 1),
            "xgap": 1,
            "ygap": 1,
        },
    ]
    for at, symbol in ((view["now"], "circle-open"), (view["was"], "x-thin")):
        # The wider one below it sets it off from a cell of any colour.
        for width in (2 * theme.BOLD, theme.CURVE) if at else ():
            marker = {"symbol": symbol, "size": 9, "line": {"width": width}}
            traces.append({**here, "x": at[:1], "y": at[1:], "marker": marker})
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


def _order(cells: list[list[int | None]], measure: str) -> list[int]:
    """The values of a map from the faintest colour to the strongest, 0 first: an early difference
    and many cuts are strong. By rank, so that one epoch is visible even in a long run.
    """
    found = {value for row in cells for value in row if value}
    return [0, *sorted(found, reverse=measure == "first")]


def legend(view: dict[str, Any], measure: str) -> list[dict[str, str]]:
    """What the marks and colours of a map mean, each as a text with a sign or the share of the
    measure's colour.
    """
    key = "first" if measure == "first" else "cuts"
    signs = [{"sign": "○", "text": "what if"}, {"sign": "\u00d7", "text": "this run"}]
    _, *order = _order(view[key], measure)
    none = "no difference" if measure == "first" else "no cut"
    texts = [f"from epoch {n}" if measure == "first" else epochs_text(n, "cut") for n in order]
    steps = [{"share": "0%", "text": none}]
    if order[:-1]:
        steps.append({"share": f"{100 // len(order)}%", "text": texts[0]})
    if order:
        steps.append({"share": "100%", "text": texts[-1]})
    return [*(signs if view["was"] else signs[:1]), *steps]


COLOURS = {"first": "lr", "cuts": "cut"}  # of each measure, by meaning


def coloured(measure: str) -> Callable[[dict[str, str]], dict[str, Any]]:
    """Makes a map's part of a template: cells, and the marks of the current and the run's values,
    each on one of the background's colour.
    """

    def template(colour: dict[str, str]) -> dict[str, Any]:
        lines = [
            {"marker": {"color": colour[name], "line": {"color": colour[name]}}}
            for name in ("panel", "ink")
        ]
        return {
            "heatmap": [{"colorscale": [[0, colour["grid"]], [1, colour[COLOURS[measure]]]]}],
            "scatter": [*lines, *lines],
        }

    return template


def _cell(view: dict[str, Any], i: int, j: int) -> str:
    (x, y), first, cuts = view["labels"], view["first"][i][j], view["cuts"][i][j]
    at = f"{x} {view['x'][j]}, {y} {view['y'][i]}<br>"
    if cuts is None:
        return f"{at}these values cannot be combined"
    differs = f"differs from epoch {first}" if first else "no epoch differs"
    return f"{at}{differs}, {epochs_text(cuts, 'cut')}"
