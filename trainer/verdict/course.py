"""What a verdict needs of a run's epochs, taken in one at a time: the cost of an epoch does not
depend on how many came before.
"""

import math
import re
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from ..config.metrics import rises
from ..config.recipe import Recipe
from ..config.run import RunConfig
from ..schedule.decisions import RECORDED
from ..schedule.epoch import Epoch
from ..schedule.interventions import RecordedIntervention
from .rungs import rungs

WINDOW = 200  # epochs kept
LEVELS = 40  # stretches of one LR kept
SPAN = 20  # values kept of each: enough for a median, and for a slope
NEAR_BEST = 5  # values from the best on: the best alone is the luckiest of many
# A loss above this share of ln(classes) is that of guessing: torch's layers start within 2 % of it.
GUESSING = 0.98
# So is an accuracy below 1 / classes and this share of what is left to 1: 0.19 of ten classes.
BETTER = 0.1
HUGE = 1e100  # sums and squares of what is larger overflow
# A loss or accuracy within this share is the same: less than the charts' three digits show.
FLAT = 0.005


class Point(NamedTuple):
    """An epoch's metrics: `value` is negative for a metric of which higher is better, so that lower
    is better always. `lr` is None if it changed within the epoch.
    """

    epoch: int
    lr: float | None
    value: float | None
    train: float | None


@dataclass(slots=True)
class Level:
    """A stretch of epochs that were trained at one LR.

    Attributes:
        early, late: its first and its last values.
        watched: the last values of the monitor, lower is better.
        recovered: the most bad epochs in a row after which a new best came at this same LR.
    """

    lr: float
    first: int
    last: int
    early: list[float] = field(default_factory=list)
    late: deque[float] = field(default_factory=lambda: deque(maxlen=SPAN))
    watched: deque[float] = field(default_factory=lambda: deque(maxlen=SPAN))
    bad: int = 0
    recovered: int = 0

    @property
    def epochs(self) -> int:
        return self.last - self.first + 1


class FirstCut(NamedTuple):
    """The plateau rule's first cut, the patience that it counted with, and the best before it."""

    epoch: int
    patience: int
    counted: int
    best: Point | None
    at: Point


