"""Every optimizer under every schedule, gone on from a snapshot and forked into every other
schedule: momentum may come, go and cross zero on the way.
"""

import math

import pytest

from tests.conftest import LONG
from tests.small import OPTIMIZERS, SCHEDULES, load, numbers, run, small
from trainer.config import optimizers, schedules
from trainer.config.run import RunConfig
from trainer.engine import datasets
from trainer.engine.control import Control
from trainer.engine.events import Ended, EpochEnded, Event
from trainer.engine.state import Snapshot

PAIRED_OPTIMIZERS = OPTIMIZERS | {
    "SGD without momentum": optimizers.SGD(momentum=0),
    "RMSprop without momentum": optimizers.RMSprop(),
    "Adam without beta 1": optimizers.Adam(beta1=0),
    "NAdam without beta 1": optimizers.NAdam(beta1=0),
    "RAdam without beta 1": optimizers.RAdam(beta1=0),
}
PAIRED_SCHEDULES = SCHEDULES | {
    "OneCycleLR from no momentum": schedules.OneCycleLR(max_momentum=0, base_momentum=0.9),
    "CyclicLR from no momentum": schedules.CyclicLR(step_size_up=1, max_momentum=0),
    "CyclicLR to no momentum": schedules.CyclicLR(step_size_up=1, base_momentum=0),
    "CyclicLR of the LR alone": schedules.CyclicLR(step_size_up=1, cycle_momentum=False),
}
PARENTS = (
    PAIRED_SCHEDULES.keys() if LONG else ["plateau", "OneCycleLR", "CyclicLR from no momentum"]
)


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets, "load", load)


def trained(
    config: RunConfig, start: Snapshot | None = None
) -> tuple[list[Event], dict[int, tuple[int, Snapshot]]]:
    """A run's events and, by epoch, the number of events before its end and a snapshot of then."""
    seen: list[Event] = []
    ends: dict[int, tuple[int, Snapshot]] = {}

    def each(event: Event, control: Control) -> None:
        seen.append(event)
        if isinstance(event, EpochEnded):
            snapshot = control.capture()
            assert snapshot is not None
            ends[event.epoch] = len(seen), snapshot

    events = run(config, start, each=each)
    losses = [e.metrics["train_loss"] for e in events if isinstance(e, EpochEnded)]
    assert isinstance(events[-1], Ended)
    assert all(loss is not None and math.isfinite(loss) for loss in losses)
    return events, ends


@pytest.mark.parametrize("schedule", PAIRED_SCHEDULES)
@pytest.mark.parametrize("optimizer", PAIRED_OPTIMIZERS)
def test_a_run_is_gone_on_from_any_epoch(optimizer, schedule):
    config = small(
        optimizer=PAIRED_OPTIMIZERS[optimizer], schedule=PAIRED_SCHEDULES[schedule], epochs=3
    )
    events, ends = trained(config)
    for done, start in list(ends.values())[:2]:
        assert numbers(run(config, start)) == numbers(events[done:])


@pytest.mark.parametrize("schedule", PARENTS)
@pytest.mark.parametrize("optimizer", PAIRED_OPTIMIZERS)
def test_a_fork_of_any_schedule_trains_and_is_gone_on_from(optimizer, schedule):
    parent = small(
        optimizer=PAIRED_OPTIMIZERS[optimizer], schedule=PAIRED_SCHEDULES[schedule], epochs=2
    )
    (_, start), *_ = trained(parent)[1].values()
    for other in PAIRED_SCHEDULES.values():
        child = parent.model_copy(update={"schedule": other, "epochs": 3})
        events, ends = trained(child, start)
        done, middle = ends[2]
        assert numbers(run(child, middle)) == numbers(events[done:])
