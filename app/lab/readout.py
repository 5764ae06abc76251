"""Turns a run and its last epochs into every text next to the charts. Pure."""

import math
from collections.abc import Sequence
from typing import Any

from app import ids
from trainer.config.metrics import label
from trainer.config.text import epochs_text, lr_text, significant
from trainer.engine.environment import difference
from trainer.schedule.epoch import Epoch
from trainer.schedule.interventions import consequence
from trainer.store.rows import Run
from trainer.verdict.guessing import LEAST_EPOCHS, at_chance

STATUS_WORDS = {
    "queued": "waiting",
    "training": "training",
    "finished": "finished",
    "stopped": "stopped",
    "diverged": "diverged",
    "failed": "failed",
    "interrupted": "interrupted",
}
CARDS = {
    "lr": "Learning rate",
    "val": "Validation loss",
    "train": "Train loss",
    "accuracy": "Accuracy",
}
CHANCE_EPOCHS = LEAST_EPOCHS  # the last epochs that the state of a run is told from


# What the page shows next to the charts: texts by the id of their element, and also `percent` (0 to
# 100), `status` (a state and its word), `live`, `paused`, `strip` (a state) and `meter` (bad epochs
# and patience).
Readout = dict[str, Any]

NO_CARDS = {
    **{ids.card(name, "value"): "–" for name in CARDS},
    **{ids.card(name, "small"): "" for name in ("lr", "val", "train")},
}


def state(run: Run | None, last: Sequence[Epoch], trouble: str | None = None) -> Readout:
    """A run's state: what does not change with each batch or, usually, with each epoch.

    Args:
        run: the displayed run, None before the first.
        last: its last epochs, oldest first, at least CHANCE_EPOCHS if it has them.
        trouble: why nothing is trained or recorded now.
    """
    if run is None:
        return {
            "status": ["ready", "ready"],
            "live": False,
            "paused": False,
            "strip": "none",
            ids.NOTICE: trouble or "",
            ids.HINT: "",
            ids.card("accuracy", "small"): "",
            ids.schedule("heading"): "The schedule",
        }
    return {
        "status": ["paused", "paused"] if run.paused else [run.status, STATUS_WORDS[run.status]],
        "live": not run.over,
        "paused": run.paused,
        "strip": _strip(run),
        ids.NOTICE: " ".join(filter(None, (trouble, _notice(run, last)))),
        ids.HINT: _hint(run),
        ids.card("accuracy", "small"): f"validation, {run.started.val:,} images"
        if run.started
        else "",
        ids.schedule("heading"): _heading(run, last[-1] if last else None),
    }


def unreadable(reason: str) -> Readout:
    """What the page shows for a run that cannot be read."""
    return {
        "status": ["unreadable", "unreadable"],
        ids.NOTICE: reason,
        ids.PROGRESS_LEFT: "This run cannot be read.",
    }


def after_epoch(run: Run | None, last: Sequence[Epoch], best: Epoch | None) -> Readout:
    """What changes at an epoch's end; `best` is the epoch with the lowest validation loss."""
    row = last[-1] if last else None
    return {
        **(_cards(run, row, best) if run and row else NO_CARDS),
        **_schedule(run, row),
    }


def _strip(run: Run) -> str:
    """Which controls apply: those of a run that trains, that can be resumed, or that is over."""
    if run.config is None or run.status == "queued":
        return "none"
    if not run.over:
        return "live"
    return "resumable" if run.resumable else "over"


def _hint(run: Run) -> str:
    """How the schedule responds to an intervention, or what can be done with a run that is over."""
    if run.config is None or run.status == "queued":
        return ""
    if not run.over:
        return consequence(run.recipe, "lr", run.epoch)
    if run.resumable:
        return "Resume continues exactly where it stopped; Fork tries other settings from an epoch."
    return "To continue from any epoch with other settings, select the epoch, then Fork."


