"""A sweep as its pictures show it."""

from typing import NamedTuple

from ..store.sweeps import Sweep
from .reading import METRIC, Cell, Read, Reading
from .settings import Standing, Tried, standing, tried
from .statement import noise


class Shown(NamedTuple):
    """What was read of a sweep, its settings, and what they show."""

    read: Read
    settings: list[Tried]
    standing: Standing


def shown(
    reading: Reading, sweep: Sweep, metric: str = METRIC, made: dict[int, Tried] | None = None
) -> Shown:
    """A sweep as it stands now. With one seed, the best run's own course says what is noise.

    Args:
        made: as of `trainer.sweep.settings.tried`.
    """
    read = reading.of(sweep, metric)
    settings = tried(read, made=made)

    def of_course(best: Cell) -> float | None:
        return noise(reading.course(sweep, read, best), metric)

    return Shown(read, settings, standing(settings, metric, of_course))
