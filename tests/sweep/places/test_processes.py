"""A training in a process of its own is the same iterator as one in this process."""

import subprocess
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.bench.turns import until
from tests.forked import python
from tests.small import NOWHERE, numbers
from tests.sweep.sweeps import added, assert_as_alone, least, trained
from trainer.config.run import RunConfig
from trainer.config.schedules import ReduceLROnPlateau
from trainer.config.table import changed
from trainer.engine.control import Control
from trainer.engine.events import Ended, EpochEnded, Event, Progress, Started
from trainer.engine.loop import DeviceError, train
from trainer.engine.own_network import NetworkError
from trainer.engine.state import SnapshotError
from trainer.execute import Place
from trainer.failures import MEMORY, reason
from trainer.store.store import Store
from trainer.sweep.places.processes import processes
from trainer.sweep.places.remote import PlaceError
from trainer.sweep.sweeping import CellEvent

QUICK = RunConfig(
    model="mlp", batch_size=256, epochs=5, device="cpu", lr=0.01, threads=1,
    schedule=ReduceLROnPlateau(patience=0, factor=0.5, threshold=0.2),
)  # fmt: skip
Each = Callable[[Event, Control], object]
Children = Callable[[], list[psutil.Process]]


def events(place: Any, config: RunConfig = QUICK, start: Any = None, each: Each | None = None):
    """Every event of a training there; `each` is called with each of them and the control."""
    control, told = Control(), []
    for event in place(config, NOWHERE, control, start):
        told.append(event)
        if each:
            each(event, control)
    return told


def epochs(told: Iterable[Event]) -> list[int]:
    return [event.epoch for event in told if isinstance(event, EpochEnded)]


def same(one: Any, other: Any) -> bool:
    """Whether two snapshots are equal but for the clock."""
    from trainer.sweep.places.wire import packed

    return packed(one | {"seconds": 0}) == packed(other | {"seconds": 0})


def test_each_cell_of_a_sweep_in_two_processes_is_as_a_run_of_its_own(
    store: Store, places: Sequence[Place]
) -> None:
    grid = {"lr": [0.003, 0.03], "patience": [0, 1], "factor": [0.1, 0.5]}
    sweep = added(store, QUICK, grid)
    trained(store, sweep, places=places)
    assert store.sweep(sweep).status == "finished"
    assert store.epochs_of(sweep).trained == least(store, sweep) < store.epochs_of(sweep).asked
    assert_as_alone(store, sweep)


def test_a_cell_that_parts_within_an_epoch_starts_there_from_another_process(
    store: Store, places: Sequence[Place]
) -> None:
    base = changed(QUICK, {"schedule": "OneCycleLR", "momentum": 0.9, "optimizer": "SGD"})
    sweep = added(store, base, {"final-div-factor": [10.0, 1e4]})
    told = trained(store, sweep, places=places)
    first, second = store.cells(sweep)
    parted = next(event for run, event in told if run == second.id and isinstance(event, Progress))
    # The LR falls from step 6.5 on, and an epoch has five.
    assert (parted.epoch, parted.batch, second.parent) == (2, 2, first.id)
    assert_as_alone(store, sweep)


def test_its_events_and_snapshots_are_those_of_the_engine(places: Sequence[Place]) -> None:
    def intervene(event: Event, control: Control) -> None:
        if isinstance(event, EpochEnded):
            snapshots.append(control.capture())
            if event.epoch == 2:
                control.ask("scale", 0.5)
                control.ask("cut")
                control.ask("epochs", 1)

    snapshots: list[Any] = []
    here = events(train, each=intervene)
    there = events(places[0], each=intervene)
    assert numbers(there) == numbers(here)
    assert epochs(there) == [1, 2, 3, 4, 5, 6]
    assert all(same(*pair) for pair in zip(snapshots[:6], snapshots[6:], strict=True))
    on = events(places[1], start=snapshots[-3])
    assert epochs(on) == [5, 6]
    assert numbers(on)[-3:] == numbers(here)[-3:]


def test_it_stops_before_the_next_batch_and_can_go_on_from_there(places: Sequence[Place]) -> None:
    def stop(event: Event, control: Control) -> None:
        if isinstance(event, EpochEnded) and event.epoch == 2:
            control.stop()
        if event == Ended("stopped"):
            kept.append(control.capture())

    kept: list[Any] = []
    told = events(places[0], each=stop)
    assert (epochs(told), told[-1]) == ([1, 2], Ended("stopped"))
    assert numbers(events(places[1], start=kept[0])) == numbers(events(train))[2:]


