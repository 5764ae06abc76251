"""A schedule taken through epochs as they were trained, with what was done by hand and by forks."""

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, NamedTuple

from ..config.recipe import Recipe
from ..schedule.batches import Batches, Constant
from ..schedule.decisions import Decision
from ..schedule.epoch import Epoch
from ..schedule.handover import hand_over
from ..schedule.interventions import Intervention
from ..schedule.past import Stretch
from ..schedule.schedule import Schedule

Metrics = Mapping[str, float | None]


class Inherited(NamedTuple):
    """What a fork takes over from its parent at the end of an epoch.

    Attributes:
        recipe: the parent's.
        undecided, decided: the state of the parent's schedule before it stepped with the epoch's
            metric, and after.
        metric: the parent's monitor in that epoch.
        decision: the parent's on that epoch.
    """

    recipe: Recipe
    undecided: dict[str, Any]
    metric: float
    decided: dict[str, Any]
    decision: Decision

    def by(self, recipe: Recipe, batches: int) -> Schedule:
        """The fork's schedule at its start.

        Raises:
            ConfigError: torch's class cannot run for so many steps.
        """
        return self.begin(recipe, batches)[0]

    def begin(self, recipe: Recipe, batches: int) -> tuple[Schedule, Decision]:
        """The fork's schedule at its start, and the decision that stands on the epoch before it:
        its own, or the parent's if it made none.

        Raises:
            ConfigError: torch's class cannot run for so many steps.
        """
        schedule = Schedule(recipe, batches)
        if recipe == self.recipe:
            schedule.load_state_dict(self.decided)
            return schedule, self.decision
        own = hand_over(schedule, self.undecided, self.metric, self.decided, self.recipe)
        return schedule, own or self.decision


class Walk:
    """The schedule of a recorded run, taken from epoch to epoch.

    Args:
        stretches: how the run was trained.
        batches: batches per epoch.

    Attributes:
        schedule: the schedule at the end of the epochs so far, already a fork's if one starts
            there.
    """

    def __init__(self, stretches: Sequence[Stretch], batches: int) -> None:
        self.schedule = Schedule(stretches[0].recipe, batches, stretches[0].lasts)
        self._stretch, *self._following = stretches

    def through(self, epoch: int) -> list[Batches]:
        """Take the schedule through the batches of its next epoch; what they were trained with."""
        return list(through(self.schedule, self._stretch.interventions, epoch))

    def end(self, epoch: int, metrics: Metrics) -> None:
        """End this epoch."""
        if self._following and epoch >= self._following[0].after:
            inherited = self.inherit(metrics)
            self._stretch, *self._following = self._following
            self.schedule = inherited.by(self._stretch.recipe, self.schedule.batches)
        else:
            self.schedule.step_epoch(self._monitored(metrics))

    def inherit(self, metrics: Metrics) -> Inherited:
        """End the epoch, as the last before a fork."""
        metric, undecided = self._monitored(metrics), self.schedule.state_dict()
        decision = self.schedule.advance(metric)
        recipe = self._stretch.recipe
        return Inherited(recipe, undecided, metric, self.schedule.state_dict(), decision)

    def _monitored(self, metrics: Metrics) -> float:
        value = metrics.get(self._stretch.recipe.monitor)
        return math.nan if value is None else value


def inherit(stretches: Sequence[Stretch], rows: Sequence[Epoch], batches: int) -> Inherited:
    """What a fork after the last of these epochs would take over.

    Args:
        stretches: how they were trained.
        rows: the epochs of the parent's lineage, from the first to the fork; at least one.
        batches: batches per epoch.
    """
    walk = Walk(stretches, batches)
    for row in rows[:-1]:
        walk.through(row.epoch)
        walk.end(row.epoch, row.metrics)
    walk.through(rows[-1].epoch)
    return walk.inherit(rows[-1].metrics)


def through(schedule: Schedule, made: Sequence[Intervention], epoch: int) -> Iterator[Batches]:
    """Take a schedule through the batches of an epoch, and make those interventions that were made
    in it.
    """
    at = 0
    by_batch = groupby((past for past in made if past.epoch == epoch), lambda past: past.batch)
    for batch, together in by_batch:
        if batch > at:
            yield schedule.through(batch - at)
        for past in together:
            schedule.intervene(past.name, past.value)
        # By itself, since a schedule that steps each batch overwrites it after this one.
        yield Constant(1, schedule.lr, schedule.momentum)
        schedule.step_batch()
        at = batch + 1
    if at < schedule.batches:
        yield schedule.through(schedule.batches - at)
