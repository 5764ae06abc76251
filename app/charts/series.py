"""Turns rows into plain lists ready to draw. Pure; a gap is None, never NaN."""

from collections.abc import Sequence
from typing import NamedTuple

from trainer.config.metrics import rises
from trainer.config.recipe import Recipe
from trainer.config.text import lr_text
from trainer.schedule.epoch import Epoch
from trainer.schedule.interventions import RecordedIntervention

# These have a curve before the first epoch has ended; others from their first value on.
EXPECTED = ("train_loss", "val_loss")


class Line(NamedTuple):
    """Points of one curve; `text` is the hover text, if it is more than the number."""

    x: list[float]
    y: list[float | None]
    text: list[str] | None = None


class Mark(NamedTuple):
    """A vertical line through both charts, with a label."""

    x: float
    kind: str
    label: str


class Series(NamedTuple):
    """Everything that some rows add to the charts.

    `metrics` has a curve on the loss axis for each metric by name, and `behind` the same for a
    fork's parent.
    """

    behind: dict[str, Line]
    behind_lr: Line
    cooldown: Line
    best: Line
    level: Line
    metrics: dict[str, Line]
    bad_epochs: Line
    cuts: Line
    no_effects: Line
    lr: Line
    lr_used: Line
    lr_cuts: Line
    lr_no_effects: Line
    marks: list[Mark]


class Sentence(NamedTuple):
    """An event of an epoch. One with an `ending` may share a line with others like it (see
    `Decision.ending`).
    """

    epoch: int
    kind: str
    text: str
    ending: str = ""


def series(
    recipe: Recipe,
    rows: Sequence[Epoch],
    interventions: Sequence[RecordedIntervention] = (),
    batches: int = 1,
    behind: Sequence[Epoch] = (),
    behind_interventions: Sequence[RecordedIntervention] = (),
) -> Series:
    """The curves of these rows.

    Args:
        recipe: the run's recipe.
        rows: its epochs.
        interventions: the interventions in these epochs.
        batches: batches per epoch.
        behind, behind_interventions: the epochs and interventions of a fork's parent.

    Epoch e is drawn at x = e, and its LR from e - 1/2 to e + 1/2, so a cut at the end of epoch e is
    at e + 1/2. The best so far and the level to beat at e are those after epoch e.
    """
    epochs = [row.epoch for row in rows]
    seen = [row.decision.plateau if row.decision else None for row in rows]
    cooling = [row.epoch for row, s in zip(rows, seen, strict=True) if s and s.cooling]
    bad = _of_kind(rows, "waiting", "cooldown")
    cuts, no_effects = _of_kind(rows, "cut"), _of_kind(rows, "no effect")
    return Series(
        behind={m: line for m, line in _metrics(recipe, behind).items() if not rises(m)},
        behind_lr=_lr(behind, behind_interventions, batches),
        cooldown=Line(
            [x for e in cooling for x in (e - 0.5, e - 0.5, e + 0.5, e + 0.5)],
            [0.0, 1.0, 1.0, 0.0] * len(cooling),
        ),
        best=Line(list(epochs), [_monitored(recipe, s.best) if s else None for s in seen]),
        level=Line(list(epochs), [_monitored(recipe, s.next_level) if s else None for s in seen]),
        metrics=_metrics(recipe, rows),
        bad_epochs=Line([r.epoch for r in bad], [_monitor(recipe, r) for r in bad]),
        cuts=_explained(cuts, [_monitor(recipe, r) for r in cuts]),
        no_effects=_explained(no_effects, [_monitor(recipe, r) for r in no_effects]),
        lr=_lr(rows, interventions, batches),
        lr_used=Line(list(epochs), [row.lr for row in rows]),
        lr_cuts=Line([r.epoch for r in cuts], [r.lr_last for r in cuts]),
        lr_no_effects=Line([r.epoch for r in no_effects], [r.lr_last for r in no_effects]),
        marks=[mark for row in rows if (mark := _mark(row))],
    )


