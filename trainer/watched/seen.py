"""What can be seen of a training's recipe: its optimizer's and its scheduler's classes and numbers.

What LRScope does not know is named by its class, and nothing is claimed of it. torch-free.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from ..config.optimizers import OPTIMIZERS, SGD, observed
from ..config.recipe import Recipe
from ..config.schedules import SCHEDULES, NoSchedule
from ..config.table import setting_of
from ..config.text import plain
from ..config.traits import ScheduleSettings
from .lines import SeenOptimizer, SeenScheduler

TORCH = "torch.optim"
KERAS = "keras."  # how its modules begin
PARTED = {"SequentialLR", "ChainedScheduler"}
MOST_SHOWN = 60  # characters of a class's name
LEAST_LR = 1e-12  # stands for an LR of 0, which no recipe has


@dataclass(frozen=True)
class Seen:
    """What is known of a training's schedule.

    Attributes:
        schedule: its settings, and constant where they are not known.
        unknown: what a schedule is called whose settings are not known; None if they are.
        lr: the run's learning rate.
        epochs: for how many epochs it was made; None if that does not matter to it.
        late: how many steps it had taken before the training was watched.
    """

    schedule: ScheduleSettings
    unknown: str | None
    lr: float
    epochs: int | None = None
    late: int = 0

    @property
    def is_plateau(self) -> bool:
        return self.schedule.traits.watches_monitor


def schedule_of(seen: SeenScheduler | None, group: Mapping[str, Any], batches: int) -> Seen:
    """What is known of a schedule that drives this parameter group, in epochs of so many batches (0
    if that is not known).
    """
    now = _rate(group.get("initial_lr")) or _rate(group.get("lr")) or LEAST_LR
    if seen is None:
        return Seen(NoSchedule(), None, now)
    found = fields_of(seen, group, batches)
    late = _whole(seen.state.get("last_epoch"))
    if found is None:
        return Seen(NoSchedule(), title(seen), now, late=late)
    schedule, lr, epochs = found
    return Seen(schedule, None, lr, epochs, late)


def fields_of(
    seen: SeenScheduler, group: Mapping[str, Any], batches: int
) -> tuple[ScheduleSettings, float, int | None] | None:
    """The settings of a scheduler of torch's, the run's LR, and for how many epochs it was made;
    None if LRScope has no such settings.
    """
    cls = SCHEDULES.get(seen.name)
    if cls is None or not seen.module.startswith(TORCH):
        return None
    try:
        fields = cls.observed(seen.state, group, batches)
        lr, epochs = _rate(fields.pop("lr")), fields.pop("epochs", None)
        schedule = cls.model_validate({**fields, "name": seen.name})
        if not lr:
            return None
        Recipe(lr=lr, schedule=schedule, epochs=epochs or 1)  # what it takes of both together
    except (KeyError, TypeError, ValueError, ArithmeticError, IndexError):
        return None  # pydantic's error is a ValueError too
    return schedule, lr, epochs


def optimizer_of(seen: SeenOptimizer | None) -> tuple[Any, str | None]:
    """An optimizer's settings, and what it is called if they are not known: they are a stand-in
    then.
    """
    if seen is None:
        return SGD(), "an optimizer that watch() was not given"
    found = None
    if seen.name in OPTIMIZERS and seen.module.startswith(TORCH):
        found = observed(seen.name, seen.groups[0] if seen.groups else {})
    return (SGD(), _called(seen)) if found is None else (found, None)


def title(seen: SeenScheduler) -> str:
    """What a scheduler is called: its class, with those of its parts."""
    name = _called(seen)
    if seen.name not in PARTED or not seen.parts:
        return name
    return f"{name} ({', '.join(map(_called, seen.parts))})"


def _called(seen: SeenOptimizer | SeenScheduler) -> str:
    """A class's name. Keras has classes of the same names as torch's, which are not the same."""
    name = plain(seen.name, MOST_SHOWN)
    return f"Keras's {name}" if seen.module.startswith(KERAS) else name


def recipe(seen: Seen, optimizer: Any, monitor: str, epochs: int) -> Recipe:
    """The recipe with all that is known, for so many epochs."""
    most = setting_of("epochs").most
    assert most is not None
    planned = min(max(seen.epochs or epochs, 1), int(most))
    known = {"optimizer": optimizer, "lr": seen.lr, "schedule": seen.schedule}
    try:
        return Recipe(**known, monitor=monitor, epochs=planned)
    except ValidationError:
        return Recipe(optimizer=optimizer, schedule=NoSchedule(), epochs=planned)


def _rate(value: object) -> float | None:
    """A learning rate that a recipe can have; None if it is none."""
    most = setting_of("lr").most
    assert most is not None
    if isinstance(value, int | float) and math.isfinite(value) and 0 < value <= most:
        return float(value)
    return None


def _whole(value: object) -> int:
    return value if isinstance(value, int) else 0
