"""How a run stands, from its epochs alone."""

from collections.abc import Sequence
from dataclasses import replace

from ..config.run import RunConfig
from ..schedule.interventions import RecordedIntervention
from . import advice, cuts, falling, guessing
from .course import FLAT, Course
from .patience import patience
from .rungs import rungs
from .statement import Statement

MOST = 3  # statements: more are not read


def verdict(
    course: Course,
    epochs: int,
    over: bool,
    interventions: Sequence[RecordedIntervention] = (),
    tried: Sequence[RunConfig] = (),
) -> list[Statement]:
    """At most three statements, the most important first; none while there is nothing to say.

    Args:
        course: the epochs of the run so far.
        epochs: the run's number of epochs by now, with those added by hand.
        over: whether it trains no more.
        interventions: what was done by hand.
        tried: the configs of a fork's parent and the runs before it.
    """
    used = course.used(interventions) | rungs(config.lr for config in tried)
    found = _found(course, epochs, over, interventions, used)
    return [_untried(statement, course, tried) for statement in found]


def _untried(statement: Statement, course: Course, tried: Sequence[RunConfig]) -> Statement:
    """A statement without what it advises, if the run or one before it was trained like that."""
    action, own = statement.action, course.recipe
    if action is None or not isinstance(own, RunConfig):
        return statement
    known = any(advice.texts(run, action.settings) == action.settings for run in (own, *tried))
    return replace(statement, action=None) if known and action.settings else statement


def _found(
    course: Course,
    epochs: int,
    over: bool,
    interventions: Sequence[RecordedIntervention],
    used: set[float],
) -> list[Statement]:
    if alone := guessing.diverged(course, used, epochs, interventions):
        return [alone]
    if len(course.window) < guessing.LEAST_EPOCHS:
        return []
    slow = falling.too_low(course, used, epochs, over) if course.lr_known else None
    if not slow and (alone := guessing.guessing(course, used, over)):
        return [alone]
    high, hasty = cuts.too_high(course, used), patience(course, epochs)
    found = [
        high,
        hasty,
        falling.overfitting(course, over),
        cuts.frozen(course, over, shorter=not hasty),
        slow,
        falling.unfinished(course, epochs) if over and not slow else None,
        None if high else cuts.cuts(course),  # it has said what the first cut brought
    ]
    return [statement for statement in found if statement][:MOST]


def learned(course: Course) -> bool | None:
    """Whether the run learned something; None if that cannot be known, or not yet.

    A finished run of which this is False must not look like a success.
    """
    if course.diverged:
        return False
    if course.chance is not None and course.lowest_loss is not None:
        if course.epoch - course.learned_at < guessing.LEAST_EPOCHS:
            return True if course.learned_at else None
        return False
    if guessing.inferred_classes(course):
        return False
    best, first = course.best, course.opening
    if best is None or first is None or best.value is None:
        return None
    return True if first - best.value > FLAT * abs(first) else None
