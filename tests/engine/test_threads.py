"""A run gives up threads that would wait for a core, and repeats what it did bit by bit."""

import multiprocessing
import os
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.small import run
from trainer.config.run import RunConfig
from trainer.config.schedules import NoSchedule
from trainer.cores import available_core_seconds
from trainer.engine import datasets, threads
from trainer.engine import loop as engine
from trainer.engine.control import Control
from trainer.engine.datasets import Images, Splits
from trainer.engine.events import EpochEnded, Event, Intervened, Progress, Started
from trainer.engine.state import Snapshot
from trainer.engine.threads import FreeCores
from trainer.schedule.interventions import Intervention

NOWHERE = Path("no-such-folder")
TICK = 0.1  # seconds between two looks


def counts(free: Sequence[float], most: int = 2, first: int | None = None) -> list[int]:
    """The threads after each TICK, with so many cores free in each."""
    clock = [0.0, 0.0]
    cores = FreeCores(most, lambda: clock[0], lambda: clock[1], lambda: clock[0])
    used = [first or most]
    for share in free:
        clock[0], clock[1] = clock[0] + TICK, clock[1] + share * TICK
        used.append(cores.threads(used[-1]))
    return used[1:]


def seconds(duration: float, free: float) -> list[float]:
    return [free] * round(duration / TICK)


def changes(used: Sequence[int]) -> int:
    return sum(a != b for a, b in pairwise(used))


@pytest.mark.parametrize(
    ("most", "free", "left"), [(2, 1.31, 1), (2, 0.66, 1), (8, 7.2, 7), (8, 4.5, 5), (4, 0.1, 1)]
)
def test_threads_without_a_core_are_given_up_within_two_seconds(most, free, left):
    used = counts([*seconds(3, most), *seconds(2, free)], most)
    assert used[-1] == left


def test_threads_come_back_when_the_machine_is_quiet_again():
    used = counts([*seconds(2, 1.3), *seconds(60, 1.0), *seconds(6, 2.0)])
    assert used[30] == 1
    assert used[-1] == 2
    assert changes(used) == 2


def test_what_takes_less_than_half_a_core_costs_no_thread():
    assert set(counts(seconds(60, 1.55))) == {2}


def test_a_moments_work_of_another_program_costs_no_thread():
    assert set(counts([*seconds(3, 2.0), *seconds(0.5, 1.0), *seconds(5, 2.0)])) == {2}


def test_a_program_that_comes_and_goes_makes_threads_come_back_ever_later():
    used = counts([*seconds(5, 1.0), *seconds(5, 2.0)] * 60)
    assert changes(used) <= 2 * 8  # of 120
    assert used.count(1) > len(used) / 2


def test_what_other_programs_do_in_a_pause_costs_no_thread():
    clock, trained, available = [0.0], [0.0], [0.0]
    cores = FreeCores(2, lambda: trained[0], lambda: available[0], lambda: clock[0])
    used = []
    for tick in range(200):
        paused = tick % 50 >= 30
        clock[0] += TICK
        trained[0] += 0 if paused else TICK
        available[0] += 0 if paused else 2 * TICK
        if not paused:
            used.append(cores.threads(2))
    assert set(used) == {2}


@given(st.lists(st.floats(0, 9), max_size=300), st.integers(1, 8))
def test_there_is_always_a_thread_and_never_one_too_many(free, most):
    assert set(counts(free, most)) <= set(range(1, most + 1))


def test_a_run_from_a_larger_machine_goes_on_with_the_cores_of_this_one():
    assert counts(seconds(3, 2.0), most=2, first=16)[-1] == 2


def test_the_seconds_of_every_core_are_counted():
    began, available = time.monotonic(), available_core_seconds()
    while time.monotonic() - began < 0.3:
        pass
    gained = available_core_seconds() - available
    passed = time.monotonic() - began
    # The system counts in hundredths of a second, core by core.
    assert 0.01 < gained <= (passed + 0.05) * (os.cpu_count() or 1)


# In a run


