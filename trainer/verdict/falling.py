"""What the loss still does: overfitting, still falling at the end, or falling too slowly."""

import math
from collections.abc import Collection
from statistics import median

from ..config.metrics import label, rises
from ..config.text import epochs_text, lr_text, significant
from . import advice, noise
from .course import NEAR_BEST, Course, Point, falls
from .statement import Action, Statement

# Since the best, this many epochs must have passed and the train loss have fallen to this share:
# one run's validation loss lies 16 % above its best by chance, and the train loss of a run that
# has converged still creeps.
STALE_EPOCHS, STALE_SHARE = 10, 0.4
# Where validation rises clearly, sooner.
RISING_EPOCHS, RISING_SHARE = 5, 0.8
# On digits Adam overfits without weight decay and with 1e-4, and no longer does with 1e-3.
LEAST_DECAY, MOST_DECAY = 1e-3, 0.1
RECENT = 5  # epochs compared with as many before them
CLEAR = 2.0  # standard errors: a chance of 1 in 20 that noise alone does it
FALLS = 5  # falls in a row without a rise are no noise: by noise alone 1 in 700
LEAST_FALLS = 3  # in a run of four or five epochs
LEAST_FALL = 0.005  # over the last five epochs; less does not show in three digits
NOISY_FALL = 0.03  # the same where the loss also rises at times
# Falling in each of so many epochs, but by less than this share an epoch, is slow: such a loss does
# not even jitter, as it does at the highest LR that is stable.
SLOW_EPOCHS, SLOW_RATE = 10, 0.05
HARDLY = 0.95  # of the loss of guessing: until there an LR is too low after FALLS epochs


def name(course: Course) -> str:
    return label(course.metric)


def opening(course: Course) -> str:
    """The metric's name as a sentence begins with it; a name that is not ours stays as it is."""
    ours = name(course)
    return ours.capitalize() if ours != course.metric else ours


def shown(course: Course, value: float) -> str:
    """A value as the charts show it."""
    return significant(-value if rises(course.metric) else value)


def points(course: Course) -> list[Point]:
    """The last epochs that have a value."""
    return [point for point in course.window if point.value is not None]


def overfitting(course: Course, over: bool) -> Statement | None:
    """The train loss falls while the metric has not improved since its best."""
    best, last = course.best, course.window[-1] if course.window else None
    if best is None or last is None or None in (best.value, best.train, last.value, last.train):
        return None
    assert best.value is not None and best.train is not None  # noqa: PT018
    assert last.value is not None and last.train is not None  # noqa: PT018
    recent = points(course)[-RECENT:]
    trains = [p.train for p in recent if p.train is not None]
    values = [p.value for p in recent if p.value is not None]
    if min(best.train, *trains) <= 0 or len(values) < RECENT or len(course.near_best) < NEAR_BEST:
        return None
    share = max(last.train, median(trains)) / best.train
    since = course.epoch - best.epoch
    rose = min(values) > max(course.near_best)
    if rose and since >= RISING_EPOCHS + NEAR_BEST and share <= RISING_SHARE:
        worse = ("rose", "has risen") if not rises(course.metric) else ("fell", "has fallen")
        what = (
            f"{name(course)} {worse[0] if over else worse[1]} from {shown(course, best.value)} to "
            f"{shown(course, last.value)}"
        )
    elif (
        since >= STALE_EPOCHS
        and share <= STALE_SHARE
        and median(values) >= median(course.near_best)  # the best may be one lucky epoch
    ):
        what = (
            f"{name(course)} {'did not improve any more' if over else 'has not improved since'} "
            f"({shown(course, best.value)} then, {shown(course, last.value)} "
            f"{'at the end' if over else 'now'})"
        )
    else:
        return None
    train = label(course.train_metric or "")
    sentence = (
        f"Overfitting since epoch {best.epoch}{'' if over else ', it seems'}: {what}, while "
        f"{train} {'fell' if over else 'falls'} from {significant(best.train)} to "
        f"{significant(last.train)}."
    )
    return Statement("overfitting", sentence, (best.epoch, last.epoch), _decay(course))


def _decay(course: Course) -> Action | None:
    """A new run with ten times the weight decay, up to ten times AdamW's usual one; none where a
    higher decay than the optimizer's usual one has not helped.
    """
    optimizer = course.recipe.optimizer
    decay = getattr(optimizer, "weight_decay", None)
    if decay is None or decay > MOST_DECAY / 10:
        return None
    if decay >= LEAST_DECAY and decay > type(optimizer).model_fields["weight_decay"].default:
        return None
    more = max(decay * 10, LEAST_DECAY)
    words = f"New run with weight decay {lr_text(more)}"
    return advice.new_run(course, words, {"weight-decay": more})


