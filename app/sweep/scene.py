"""All that the page shows of a sweep, part by part, as plain JSON."""

from typing import Any

from app.sweep import head
from app.sweep.address import Look
from app.sweep.heat import Axes, choices, default_axes, heat_map
from app.sweep.reading import Read
from app.sweep.settings import label, standing, tried
from trainer.config.metrics import label as metric_label
from trainer.store.sweeps import Epochs, Sweep

METRICS = ("val_loss", "val_accuracy", "train_loss")


def metric(sweep: Sweep, look: Look) -> str:
    """The metric that a look names, or the one that the sweep's schedules watch."""
    return look.metric if look.metric in METRICS else sweep.config.monitor


def scene(sweep: Sweep, epochs: Epochs, read: Read, look: Look, width: int) -> dict[str, Any]:
    """The parts of the page.

    Args:
        width: the pixels that there are for the heat map.
    """
    axes = _axes(read, look)
    settings = tried(read)
    found = standing(settings, read.metric)
    drawn = heat_map(read, settings, found, axes, width)
    return {
        "head": head.told(sweep, epochs),
        "look": _look(read, axes),
        "heat": drawn._asdict(),
    }


def _axes(read: Read, look: Look) -> Axes:
    """The axes that a look names; usual ones in place of those that cannot be."""
    known, usual = choices(read), default_axes(read)
    if look.y not in known:
        return usual
    x = look.x if look.x in known and look.x != look.y else None
    panels = look.by if look.by in known and look.by not in (look.y, x) else None
    return Axes(look.y, x, panels)


def _look(read: Read, axes: Axes) -> dict[str, Any]:
    """What the controls of the picture offer, and what is chosen."""
    keys = [[key, label(key)] for key in choices(read)]
    metrics = dict.fromkeys([*METRICS, read.metric])
    return {
        "chosen": {
            "metric": read.metric, "y": axes.y, "x": axes.x or "", "by": axes.panels or ""
        },
        "choices": [
            ["metric", [[name, metric_label(name)] for name in metrics]],
            ["y", keys],
            ["x", [*keys, ["", "none"]]],
            ["by", [*keys, ["", "none"]]],
        ],
    }  # fmt: skip