class Scripted:
    """Free cores that come and go: the number of threads by the number of looks."""

    plan: ClassVar[dict[int, int]]
    looks: ClassVar[int]

    def __init__(self, most: int, trained: Callable[[], float]) -> None:
        pass

    def threads(self, threads: int) -> int:
        Scripted.looks += 1
        return self.plan.get(Scripted.looks, threads)


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Scripted]]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    Scripted.plan, Scripted.looks = {3: 1, 30: 2, 40: 1}, 0
    monkeypatch.setattr(threads, "ONE_THREAD_BELOW", 0)
    monkeypatch.setattr(engine, "FreeCores", Scripted)
    monkeypatch.setattr(engine, "PROGRESS_SECONDS", -1)
    yield Scripted
    torch.set_num_threads(before)


def digits(**changes: Any) -> RunConfig:
    quick = {"model": "mlp", "epochs": 3, "device": "cpu", "schedule": NoSchedule()}
    return RunConfig(**quick | changes)


def losses(events: Sequence[Event]) -> list[Any]:
    return [event.metrics for event in events if isinstance(event, EpochEnded)]


def made(events: Sequence[Event]) -> list[Intervened]:
    return [event for event in events if isinstance(event, Intervened)]


@pytest.mark.usefixtures("scripted")
def test_config_and_record_repeat_a_run_on_a_busy_machine_bit_by_bit():
    snapshots: list[Snapshot | None] = []

    def keep(event: Event, control: Control) -> None:
        if isinstance(event, EpochEnded):
            snapshots.append(control.capture())

    events = run(digits(), each=keep)
    assert [(e.name, e.value, e.lr_before == e.lr_after) for e in made(events)] == [
        ("threads", 1, True),
        ("threads", 2, True),
        ("threads", 1, True),
    ]
    record = [Intervention(e.epoch, e.batch, e.name, e.value) for e in made(events)]
    Scripted.plan = {}
    assert losses(run(digits(), control=Control(record))) == losses(events)
    assert losses(run(digits())) != losses(events)  # or the threads would not matter here
    for done, start in enumerate(snapshots[:-1], 1):
        again = run(digits(), start, Control(record))
        assert losses(again) == losses(events)[done:]


def test_nothing_is_changed_while_a_record_is_repeated(scripted):
    scripted.plan = dict.fromkeys(range(1, 100), 1)
    events = run(digits(), control=Control((), recorded=2))
    assert [event.epoch for event in made(events)] == [3]


def test_a_repeated_run_begins_with_the_threads_that_it_had(scripted):
    scripted.plan = {}
    torch.set_num_threads(1)
    began = [e for e in run(digits(epochs=1), control=Control(threads=2)) if isinstance(e, Started)]
    assert began[0].threads == 2
    assert torch.get_num_threads() == 1  # restored


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_number_of_threads_is_kept_whatever_happens(scripted, count):
    scripted.plan = dict.fromkeys(range(1, 100), 7)
    during = set()
    events = run(digits(threads=count), each=lambda *_: during.add(torch.get_num_threads()))
    assert made(events) == []
    assert during == {count}


def count_for_ever() -> None:
    while True:
        pass


def many(name: str, root: Path, seed: int) -> Splits:  # noqa: ARG001
    x = torch.randint(0, 256, (12_000, 1, 28, 28), dtype=torch.uint8)
    images = Images(x, torch.randint(0, 10, (12_000,)))
    few = Images(images.x[:100], images.y[:100])
    return Splits(images, few, few, classes=10)


@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="one core: there is no thread to give up")
def test_a_real_run_notices_real_programs_that_take_its_cores(monkeypatch):
    monkeypatch.setattr(datasets, "load", many)
    cores = os.cpu_count() or 1
    apart = multiprocessing.get_context("spawn")
    others = [apart.Process(target=count_for_ever, daemon=True) for _ in range(cores)]
    try:
        for other in others:
            other.start()
        before = torch.get_num_threads()
        torch.set_num_threads(cores)
        control = Control()
        for event in engine.train(digits(epochs=1000, model="cnn"), NOWHERE, control):
            if isinstance(event, Intervened):
                assert event.name == "threads"
                assert event.value is not None
                assert event.value < cores
                assert event.sentence.endswith("other programs need the cores.")
                assert torch.get_num_threads() == event.value
                break
            assert not (isinstance(event, Progress) and event.epoch == 900), "it never noticed"
    finally:
        torch.set_num_threads(before)
        for other in others:
            other.kill()
            other.join()
