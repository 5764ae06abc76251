"""All that the page shows of a sweep, part by part, as plain JSON."""

from collections.abc import Mapping, Sequence
from typing import Any

from app.sweep import head, ranking
from app.sweep.address import Look
from app.sweep.heat import Axes, Made, default_axes, heat_map
from app.sweep.parallel import parallel
from app.sweep.tree import tree
from trainer.config.metrics import label as metric_label
from trainer.store.sweeps import Sweep
from trainer.sweep import summary
from trainer.sweep.reading import SEED, Read
from trainer.sweep.settings import Standing, Tried, choices, label, setting
from trainer.sweep.shown import Shown
from trainer.sweep.statement import statement

METRICS = ("val_loss", "val_accuracy", "train_loss")
PARALLEL_FROM = 3  # settings; fewer are seen at once in the heat map
BEST = "best"


def metric(sweep: Sweep, look: Look) -> str:
    """The metric that a look names, or the one by which the sweep ranks."""
    return look.metric if look.metric in METRICS else summary.metric(sweep)


def scene(
    sweep: Sweep,
    shown: Shown,
    look: Look,
    width: int | None,
    archived: bool,
    drawn: Mapping[str, Any] | None = None,
    made: Made | None = None,
) -> dict[str, Any]:
    """The parts of the page.

    Args:
        width: the pixels that there are for a picture; None as long as only head and map are drawn.
        archived: whether its cells are.
        drawn: the parts of a moment ago, of which all but the head and the map are kept.
        made: the cells of the map then.
    """
    read, settings, found = shown
    axes = _axes(read, look)
    colours = [BEST, *(key for key in read.keys if setting(key).kind in ("float", "int"))]
    by = look.tree if look.tree in colours else BEST
    parts = {
        "head": head.told(sweep, read.epochs, any(cell.goes_on for cell in read.cells), archived),
        "look": _look(read, axes, colours, by),
        "heat": heat_map(read, settings, found, axes, made)._asdict(),
    }
    if drawn or width is None:
        return {**(drawn or {}), **parts}
    return parts | {
        "tree": tree(read, width, by)._asdict(),
        "parallel": parallel(read, settings, found)._asdict()
        if len(read.keys) >= PARALLEL_FROM
        else None,
        "statement": statement(read, settings, found),
        "ranked": _ranked(read, settings, found),
    }


def _axes(read: Read, look: Look) -> Axes:
    """The axes that a look names; usual ones in place of those that cannot be."""
    known, usual = choices(read), default_axes(read)
    if look.y not in known:
        return usual
    x = look.x if look.x in known and look.x != look.y else None
    panels = look.by if look.by in known and look.by not in (look.y, x) else None
    return Axes(look.y, x, panels)


def _look(read: Read, axes: Axes, colours: Sequence[str], by: str) -> dict[str, Any]:
    """What the controls of the picture offer, and what is chosen."""
    keys = [[key, "Seed" if key == SEED else label(key)] for key in choices(read)]
    metrics = dict.fromkeys([*METRICS, read.metric])
    along = [["y", keys], ["x", [*keys, ["", "none"]]], ["by", [*keys, ["", "none"]]]]
    return {
        "chosen": {
            "metric": read.metric,
            "y": axes.y,
            "x": axes.x or "",
            "by": axes.panels or "",
            "tree": by,
        },
        "choices": [
            ["metric", [[name, metric_label(name)] for name in metrics]],
            *(along if keys else []),
            ["tree", [[key, "how good" if key == BEST else label(key)] for key in colours]],
        ],
    }


def _ranked(read: Read, settings: Sequence[Tried], found: Standing) -> dict[str, Any]:
    """The table of the settings: its columns, its rows by id, and their ids, the best first."""
    rows = ranking.rows(read, settings, found)
    # A rank is a place in the order: one that moves would change every row below it.
    own = {row["id"]: {k: v for k, v in row.items() if not k.startswith(RANKS)} for row in rows}
    columns = [[c["colId"], c["headerName"], c["headerTooltip"]] for c in ranking.definitions(read)]
    return {"columns": columns, "rows": own, "order": [row["id"] for row in rows]}


RANKS = ("rank", "mean-place")
