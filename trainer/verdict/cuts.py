"""What each cut brought, against the noise of the epochs before it; whether the LR was too high
before, and whether it is so low now that nothing moves.
"""

import math
from collections.abc import Collection, Sequence
from itertools import pairwise
from statistics import median
from typing import NamedTuple

from ..config.metrics import rises
from ..config.text import lr_text, significant
from . import advice, noise
from .course import FLAT, Course, Level, flat
from .falling import CLEAR, name, shown
from .statement import Action, Statement

COMPARED = 10  # epochs on each side of a cut, at most
LEAST_COMPARED = 3  # fewer have no median worth the name
SHOWN = 4  # cuts listed by their epochs
# Of a loss that jumped by this share of itself from epoch to epoch, and fell by this share at the
# first cut: half the spread of a healthy run's (0.05 to 0.15 on digits) is far below.
JUMPS, DROP = 0.25, 0.25
# At so small a fraction of the highest LR it is the LR that keeps the loss from moving.
SMALL_LR = 0.01
FROZEN_EPOCHS = 5


class Effect(NamedTuple):
    """The metric at the LR before a cut and at the one after it: medians of a few epochs."""

    before: Level
    after: Level
    was: float
    became: float
    step: float  # from epoch to epoch, before
    error: float  # the standard error of the difference
    trend: float  # what the slope before it would have brought without it

    @property
    def moved(self) -> float:
        return self.became - self.was

    @property
    def clear(self) -> bool:
        """Whether it moved more than noise, or the fall that went on anyway, would move it."""
        large = abs(self.moved) > max(CLEAR * self.error, FLAT * abs(self.was))
        return large and self.moved < 2 * min(self.trend, 0.0)

    @property
    def none(self) -> bool:
        """Whether it fell by no more than noise would make it fall, or than the charts show."""
        return -self.moved <= max(min(self.error, self.step), FLAT * abs(self.was))


def effects(course: Course) -> list[Effect]:
    """The effects of those cuts that have enough epochs on both sides, the oldest first."""
    found = []
    levels = list(course.levels)
    for before, after in pairwise(levels):
        if after.lr >= before.lr or after.first - before.last > 2:
            continue
        old, new = list(before.late)[-COMPARED:], after.early[:COMPARED]
        if min(len(old), len(new)) < LEAST_COMPARED:
            continue
        was, became = median(old), median(new)
        error = math.hypot(noise.uncertainty(old), noise.uncertainty(new))
        step, slope = noise.step(old), noise.slope(old)
        real = abs(slope) * len(old) > CLEAR * step  # noise alone has a slope too
        trend = slope * (len(old) + len(new)) / 2 if real else 0.0
        found.append(Effect(before, after, was, became, step, error, trend))
    return found


def cuts(course: Course) -> Statement | None:
    """What the last cuts brought: the clear falls, and those since that changed nothing."""
    found = effects(course)
    idle: list[Effect] = []
    for effect in reversed(found):
        if not effect.none:
            break
        idle.insert(0, effect)
    rest = found[: len(found) - len(idle)]
    clear = [effect for effect in rest if effect.clear and effect.moved < 0]
    sentences = [_brought(course, clear[-1])] if clear else []
    if idle and idle[0].was - idle[-1].became <= max(idle[0].step, FLAT * abs(idle[0].was)):
        sentences.append(_nothing(course, idle))
    if not sentences:
        return None
    first = clear[-1] if clear else idle[0]
    return Statement("cuts", " ".join(sentences), (first.before.last, course.epoch))


def _brought(course: Course, effect: Effect) -> str:
    before, after = min(len(effect.before.late), COMPARED), min(len(effect.after.early), COMPARED)
    return (
        f"The cut {_at(effect)} brought {name(course)} from {shown(course, effect.was)} to "
        f"{shown(course, effect.became)} (medians of {before} epochs before and {after} after)."
    )


def _nothing(course: Course, idle: Sequence[Effect]) -> str:
    fell, step = max(-effect.moved for effect in idle), max(effect.step for effect in idle)
    if len(idle) == 1:
        which = f"The cut {_at(idle[0])}"
    elif len(idle) <= SHOWN:
        *some, last = [_at(effect).split()[-1] for effect in idle]
        which = f"The cuts after epochs {', '.join(some)} and {last}"
    else:
        which = f"The {len(idle)} cuts from epoch {idle[0].before.last} to {idle[-1].before.last}"
    rising = rises(course.metric)
    by = f"did not {'rise' if rising else 'fall'}"
    if fell > 0:
        most = "" if len(idle) == 1 else "at most "
        by = f"{'rose' if rising else 'fell'} by {most}{significant(fell)}"
    anyway = f"; from epoch to epoch it moved by {significant(step)} anyway" if step > fell else ""
    return f"{which} brought nothing: the median of {name(course)} {by}{anyway}."


