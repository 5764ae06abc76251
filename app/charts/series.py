"""Rows -> plain lists ready to draw. Pure; NaN never leaves here, a gap is None."""

from collections.abc import Sequence
from typing import NamedTuple

from trainer.config.run import RunConfig
from trainer.config.schedules import traits_of
from trainer.config.text import lr_text
from trainer.store.rows import Change, Epoch


class Line(NamedTuple):
    """Points of one curve; `text` is what hovering says, where it says more than the number."""

    x: list[float]
    y: list[float | None]
    text: list[str] | None = None


class Mark(NamedTuple):
    """A moment between two epochs, drawn through both charts."""

    x: float
    kind: str
    label: str


class Series(NamedTuple):
    """Everything that some rows add to the charts; `behind` is what a fork was forked from."""

    behind_train: Line
    behind_val: Line
    behind_lr: Line
    cooldown: Line
    best: Line
    level: Line
    train_loss: Line
    val_loss: Line
    val_error: Line
    bad_epochs: Line
    cuts: Line
    no_effects: Line
    lr: Line
    lr_used: Line
    lr_cuts: Line
    lr_no_effects: Line
    marks: list[Mark]


class Sentence(NamedTuple):
    """One line of the decision log."""

    epoch: int
    kind: str
    text: str


def series(
    config: RunConfig,
    rows: Sequence[Epoch],
    changes: Sequence[Change] = (),
    batches: int = 1,
    behind: Sequence[Epoch] = (),
    behind_changes: Sequence[Change] = (),
) -> Series:
    """The curves of these rows.

    Args:
        config: the run's.
        rows: its epochs.
        changes: what was changed in them by hand.
        batches: batches in an epoch.
        behind: the epochs of the run that it was forked from, and what was changed in them.

    An epoch e is drawn at x = e, and its LR from e - 1/2 to e + 1/2,
    so that a cut at the end of epoch e stands at e + 1/2. The best so far and the level to beat
    are those after epoch e, in force until the next.
    """
    epochs = [row.epoch for row in rows]
    seen = [row.decision.plateau if row.decision else None for row in rows]
    cooling = [row.epoch for row, s in zip(rows, seen, strict=True) if s and s.cooling]
    bad = _of_kind(rows, "waiting", "cooldown")
    cuts, no_effects = _of_kind(rows, "cut"), _of_kind(rows, "no effect")
    lr = _lr(rows, changes, batches)
    return Series(
        behind_train=Line([r.epoch for r in behind], [r.train_loss for r in behind]),
        behind_val=Line([r.epoch for r in behind], [r.val_loss for r in behind]),
        behind_lr=_lr(behind, behind_changes, batches),
        cooldown=Line(
            [x for e in cooling for x in (e - 0.5, e - 0.5, e + 0.5, e + 0.5)],
            [0.0, 1.0, 1.0, 0.0] * len(cooling),
        ),
        best=Line(list(epochs), [_shown(config, s.best) if s else None for s in seen]),
        level=Line(list(epochs), [_shown(config, s.next_level) if s else None for s in seen]),
        train_loss=Line(list(epochs), [row.train_loss for row in rows]),
        val_loss=Line(list(epochs), [row.val_loss for row in rows]),
        val_error=Line(list(epochs), [_shown(config, row.val_accuracy) for row in rows])
        if config.monitor == "val_accuracy"
        else Line([], []),
        bad_epochs=Line([r.epoch for r in bad], [_watched(config, r) for r in bad]),
        cuts=_told(cuts, [_watched(config, r) for r in cuts]),
        no_effects=_told(no_effects, [_watched(config, r) for r in no_effects]),
        lr=lr,
        lr_used=Line(list(epochs), [row.lr for row in rows]),
        lr_cuts=Line([r.epoch for r in cuts], [r.lr_last for r in cuts]),
        lr_no_effects=Line([r.epoch for r in no_effects], [r.lr_last for r in no_effects]),
        marks=[mark for row in rows if (mark := _mark(row))],
    )


def _lr(rows: Sequence[Epoch], changes: Sequence[Change], batches: int) -> Line:
    """Each epoch's LR across it, with a step where it was changed by hand in its middle."""
    line = Line([], [])
    for row in rows:
        moved = [c for c in changes if c.epoch == row.epoch and c.lr_before != c.lr_after]
        line.x.append(row.epoch - 0.5)
        line.y.append(moved[0].lr_before if moved else row.lr)
        for change in moved:
            line.x.extend([_moment(change, batches)] * 2)
            line.y.extend([change.lr_before, change.lr_after])
        line.x.append(row.epoch + 0.5)
        line.y.append(row.lr_last)
    return line


def _moment(change: Change, batches: int) -> float:
    """Where a change by hand stands on the epoch axis."""
    return change.epoch - 0.5 + change.batch / batches


def by_hand(changes: Sequence[Change], batches: int) -> list[Mark]:
    """The changes by hand as marks."""
    return [Mark(_moment(change, batches), "hand", "by hand") for change in changes]


def _of_kind(rows: Sequence[Epoch], *kinds: str) -> list[Epoch]:
    return [row for row in rows if row.decision and row.decision.kind in kinds]


def _told(rows: Sequence[Epoch], y: list[float | None]) -> Line:
    """Points whose hover is the decision's sentence."""
    return Line([r.epoch for r in rows], y, [r.decision.sentence for r in rows if r.decision])


def sentences(rows: Sequence[Epoch], changes: Sequence[Change] = ()) -> list[Sentence]:
    """The decision log of these rows and changes by hand, oldest first."""
    decided = [
        Sentence(row.epoch, row.decision.kind, row.decision.sentence)
        if row.decision
        else Sentence(row.epoch, "diverged", f"Diverged at LR {lr_text(row.lr_last)}.")
        for row in rows
    ]
    done = [Sentence(change.epoch, "hand", change.sentence) for change in changes]
    return sorted([*done, *decided], key=lambda sentence: sentence.epoch)


def _watched(config: RunConfig, row: Epoch) -> float | None:
    """The point of the loss chart that the schedule looked at."""
    return _shown(config, getattr(row, config.monitor))


def _shown(config: RunConfig, value: float | None) -> float | None:
    """A value of the monitor on the loss chart, where an accuracy is drawn as the error 1 - a."""
    if value is None or config.monitor != "val_accuracy":
        return value
    return 1 - value


TURNS = {"restart": "restart", "peak": "peak", "bottom": "lowest"}


def _mark(row: Epoch) -> Mark | None:
    if row.decision is None:
        return Mark(row.epoch, "diverged", "diverged")
    decision = row.decision
    if decision.kind == "cut":
        ratio = f"÷{decision.lr / decision.next_lr:.3g}" if decision.next_lr else "to 0"
        return Mark(row.epoch + 0.5, "cut", ratio)
    if decision.kind in TURNS:
        # A schedule that steps each batch turns inside its epoch; the others between two.
        inside = traits_of(decision.schedule).turns_within_epoch
        return Mark(row.epoch + (0 if inside else 0.5), "turn", TURNS[decision.kind])
    return None
