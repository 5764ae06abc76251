"""A run as the texts and points of its cells."""

import json
import math
import zlib
from collections.abc import Sequence
from typing import Any

from app import run_names
from trainer.config.table import Setting, chosen, from_config
from trainer.config.text import lr_text, significant
from trainer.store.listing import runs_of
from trainer.store.rows import Unreadable
from trainer.store.run import Run
from trainer.store.sparklines import Sparkline, sparklines
from trainer.store.store import Store
from trainer.store.table import Result, results

HIGH = 100  # of a curve, in its own units


def rows(store: Store, ids: Sequence[int]) -> list[dict[str, Any]]:
    """The rows of these runs. What is read is read of all of them at once."""
    runs = runs_of(store, ids)
    readable = [run for run in runs if isinstance(run, Run)]
    found = results(store, {run.id: run.recipe.monitor for run in readable})
    curves = sparklines(store, {run.id: run.ranked_by for run in readable})
    made = []
    for run in runs:
        row = _row(run, found, curves) if isinstance(run, Run) else _unreadable(run)
        made.append({**row, "version": zlib.crc32(json.dumps(row).encode())})
    return made


def setting_text(setting: Setting, value: Any) -> str:
    """A setting's value, a number with three digits."""
    if setting.kind == "float":
        return lr_text(value)
    return setting.shown(value)


def _row(run: Run, found: dict[int, Result], curves: dict[int, Sparkline]) -> dict[str, Any]:
    values, own = run.settings, from_config(run.recipe)
    settings = {
        s.key: setting_text(s, values[s.key])
        for s in chosen(own, type(run.recipe))
        if s.key in values
    }
    result, seconds = found[run.id], run.elapsed
    return {
        **settings,
        "epochs": str(run.epochs),
        "id": run.id,
        "name": run.name or "",
        "called": run_names.default_name(run),
        "starred": run.starred,
        "status": run_names.status(run),
        "source": run.source,
        "schedule": run_names.schedule(run),
        "best": _text(result.best),
        "last": _text(result.last),
        "test-accuracy": "" if run.test_accuracy is None else f"{run.test_accuracy:.2%}",
        "epoch": run.done,
        "seconds": ""
        if seconds is None
        else f"{seconds:.1f}"
        if seconds < 100
        else f"{seconds:.0f}",
        "began": run.began,
        "curve": _curve(curves[run.id]),
        "parent": run.parent,
        "sweep": run.sweep,
        "tags": ", ".join(run.tags),
        "note": run.note or "",
        "archived": run.archived,
    }


def _unreadable(run: Unreadable) -> dict[str, Any]:
    return {
        "id": run.id,
        "name": "",
        "called": run.reason,
        "status": ["unreadable", "unreadable"],
        "unreadable": True,
    }


def _text(value: float | None) -> str:
    return "" if value is None else significant(value)


def _curve(line: Sparkline) -> dict[str, list[int | None]] | None:
    if len(line.lr) < 2:
        return None
    return {"loss": scaled(line.metric), "lr": scaled(line.lr)}


def scaled(values: Sequence[float | None]) -> list[int | None]:
    """Values from 0, the lowest, to HIGH, by their logarithms if all are positive; all the same are
    in the middle.
    """
    known = [value for value in values if value is not None]
    if known and min(known) > 0:
        values = [None if value is None else math.log(value) for value in values]
        known = [value for value in values if value is not None]
    low, high = min(known, default=0.0), max(known, default=0.0)
    if not high - low > 1e-9:
        return [None if value is None else HIGH // 2 for value in values]
    return [None if v is None else round(HIGH * (v - low) / (high - low)) for v in values]
