"""A sweep as its pictures show it."""

from typing import NamedTuple

from ..store.sweeps import Sweep
from .reading import METRIC, Read, Reading
from .settings import Standing, Tried, standing, tried
from .statement import noise


class Shown(NamedTuple):
    """What was read of a sweep, its settings, and what they show."""

    read: Read
    settings: list[Tried]
    standing: Standing


def shown(reading: Reading, sweep: Sweep, metric: str = METRIC) -> Shown:
    """A sweep as it stands now. With one seed, the best run's own course says what is noise."""
    read = reading.of(sweep, metric)
    settings = tried(read)
    found = standing(settings, metric)
    if found.best is not None and found.reach is None:
        course = reading.course(sweep, read, settings[found.best].best)
        found = standing(settings, metric, noise(course, metric))
    return Shown(read, settings, found)
