"""Whether a run diverged, or does no better than guessing."""

import math
from collections.abc import Collection, Sequence

from ..config.metrics import label, rises
from ..config.optimizers import TOO_HIGH
from ..config.text import epochs_text, lr_text, significant
from ..schedule.interventions import RecordedIntervention
from . import advice
from .course import GUESSING, Course, falls
from .statement import Action, Statement

LEAST_EPOCHS = 3  # fewer say nothing: a run that learns may need one or two to begin
# A network that does not move at all at this LR or above is dead, not slow: at an LR that is too
# low the loss still falls in every epoch.
DEAD_FROM = 1e-3
# Where an optimizer has no LR of its own that is too high: SGD with momentum 0.9 learns digits at
# 0.1 and falls back to guessing at 0.3.
HIGH = 0.3
# With unknown classes: how near the accuracy stays to one divided by a whole number, and the most
# classes for which that is no coincidence if no loss confirms it.
NEAR_SHARE, MOST_UNCONFIRMED = 0.15, 4


def diverged(
    course: Course,
    used: Collection[float],
    epochs: int,
    interventions: Sequence[RecordedIntervention],
) -> Statement | None:
    """The loss was no longer a finite number."""
    last = course.last
    if last is None or not course.diverged:
        return None
    lr = max(last.lr, last.lr_last)
    raised = next(
        (m for m in reversed(interventions) if m.by_hand and m.lr_after > m.lr_before), None
    )
    action: Action | None
    if raised is not None and raised.epoch - 1 > course.after:
        after = raised.epoch - 1
        words = f"Fork after epoch {after}, before the LR was raised"
        action = advice.fork(course, words, after, epochs, {})
    else:
        action = advice.lower(course, used, lr / advice.STEP)
    sentence = (
        f"The loss was no longer a finite number in epoch {last.epoch}, at LR {lr_text(lr)}: "
        "the run diverged."
    )
    return Statement("diverged", sentence, (last.epoch, last.epoch), action)


def guessing(course: Course, used: Collection[float], over: bool) -> Statement | None:
    """It has never done better than guessing, or no longer does."""
    if course.first is None or course.diverged:
        return None
    since = course.learned_at + 1 if course.learned_at else course.first.epoch
    span = since, course.epoch
    if course.chance is None:
        return _inferred(course, over, span)
    losses = _losses(course)
    if course.epoch - since + 1 < LEAST_EPOCHS or len(losses) < LEAST_EPOCHS:
        return None
    if not over and _slow(course):
        return None  # it has begun to learn, or its LR is too low: a few more epochs tell
    loss = losses[-1]
    name = label(course.train_metric or course.metric)
    classes, chance = course.classes, course.chance
    than = f"guessing among {classes} classes gives ln {classes} ≈ {chance:.3f}"
    if course.learned_at:
        what = f"From epoch {since} on it {'did' if over else 'does'} no better than guessing"
    elif over:
        what = f"It never did better than guessing in {epochs_text(course.epoch)}"
    else:
        what = f"So far it does no better than guessing, after {epochs_text(course.epoch)}"
    last = f"was {significant(loss)} at the end" if over else f"is {significant(loss)}"
    sentence = f"{what}: {name} {last}, and {than}."
    return Statement("guessing", sentence, span, _advice(course, used))


def _losses(course: Course) -> list[float]:
    """The loss of the last epochs, if each of them has one."""
    last = list(course.window)[-LEAST_EPOCHS:]
    losses = [p.train if course.train_metric else p.value for p in last]
    return [loss for loss in losses if loss is not None]


def _slow(course: Course) -> bool:
    """Whether the loss falls, from that of guessing on: a network that is dead stays above it."""
    value = course.window[-1].value
    chance = course.chance
    slow = value is not None and chance is not None and value < chance and not rises(course.metric)
    return slow and falls(course) >= LEAST_EPOCHS - 1


def _advice(course: Course, used: Collection[float]) -> Action | None:
    lr = max(course.top_lr, course.recipe.lr)
    known = TOO_HIGH.get(course.recipe.optimizer.name, HIGH)
    # A dead network creeps towards the loss of guessing, too, once its LR was cut.
    slow = _slow(course) and lr < known and course.last is not None and course.last.lr == lr
    if lr < DEAD_FROM or slow:
        return advice.higher(course, used)
    return advice.lower(course, used, min(lr / advice.STEP, known / advice.SMALL_STEP))


def _inferred(course: Course, over: bool, span: tuple[int, int]) -> Statement | None:
    """With unknown classes: an accuracy that stays at 1 / k while the loss stays at ln k."""
    classes = inferred_classes(course)
    if classes is None or course.accuracy is None:
        return None
    low, high = map(significant, course.accuracy)
    between = low if low == high else f"{low} to {high}"
    sentence = (
        f"{'It never did' if over else 'So far it does no'} better than guessing among {classes} "
        f"classes: accuracy {'stayed' if over else 'stays'} at {between} "
        f"in {epochs_text(course.epoch)}."
    )
    return Statement("guessing", sentence, span)


def inferred_classes(course: Course) -> int | None:
    """Among how many classes it guesses, if an accuracy that never moves tells."""
    if course.accuracy is None or course.first is None or course.chance is not None:
        return None
    low, high = course.accuracy
    if course.epoch - course.first.epoch + 1 < LEAST_EPOCHS:
        return None
    if low <= 0 or high > 0.5 * (1 + NEAR_SHARE):
        return None
    classes = round(2 / (low + high))
    if classes < 2 or max(high * classes - 1, 1 - low * classes) > NEAR_SHARE:
        return None
    if course.train_metric or not rises(course.metric):
        loss = course.lowest_loss
        return classes if loss is not None and loss > GUESSING * math.log(classes) else None
    return classes if classes <= MOST_UNCONFIRMED else None
