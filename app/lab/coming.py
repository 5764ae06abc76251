"""The LR ahead of the displayed run, with what was asked for in a pause and is not made yet."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from app.charts.series import Mark, done_text
from app.lab.received import done_by, token_of
from trainer.config.text import lr_text
from trainer.schedule.interventions import Intervention
from trainer.store.lineage import prefix, stretches
from trainer.store.run import Run
from trainer.store.store import Store

if TYPE_CHECKING:
    from trainer.replay.ahead import Ahead


def of(store: Store, run: Run) -> dict[str, Any]:
    """What is ahead of a run that trains or can be resumed: the LR as curves, and the epoch after
    which it can be cut first; what is pending, in a sentence and as marks, and the LR that it
    makes; and a checksum of it.
    """
    pending = _pending(store, run)
    planned, found = _ahead(store, run, pending)
    now = run.epoch + 0.5 + run.inside
    before, after = lr_at(planned.low, now), lr_at(found.low, now)
    words, next_lr, becomes = ", ".join(_asked(asked) for asked in pending), "", ""
    if pending and before is not None and after is not None and before != after:
        next_lr = lr_text(after)
        becomes = f": LR {lr_text(before)} → {next_lr}"
    coming = {
        **curves(found),
        "cut": found.first_cut,
        "pending": f"{words}, when it continues{becomes}." if pending else "",
        "next": next_lr,
        "marks": [Mark(now, after, "pending", f"{words}, pending")] if pending else [],
    }
    return {**coming, "token": token_of(coming)}


def curves(ahead: "Ahead") -> dict[str, list[list[float]]]:
    """What is ahead as the browser draws it: each curve as its xs and its LRs."""
    return {
        "low": [[x for x, _ in ahead.low], [lr for _, lr in ahead.low]],
        "high": [[x for x, _ in ahead.high or ()], [lr for _, lr in ahead.high or ()]],
    }


def _ahead(store: Store, run: Run, pending: list[Intervention]) -> "tuple[Ahead, Ahead]":
    """What is ahead of a run as it is, and with what is pending."""
    from trainer.replay.ahead import NOTHING, ahead
    from trainer.replay.ahead import planned as planned_of
    from trainer.replay.walk import inherit

    if run.over and not run.resumable:
        return NOTHING, NOTHING
    if run.config is None and not _is_known(run):
        return NOTHING, NOTHING
    # Without those that a resumed run is to train again.
    done = done_by(run, store.epochs(run.id, run.epoch - 1)) or prefix(store, run.id)
    last, past = done[-1] if done else None, stretches(store, run.id)
    if run.parent and run.started is None and done:  # a fork that is still to start
        inherited = inherit(stretches(store, run.parent), done, run.batches)
        planned = planned_of(run.recipe, run.batches, inherited)
    else:
        planned = ahead(past, last, run.batches, run.epochs)
    if not pending:
        return planned, planned
    added = sum(int(asked.value or 0) for asked in pending if asked.name == "epochs")
    past[-1] = replace(past[-1], interventions=[*past[-1].interventions, *pending])
    return planned, ahead(past, last, run.batches, run.epochs + added)


def _is_known(run: Run) -> bool:
    """Whether what is ahead of a run that trains elsewhere follows from what is known of it."""
    known = run.elsewhere
    if known is None or known.grows or "schedule" in run.stand_ins:
        return False
    return not known.late or run.recipe.schedule.traits.watches_monitor


def _asked(asked: Intervention) -> str:
    """What was asked for; the factor of a cut is known when it is made."""
    return "cut" if asked.name == "cut" else done_text(asked, 1.0, 1.0)


def _pending(store: Store, run: Run) -> list[Intervention]:
    return [
        Intervention(run.epoch + 1, round(run.inside * run.batches), asked.name, asked.value)  # type: ignore[arg-type]
        for asked in store.pending(run)
    ]


def lr_at(curve: Sequence[tuple[float, float]], x: float) -> float | None:
    """The LR of a curve at a place on the epoch axis: after a step that lies there."""
    before = [lr for at, lr in curve if at <= x + 1e-9]
    return before[-1] if before else curve[0][1] if curve else None
