"""Turns a run and its last epochs into every text next to the charts. Pure."""

from collections.abc import Sequence
from typing import Any, get_args

from app import ids, run_names
from app.charts.best import Best
from app.lab.cards import NO_CARDS, cards
from app.lab.control import pace_key
from app.run_names import origin
from trainer.config.metrics import label
from trainer.config.text import epochs_text, lr_text, significant
from trainer.engine.environment import difference
from trainer.schedule.epoch import Epoch, is_recorded
from trainer.schedule.interventions import ByHand, RecordedIntervention
from trainer.store.run import EXAMPLE, PlainCommand, Run

OTHERS: tuple[PlainCommand, ...] = ("pace", "pause", "step", "stop")  # with a control of their own
LAST_EPOCHS = 3  # from whose seconds the rest is estimated


# What the page shows next to the charts: texts by the id of their element, and also `percent` (0 to
# 100), `status` (a state and its word), `live`, `paused`, `pace` (an option of its control, None if
# there is nothing to pace), `controls` (a state), `denied` and `effects` (sentences by command),
# `cell` (the sweep of which it is one, and what it shares) and `meter` (bad epochs and patience).
Readout = dict[str, Any]


def state(run: Run | None, last: Sequence[Epoch], trouble: str | None = None) -> Readout:
    """A run's state: what does not change with each batch or, usually, with each epoch.

    Args:
        run: the displayed run, None before the first.
        last: its last epochs, oldest first, at least LAST_EPOCHS if it has them.
        trouble: why nothing is trained or recorded now.
    """
    if run is None:
        return {
            "status": ["ready", "ready"],
            "live": False,
            "paused": False,
            "pace": None,
            "controls": "none",
            "denied": {},
            "effects": {},
            "cell": [None, ""],
            ids.NOTICE: trouble or "",
            ids.HINT: "",
            ids.schedule("heading"): "The schedule",
        }
    unpaced = run.over or run.origin == EXAMPLE or run.disobeys("pace")
    return {
        "status": run_names.status(run),
        "live": not run.over,
        "paused": run.paused,
        # The example's pace is not one that was chosen: the next run does not inherit it.
        "pace": None if unpaced else pace_key(run.pace),
        "controls": _controls(run),
        "denied": _denied(run),
        "effects": _effects(run),
        "cell": [run.sweep, run_names.cell(run)],
        ids.NOTICE: " ".join(filter(None, (trouble, _notice(run)))),
        ids.HINT: _hint(run),
        ids.schedule("heading"): _heading(run, last[-1] if last else None),
    }


def unreadable(reason: str) -> Readout:
    """What the page shows for a run that cannot be read."""
    return {
        "status": ["unreadable", "unreadable"],
        ids.NOTICE: reason,
        ids.PROGRESS_LEFT: "This run cannot be read.",
    }


def after_epoch(
    run: Run | None,
    last: Sequence[Epoch],
    best: Best | None,
    made: Sequence[RecordedIntervention] = (),
) -> Readout:
    """What changes at an epoch's end, or with an intervention.

    Args:
        made: the interventions in the run, oldest first.
    """
    row = last[-1] if last else None
    lr = _lr_now(run, row, made) if run and row else None
    return {
        **(cards(run, last, best, lr) if run and lr is not None else NO_CARDS),
        **_schedule(run, row, lr),
    }


def _lr_now(run: Run, row: Epoch, made: Sequence[RecordedIntervention]) -> float:
    """The LR that trains: as the last epoch left it, or an intervention since then."""
    since = [each.lr_after for each in made if each.epoch > row.epoch and each.name != "threads"]
    if run.over or row.decision is None:
        return row.lr
    return since[-1] if since else row.decision.next_lr


def _controls(run: Run) -> str:
    """Which controls apply: those of a run that trains, here or elsewhere, that can be resumed, or
    that is over.
    """
    if run.source == "watched" and not run.over:
        return "elsewhere"
    if run.config is None or run.status == "queued":
        return "none"
    if not run.over:
        return "live"
    return "resumable" if run.resumable else "over"


def _denied(run: Run) -> dict[str, str]:
    """The commands that a run which trains does not obey, each with the reason."""
    if run.over:
        return {}
    why = {name: run.disobeys(name) for name in (*get_args(ByHand), *OTHERS)}
    return {name: sentence for name, sentence in why.items() if sentence}


