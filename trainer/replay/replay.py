"""A schedule without training: run over recorded losses (replay), without losses (preview), or
over recorded losses with many parameter values (cut map).

The decisions come from the same object that is used in training, so a replay with a run's own
parameters gives the run's own learning rates, bit for bit.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from ..config.recipe import Recipe
from ..config.schedules import NoSchedule
from ..config.table import ConfigError, changed, keyed
from ..config.text import lr_text
from ..schedule.decisions import Decision
from ..schedule.epoch import monitored
from ..schedule.parts import warm_up
from ..schedule.schedule import Schedule
from .difference import Past, first_difference


class Used(NamedTuple):
    """The LR of an epoch's first batch, of its last batch, and of the next epoch's first."""

    lr: float
    lr_last: float
    next_lr: float


@dataclass(frozen=True, slots=True)
class Replayed:
    """One epoch of a replay: the LR that it would have used, and the decision at its end."""

    epoch: int
    lr: float
    lr_last: float
    decision: Decision

    def __str__(self) -> str:
        return f"epoch {self.epoch}, LR {lr_text(self.lr)}: {self.decision.sentence}"


def replay(
    metrics: Sequence[float | None],
    recipe: Recipe | None = None,
    *,
    batches: int = 1,
    **settings: Any,
) -> list[Replayed]:
    """What a schedule would do with these monitor values, one per epoch. Nothing is trained.

        replay([0.9, 0.5, 0.6, 0.6], lr=0.1, patience=1)

    Args:
        metrics: the monitor's values, oldest first; None counts as NaN.
        recipe: provides the schedule, LR and monitor; the default recipe if None.
        batches: batches per epoch, for a warm-up and the schedules that step each batch.
        settings: changes to the recipe, named as in the terminal, with underscores.

    Raises:
        ConfigError: a setting is unknown or out of its bounds.
    """
    recipe = changed(recipe or Recipe(epochs=max(len(metrics), 1)), keyed(settings))
    return _replayed(Schedule(recipe, batches), metrics)


def replay_past(past: Past, other: Recipe) -> list[Replayed]:
    """What a recorded run would have done with another recipe; a fork's parent stays as it was.

    Raises:
        ConfigError: torch's class cannot run for so many steps.
    """
    metrics = monitored(other.monitor, past.rows)
    if not past.after:
        return _replayed(Schedule(other, past.batches), metrics)
    schedule, decision = past.inherited.begin(other, past.batches)
    before = [
        Replayed(row.epoch, row.lr, row.lr_last, row.decision)
        for row in past.rows[: past.after]
        if row.decision is not None  # true of every epoch before a fork
    ]
    before[-1] = replace(before[-1], decision=decision)
    return [*before, *_replayed(schedule, metrics[past.after :])]


def _replayed(schedule: Schedule, metrics: Sequence[float | None]) -> list[Replayed]:
    """What a schedule does from where it stands on."""
    return [step(schedule, metric) for metric in metrics]


def step(schedule: Schedule, metric: float | None) -> Replayed:
    """One epoch of a replay: what a schedule does next with a value of the monitor."""
    lr = schedule.lr
    lr_last = _last_batch(schedule)
    decision = schedule.advance(math.nan if metric is None else metric)
    return Replayed(schedule.epoch, lr, lr_last, decision)


def used(config: Recipe, metrics: Sequence[float | None], batches: int = 1) -> list[Used]:
    """Only the LRs of a replay, several times faster than with decisions."""
    schedule, steps = Schedule(config, batches), []
    warming = warm_up(config.lr, config.warmup * batches)
    for first in range(0, min(config.warmup, len(metrics)) * batches, batches):
        schedule.epoch += 1
        last = first + batches - 1
        next_lr = warming[last + 1] if last + 1 < len(warming) else schedule.lr
        steps.append(Used(warming[first], warming[last], next_lr))
    return [*steps, *_used(schedule, metrics[config.warmup :])]


def used_in(past: Past, other: Recipe, metrics: Sequence[float | None]) -> list[Used]:
    """Only the LRs of `replay_past`."""
    if not past.after:
        return used(other, metrics, past.batches)
    schedule = past.inherited.by(other, past.batches)
    rows = past.rows[: past.after]
    following = [*(row.lr for row in rows[1:]), schedule.lr]
    before = [Used(row.lr, row.lr_last, lr) for row, lr in zip(rows, following, strict=True)]
    return [*before, *_used(schedule, metrics[past.after :])]


def _used(schedule: Schedule, metrics: Sequence[float | None]) -> list[Used]:
    """The LRs of a schedule from where it stands on."""
    steps = []
    for metric in metrics:
        lr = schedule.lr
        lr_last = _last_batch(schedule)
        schedule.step_epoch(math.nan if metric is None else metric)
        steps.append(Used(lr, lr_last, schedule.lr))
    return steps


def _last_batch(schedule: Schedule) -> float:
    """Step through an epoch's batches; return the LR of the last."""
    schedule.step_batch(schedule.batches - 1)
    lr = schedule.lr
    schedule.step_batch()
    return lr


