"""Other runs behind the displayed one: the loss and the LR of each, in its own colour. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from app.charts import theme
from app.charts.best import LOSS
from app.charts.curves import Curve
from app.charts.figures import curve_templates, trace
from app.charts.series import Line, on_loss_axis
from app.charts.thinning import corners, thinned
from trainer.config.recipe import Recipe

MOST = len(theme.BEHIND)  # more would need colours twice
FADED = {"mode": "lines", "opacity": 0.6, "connectgaps": True}


class Other(NamedTuple):
    """A run to draw behind another, with all its epochs; see `trainer.schedule.epoch.Epoch`.

    Attributes:
        place: of its colour, from 0.
        values: those of the metric.
    """

    run: int
    name: str
    place: int
    metric: str
    epochs: Sequence[int]
    values: Sequence[float | None]
    lrs: Sequence[float]
    last_lrs: Sequence[float]


def metric_of(recipe: Recipe, metrics: Mapping[str, Sequence[float | None]]) -> str:
    """The metric that is drawn of a run: the validation loss where it has one, else its monitor."""
    measured = any(value is not None for value in metrics.get(LOSS, ()))
    return LOSS if measured else recipe.monitor


def drawn(other: Other) -> dict[str, Any]:
    """What a page needs to draw a run behind another: its traces by key, their part of the template
    of each scheme, the label at the end of its curve, and the last epoch.
    """
    curves = _curves(other)
    traces = [trace(curve, line) for curve, line in curves]
    loss, _ = traces
    lrs = dict(zip(other.epochs, other.last_lrs, strict=True))
    loss["customdata"] = [lrs[int(epoch)] for epoch in loss["x"]]
    looks = curve_templates([curve for curve, _ in curves])
    return {
        "run": str(other.run),
        "name": other.name,
        "colour": theme.BEHIND[other.place],
        "traces": traces,
        "looks": {scheme: look["data"]["scatter"] for scheme, look in looks.items()},
        "ends": {curve.key: [curve.end, curve.colour] for curve, _ in curves},
        "epochs": max(other.epochs, default=0),
    }


def _curves(other: Other) -> list[tuple[Curve, Line]]:
    colour, name = theme.BEHIND[other.place], f"#{other.run}"
    losses = thinned(
        Line([*other.epochs], [on_loss_axis(other.metric, value) for value in other.values])
    )
    # Of a thinned curve the nearest epoch is shown, which may not be the one that is pointed at.
    epoch = " at %{x}" if len(losses.x) < len(other.epochs) else ""
    loss = {
        **FADED,
        "line": {"width": theme.THIN},
        "hovertemplate": f"%{{y:.3g}}{epoch}, LR %{{customdata:.3~g}}",
    }
    lr = {**FADED, "line": {"width": theme.THIN}, "yaxis": "y2", "hoverinfo": "skip"}
    return [
        (Curve(f"other:{other.run}", name, colour, loss, end=name), losses),
        (Curve(f"other-lr:{other.run}", name, colour, lr, end=name), _lr(other)),
    ]


def _lr(other: Other) -> Line:
    """The LR over each epoch, from half an epoch before its number to half an epoch after it."""
    line = Line([], [])
    for epoch, lr, last in zip(other.epochs, other.lrs, other.last_lrs, strict=True):
        line.x.extend((epoch - 0.5, epoch + 0.5))
        line.y.extend((lr, last))
    return thinned(corners(line))
