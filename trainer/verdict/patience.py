"""Whether the plateau rule's patience is below the noise of what it watches."""

import math

from ..config.metrics import label
from ..config.text import epochs_text, lr_text, significant
from . import advice, noise
from .course import Course, Level
from .cuts import SMALL_LR
from .falling import CLEAR
from .statement import Action, Statement

# Noise and trend are taken over the last epochs at one LR, after as many as a network needs to
# settle: at first its loss falls faster and jumps more than it does later.
RECENT, LEAST_EPOCHS = 10, 15
# Bad epochs in a row of runs that went on to a new best at the same LR, on digits at seven LRs:
# often one or two, up to five.
SHORT, USUAL = 2, 5
# The train loss falls markedly if it is below this share of what it was at the best.
STILL_FALLS = 0.9


def patience(course: Course, epochs: int) -> Statement | None:
    """A patience that reacts to noise: the trend needs more epochs to show, or the first cut came
    after one or two bad epochs while the train loss was still falling.
    """
    spec = course.recipe.schedule
    if not course.trained or not spec.traits.watches_monitor or not course.levels:
        return None
    own = int(getattr(spec, "patience", 0))
    return _noise(course, own, epochs) or _hasty(course, own, epochs)


def needed(level: Level) -> tuple[int, float]:
    """The patience that noise takes at one LR, and the noise; 0 if the monitor did not clearly
    improve there.

    The best is a lucky epoch: about one deviation below the trend. The trend takes as many epochs
    to get there as its slope goes into that deviation. No less than what was seen.
    """
    values = list(level.watched)[-RECENT:]
    around, slope = noise.jitter(values), noise.slope(values)
    falls = slope < 0 and -slope * len(values) >= CLEAR * around
    if len(level.watched) < LEAST_EPOCHS or not falls:
        return 0, around
    return max(math.ceil(around / -slope), level.recovered), around


def _noise(course: Course, own: int, epochs: int) -> Statement | None:
    for level in course.levels:
        least, around = needed(level)
        if least <= own or level.lr <= SMALL_LR * course.top_lr:
            continue
        cut = level is not course.levels[-1]
        if course.first_cut and (level.first <= course.after or course.first_cut.patience != own):
            continue
        monitor = label(course.recipe.monitor)
        sentence = (
            f"At LR {lr_text(level.lr)} {monitor} jitters by ±{significant(around)} around its "
            f"trend: a patience under {least} reacts to noise, and it is {own}."
        )
        after = level.last if cut else course.epoch
        action = _longer(course, after, least, epochs)
        return Statement("patience", sentence, (level.first, level.last), action)
    return None


def _hasty(course: Course, own: int, epochs: int) -> Statement | None:
    cut = course.first_cut
    if cut is None or cut.best is None or cut.best.train is None or cut.at.train is None:
        return None
    if own > SHORT or cut.patience != own or cut.epoch <= course.after:
        return None
    if cut.best.train <= 0 or cut.at.train > STILL_FALLS * cut.best.train:
        return None
    train = label(course.train_metric or "")
    sentence = (
        f"The first cut came after {epochs_text(cut.counted, 'bad epoch')}, in epoch {cut.epoch}, "
        f"while {train} still fell from {significant(cut.best.train)} to "
        f"{significant(cut.at.train)}: a patience of {own} reacts to noise."
    )
    action = _longer(course, cut.epoch, USUAL, epochs)
    return Statement("patience", sentence, (cut.best.epoch, cut.epoch), action)


def _longer(course: Course, after: int, patience: int, epochs: int) -> Action | None:
    label = f"Fork after epoch {after} with patience {patience}"
    return advice.fork(course, label, after, epochs, {"patience": patience})
