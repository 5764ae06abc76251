"""Turns rows into plain lists ready to draw. Pure; a gap is None, never NaN."""

import math
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import NamedTuple

from app.charts import batches as within
from app.charts import rule
from trainer.config.metrics import OF_GROUP, is_loss, rises
from trainer.config.recipe import Recipe
from trainer.config.text import factor_text, lr_text
from trainer.schedule.decisions import Decision
from trainer.schedule.epoch import Epoch
from trainer.schedule.interventions import Intervention, RecordedIntervention
from trainer.schedule.trace import Trace, point_place

# These have a curve before the first epoch has ended; others from their first value on.
EXPECTED = ("train_loss", "val_loss")
MOST_GROUPS = 12  # parameter groups whose LR is drawn


class Line(NamedTuple):
    """Points of one curve."""

    x: list[float]
    y: list[float | None]


class Mark(NamedTuple):
    """A label at a place on the epoch axis: beside the LR curve at that LR, or at the top of the
    charts where it is None.
    """

    x: float
    lr: float | None
    kind: str
    label: str


class Series(NamedTuple):
    """Everything that some rows add to the charts.

    `metrics` has a curve on the loss axis for each metric by name, and `behind` the same for a
    fork's parent; `told` has the metrics that are not drawn, as they are. `lost` has the epochs
    with a metric on the loss axis that was not finite, and `cells` the outlines of the rule strip's
    cells by kind. `groups` has the LRs of the parameter groups after the first, by number.
    """

    behind: dict[str, Line]
    behind_lr: Line
    batches: Line
    level: Line
    metrics: dict[str, Line]
    told: dict[str, Line]
    lost: Line
    cells: dict[str, Line]
    groups: dict[int, Line]
    lr: Line
    lr_used: Line
    marks: list[Mark]

    @property
    def lrs(self) -> list[float | None]:
        """Every LR that is drawn."""
        return [lr for line in (self.lr, *self.groups.values()) for lr in line.y]


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
    epochs: int | None = None,
    traces: Mapping[int, Trace] | None = None,
    after: tuple[int, int] = (0, 0),
) -> Series:
    """The curves of these rows.

    Args:
        recipe: the run's recipe.
        rows: its epochs.
        interventions: the interventions in these epochs.
        batches: batches per epoch.
        epochs: the planned number of epochs, the recipe's if None.
        traces: the traces of these epochs and of the one that trains, by epoch.
        after: of the trace of this epoch, leave out so many points.

    Epoch e is drawn at x = e, and its batches and its LR from e - 1/2 to e + 1/2, so a cut at the
    end of epoch e is at e + 1/2. The level to beat at e is the one after epoch e.
    """
    planned = epochs or recipe.epochs
    numbers = [row.epoch for row in rows]
    seen = [row.decision.plateau if row.decision else None for row in rows]
    lost = [
        row.epoch
        for row in rows
        if any(v is None and is_loss(m, recipe.monitor) for m, v in row.metrics.items())
    ]
    marks = [
        *(mark for row in rows if (mark := _mark(row)) and mark.x <= planned),
        *by_hand(interventions, batches),
    ]
    return Series(
        behind={},
        behind_lr=Line([], []),
        batches=_traced(traces or {}, batches, within.an_epoch(planned), after),
        level=Line(list(numbers), [_monitored(recipe, s.next_level) if s else None for s in seen]),
        metrics=_metrics(recipe, rows),
        told=_told(recipe, rows),
        lost=Line(list(lost), [1.0] * len(lost)),
        cells={kind: Line(x, y) for kind, (x, y) in rule.cells(rows, planned).items()},
        groups=_groups(rows),
        lr=_lr(rows, interventions, batches, traces or {}, within.an_epoch(planned)),
        lr_used=Line(list(numbers), [row.lr for row in rows]),
        marks=sorted(marks, key=lambda mark: mark.x),
    )


def with_parent(
    own: Series,
    recipe: Recipe,
    rows: Sequence[Epoch],
    interventions: Sequence[RecordedIntervention],
    batches: int,
) -> Series:
    """A fork's curves with its parent's behind them: its epochs and interventions."""
    lines = {name: line for name, line in _metrics(recipe, rows).items() if not rises(name)}
    return own._replace(behind=lines, behind_lr=_lr(rows, interventions, batches, {}))


def _traced(traces: Mapping[int, Trace], batches: int, most: int, after: tuple[int, int]) -> Line:
    line = Line([], [])
    for epoch, trace in traces.items() if most else ():
        skipped = after[1] if epoch == after[0] else 0
        for x, y in within.points(epoch, trace, batches, most, skipped):
            line.x.append(x)
            line.y.append(y)
    return line


