"""Parallel coordinates: an axis for each setting, and a line for each combination of values. Pure.

Drawn as lines, not as plotly's parcoords: that needs WebGL, which not every machine has, and tells
nothing of a line that is pointed at.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from app.charts import shades, theme
from app.charts.curves import safe
from app.charts.figures import templates
from trainer.config.metrics import label as metric_label
from trainer.config.metrics import rises
from trainer.config.text import significant
from trainer.sweep.reading import Read
from trainer.sweep.settings import Standing, Tried, label, order, text, words

HEIGHT, PALE = 300, 0.25
EDGE = 0.06  # of the axes' height, so that no line lies on the end of one


class Parallel(NamedTuple):
    """The picture, as `app.sweep.heat.Map` is one."""

    figure: dict[str, Any]
    templates: dict[theme.Scheme, dict[str, Any]]
    note: str
    height: int = HEIGHT


def parallel(read: Read, settings: Sequence[Tried], standing: Standing) -> Parallel:
    """The lines of a sweep's settings, the better the stronger, the best on top; the last axis is
    what they reached, the best at the top.

    Args:
        settings, standing: of `trainer.sweep.settings`.
    """
    keys = list(read.keys)
    values = {key: order(settings, key) for key in keys}
    costs = [1 - m if (m := s.mean) is not None and rises(read.metric) else m for s in settings]
    strong, _ = shades.strengths(costs)
    ranked = sorted(
        (i for i, strength in enumerate(strong) if strength is not None),
        key=lambda i: -(costs[i] or 0.0),
    )
    lines: list[list[int]] = [[] for _ in range(shades.STEPS)]
    for i in ranked:
        lines[round((strong[i] or 0.0) * (shades.STEPS - 1))].append(i)
    traces = []
    for step, own in enumerate([*lines, [] if standing.best is None else [standing.best]]):
        x, y = list[float | None](), list[float | None]()
        told, runs = list[str | None](), list[list[int] | None]()
        for i in own:
            its = settings[i]
            x += [*range(len(keys) + 1), None]
            y += [*(_place(values[k], its.values.get(k)) for k in keys), _height(strong[i]), None]
            hover = f"{safe(words(its.values))}<br>{significant(its.mean)}"
            told += [*[hover] * (len(keys) + 1), None]
            runs += [*[its.runs] * (len(keys) + 1), None]
        is_best = step == len(lines)
        traces.append(
            {
                "type": "scatter",
                "meta": "best" if is_best else f"lines:{step}",
                "mode": "lines+markers" if is_best else "lines",
                "x": x,
                "y": y,
                "text": told,
                "customdata": runs,
                "line": {"width": 2 * theme.CURVE if is_best else theme.THIN},
                "marker": {"size": 8},
                "hovertemplate": "%{text}<extra></extra>",
            }
        )
    names = [*map(label, keys), metric_label(read.metric)]
    left_out = len(settings) - len(ranked)
    note = "A line for each setting, the best in bold; the stronger, the better."
    if left_out:
        note += f" {left_out} without a value are left out."
    layout = _layout(names) | {"annotations": _ticks(read, keys, values, costs)}
    return Parallel({"data": traces, "layout": layout}, _templates(), note)


def _place(values: Sequence[Any], value: Any) -> float:
    """Where a value lies on its axis, from the bottom to the top."""
    if len(values) < 2:
        return 0.5
    return EDGE + (1 - 2 * EDGE) * values.index(value) / (len(values) - 1)


def _height(strength: float | None) -> float:
    return EDGE + (1 - 2 * EDGE) * (strength or 0.0)


def _ticks(
    read: Read, keys: Sequence[str], values: dict[str, list[Any]], costs: Sequence[float | None]
) -> list[dict[str, Any]]:
    """The values beside their axes, each on a ground of its own over the lines."""
    told = list[tuple[int, float, str]]()
    for i, key in enumerate(keys):
        every = values[key]
        step = -(-len(every) // 12)
        told += [(i, _place(every, value), safe(text(key, value))) for value in every[::step]]
    known = sorted(cost for cost in costs if cost is not None)
    if known:
        _, times = shades.strengths(costs)
        ends = [known[0], min(known[-1], known[0] * times)]
        shown = [significant(1 - end if rises(read.metric) else end) for end in ends]
        worse = "" if ends[1] == known[-1] else " or worse"
        told.append((len(keys), _height(1.0), shown[0]))
        told.append((len(keys), _height(0.0), shown[1] + worse))
    return [
        {
            "x": axis,
            "y": height,
            "text": value,
            "showarrow": False,
            "xanchor": "left",
            "xshift": 7,
            "borderpad": 1,
            "font": {"size": 11},
            "captureevents": False,
        }
        for axis, height, value in told
    ]


def _layout(names: Sequence[str]) -> dict[str, Any]:
    axes = len(names) - 1
    return {
        "height": HEIGHT,
        "xaxis": {
            "range": [-0.08, axes + 0.03],
            "tickvals": list(range(axes + 1)),
            "ticktext": [safe(name) for name in names],
            "side": "top",
            "showgrid": True,
            "gridwidth": theme.HAIR,
            "fixedrange": True,
        },
        "yaxis": {"range": [0, 1], "visible": False, "fixedrange": True},
        "margin": {"l": 24, "r": 84, "t": 28, "b": 8},
        "showlegend": False,
        "hovermode": "closest",
        "dragmode": False,
        "uirevision": "keep",
    }


def _templates() -> dict[theme.Scheme, dict[str, Any]]:
    def data(colour: dict[str, str]) -> dict[str, Any]:
        steps = [PALE + (1 - PALE) * i / (shades.STEPS - 1) for i in range(shades.STEPS)]
        return {
            "scatter": [
                *({"line": {"color": shades.shade(colour, step)}} for step in steps),
                {"line": {"color": colour["ink"]}, "marker": {"color": colour["ink"]}},
            ]
        }

    found = templates(data)
    for scheme, template in found.items():
        ground = {"bgcolor": theme.colours(scheme)["panel"]}
        template["layout"] = {**template["layout"], "annotationdefaults": ground}
    return found
