"""A run and its last epoch -> every text of the page beside the charts. Pure."""

import math
import time
from collections.abc import Sequence
from typing import Any

from app import ids
from trainer.config.run import RunConfig
from trainer.config.table import SETTINGS
from trainer.config.text import epochs_text, lr_text, significant
from trainer.engine.environment import difference
from trainer.schedule.interventions import consequence
from trainer.store.rows import Epoch, Run

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
WORDS = {s.name: s.words for s in SETTINGS if s.owner is None}
# A run whose train loss has stayed this close to that of guessing has learned nothing.
CHANCE_SHARE = 0.98
CHANCE_EPOCHS = 3


def title(run: Run) -> str:
    """A run in a few words: CNN · digits · Adam 0.01 · ReduceLROnPlateau, or where it is from."""
    config = run.config
    if run.source:
        return f"{run.source} · imported"
    schedule = config.schedule.traits.title or config.schedule.name
    words = [
        WORDS["model"][config.model],
        WORDS["dataset"][config.dataset].split(" (")[0],
        f"{config.optimizer.name} {lr_text(config.lr)}",
        schedule,
    ]
    if run.parent:
        words.insert(0, f"fork of {run.parent} after {run.parent_epoch}")
    return " · ".join(words)


# What a readout says, by place: a text by the id of its element, and beside the texts `percent`
# (0 to 100), `status` (a state and its word), `live`, `paused`, `strip` (a state) and `meter`
# (bad epochs and patience).
Readout = dict[str, Any]

NO_CARDS = {
    **{ids.card(name, "value"): "–" for name in CARDS},
    **{ids.card(name, "small"): "" for name in ("lr", "val", "train")},
}


def progress(run: Run | None) -> Readout:
    """What moves with every batch; None before any run."""
    left, right = ids.PROGRESS_LEFT, ids.PROGRESS_RIGHT
    if run is None:
        return {"percent": 0, left: "Choose a learning rate and press Start.", right: ""}
    return {
        "percent": round(100 * _done(run), 1),
        left: _left(run),
        right: _right(run, time.time()),
    }


def standing(run: Run | None, last: Sequence[Epoch]) -> Readout:
    """What stands while a run trains undisturbed.

    Args:
        run: the run on show, None before the first.
        last: its last epochs, oldest first, at least CHANCE_EPOCHS of them where there are.
    """
    if run is None:
        return {
            "status": ["ready", "ready"],
            "live": False,
            "paused": False,
            "strip": "none",
            ids.NOTICE: "",
            ids.FORETOLD: "",
            ids.card("accuracy", "small"): "",
            ids.schedule("heading"): "The schedule",
        }
    return {
        "status": ["paused", "paused"] if run.paused else [run.status, STATUS_WORDS[run.status]],
        "live": not run.over,
        "paused": run.paused,
        "strip": _strip(run),
        ids.NOTICE: _notice(run, last),
        ids.FORETOLD: _foretold(run),
        ids.card("accuracy", "small"): f"validation, {run.started.val:,} images"
        if run.started
        else "",
        ids.schedule("heading"): _heading(run, last[-1] if last else None),
    }


def judged(run: Run | None, last: Sequence[Epoch], best: Epoch | None) -> Readout:
    """What an epoch's end brings; `best` is the one with the lowest validation loss."""
    row = last[-1] if last else None
    return {
        **(_cards(run, row, best) if run and row else NO_CARDS),
        **_schedule(run, row),
    }


def _strip(run: Run) -> str:
    """Which controls are of use: those of a run that trains, that can be resumed, or neither."""
    if run.source or run.status == "queued":
        return "none"
    if not run.over:
        return "live"
    return "resumable" if run.resumable else "over"


def _foretold(run: Run) -> str:
    """What becomes of a change by hand, or what can be done with a run that is over."""
    if run.source or run.status == "queued":
        return ""
    if not run.over:
        return consequence(run.config, "lr", run.epoch)
    if run.resumable:
        return "Resume goes on exactly where it was; a fork tries something else from an epoch."
    return "A fork goes on from any epoch with other settings: point at one, then Fork."


def _done(run: Run) -> float:
    """The share of the run's batches that are done."""
    inside = run.batch / run.started.batches if run.started else 0.0
    return min((run.epoch + inside) / run.epochs, 1.0)


def _left(run: Run) -> str:
    if run.status == "queued":
        return "Waits for its turn."
    if run.source:
        return f"{epochs_text(run.epoch)} of {run.source}; nothing was trained here."
    if run.started is None and run.status == "stopped":
        return "Stopped before it began."
    if run.started is None:
        return "" if run.over else (run.activity or "Getting ready.").capitalize()
    at = f"epoch {run.epoch} of {run.epochs}"
    if run.batch and not run.over:
        at += f" · batch {run.batch:,} of {run.started.batches:,}"
    return at