def _kept(lrs: Sequence[float], most: int) -> list[int]:
    """Which of an epoch's LRs to draw: about so many, with the highest and the lowest."""
    every = -(-len(lrs) // most) if most else len(lrs)
    extremes = {lrs.index(max(lrs)), lrs.index(min(lrs))}
    return sorted({*range(0, len(lrs), every), *extremes})


def _metrics(recipe: Recipe, rows: Sequence[Epoch]) -> dict[str, Line]:
    """A curve for each metric that has one on the loss axis; if higher is better, as the error
    1 - value.
    """
    names = dict.fromkeys([*EXPECTED, recipe.monitor, *_names(rows)])
    return {
        name: Line(
            [row.epoch for row in rows],
            [on_loss_axis(name, row.metrics.get(name)) for row in rows],
        )
        for name in names
        if is_loss(name, recipe.monitor)
    }


def _told(recipe: Recipe, rows: Sequence[Epoch]) -> dict[str, Line]:
    """The metrics that have no curve on the loss axis: their size may be any."""
    return {
        name: Line([row.epoch for row in rows], [row.metrics.get(name) for row in rows])
        for name in _names(rows)
        if not is_loss(name, recipe.monitor)
    }


def _names(rows: Sequence[Epoch]) -> dict[str, None]:
    return dict.fromkeys(name for row in rows for name in row.metrics)


def _groups(rows: Sequence[Epoch]) -> dict[int, Line]:
    """The LR of each parameter group after the first over each epoch, as it began with it."""
    found = {}
    for number in range(2, MOST_GROUPS + 1):
        name, line = f"{OF_GROUP}{number}", Line([], [])
        for row in rows:
            if name in row.metrics:
                line.x.extend((row.epoch - 0.5, row.epoch + 0.5))
                line.y.extend((row.metrics[name], row.metrics[name]))
        if line.x:
            found[number] = line
    return found


def _lr(
    rows: Sequence[Epoch],
    interventions: Sequence[RecordedIntervention],
    batches: int,
    traces: Mapping[int, Trace],
    most: int = 0,
) -> Line:
    """The LR over each epoch: a horizontal line, with a step where it was changed by hand; through
    about `most` LRs of its trace where the schedule moved it within the epoch.
    """
    line = Line([], [])
    for row in rows:
        moved = [m for m in interventions if m.epoch == row.epoch and m.lr_before != m.lr_after]
        trace = traces.get(row.epoch)
        line.x.append(row.epoch - 0.5)
        line.y.append(moved[0].lr_before if moved and moved[0].batch else row.lr)
        if trace and trace.lrs:
            kept = _kept(trace.lrs, most)
            line.x.extend(round(point_place(row.epoch, i, batches), 4) for i in kept)
            line.y.extend(trace.lrs[i] for i in kept)
        else:
            for batch, made in groupby(moved, key=lambda change: change.batch):
                changes = list(made)
                if batch:  # an LR that trained no batch, before it or between two, is not drawn
                    line.x.extend([_position(changes[0], batches)] * 2)
                    line.y.extend([changes[0].lr_before, changes[-1].lr_after])
        line.x.append(row.epoch + 0.5)
        line.y.append(row.lr_last)
    return line


def _position(intervention: RecordedIntervention, batches: int) -> float:
    """The position of an intervention on the epoch axis: at the end of its epoch where nobody knows
    yet how many batches that has.
    """
    return intervention.epoch - 0.5 + min(intervention.batch / batches, 1)


def by_hand(interventions: Sequence[RecordedIntervention], batches: int) -> list[Mark]:
    """What was done by hand, as marks that say it: one for all that was done before a batch."""
    marks = []
    done = [made for made in interventions if made.by_hand]
    for _, group in groupby(done, key=lambda made: (made.epoch, made.batch)):
        together = list(group)
        label = ", ".join(done_text(made, made.lr_before, made.lr_after) for made in together)
        marks.append(Mark(_position(together[0], batches), together[-1].lr_after, "hand", label))
    return marks


def done_text(done: Intervention, before: float, after: float) -> str:
    """A change by hand in as few characters as possible: ÷2, = 0.01, +10 epochs.

    Args:
        before, after: the LR before it and after it.
    """
    value = done.value or 0.0
    match done.name:
        case "epochs":
            return f"+{value:.0f} epochs"
        case "lr":
            return f"= {lr_text(value)}"
        case "scale":
            return ratio(1.0, value)
        case _:
            return ratio(before, after)


def ratio(before: float, after: float) -> str:
    """A change of the LR as a factor: ÷10, ×2; unchanged, 0 or "to 0" where there is none."""
    if before == after:
        return "no effect"
    if not before or not after:
        return f"to {lr_text(after)}"
    if after < before:
        return f"÷{factor_text(before / after)}"
    return f"×{factor_text(after / before)}"


def sentences(
    rows: Sequence[Epoch],
    interventions: Sequence[RecordedIntervention] = (),
    epochs: int | None = None,
) -> list[Sentence]:
    """The events of these rows and interventions, oldest first.

    Args:
        epochs: the planned number of epochs, more than these if None.
    """
    planned = math.inf if epochs is None else epochs
    decided = [
        Sentence(
            row.epoch, _kind(row.decision, planned), row.decision.told(planned), row.decision.ending
        )
        if row.decision
        else Sentence(row.epoch, "diverged", f"Diverged at LR {lr_text(row.lr_last)}.")
        for row in rows
    ]
    done = [Sentence(i.epoch, "hand" if i.by_hand else i.name, i.sentence) for i in interventions]
    return sorted([*done, *decided], key=lambda sentence: sentence.epoch)


def _kind(decision: Decision, epochs: float) -> str:
    return "kept" if decision.comes_too_late(epochs) else decision.kind


def _monitored(recipe: Recipe, value: float | None) -> float | None:
    """A value of the monitor on the loss axis."""
    return on_loss_axis(recipe.monitor, value)


def on_loss_axis(metric: str, value: float | None) -> float | None:
    """A metric's value on the loss axis: the error 1 - value if higher is better."""
    return value if value is None or not rises(metric) else 1 - value


TURNS = {"restart": "restart", "peak": "peak", "bottom": "lowest"}


def _mark(row: Epoch) -> Mark | None:
    if row.decision is None:
        return Mark(row.epoch, None, "diverged", "diverged")
    decision = row.decision
    if decision.kind == "cut":
        return Mark(row.epoch + 0.5, decision.next_lr, "cut", ratio(decision.lr, decision.next_lr))
    if decision.kind in TURNS:
        at = row.epoch if decision.turned_within else row.epoch + 0.5
        return Mark(at, decision.turn or decision.next_lr, "turn", TURNS[decision.kind])
    return None