def _at(effect: Effect) -> str:
    if effect.after.first - effect.before.last > 1:
        return f"in epoch {effect.before.last + 1}"
    return f"after epoch {effect.before.last}"


def too_high(course: Course, used: Collection[float]) -> Statement | None:
    """At the first LR the metric jumped about, and the first cut brought a large fall."""
    found = effects(course)
    first = course.first
    if not found or first is None or found[0].before is not course.levels[0]:
        return None
    effect = found[0]
    if effect.before.first != first.epoch + course.recipe.warmup or effect.was <= 0:
        return None
    if effect.step < JUMPS * effect.was or not effect.clear or effect.moved > -DROP * effect.was:
        return None
    lr = effect.before.lr
    sentence = (
        f"LR {lr_text(lr)} was too high to settle: from epoch to epoch {name(course)} jumped by "
        f"{significant(effect.step)}, and the cut {_at(effect)} took it from "
        f"{shown(course, effect.was)} to {shown(course, effect.became)}."
    )
    # Between the LR that was too high and the one that was not.
    action = advice.lower(course, used, max(effect.after.lr, lr / advice.SMALL_STEP))
    return Statement("too high", sentence, (effect.before.first, effect.after.last), action)


def frozen(course: Course, over: bool, shorter: bool = True) -> Statement | None:
    """The LR has become so small that no metric moves any more.

    Args:
        shorter: whether to offer the run without these epochs, once it is over.
    """
    if course.last is None or not course.lr_known or not course.window:
        return None
    small = SMALL_LR * course.top_lr * (1 + 1e-9)
    since, now = _small_since(course, small), max(course.last.lr, course.last.lr_last)
    count = course.epoch - since + 1
    if not since or count < FROZEN_EPOCHS or now > small:
        return None
    recent = [p for p in course.window if p.epoch >= since]
    highest = max([now, *(level.lr for level in course.levels if level.last >= since)])
    lr = lr_text(now) if highest == now else f"{lr_text(highest)} or less"
    texts = {shown(course, p.value): p.value for p in recent if p.value is not None}
    low, high = min(texts, key=texts.__getitem__), max(texts, key=texts.__getitem__)
    stood = f"at {low}" if low == high else f"between {low} and {high}"
    if over:
        sentence = (
            f"The LR was {lr} from epoch {since} on, and these {count} epochs changed nothing: "
            f"{name(course)} stayed {stood}."
        )
    else:
        sentence = (
            f"The LR has been {lr} since epoch {since}, and the {count} epochs from there have "
            f"changed nothing: {name(course)} stays {stood}."
        )
    action = _shorter(course, since) if over and shorter else None
    return Statement("frozen", sentence, (since, course.epoch), action)


def _small_since(course: Course, small: float) -> int:
    """The first epoch from which no metric moved and the LR was this small: where the LR fell, if
    it did since then; 0 if there is none.
    """
    since = _calm_since(course)
    falls = [level.first for level in course.levels if level.first >= since and level.lr <= small]
    if since and falls and course.epoch - falls[0] + 1 >= FROZEN_EPOCHS:
        return falls[0]
    lrs = {p.epoch: p.lr for p in course.window if p.epoch >= since}
    return since if all(lr is None or lr <= small for lr in lrs.values()) else 0


def _calm_since(course: Course) -> int:
    """The first epoch from which no metric moved."""
    low: dict[str, float] = {}
    high: dict[str, float] = {}
    since = 0
    for point in reversed(course.window):
        if point.value is None:
            break
        for metric, value in (("value", point.value), ("train", point.train)):
            if value is not None:
                low[metric] = min(low.get(metric, value), value)
                high[metric] = max(high.get(metric, value), value)
        if not all(flat(low[metric], high[metric]) for metric in low):
            break
        since = point.epoch
    if since and since == course.window[0].epoch and course.calm_since:
        return min(since, course.calm_since)
    return since


def _shorter(course: Course, since: int) -> Action | None:
    """The same run without the epochs that changed nothing, unless its schedule has a length."""
    spec = course.recipe.schedule
    if spec.traits.cut_by is None or course.after:
        return None
    return advice.new_run(course, f"New run of {since} epochs", {"epochs": since})
