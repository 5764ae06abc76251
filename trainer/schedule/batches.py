"""What consecutive batches are trained with: the LR and the momentum of each.

Each kind iterates over (LR, momentum), batch by batch; two that are equal need not. torch-free.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import repeat

from ..config.recipe import Recipe

LrMomentum = tuple[float, float | None]
"""The LR and the momentum, or beta 1, of a batch; None for an optimizer without."""


@dataclass(frozen=True, slots=True)
class Constant:
    """The same for every batch."""

    count: int
    lr: float
    momentum: float | None

    def __iter__(self) -> Iterator[LrMomentum]:
        return repeat((self.lr, self.momentum), self.count)


@dataclass(frozen=True, slots=True)
class Listed:
    """An LR for each batch."""

    lrs: tuple[float, ...]
    momentum: float | None

    def __iter__(self) -> Iterator[LrMomentum]:
        return zip(self.lrs, repeat(self.momentum))


@dataclass(frozen=True, slots=True)
class Cycle:
    """These steps of a schedule that steps each batch and was not changed by hand in them.

    `epochs` is how long it runs for if its length is fixed; `momentum` is the optimizer's own, None
    if the schedule moves it.
    """

    recipe: Recipe
    epochs: int
    batches: int
    steps: range
    momentum: float | None

    def __iter__(self) -> Iterator[LrMomentum]:
        spec = self.recipe.schedule
        moved = spec.cycle(self.recipe.lr, self.epochs, self.batches, self.steps)
        if self.recipe.moves_momentum:
            return moved
        return ((lr, self.momentum) for lr, _ in moved)


Batches = Constant | Listed | Cycle