def _cards(run: Run, row: Epoch, best: Epoch | None) -> Readout:
    def number(name: str, value: float | None, small: str) -> Readout:
        text = significant(value) if value is not None else "–"
        return {ids.card(name, "value"): text, ids.card(name, "small"): small}

    lr = row.decision.next_lr if row.decision and not run.over else row.lr
    ratio = run.recipe.lr / lr if lr else math.inf
    if ratio == 1:
        since = "as set"
    elif ratio < 10:
        since = f"{100 / ratio:.3g} % of the initial LR"
    else:
        since = f"÷{lr_text(ratio)} since the start" if ratio < math.inf else "zero"
    metrics, best_loss = row.metrics, best.metrics.get("val_loss") if best else None
    loss, accuracy = metrics.get("train_loss"), metrics.get("val_accuracy")
    return {
        ids.card("lr", "value"): lr_text(lr),
        ids.card("lr", "small"): since,
        **number(
            "val",
            metrics.get("val_loss"),
            f"best {significant(best_loss)}, epoch {best.epoch}" if best else "",
        ),
        **number("train", loss, f"mean over epoch {row.epoch}" if loss is not None else ""),
        ids.card("accuracy", "value"): f"{100 * accuracy:.1f} %" if accuracy is not None else "–",
    }


def _heading(run: Run, row: Epoch | None) -> str:
    if row and row.decision and row.decision.plateau:
        return "The schedule had counted" if run.over else "The schedule is counting"
    name = run.recipe.schedule.name
    return "Constant learning rate" if name == "none" else name


def _schedule(run: Run | None, row: Epoch | None) -> Readout:
    """What the schedule is doing; for the plateau rule, the patience meter and the level."""

    def panel(
        sentence: str, value: str = "", cooldown: str = "", bad: int = 0, patience: int = 0
    ) -> Readout:
        return {
            ids.schedule("value"): value,
            ids.schedule("cooldown"): cooldown,
            ids.schedule("sentence"): sentence,
            "meter": [bad, patience],
        }

    if run is None or row is None or row.decision is None:
        return panel("Each epoch's decision and its reason will appear here.")
    decision = row.decision
    seen = decision.plateau
    if seen is None:
        return panel(decision.sentence)
    better = "rise above" if run.recipe.mode == "max" else "fall below"
    watched = label(seen.monitor)
    if run.over:
        left = seen.cooldown_left + seen.patience - seen.bad_epochs + 1
        sentence = f"The next cut would have come after {epochs_text(left, 'more bad epoch')}."
    elif seen.next_level is None:
        sentence = f"Any {watched} will be the first best."
    else:
        earliest = row.epoch + seen.cooldown_left + seen.patience - seen.bad_epochs + 1
        cut = max(decision.next_lr * seen.factor, seen.min_lr)
        then = (
            f"the LR is cut to {lr_text(cut)}"
            if decision.next_lr - cut > seen.eps
            else "a cut is attempted without effect"
        )
        when = (
            f"after epoch {earliest}"
            if earliest <= run.epochs
            else f"after epoch {earliest}, past the end of this run"
        )
        sentence = (
            f"To keep {lr_text(decision.next_lr)}, {watched} must {better} "
            f"{significant(seen.next_level)}. If it never does, {then} {when}."
        )
    return panel(
        sentence,
        f"{seen.bad_epochs} of {epochs_text(seen.patience, 'bad epoch')}",
        f"cooldown: {seen.cooldown_left} left" if seen.cooldown_left else "",
        seen.bad_epochs,
        seen.patience,
    )


def _notice(run: Run, last: Sequence[Epoch]) -> str:
    """What the user should know: why the run ended early, or that it is not learning."""
    if run.reason or run.warning:
        return run.reason or run.warning or ""
    if run.resumable and run.started and (differs := difference(run.started)):
        return differs
    return at_chance(run.started.classes if run.started else 0, last) or ""