def test_one_that_is_left_in_mid_training_trains_the_next_run(places: Sequence[Place]) -> None:
    for event in places[0](QUICK, NOWHERE, Control(), None):
        assert isinstance(event, Started)
        break
    assert numbers(events(places[0])) == numbers(events(train))


def test_none_is_started_for_a_training_that_is_left_after_the_end(children: Children) -> None:
    with processes(1) as places:
        training = iter(places[0](QUICK, NOWHERE, Control(), None))
        assert isinstance(next(training), Started)
    del training
    assert not children()


FAULTY = """
import torch
class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        print("a print of one's own comes not between")
        {}
"""


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [("raise ValueError('so it is')", "so it is"), ("raise MemoryError", MEMORY)],
)
def test_the_fault_of_an_own_network_is_told_as_from_here(
    tmp_path: Path, places: Sequence[Place], fault: str, sentence: str
) -> None:
    file = tmp_path / "net.py"
    file.write_text(FAULTY.format(fault))
    config = QUICK.model_copy(update={"model": f"{file}:Net"})
    told = []
    for place in (train, places[0]):
        with pytest.raises(NetworkError) as raised:
            events(place, config)
        told.append(reason(raised.value))
    assert told[0] == told[1]
    assert told[0] is not None
    assert sentence in told[0]


def test_errors_keep_their_class_and_their_sentence(places: Sequence[Place]) -> None:
    unfit = {"version": 1, "config": QUICK.model_dump_json(), "epoch": 0, "batch": 0}
    mps = QUICK.model_copy(update={"device": "mps"})
    for config, start, kind in [(QUICK, unfit, SnapshotError), (mps, None, DeviceError)]:
        told = []
        for place in (train, places[0]):
            with pytest.raises(kind) as raised:
                events(place, config, start)
            told.append(reason(raised.value))
        assert told[0] == told[1]
        assert told[0]


def test_a_run_whose_process_is_killed_goes_on_in_another(children: Children) -> None:
    def kill(event: Event, control: Control) -> None:
        if isinstance(event, EpochEnded):
            if event.epoch == 1:
                control.ask("scale", 0.5)
            if event.epoch in (1, 4):
                children()[0].kill()

    def scale(event: Event, control: Control) -> None:
        if isinstance(event, EpochEnded) and event.epoch == 1:
            control.ask("scale", 0.5)

    with processes(1) as places:
        told = events(places[0], each=kill)
    assert numbers(told) == numbers(events(train, each=scale))
    assert sum(isinstance(event, Started) for event in told) == 1
    assert not children()


def test_one_that_is_lost_again_and_again_is_given_up_in_a_sentence(children: Children) -> None:
    def kill(*_: object) -> None:
        children()[0].kill()

    with (
        processes(1) as places,
        pytest.raises(PlaceError, match=r"twice after the same epoch \(signal 9\)"),
    ):
        events(places[0], each=kill)


def test_a_sweep_survives_the_death_of_a_process(store: Store, children: Children) -> None:
    def kill(told: CellEvent) -> None:
        if isinstance(told.event, EpochEnded) and told.event.epoch == 2 and not killed:
            killed.append(children()[0])
            killed[0].kill()

    killed: list[psutil.Process] = []
    sweep = added(store, QUICK, {"lr": [0.003, 0.03], "patience": [0, 1]})
    with processes(2) as places:
        trained(store, sweep, until=kill, places=places)
    assert killed
    assert store.sweep(sweep).status == "finished"
    assert_as_alone(store, sweep)


ENDLESS = """
from tests.sweep.places.test_processes import QUICK
from tests.small import NOWHERE
from trainer.engine.control import Control
from trainer.sweep.places.processes import processes
with processes(2) as places:
    long = QUICK.model_copy(update={"epochs": 10_000})
    for event in places[0](long, NOWHERE, Control(), None):
        print(type(event).__name__, flush=True)
"""


def test_no_process_is_left_when_the_one_that_asks_is_killed() -> None:
    with python("-c", ENDLESS, stdout=subprocess.PIPE) as asking:
        assert asking.stdout.readline() == "Started\n"
        left = psutil.Process(asking.pid).children()
        assert len(left) == 2
        asking.kill()
    until(lambda: not any(map(is_alive, left)))


def is_alive(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