def _metrics(recipe: Recipe, rows: Sequence[Epoch]) -> dict[str, Line]:
    """A curve for each metric on the loss axis: every one for which lower is better, and the
    monitor; if higher is better, as the error 1 - value.
    """
    measured = [row.metrics for row in rows]
    names = dict.fromkeys([*EXPECTED, recipe.monitor, *(name for row in measured for name in row)])
    kept = [name for name in names if name == recipe.monitor or not rises(name)]
    return {
        name: Line(
            [row.epoch for row in rows],
            [_drawn(name, values.get(name)) for values in measured],
        )
        for name in kept
    }


def _lr(rows: Sequence[Epoch], interventions: Sequence[RecordedIntervention], batches: int) -> Line:
    """Each epoch's LR as a horizontal line, with a step where it was changed by hand within it."""
    line = Line([], [])
    for row in rows:
        moved = [m for m in interventions if m.epoch == row.epoch and m.lr_before != m.lr_after]
        line.x.append(row.epoch - 0.5)
        line.y.append(moved[0].lr_before if moved else row.lr)
        for change in moved:
            line.x.extend([_position(change, batches)] * 2)
            line.y.extend([change.lr_before, change.lr_after])
        line.x.append(row.epoch + 0.5)
        line.y.append(row.lr_last)
    return line


def _position(intervention: RecordedIntervention, batches: int) -> float:
    """The position of an intervention on the epoch axis."""
    return intervention.epoch - 0.5 + intervention.batch / batches


def by_hand(interventions: Sequence[RecordedIntervention], batches: int) -> list[Mark]:
    """What was done by hand, as marks."""
    return [
        Mark(_position(done, batches), "hand", "by hand") for done in interventions if done.by_hand
    ]


def _of_kind(rows: Sequence[Epoch], *kinds: str) -> list[Epoch]:
    return [row for row in rows if row.decision and row.decision.kind in kinds]


def _explained(rows: Sequence[Epoch], y: list[float | None]) -> Line:
    """Points with the decision's sentence as hover text."""
    return Line([r.epoch for r in rows], y, [r.decision.sentence for r in rows if r.decision])


def sentences(
    rows: Sequence[Epoch], interventions: Sequence[RecordedIntervention] = ()
) -> list[Sentence]:
    """The events of these rows and interventions, oldest first."""
    decided = [
        Sentence(row.epoch, row.decision.kind, row.decision.sentence, row.decision.ending)
        if row.decision
        else Sentence(row.epoch, "diverged", f"Diverged at LR {lr_text(row.lr_last)}.")
        for row in rows
    ]
    done = [Sentence(i.epoch, "hand" if i.by_hand else i.name, i.sentence) for i in interventions]
    return sorted([*done, *decided], key=lambda sentence: sentence.epoch)


def _monitor(recipe: Recipe, row: Epoch) -> float | None:
    """The epoch's monitor value on the loss axis."""
    return _monitored(recipe, row.metrics.get(recipe.monitor))


def _monitored(recipe: Recipe, value: float | None) -> float | None:
    """A value of the monitor on the loss axis."""
    return _drawn(recipe.monitor, value)


def _drawn(metric: str, value: float | None) -> float | None:
    """A metric's value on the loss axis: the error 1 - value if higher is better."""
    return value if value is None or not rises(metric) else 1 - value


TURNS = {"restart": "restart", "peak": "peak", "bottom": "lowest"}


def _mark(row: Epoch) -> Mark | None:
    if row.decision is None:
        return Mark(row.epoch, "diverged", "diverged")
    decision = row.decision
    if decision.kind == "cut":
        ratio = f"÷{decision.lr / decision.next_lr:.3g}" if decision.next_lr else "to 0"
        return Mark(row.epoch + 0.5, "cut", ratio)
    if decision.kind in TURNS:
        at = row.epoch if decision.turned_within else row.epoch + 0.5
        return Mark(at, "turn", TURNS[decision.kind])
    return None
