"""The cells of a heat map: shade, number, and what is told of each. Pure."""

import math
from collections.abc import Sequence
from typing import Any

from app.charts import shades
from trainer.compare.seeds import percent
from trainer.config.metrics import label as metric_label
from trainer.config.metrics import rises
from trainer.config.text import significant
from trainer.sweep.reading import Cell
from trainer.sweep.settings import Tried, words

SIGNS = {
    "diverged": ("\N{MULTIPLICATION X}", "diverged"),
    "failed": ("!", "failed"),
    "stopped": ("\N{BLACK SQUARE}", "stopped early"),
    "interrupted": ("\N{VERTICAL FOUR DOTS}", "interrupted"),
    "training": ("\N{HORIZONTAL ELLIPSIS}", "still trains"),
    "queued": ("\N{HORIZONTAL ELLIPSIS}", "still trains"),
}


def cost(metric: str, value: float | None) -> float | None:
    """What is the lower the better: the value, of a metric that rises 1 minus it."""
    return None if value is None else 1 - value if rises(metric) else value


def cell(
    metric: str,
    its: Tried,
    best: Tried | None,
    at: tuple[int, int, int],
    shade: int | None,
    mark: str,
) -> dict[str, Any]:
    """What is drawn of a setting and told of it.

    Args:
        at: its panel, its row and its column.
        shade: in per cent of the way from the worst colour to the best; None where nothing is
            measured: then `lost` says whether it has epochs all the same.
        mark: "best", "within" the noise of it, or empty.

    Returns:
        These, and its `runs`, the best first; its `number` and one of SIGNS; `ink`, their colour in
        the light and the dark scheme, by meaning; what is `told` of it, a line each.
    """
    lost = its.mean is None and its.reached
    has_sign = its.mean is not None or lost
    return {
        "at": at,
        "runs": [each.run for each in _first_best(its)],
        "shade": shade,
        "lost": lost,
        "ink": ["faint"] * 2 if shade is None else [*shades.ink(shade / 100).values()],
        "number": "" if its.mean is None else significant(its.mean),
        "sign": SIGNS[its.status][0] if has_sign and its.status in SIGNS else "",
        "mark": mark,
        "told": _told(metric, its, best),
    }


def _first_best(its: Tried) -> Sequence[Cell]:
    if len(its.cells) == 1:
        return its.cells
    return [its.best, *(each for each in its.cells if each is not its.best)]


def _told(metric: str, its: Tried, best: Tried | None) -> list[str]:
    """What is told of a cell, a line each."""
    told = [words(its.values)]
    if its.mean is not None:
        beside = "" if best is None or best is its else _beside(metric, its, best)
        at = "" if its.at is None else f", epoch {its.at}"
        told.append(f"{metric_label(metric)} {significant(its.mean)}{at}{beside}")
    if len(its.cells) > 1 and its.low is not None:
        count = sum(each.best is not None for each in its.cells)
        told.append(f"{count} seeds, from {significant(its.low)} to {significant(its.high)}")
    if its.status in SIGNS:
        told += _not_finished(its)
    told.append(", ".join(f"#{run}" for run in its.runs[:8]) + (", …" if its.runs[8:] else ""))
    return told


def _beside(metric: str, its: Tried, best: Tried) -> str:
    costs = [cost(metric, each.mean) for each in (its, best)]
    if not costs[0] or not costs[1] or min(costs[0], costs[1]) <= 0:
        return ""
    times = costs[0] / costs[1]
    if times >= 2:
        return f", {float(f'{times:.2g}'):,g} times the best"
    return f", {percent(math.log(times), signed=True)} to the best"


def _not_finished(its: Tried) -> list[str]:
    own = [each for each in its.cells if each.status == its.status]
    epochs = sorted({each.epoch for each in own})
    span = f"{epochs[0]}" if len(epochs) == 1 else f"{epochs[0]} to {epochs[-1]}"
    which = "" if len(its.cells) == 1 else f" {len(own)} of {len(its.cells)},"
    word = its.status if its.status != "queued" else "waiting"
    told = [f"{word},{which} after epoch {span} of {own[0].epochs}"]
    if own[0].reason and its.status in ("stopped", "failed"):
        told.append(own[0].reason)
    return told