def _effects(run: Run) -> dict[str, str]:
    """What a command does to a run, where it is not what it does to any other."""
    if run.sweep is None or run.over:
        return {}
    return {"stop": f"Ends this cell alone: sweep {run.sweep} goes on with the others."}


def _hint(run: Run) -> str:
    """How the schedule responds to an intervention, or what can be done with a run that is over."""
    if run.source != "trained" and not run.over:
        return run.disobeys("lr") or run.response("lr")
    if run.source == "watched":
        return "It was watched: LRScope has no weights of it to resume it or to fork it with."
    if run.config is None or run.status == "queued":
        return ""
    if not run.over:
        return run.disobeys("lr") or run.response("lr")
    if run.resumable:
        return "Resume continues exactly where it stopped; Fork tries other settings from an epoch."
    return "To continue from any epoch with other settings, select the epoch, then Fork."


def _heading(run: Run, row: Epoch | None) -> str:
    if is_recorded(row):
        return "The learning rate as recorded"
    if row and row.decision and row.decision.plateau:
        return "The schedule had counted" if run.over else "The schedule is counting"
    return "Constant learning rate" if run.schedule == "none" else run.schedule


def _schedule(run: Run | None, row: Epoch | None, lr: float | None) -> Readout:
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

    if run is None or row is None or row.decision is None or lr is None:
        return panel("Each epoch's decision and its reason will appear here.")
    decision = row.decision
    seen = decision.plateau
    about = f" {run.warning}" if run.source == "imported" and run.warning else _unknown(run)
    if is_recorded(row):
        return panel(f"The learning rates are those of {origin(run)}; no rule is known.{about}")
    if seen is None:
        return panel(decision.told(run.epochs) + about)
    better = "rise above" if run.recipe.mode == "max" else "fall below"
    watched = label(seen.monitor)
    if run.over:
        left = seen.cooldown_left + seen.patience - seen.bad_epochs + 1
        sentence = f"The next cut would have come after {epochs_text(left, 'more bad epoch')}."
        sentence += about
    elif seen.next_level is None:
        sentence = f"Any {watched} will be the first best."
    else:
        earliest = row.epoch + seen.cooldown_left + seen.patience - seen.bad_epochs + 1
        cut = max(lr * seen.factor, seen.min_lr)
        then = (
            f"the LR is cut to {lr_text(cut)}"
            if lr - cut > seen.eps
            else "a cut is attempted without effect"
        )
        when = (
            f"after epoch {earliest}"
            if earliest <= run.epochs or run.open_ended
            else f"after epoch {earliest}, past the end of this run"
        )
        sentence = (
            f"To keep {lr_text(lr)}, {watched} must {better} "
            f"{significant(seen.next_level)}. If it never does, {then} {when}.{_unknown(run)}"
        )
    return panel(
        sentence,
        f"{seen.bad_epochs} of {epochs_text(seen.patience, 'bad epoch')}",
        f"cooldown: {seen.cooldown_left} left" if seen.cooldown_left else "",
        seen.bad_epochs,
        seen.patience,
    )


def _unknown(run: Run) -> str:
    """What of a watched run is not known, or not told."""
    told = []
    if "schedule" in run.stand_ins:
        told.append("LRScope does not know its rule: this is what it did to the LR.")
    if "optimizer" in run.stand_ins:
        told.append(f"Optimizer: {run.optimizer} (not one that LRScope knows).")
    if run.elsewhere and run.elsewhere.groups > 1:
        groups = run.elsewhere.groups
        told.append(f"Of its {groups} parameter groups this is the first one's LR.")
    return "".join(f" {sentence}" for sentence in told)


def _notice(run: Run) -> str:
    """What the user should know: why the run ended early, or what would differ if it goes on."""
    if run.source == "imported":  # what is known of its curve stands beside its schedule
        told = run.reason or ("" if run.epoch else run.warning) or ""
        if run.status == "interrupted":
            told = f"{told} Follow {origin(run)} again, and this run goes on.".strip()
        return told
    if run.origin == EXAMPLE and not (run.reason or run.warning):
        done = "was trained" if run.over else "is being trained"
        return (
            f"This example {done} here, so that there is something to look at. Change a setting "
            "and press Start."
        )
    if run.reason or run.warning:
        return run.reason or run.warning or ""
    return (difference(run.started) or "") if run.resumable and run.started else ""