# Preview


class Preview(NamedTuple):
    """The LR over the planned epochs. For the plateau rule, whose future is unknown, `steps` is the
    fastest possible descent, if no epoch improves, and `flat` the LR if every epoch improves. `top`
    is the highest LR of any batch.
    """

    steps: list[Used]
    flat: list[Used] | None
    first_cut: int | None
    top: float


def preview(recipe: Recipe | None = None, batches: int = 1, **settings: Any) -> Preview:
    """What the schedule of a run will do, from the same object that is used in training.

        preview(factor=0.5, patience=2, epochs=10).first_cut

    Args:
        recipe: the run's recipe; the default one if None.
        batches: batches per epoch, for a warm-up and the schedules that step each batch.
        settings: changes to the recipe, named as in the terminal, with underscores.

    Raises:
        ConfigError: a setting is unknown or out of its bounds.
    """
    recipe = changed(recipe or Recipe(), keyed(settings))
    # A constant monitor: for the plateau rule nothing ever improves.
    steps = used(recipe, [1.0] * recipe.epochs, batches)
    if not recipe.schedule.traits.watches_monitor:
        return Preview(steps, None, None, _top(recipe, batches, steps))
    constant = recipe.model_copy(update={"schedule": NoSchedule()})
    falls = (i for i, step in enumerate(steps, 1) if i > recipe.warmup and step.next_lr < step.lr)
    flat = used(constant, [1.0] * recipe.epochs, batches)
    return Preview(steps, flat, next(falls, None), _top(recipe, batches, flat))


def _top(recipe: Recipe, batches: int, steps: Sequence[Used]) -> float:
    """The highest LR of any batch: an epoch's first, its last, or a peak between them."""
    spec, length = recipe.schedule, recipe.epochs - recipe.warmup
    peaks = {peak for done in range(1, length + 1) for peak in spec.peak(done, length, batches)}
    within = [
        lr
        for step in peaks
        if step < length * batches
        for lr, _ in spec.cycle(recipe.lr, length, batches, range(step, step + 1))
    ]
    return max([*(max(step.lr, step.lr_last) for step in steps), *within])


# Cut map


class CutMap(NamedTuple):
    """The first differing epoch and the number of cuts, as rows (y) of columns (x).

    `first` is None if no epoch differs; both are None if the two values cannot be combined.
    """

    first: list[list[int | None]]
    cuts: list[list[int | None]]


def cut_map(
    past: Past,
    metrics: Sequence[float | None],
    other: Recipe,
    x: tuple[str, Sequence[Any]],
    y: tuple[str, Sequence[Any]],
) -> CutMap:
    """Replay `other` with every pair of values of two of its settings, by key.

    A cut is an epoch after which the next one starts at a lower LR.
    """

    def cell(x_value: Any, y_value: Any) -> tuple[int | None, int | None]:
        try:
            config = changed(other, {x[0]: x_value, y[0]: y_value})
            steps = used_in(past, config, metrics)
        except ConfigError:
            return None, None
        cuts = sum(step.next_lr < step.lr for step in steps)
        difference = first_difference(past, config, steps)
        return difference and difference.epoch, cuts

    cells = [[cell(x_value, y_value) for x_value in x[1]] for y_value in y[1]]
    return CutMap(
        [[first for first, _ in row] for row in cells], [[cuts for _, cuts in row] for row in cells]
    )
