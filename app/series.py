"""Rows -> plain lists ready to draw. Pure; NaN never leaves here, a gap is None."""

from collections.abc import Sequence
from typing import NamedTuple

from trainer.config import RunConfig
from trainer.decisions import lr_text
from trainer.store import Epoch


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
    """Everything that some rows add to the charts."""

    train_loss: Line
    val_loss: Line
    level: Line
    bad_epochs: Line
    cuts: Line
    lr: Line
    lr_used: Line
    marks: list[Mark]


class Sentence(NamedTuple):
    """One line of the decision log."""

    epoch: int
    kind: str
    text: str


def series(config: RunConfig, rows: Sequence[Epoch]) -> Series:
    """The curves of these rows. An epoch e is drawn at x = e, and its LR from e - 1/2 to e + 1/2,
    so that a cut at the end of epoch e stands at e + 1/2.
    """
    on_loss = config.monitor != "val_accuracy"
    epochs = [row.epoch for row in rows]
    bad = [r for r in rows if r.decision and r.decision.kind in ("waiting", "cooldown")]
    cuts = [r for r in rows if r.decision and r.decision.kind in ("cut", "no effect")]
    lr_x = [x for row in rows for x in (row.epoch - 0.5, row.epoch + 0.5)]
    return Series(
        train_loss=Line(list(epochs), [row.train_loss for row in rows]),
        val_loss=Line(list(epochs), [row.val_loss for row in rows]),
        level=Line(list(epochs), [_level(row) if on_loss else None for row in rows]),
        bad_epochs=Line([r.epoch for r in bad], [_watched(config, r) for r in bad]),
        cuts=Line(
            [r.epoch for r in cuts],
            [_watched(config, r) for r in cuts],
            [r.decision.sentence for r in cuts if r.decision],
        ),
        lr=Line(lr_x, [lr for row in rows for lr in (row.lr, row.lr_last)]),
        lr_used=Line(list(epochs), [row.lr for row in rows]),
        marks=[mark for row in rows if (mark := _mark(row))],
    )


def sentences(rows: Sequence[Epoch]) -> list[Sentence]:
    """The decision log of these rows, oldest first."""
    return [
        Sentence(row.epoch, row.decision.kind, row.decision.sentence)
        if row.decision
        else Sentence(row.epoch, "diverged", f"Diverged at LR {lr_text(row.lr_last)}.")
        for row in rows
    ]


def _watched(config: RunConfig, row: Epoch) -> float | None:
    """The point of the loss chart that the schedule looked at; accuracy stands on val loss."""
    return row.train_loss if config.monitor == "train_loss" else row.val_loss


def _level(row: Epoch) -> float | None:
    return row.decision.plateau.level if row.decision and row.decision.plateau else None


def _mark(row: Epoch) -> Mark | None:
    if row.decision is None:
        return Mark(row.epoch, "diverged", "diverged")
    if row.decision.kind == "cut":
        lr, next_lr = row.decision.lr, row.decision.next_lr
        return Mark(row.epoch + 0.5, "cut", f"÷{lr / next_lr:.3g}" if next_lr else "to 0")
    if row.decision.kind == "restart":
        return Mark(row.epoch + 0.5, "restart", "restart")
    return None
