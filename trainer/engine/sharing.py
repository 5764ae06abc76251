"""What a run shares with another that has trained the same epochs: its start, and its state there.

Runs whose schedules give every batch the same LR and the same momentum train the same weights, as
far as nothing else differs. Each has a schedule of its own, which steps with the losses of the
epochs that are trained once.
"""

from collections.abc import Hashable, Iterable, Mapping
from itertools import chain, repeat
from operator import ne
from typing import NamedTuple

from ..config import versions
from ..config.run import RunConfig
from ..schedule.batches import LrMomentum
from ..schedule.decisions import Decision
from ..schedule.schedule import Schedule
from .state import Snapshot

Metrics = Mapping[str, float | None]

# What only says which LR is used: all else must be the same for an epoch to be shared.
DECIDED = ("lr", "schedule", "warmup", "monitor", "epochs")


def beginning(config: RunConfig) -> Hashable:
    """What two runs must have in common to begin as one: all but their schedules."""
    return config.model_dump_json(exclude=set(DECIDED))


class EpochPlan(NamedTuple):
    """What the batches of an epoch are trained with. Two that are equal train the same epoch.

    Attributes:
        batches: the LR and the momentum of each; only one if they are all the same, none if the run
            is over.
        moves_momentum: whether the schedule writes the optimizer's momentum.
    """

    batches: tuple[LrMomentum, ...]
    moves_momentum: bool = False

    def alike(self, other: "EpochPlan") -> int:
        """How many batches another plan, which is not equal, trains in the same way at first."""
        if not self.batches or not other.batches or self.moves_momentum != other.moves_momentum:
            return 0
        mine, its = (chain(each.batches, repeat(each.batches[-1])) for each in (self, other))
        return next(i for i, differs in enumerate(map(ne, mine, its)) if differs)


class Course:
    """A run's own schedule, through epochs that another run trains.

    Args:
        batches: batches per epoch.
    """

    def __init__(self, config: RunConfig, batches: int) -> None:
        self.config = config
        self.schedule = Schedule(config, batches)
        self._planned: EpochPlan | None = None

    @property
    def epoch(self) -> int:
        return self.schedule.epoch

    @property
    def is_over(self) -> bool:
        return self.epoch >= self.config.epochs

    def planned(self) -> EpochPlan:
        """The next epoch: runs that have trained as one so far do so for it if it is equal."""
        if self._planned is None:
            self._planned = self._plan()
        return self._planned

    def _plan(self) -> EpochPlan:
        schedule, config = self.schedule, self.config
        if self.is_over:
            return EpochPlan(())
        if not schedule.warming_up and not config.schedule.traits.per_batch:
            return EpochPlan(((schedule.lr, schedule.momentum),))
        ahead = Schedule(config, schedule.batches)
        ahead.load_state_dict(schedule.state_dict())
        batches = tuple(ahead.through(schedule.batches))
        return EpochPlan(batches[:1] if len(set(batches)) == 1 else batches, config.moves_momentum)

    def advance(self, metrics: Metrics) -> Decision:
        """End an epoch that was trained as planned."""
        self._planned = None
        self.train()
        return self.schedule.advance(_monitored(self.config, metrics))

    def train(self, batches: int | None = None) -> None:
        """Pass so many batches of an epoch, or all."""
        if self.schedule.warming_up or self.config.schedule.traits.per_batch:
            self.schedule.step_batch(self.schedule.batches if batches is None else batches)


def as_own(start: Snapshot, config: RunConfig, batches: int, epochs: Iterable[Metrics]) -> Snapshot:
    """The snapshot of a run with this config, from that of another which trained the same epochs,
    and the same batches of the next one.

    Args:
        start: the other run's snapshot; its tensors are shared, not copied.
        config: the run's own.
        batches: batches per epoch.
        epochs: the metrics of each epoch that is complete.
    """
    course, metric = Course(config, batches), start["metric"]
    undecided, past = start["undecided"], [_monitored(config, metrics) for metrics in epochs]
    for i, metric in enumerate(past, 1):
        course.train()
        undecided = course.schedule.state_dict() if i == len(past) else undecided
        course.schedule.step_epoch(metric)
    course.train(start["batch"])
    return {
        **start,
        "config": config.model_dump_json(),
        "config_version": versions.VERSION,
        "added": 0,
        "schedule": course.schedule.state_dict(),
        "undecided": undecided,
        "metric": metric,
    }


def _monitored(config: RunConfig, metrics: Metrics) -> float:
    value = metrics[config.monitor]
    assert value is not None  # only a diverged epoch lacks it, and it has no decision
    return value
