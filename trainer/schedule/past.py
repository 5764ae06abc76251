"""How a recorded run was trained: which recipe, from which epoch, and what was done by hand.

torch-free.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from ..config.recipe import Recipe
from .interventions import Intervention


@dataclass(frozen=True, slots=True)
class Stretch:
    """The epochs after epoch `after` that a run trained with one recipe: a whole run, or a part of
    a fork's past. Its interventions are in the order in which they were made; where `lasts`, an
    LR was also written where the schedule reads its own (see `trainer.schedule.schedule.Schedule`).
    """

    recipe: Recipe
    after: int = 0
    interventions: Sequence[Intervention] = ()
    lasts: bool = False