class Course:
    """The epochs of a run so far.

    Args:
        recipe: the run's, or the config of one that was trained here.
        classes: how many classes the data has; 0 if that is unknown.
        after: the epoch that a fork continues from; its past is taken in too.
    """

    def __init__(self, recipe: Recipe, classes: int = 0, after: int = 0) -> None:
        self.recipe, self.classes, self.after = recipe, classes, after
        self.trained = isinstance(recipe, RunConfig)
        self.lr_known = self.trained
        self.metric = recipe.monitor
        self.train_metric: str | None = None
        self.accuracy: tuple[float, float] | None = None  # the lowest and the highest
        self.lowest_loss: float | None = None  # of train, or of the metric if there is no train
        self.window: deque[Point] = deque(maxlen=WINDOW)
        self.levels: deque[Level] = deque(maxlen=LEVELS)
        self.first: Epoch | None = None
        self.last: Epoch | None = None
        self.opening: float | None = None  # the first value
        self.best: Point | None = None
        self.near_best: list[float] = []
        self.first_cut: FirstCut | None = None
        self.rungs: set[float] = set()
        self.top_lr = 0.0
        self.learned_at = 0  # the last epoch that did better than guessing
        self.calm_since = 0  # from here to now nothing moved
        self._band: list[float] = []  # the lowest and highest value and train loss since then

    @property
    def epoch(self) -> int:
        """The last epoch taken in; 0 before the first."""
        return self.last.epoch if self.last else 0

    @property
    def chance(self) -> float | None:
        """The loss of guessing; None if it is unknown."""
        return math.log(self.classes) if self.classes > 1 else None

    @property
    def diverged(self) -> bool:
        return bool(self.trained and self.last and self.last.decision is None)

    def extend(self, rows: Iterable[Epoch]) -> "Course":
        """Take in more epochs, in order."""
        for row in rows:
            self.add(row)
        return self

    def add(self, row: Epoch) -> None:
        """Take in the next epoch."""
        if self.first is None:
            self._begin(row)
        point = Point(
            row.epoch,
            row.lr if row.lr == row.lr_last else None,
            self._signed(self.metric, row),
            _shown(row.metrics.get(self.train_metric)) if self.train_metric else None,
        )
        if self.lr_known:
            self.rungs |= rungs((row.lr, row.lr_last))
            self.top_lr = max(self.top_lr, row.lr, row.lr_last)
            self._level(point, row)
        self._compare(point, row)
        self._calm(point)
        self.window.append(point)
        self.last = row
        self._first_cut(row)

    def used(self, interventions: Iterable[RecordedIntervention]) -> set[float]:
        """The rungs of the LRs that the run used, by its recipe, its schedule or by hand."""
        by_hand = [made.lr_after for made in interventions if made.by_hand]
        return self.rungs | rungs([self.recipe.lr, *by_hand])

    def _begin(self, row: Epoch) -> None:
        self.first = row
        names = row.metrics.keys()
        if "val_loss" in names:
            self.metric = "val_loss"
        self.train_metric = next(
            (name for name in ("train_loss", "loss") if name in names and name != self.metric), None
        )
        self.lr_known |= bool(row.decision and row.decision.schedule == RECORDED)

    def _signed(self, name: str, row: Epoch) -> float | None:
        value = _shown(row.metrics.get(name))
        return -value if value is not None and rises(name) else value

    def _level(self, point: Point, row: Epoch) -> None:
        """Continue the level, or begin one where the LR is another."""
        if point.lr is None:
            return
        level = self.levels[-1] if self.levels else None
        if level is None or level.lr != point.lr or level.last != point.epoch - 1:
            level = Level(point.lr, point.epoch, point.epoch)
            self.levels.append(level)
        level.last = point.epoch
        if point.value is not None:
            level.late.append(point.value)
            if len(level.early) < SPAN:
                level.early.append(point.value)
        if (watched := self._signed(self.recipe.monitor, row)) is not None:
            level.watched.append(watched)
        if row.decision is not None and row.decision.plateau is not None:
            if row.decision.kind == "improved":
                level.recovered, level.bad = max(level.recovered, level.bad), 0
            else:
                level.bad += 1

    def _compare(self, point: Point, row: Epoch) -> None:
        """Compare with the best, with guessing, and with the accuracies so far."""
        if self.opening is None:
            self.opening = point.value
        if self.best is not None and len(self.near_best) < NEAR_BEST and point.value is not None:
            self.near_best.append(point.value)
        if point.value is not None and (
            self.best is None or self.best.value is None or point.value < self.best.value
        ):
            self.best, self.near_best = point, [point.value]
        loss = point.train if self.train_metric else point.value
        if loss is not None and not (self.train_metric is None and rises(self.metric)):
            self.lowest_loss = loss if self.lowest_loss is None else min(self.lowest_loss, loss)
            if self.chance is not None and loss <= GUESSING * self.chance:
                self.learned_at = point.epoch
        for name, value in row.metrics.items():
            if value is not None and is_accuracy(name):
                low, high = self.accuracy or (value, value)
                self.accuracy = min(low, value), max(high, value)
                if self.classes > 1 and value > BETTER + (1 - BETTER) / self.classes:
                    self.learned_at = point.epoch

    def _calm(self, point: Point) -> None:
        """Since when no metric has moved; a metric that is not measured does not move."""
        values = [v for v in (point.value, point.train) if v is not None]
        if self.calm_since and len(self._band) == 2 * len(values) and point.value is not None:
            lows = [min(a, b) for a, b in zip(self._band[::2], values, strict=True)]
            highs = [max(a, b) for a, b in zip(self._band[1::2], values, strict=True)]
            if all(flat(low, high) for low, high in zip(lows, highs, strict=True)):
                self._band = [v for pair in zip(lows, highs, strict=True) for v in pair]
                return
        self._band = [v for value in values for v in (value, value)]
        self.calm_since = point.epoch if point.value is not None else 0

    def _first_cut(self, row: Epoch) -> None:
        decision = row.decision
        if self.first_cut or not decision or decision.kind != "cut" or not decision.plateau:
            return
        seen = decision.plateau
        best = next(
            (point for point in self.window if point.epoch == row.epoch - seen.counted), None
        )
        self.first_cut = FirstCut(row.epoch, seen.patience, seen.counted, best, self.window[-1])


def _shown(value: float | None) -> float | None:
    """A metric, or None where it is no number that a chart can show."""
    return value if value is not None and abs(value) < HUGE else None


def flat(low: float, high: float) -> bool:
    """Whether two values are the same for whoever looks at a chart."""
    return high - low <= FLAT * max(abs(low), abs(high))


def is_accuracy(name: str) -> bool:
    return bool({"acc", "accuracy"} & set(re.findall(r"[a-z0-9]+", name.lower())))


def falls(course: Course) -> int:
    """In how many of the last epochs, without a break, the metric was better than in the epoch
    before.
    """
    values = [point.value for point in course.window]
    count = 0
    for after, before in zip(reversed(values), reversed(values[:-1]), strict=False):
        if after is None or before is None or after >= before:
            break
        count += 1
    return count