def _right(run: Run, now: float) -> str:
    if run.began is None or run.started is None:
        return ""
    elapsed = (run.ended or now) - run.began
    if run.over:
        tested = (
            f" · test accuracy {100 * run.test_accuracy:.1f} %"
            if run.test_accuracy is not None
            else ""
        )
        return f"{duration(elapsed)} in all{tested}"
    done = _done(run)
    if done == 0:
        return f"{duration(elapsed)} elapsed"
    return f"{duration(elapsed)} elapsed · {duration(elapsed * (1 - done) / done)} left"


def duration(seconds: float) -> str:
    """4.8 s, 2 min 05 s, 1 h 03 min."""
    if seconds < 10:
        return f"{max(seconds, 0):.1f} s"
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def _cards(run: Run, row: Epoch, best: Epoch | None) -> Readout:
    def number(name: str, value: float | None, small: str) -> Readout:
        shown = significant(value) if value is not None else "–"
        return {ids.card(name, "value"): shown, ids.card(name, "small"): small}

    lr = row.decision.next_lr if row.decision and not run.over else row.lr
    ratio = run.config.lr / lr if lr else math.inf
    if ratio == 1:
        since = "as set"
    elif ratio < 10:
        since = f"{100 / ratio:.3g} % of the LR set"
    else:
        since = f"÷{lr_text(ratio)} since the start" if ratio < math.inf else "zero"
    accuracy = f"{100 * row.val_accuracy:.1f} %" if row.val_accuracy is not None else "–"
    return {
        ids.card("lr", "value"): lr_text(lr),
        ids.card("lr", "small"): since,
        **number(
            "val",
            row.val_loss,
            f"best {significant(best.val_loss)}, epoch {best.epoch}" if best else "",
        ),
        **number(
            "train",
            row.train_loss,
            f"mean over epoch {row.epoch}" if row.train_loss is not None else "",
        ),
        ids.card("accuracy", "value"): accuracy,
    }


def _heading(run: Run, row: Epoch | None) -> str:
    if row and row.decision and row.decision.plateau:
        return "The schedule had counted" if run.over else "The schedule is counting"
    name = run.config.schedule.name
    return "Constant learning rate" if name == "none" else name


def _schedule(run: Run | None, row: Epoch | None) -> Readout:
    """What the schedule is doing: for the plateau rule the patience meter and what must happen."""

    def says(
        sentence: str, value: str = "", cooldown: str = "", bad: int = 0, of: int = 0
    ) -> Readout:
        return {
            ids.schedule("value"): value,
            ids.schedule("cooldown"): cooldown,
            ids.schedule("sentence"): sentence,
            "meter": [bad, of],
        }

    if run is None or row is None or row.decision is None:
        return says("It says here, epoch by epoch, what it does and why.")
    decision = row.decision
    seen = decision.plateau
    if seen is None:
        return says(decision.sentence)
    config = run.config
    better = "rise above" if config.mode == "max" else "fall below"
    watched = WORDS["monitor"][seen.monitor]
    if run.over:
        held = f"To hold {lr_text(decision.next_lr)}, {watched} would have had to {better} "
        sentence = held + f"{significant(seen.next_level)}." if seen.next_level else "No best yet."
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
            f"To hold {lr_text(decision.next_lr)}, {watched} must {better} "
            f"{significant(seen.next_level)}. If it never does, {then} {when}."
        )
    return says(
        sentence,
        f"{seen.bad_epochs} of {epochs_text(seen.patience, 'bad epoch')}",
        f"cooldown: {seen.cooldown_left} left" if seen.cooldown_left else "",
        seen.bad_epochs,
        seen.patience,
    )


def _notice(run: Run, last: Sequence[Epoch]) -> str:
    """What a person should know: why the run ended early, or that it learns nothing."""
    if run.reason or run.warning:
        return run.reason or run.warning or ""
    if run.resumable and run.started and (differs := difference(run.started)):
        return differs
    return at_chance(run.config, run.started.classes if run.started else 0, last) or ""


def at_chance(config: RunConfig, classes: int, last: Sequence[Epoch]) -> str | None:
    """A sentence where the last epochs' train loss is that of guessing, ln(classes); else None."""
    recent = [row.train_loss for row in last[-CHANCE_EPOCHS:]]
    if classes < 2 or len(recent) < CHANCE_EPOCHS:
        return None
    chance = math.log(classes)
    if not all(loss is not None and loss > CHANCE_SHARE * chance for loss in recent):
        return None
    lr = config.lr
    advice = (
        f"The learning rate {lr_text(lr)} is likely too high for {config.optimizer.name}: "
        f"try {lr_text(lr / 10)}, or a warm-up of a few epochs."
        if lr >= 0.02
        else f"Try ten times the learning rate, {lr_text(lr * 10)}, or a tenth of it."
    )
    return (
        f"This run does no better than guessing: its loss stays at {significant(recent[-1])}, and "
        f"guessing among {classes} classes gives ln {classes} ≈ {chance:.3f}. {advice}"
    )
