"""Two settings against each other, a replay in each cell: where it first differs, how it cuts."""

import math
from typing import Any

from trainer import settings
from trainer.comparison import monitored
from trainer.config import RunConfig
from trainer.rows import Epoch
from trainer.settings import Setting

SIDE = 20  # values of a setting
MEASURES = {"first": "first difference", "cuts": "cuts"}


def axes(config: RunConfig) -> list[Setting]:
    """The settings of a schedule that can be an axis: its numbers, and the warm-up."""
    own = settings.chosen(settings.from_config(config))
    return [
        s
        for s in own
        if s.kind in ("int", "float") and s.slider and (s.group == "schedule" or s.key == "warmup")
    ]


def default_axes(config: RunConfig) -> tuple[str, str]:
    """Patience against factor where there are such; else the schedule's first two numbers."""
    keys = [s.key for s in axes(config)]
    if {"patience", "factor"} <= set(keys):
        return "patience", "factor"
    return keys[0], keys[1] if len(keys) > 1 else keys[0]


def values(setting: Setting, current: float) -> list[float]:
    """At most SIDE values over the setting's slider, the current one among them."""
    assert setting.slider is not None
    low, high = setting.slider
    if setting.scale == "log":
        low, high = math.log10(low), math.log10(high)
    spread = [low + (high - low) * i / (SIDE - 1) for i in range(SIDE)]
    if setting.scale == "log":
        spread = [10**exponent for exponent in spread]
    made = {round(v) if setting.kind == "int" else float(f"{v:.2g}") for v in spread}
    if current not in made:
        made -= {min(made, key=lambda v: abs(v - current))}
    return sorted(made | {current})


def shown(
    happened: RunConfig, rows: list[Epoch], batches: int, other: RunConfig, x: str, y: str
) -> dict[str, Any]:
    """The map's labels and cells, ready to draw and to click.

    Args:
        happened: the config of the recorded run.
        rows: its epochs.
        batches: batches in an epoch.
        other: the config whose two settings are varied.
        x, y: their keys.
    """
    from trainer.what_if import cut_map

    of = {s.key: s for s in axes(other)}
    now, was = settings.from_config(other), settings.from_config(happened)
    along = {key: values(of[key], now[key]) for key in (x, y)}
    cells = cut_map(
        happened,
        rows,
        monitored(other, rows),
        other,
        batches,
        (x, along[x]),
        (y, along[y]),
    )
    texts = {key: [of[key].text(v) for v in along[key]] for key in along}
    same_schedule = other.schedule.name == happened.schedule.name
    return {
        "x": texts[x],
        "y": texts[y],
        "labels": [of[x].label, of[y].label],
        "owners": [of[x].owner or "", of[y].owner or ""],
        "keys": [x, y],
        "first": cells.first,
        "cuts": cells.cuts,
        "epochs": rows[-1].epoch if rows else 0,
        "now": [of[x].text(now[x]), of[y].text(now[y])],
        "was": [of[x].text(was[x]), of[y].text(was[y])] if same_schedule else None,
    }
