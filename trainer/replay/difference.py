"""The first batch that a run would have trained differently with another recipe.

Two trainings with the same LR and the same momentum in every batch are the same to the bit; so an
epoch's first and last LR are not enough where a schedule moves within an epoch, or a person did.
"""

import math
from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import chain
from operator import eq
from typing import TYPE_CHECKING, Literal, NamedTuple

from ..config.recipe import Recipe
from ..schedule.batches import Batches, Constant, Cycle, Listed
from ..schedule.epoch import Epoch, monitored
from ..schedule.parts import warm_up
from ..schedule.past import Stretch
from .walk import Inherited, Walk, inherit

if TYPE_CHECKING:
    from .replay import Replayed, Used


class Difference(NamedTuple):
    """Batch `batch` (from 0) of `epoch` would have had `would` where it had `did`."""

    epoch: int
    batch: int
    what: Literal["LR", "momentum"]
    would: float
    did: float


class Past:
    """A recorded run, batch by batch.

    Args:
        stretches: how it was trained.
        rows: its epochs, from the first.
        batches: batches per epoch.

    Attributes:
        after: the epoch after which another recipe would apply: where a fork starts, else 0.
    """

    def __init__(self, stretches: Sequence[Stretch], rows: Sequence[Epoch], batches: int) -> None:
        self.stretches = stretches
        self.rows = rows
        self.batches = batches
        self.after = stretches[-1].after
        self._walked = _walked(stretches, rows, batches)
        self._epochs: list[list[Batches]] = []

    def epoch(self, i: int) -> list[Batches]:
        """The batches of row `i`."""
        while len(self._epochs) <= i:
            self._epochs.append(next(self._walked))
        return self._epochs[i]

    @cached_property
    def inherited(self) -> Inherited:
        """What a fork took over from its parent."""
        return inherit(self.stretches[:-1], self.rows[: self.after], self.batches)

    def moves_within_epochs(self, other: Recipe) -> bool:
        """Whether an epoch of this past or of that recipe may have more than one LR, or a momentum
        of its own.
        """
        recipes = [other, *(stretch.recipe for stretch in self.stretches)]
        return (
            any(stretch.interventions for stretch in self.stretches)
            or any(recipe.schedule.traits.per_batch for recipe in recipes)
            or len({(r.warmup, r.lr) for r in recipes if r.warmup}) > 1
        )


def _walked(
    stretches: Sequence[Stretch], rows: Sequence[Epoch], batches: int
) -> Iterator[list[Batches]]:
    """The batches of each epoch, from the schedule that trained it."""
    walk = Walk(stretches, batches)
    for row in rows:
        yield walk.through(row.epoch)
        walk.end(row.epoch, row.metrics)


def first_difference(
    past: Past, other: Recipe, steps: "Sequence[Used | Replayed]"
) -> Difference | None:
    """The first batch that `other`, replayed as `steps`, would have trained differently, or None.

    Up to it a replay is exact: the same LRs and momenta give the same losses. What a fork's parent
    trained stays as it was.
    """
    closely = past.moves_within_epochs(other)
    momenta = any(r.moves_momentum for r in (other, *(s.recipe for s in past.stretches)))
    forked = _forked(past, other) if closely and past.after else None
    for i in range(past.after, len(past.rows)):
        row, step = past.rows[i], steps[i]
        if row.lr != step.lr:
            return Difference(row.epoch, 0, "LR", step.lr, row.lr)
        if closely:
            did = past.epoch(i)
            would = [next(forked) if forked else _planned(other, past.batches, i, step)]
            if next(iter(did[0]))[0] != row.lr:  # recorded elsewhere: the LR is the file's
                did = [Constant(past.batches, row.lr, None)]
            found = None if did == would else _between(row.epoch, did, would, momenta)
            if found:
                return found
        if row.lr_last != step.lr_last:  # from which batch on is not known
            return Difference(row.epoch, 0, "LR", step.lr_last, row.lr_last)
    return None


def _forked(past: Past, other: Recipe) -> Iterator[Batches]:
    """The batches of each epoch after a fork, if it had this recipe."""
    schedule = past.inherited.by(other, past.batches)
    for value in monitored(other.monitor, past.rows[past.after :]):
        yield schedule.through(past.batches)
        schedule.step_epoch(math.nan if value is None else value)


def _planned(recipe: Recipe, batches: int, i: int, step: "Used | Replayed") -> Batches:
    """The batches of epoch `i` (from 0) of a replay."""
    spec, optimizer = recipe.schedule, recipe.optimizer
    momentum = getattr(optimizer, "momentum", getattr(optimizer, "beta1", None))
    length = recipe.epochs - recipe.warmup
    if i < recipe.warmup:
        if recipe.moves_momentum:
            _, momentum = next(spec.cycle(recipe.lr, length, batches, range(1)))
        lrs = warm_up(recipe.lr, recipe.warmup * batches)
        return Listed(lrs[i * batches : (i + 1) * batches], momentum)
    if not spec.traits.per_batch:
        return Constant(batches, step.lr, momentum)
    first = (i - recipe.warmup) * batches
    own = None if recipe.moves_momentum else momentum
    length = length if spec.traits.fixed_length else 0
    return Cycle(recipe, length, batches, range(first, first + batches), own)


def _between(
    epoch: int, did: Sequence[Batches], would: Sequence[Batches], momenta: bool
) -> Difference | None:
    """The first batch of an epoch in which they differ."""
    if all(map(eq, chain(*did), chain(*would))):  # fast, and true of most
        return None
    for batch, (was, is_) in enumerate(zip(chain(*did), chain(*would), strict=True)):
        if was == is_:
            continue
        if was[0] != is_[0]:
            return Difference(epoch, batch, "LR", is_[0], was[0])
        if momenta and was[1] is not None and is_[1] is not None and was[1] != is_[1]:
            return Difference(epoch, batch, "momentum", is_[1], was[1])
    return None
