"""The numbers and sentences of an exported page, as JSON that a script tag can hold."""

import base64
import json
import math
import struct
from collections.abc import Mapping, Sequence
from typing import Any

from app.charts import theme
from app.picture import what_if
from app.picture.drawn import Drawn
from app.picture.panes import Panes
from trainer.config.metrics import label
from trainer.config.text import significant
from trainer.schedule.epoch import monitored
from trainer.store.store import Store

# Of the kinds of events: in an epoch without others nothing happened but that it was counted.
USUAL = {
    "waiting", "kept", "cooldown", "improved", "no effect", "lowered", "raised", "warm-up",
}  # fmt: skip


def metrics_of(runs: Sequence[Drawn]) -> list[str]:
    """The names of the runs' metrics, each once."""
    return list(dict.fromkeys(name for one in runs for row in one.rows for name in row.metrics))


def of(
    store: Store, runs: Sequence[Drawn], pictures: Sequence[Panes], names: Sequence[str], all: bool
) -> dict[str, Any]:
    """All that the page's scripts need.

    Args:
        pictures: where the parts of its pictures lie.
        names: the metrics that are shown of an epoch.
        all: whether epochs in which nothing happened have a sentence.
    """
    return {
        "metrics": [label(name) for name in names],
        "pictures": [{**panes.geometry(), "head": panes.lr_head} for panes in pictures],
        "runs": [_run(store, one, i, names, all) for i, one in enumerate(runs)],
    }


def _run(store: Store, one: Drawn, i: int, names: Sequence[str], all: bool) -> dict[str, Any]:
    replayed, why = what_if.of(store, one)
    return {
        "id": one.run.id,
        "colour": theme.of_run(i),
        "values": _bits(monitored(one.run.recipe.monitor, one.rows)),
        "monitor": label(one.run.recipe.monitor),
        "lrs": _lrs(one),
        "metrics": {
            label(name): [_text(row.metrics, name) for row in one.rows]
            for name in names
            if name != one.run.recipe.monitor  # its texts are made of `values`
        },
        "events": [event for event in one.events if all or event.kind not in USUAL],
        "cuts": [r.epoch for r in one.rows if r.decision and r.decision.kind == "cut"],
        "what_if": replayed,
        "why": why,
    }


def _bits(values: Sequence[float | None]) -> str:
    """Numbers with all their bits in few letters: little-endian doubles in base64; None is NaN."""
    found = [math.nan if value is None else value for value in values]
    return base64.b64encode(struct.pack(f"<{len(found)}d", *found)).decode()


def _text(metrics: Mapping[str, float | None], name: str) -> str:
    return significant(metrics[name]) if name in metrics else ""


def _lrs(one: Drawn) -> list[tuple[int, float, float]]:
    """The first and the last LR of each epoch, where they change."""
    found: list[tuple[int, float, float]] = []
    for row in one.rows:
        if not found or found[-1][1:] != (row.lr, row.lr_last):
            found.append((row.epoch, row.lr, row.lr_last))
    return found


def script(content: Mapping[str, Any]) -> str:
    """JSON that no name in it can end or comment out: a script tag ends at `</script`."""
    told = json.dumps(content, allow_nan=False, separators=(",", ":"), ensure_ascii=False)
    return told.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
