"""Actions that can be carried out: each is checked against the settings' bounds and the schedule's
settings.
"""

from collections.abc import Collection, Mapping
from typing import Any

from ..config import forks
from ..config.run import RunConfig
from ..config.table import ConfigError, changed, chosen, from_config
from ..config.text import lr_text
from . import rungs
from .course import Course
from .statement import Action

STEP = 10.0  # between two LRs that are worth a try when the loss says nothing
# From here up a tenfold LR would pass the cliff that is near with every optimizer here.
NEAR_CLIFF, SMALL_STEP = 1e-3, 3.0


def new_run(course: Course, label: str, settings: Mapping[str, Any]) -> Action | None:
    """A new run with these settings; None if there can be none."""
    config = course.recipe
    if not isinstance(config, RunConfig):
        return None
    try:
        child = changed(config, settings)
    except ConfigError:
        return None
    return Action(label, None, texts(child, settings))


def fork(
    course: Course, label: str, after: int, epochs: int, settings: Mapping[str, Any]
) -> Action | None:
    """A fork after that epoch with these settings; None if there can be none.

    Args:
        epochs: the run's number of epochs by now.
    """
    config = course.recipe
    if not isinstance(config, RunConfig):
        return None
    try:
        parent = forks.changed_config(config, epochs, {})
        child = changed(parent, settings)
        forks.check(parent, child, after)
    except ConfigError:
        return None
    return Action(label, after, texts(child, settings))


def lower(course: Course, used: Collection[float], lr: float) -> Action | None:
    """A new run at an LR that is no higher than this and that the run has not used."""
    return _at(course, rungs.below(lr, used))


def higher(course: Course, used: Collection[float]) -> Action | None:
    """A new run at a higher LR that the run has not used."""
    lr = course.recipe.lr
    times = STEP if lr < NEAR_CLIFF else SMALL_STEP
    return _at(course, rungs.above(lr * times, used))


def _at(course: Course, lr: float | None) -> Action | None:
    recipe = course.recipe
    # Below its floor a schedule would raise the LR, or never change it.
    floors = (getattr(recipe.schedule, name, 0.0) for name in ("min_lr", "eta_min"))
    if lr is None or lr <= max(floors):
        return None
    settings, label = {"lr": lr}, f"New run at LR {lr_text(lr)}"
    top = getattr(recipe.schedule, "max_lr", None)
    if top is not None:  # of a cycle, whose LR is the bottom
        settings["max-lr"] = top * lr / recipe.lr
        label += f", up to {lr_text(settings['max-lr'])}"
    return new_run(course, label, settings)


def texts(config: RunConfig, settings: Mapping[str, Any]) -> dict[str, str]:
    """A config's values of these settings, as text."""
    values = from_config(config)
    return {s.key: s.text(values[s.key]) for s in chosen(values) if s.key in settings}
