"""The LR ahead of the displayed run, with what was asked for in a pause and is not made yet."""

import json
import zlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from app.charts.series import Mark, done_text
from trainer.config.text import lr_text
from trainer.schedule.interventions import Intervention
from trainer.store.lineage import prefix, stretches
from trainer.store.rows import Run
from trainer.store.store import Store


def of(store: Store, run: Run) -> dict[str, Any]:
    """What is ahead of a run that trains or can be resumed: the LR as curves, and the epoch after
    which it can be cut first; what is pending, in a sentence and as marks, and the LR
    that it makes; and a checksum of it.
    """
    from trainer.replay.ahead import NOTHING, ahead
    from trainer.replay.ahead import planned as planned_of
    from trainer.replay.walk import inherit

    found, pending, sentence, marks = NOTHING, _pending(store, run), "", []
    next_lr = ""
    if run.config is not None and (not run.over or run.resumable):
        # Not those that a resumed run is to train again.
        own = [row for row in store.epochs(run.id, run.epoch - 1) if row.epoch <= run.epoch]
        done = own or prefix(store, run.id)
        last = done[-1] if done else None
        past = stretches(store, run.id)
        added = sum(int(asked.value or 0) for asked in pending if asked.name == "epochs")
        if run.parent and run.started is None and done:  # a fork that is still to start
            inherited = inherit(stretches(store, run.parent), done, run.batches)
            planned = planned_of(run.recipe, run.batches, inherited)
        else:
            planned = ahead(past, last, run.batches, run.epochs)
        past[-1] = replace(past[-1], interventions=[*past[-1].interventions, *pending])
        found = ahead(past, last, run.batches, run.epochs + added) if pending else planned
        now = run.epoch + 0.5 + run.batch / run.batches
        before, after = lr_at(planned.low, now), lr_at(found.low, now)
        if pending:
            words = ", ".join(_asked(asked) for asked in pending)
            sentence = f"{words}, when it continues."
            if before is not None and after is not None and before != after:
                next_lr = lr_text(after)
                sentence = f"{words}, when it continues: LR {lr_text(before)} → {next_lr}."
            marks = [Mark(now, after, "pending", f"{words}, pending")]
    coming = {
        "low": _columns(found.low),
        "high": found.high and _columns(found.high),
        "cut": found.first_cut,
        "pending": sentence,
        "next": next_lr,
        "marks": marks,
    }
    return {**coming, "token": zlib.crc32(json.dumps(coming).encode())}


def _asked(asked: Intervention) -> str:
    """What was asked for; the factor of a cut is known when it is made."""
    return "cut" if asked.name == "cut" else done_text(asked, 1.0, 1.0)


def _pending(store: Store, run: Run) -> list[Intervention]:
    return [
        Intervention(run.epoch + 1, run.batch, asked.name, asked.value)  # type: ignore[arg-type]
        for asked in store.pending(run)
    ]


def lr_at(curve: Sequence[tuple[float, float]], x: float) -> float | None:
    """The LR of a curve at a place on the epoch axis: after a step that lies there."""
    before = [lr for at, lr in curve if at <= x + 1e-9]
    return before[-1] if before else curve[0][1] if curve else None


def _columns(points: Sequence[tuple[float, float]]) -> list[list[float]]:
    return [[x for x, _ in points], [lr for _, lr in points]]
