"""What a run shares with another that has trained the same epochs: its start, and its state there.

Runs whose schedules give every batch the same LR and the same momentum train the same weights, as
far as nothing else differs. Each has a schedule of its own, which steps with the losses of the
epochs that are trained once.
"""

from collections.abc import Hashable, Iterable, Mapping

from ..config import versions
from ..config.run import RunConfig
from ..schedule.decisions import Decision
from ..schedule.schedule import Schedule
from .state import Snapshot

Metrics = Mapping[str, float | None]

# What only says which LR is used: all else must be the same for an epoch to be shared.
DECIDED = ("lr", "schedule", "warmup", "monitor", "epochs")


def beginning(config: RunConfig) -> Hashable:
    """What two runs must have in common to begin as one: all but their schedules."""
    return config.model_dump_json(exclude=set(DECIDED))


class Course:
    """A run's own schedule, through epochs that another run trains.

    Args:
        batches: batches per epoch.
    """

    def __init__(self, config: RunConfig, batches: int) -> None:
        self.config = config
        self.schedule = Schedule(config, batches)
        self._planned: Hashable = None

    @property
    def epoch(self) -> int:
        return self.schedule.epoch

    @property
    def is_over(self) -> bool:
        return self.epoch >= self.config.epochs

    def planned(self) -> Hashable:
        """What the batches of the next epoch are trained with: runs that have trained as one so far
        do so for one more epoch if this is equal.
        """
        if self._planned is None:
            self._planned = self._plan()
        return self._planned

    def _plan(self) -> Hashable:
        schedule, config = self.schedule, self.config
        if self.is_over:
            return "over"
        if not schedule.warming_up and not config.schedule.traits.per_batch:
            return schedule.lr, schedule.momentum
        ahead = Schedule(config, schedule.batches)
        ahead.load_state_dict(schedule.state_dict())
        batches = tuple(ahead.through(schedule.batches))
        if config.moves_momentum or len(set(batches)) > 1:
            return config.moves_momentum, batches
        return batches[0]

    def advance(self, metrics: Metrics) -> Decision:
        """End an epoch that was trained as planned."""
        self._planned = None
        self.train()
        return self.schedule.advance(_monitored(self.config, metrics))

    def train(self) -> None:
        """Pass the batches of an epoch."""
        if self.schedule.warming_up or self.config.schedule.traits.per_batch:
            self.schedule.step_batch(self.schedule.batches)


def as_own(start: Snapshot, config: RunConfig, batches: int, epochs: Iterable[Metrics]) -> Snapshot:
    """The snapshot of a run with this config at the end of an epoch, from that of another which
    trained the same epochs.

    Args:
        start: the other run's snapshot; its tensors are shared, not copied.
        config: the run's own.
        batches: batches per epoch.
        epochs: the metrics of each epoch so far, at least one.
    """
    course = Course(config, batches)
    *before, last = epochs
    for metrics in before:
        course.train()
        course.schedule.step_epoch(_monitored(config, metrics))
    course.train()
    undecided, metric = course.schedule.state_dict(), _monitored(config, last)
    course.schedule.step_epoch(metric)
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