def too_low(course: Course, used: Collection[float], epochs: int, over: bool) -> Statement | None:
    """The metric improves in every epoch at the LR with which the run began, but slowly."""
    if course.first is None or len(course.levels) != 1:
        return None
    level, count = course.levels[0], falls(course)
    values = [p.value for p in points(course)]
    if level.epochs != course.epoch - course.first.epoch + 1 or rises(course.metric):
        return None
    count = min(count, len(values) - 1)
    if count < FALLS:
        return None
    last, before = values[-1], values[-1 - FALLS]
    assert last is not None and before is not None  # noqa: PT018
    if last <= 0:
        return None
    rate = 1 - (last / before) ** (1 / FALLS)
    hardly = course.chance is not None and last > HARDLY * course.chance
    if rate > SLOW_RATE or (before - last) < LEAST_FALL / 5 * before:
        return None
    if not hardly and count < SLOW_EPOCHS:
        return None
    if not hardly and before - last < LEAST_FALL * before:
        return None
    start = points(course)[-1 - count]
    assert start.value is not None
    every = "every epoch" if start.epoch == course.first.epoch else f"each of {count} epochs"
    near = ""
    if hardly and course.chance is not None:
        near = f", near the {course.chance:.3f} of guessing"
    fell, was = ("fell", "was") if over else ("falls", "seems")
    sentence = (
        f"{opening(course)} {fell} in {every}, but only by {100 * rate:.2g} % an epoch"
        f"{' at the end' if over else ' now'}: from {shown(course, start.value)} in epoch "
        f"{start.epoch} to {shown(course, last)} in epoch {course.epoch}{near}. LR "
        f"{lr_text(level.lr)} {was} too low for {epochs_text(epochs)}."
    )
    return Statement("too low", sentence, (start.epoch, course.epoch), advice.higher(course, used))


def unfinished(course: Course, epochs: int) -> Statement | None:
    """The metric was still improving when the run ended."""
    found = points(course)
    values = [p.value for p in found if p.value is not None]
    if len(values) < LEAST_FALLS + 1 or course.window[-1].value is None:
        return None
    count = min(falls(course), len(values) - 1)
    size = max(abs(values[-1]), abs(values[-min(len(values), 2 * RECENT)]))
    last = values[-1]
    if count >= min(FALLS, len(values) - 1) and count >= LEAST_FALLS:
        back = min(count, FALLS)
        if values[-1 - back] - last < LEAST_FALL * size:
            return None
        start = found[-1 - back]
        how = f"in each of the last {back} epochs"
    else:
        if len(values) < 2 * RECENT:
            return None
        earlier, later = values[-2 * RECENT : -RECENT], values[-RECENT:]
        fall = median(earlier) - median(later)
        error = math.hypot(noise.uncertainty(earlier), noise.uncertainty(later))
        if fall < CLEAR * error or fall < NOISY_FALL * size or last > median(later):
            return None
        if later.index(min(later)) < RECENT // 2:  # it fell before, and has stopped
            return None
        start = found[-2 * RECENT]
        how = f"in the last {epochs_text(2 * RECENT)} on the whole"
    assert start.value is not None
    verb = "rising" if rises(course.metric) else "falling"
    sentence = (
        f"{opening(course)} was still {verb} at the end, {how}: from "
        f"{shown(course, start.value)} in epoch {start.epoch} to {shown(course, last)} in epoch "
        f"{course.epoch}."
    )
    return Statement("unfinished", sentence, (start.epoch, course.epoch), _more(course, epochs))


def _more(course: Course, epochs: int) -> Action | None:
    """As many epochs again: by a fork, or a new run where the schedule has a length."""
    if course.epoch < epochs:
        return None  # it was stopped: Resume goes on
    spec = course.recipe.schedule
    lengths = [key for key in ("T_max", "total_iters") if hasattr(spec, key)]
    if not lengths and not spec.traits.fixed_length:
        words = f"Fork with {epochs} more epochs"
        return advice.fork(course, words, course.epoch, epochs, {"epochs": 2 * epochs})
    settings = {"epochs": 2 * epochs}
    settings |= {name.lower().replace("_", "-"): 2 * getattr(spec, name) for name in lengths}
    return advice.new_run(course, f"New run of {2 * epochs} epochs", settings)
