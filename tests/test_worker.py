"""The queue is worked off, orders are obeyed, and no failing run takes the worker with it."""

import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from tests.bench.turns import until
from tests.small import metrics
from trainer import commands as commanding
from trainer import worker
from trainer.config.run import RunConfig
from trainer.engine import datasets
from trainer.engine import loop as engine
from trainer.engine.datasets import DatasetError
from trainer.engine.events import Ended, EpochEnded, Event, Failed, Started
from trainer.engine.loop import DeviceError
from trainer.execute import execute
from trainer.schedule.schedule import Schedule
from trainer.snapshots import files
from trainer.store import deletion
from trainer.store import store as storing
from trainer.store.store import Store
from trainer.worker import Worker

ROOT = Path("no-such-folder")  # digits need none
TINY = RunConfig(model="mlp", batch_size=1077, epochs=2, device="cpu")
ENDLESS = TINY.model_copy(update={"epochs": 10_000})


class WatchedStore(Store):
    """A store that can be waited for."""

    def __init__(self, home: Path) -> None:
        super().__init__(home)
        self.recorded = threading.Condition()

    def record(self, run: int, event: Event, *more: Any) -> None:
        super().record(run, event, *more)
        with self.recorded:
            self.recorded.notify_all()

    def wait_until(self, true: Callable[[], bool]) -> None:
        with self.recorded:
            assert self.recorded.wait_for(true, timeout=60)

    def wait_until_over(self, run: int) -> None:
        self.wait_until(lambda: self.run(run).over)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[WatchedStore]:
    with closing(WatchedStore(tmp_path)) as store:
        yield store


@pytest.fixture
def working(store: WatchedStore) -> Iterator[Worker]:
    """A worker that has been started, and is stopped at the end."""
    working = Worker(store, ROOT)
    working.start()
    yield working
    working.stop()


def add(store: Store, config: RunConfig = TINY, **changes: Any) -> int:
    return store.add(config.model_copy(update=changes))


def claimed(store: Store, config: RunConfig = TINY, pace: float | None = None) -> int:
    run = store.add(config, pace)
    assert store.claim(run) == run
    return run


def pretend(epochs: int) -> Callable[..., Iterator[Event]]:
    """An engine that trains nothing: its events only."""

    def train(config: RunConfig, root: Path, control: Any, start: Any) -> Iterator[Event]:  # noqa: ARG001
        schedule = Schedule(config, 1)
        yield Started("cpu", 1, 1, 1, 1, 1, 1, 1)
        for epoch in range(1, epochs + 1):
            if control.stopping:
                yield Ended("stopped")
                return
            yield EpochEnded(epoch, 0.01, 0.01, metrics(1.0, 1.0, 0.5), 0.0, schedule.advance(1.0))
        yield Ended("finished", 0.5, 0.9)

    return train


# One run


def test_every_event_is_in_the_store_before_it_is_handed_on(store):
    run, seen = claimed(store), []
    for event in execute(store, run, ROOT):
        seen.append(type(event))
        if isinstance(event, EpochEnded):
            assert store.epochs(run)[-1].metrics["train_loss"] == event.metrics["train_loss"]
        if isinstance(event, Ended):
            assert store.run(run).status == "finished"
    assert [kind for kind in seen if kind in (Started, EpochEnded, Ended)] == [
        Started,
        EpochEnded,
        EpochEnded,
        Ended,
    ]
    assert store.run(run).test_accuracy > 0


def test_a_run_closed_by_its_consumer_is_recorded_as_stopped(store):
    run = claimed(store, ENDLESS)
    events = execute(store, run, ROOT)
    while not isinstance(next(events), EpochEnded):
        pass
    events.close()
    assert store.run(run).status == "stopped"
    assert len(store.epochs(run)) == 1


def test_a_run_closed_after_its_end_stays_finished(store):
    run = claimed(store)
    events = execute(store, run, ROOT)
    while not isinstance(next(events), Ended):
        pass
    events.close()
    assert store.run(run).status == "finished"


def test_a_stop_asked_before_the_first_batch_trains_nothing(store):
    run = claimed(store, ENDLESS)
    store.stop(run)
    assert [type(event) for event in execute(store, run, ROOT)] == [Started, Ended]
    assert (store.run(run).status, store.epochs(run)) == ("stopped", [])


def test_a_shutdown_interrupts_the_run(store):
    run, shutdown = claimed(store, ENDLESS), threading.Event()
    for event in execute(store, run, ROOT, shutdown):
        if isinstance(event, EpochEnded):
            shutdown.set()
    assert (store.run(run).status, len(store.epochs(run))) == ("interrupted", 1)


# Failures


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (DatasetError("mnist could not be fetched."), "mnist could not be fetched."),
        (DeviceError("torch finds no cuda device here."), "torch finds no cuda device here."),
        (RuntimeError("boom\nat the second line"), "RuntimeError: boom"),
        (ValueError(), "ValueError: "),
        (MemoryError(), "The device does not have enough memory for this run; choose a smaller"),
        (torch.OutOfMemoryError("CUDA"), "The device does not have enough memory for this run;"),
        (RuntimeError("operator torchvision::nms does not exist"), "The installed torch and tor"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_a_failing_run_is_recorded_with_its_reason(store, monkeypatch, error, reason):
    def train(*_):
        raise error
        yield

    monkeypatch.setattr(engine, "train", train)
    run = claimed(store)
    (event,) = execute(store, run, ROOT)
    assert isinstance(event, Failed)
    assert store.run(run).status == "failed"
    assert store.run(run).reason == event.reason
    assert event.reason.startswith(reason)
    assert "\n" not in event.reason


def test_a_data_set_that_is_not_there_is_the_reason_of_the_failure(store, tmp_path, monkeypatch):
    def fetch(name, root):
        raise DatasetError(f"{name} is not under {root.name}.")
        yield

    monkeypatch.setattr(datasets, "fetch", fetch)
    run = claimed(store, TINY.model_copy(update={"dataset": "mnist"}))
    list(execute(store, run, tmp_path / "empty"))
    assert store.run(run).reason == "mnist is not under empty."


def test_only_our_own_mistakes_are_logged(store, monkeypatch, caplog):
    for error, logged in ((DatasetError("Not there."), False), (KeyError("boom"), True)):

        def train(*_, error=error):
            raise error
            yield

        monkeypatch.setattr(engine, "train", train)
        caplog.clear()
        list(execute(store, claimed(store), ROOT))
        assert bool(caplog.records) == logged


# The worker


def test_the_queue_is_worked_off_in_order_one_run_at_a_time(store, monkeypatch):
    log, train = [], pretend(3)

    def watched(config, root, control, start):
        log.append(("begin", config.seed))
        for event in train(config, root, control, start):
            assert len([run for run in store.runs(9) if run.status == "training"]) == 1
            yield event
        log.append(("end", config.seed))

    monkeypatch.setattr(engine, "train", watched)
    runs = [add(store, seed=seed) for seed in (1, 2, 3)]
    working = Worker(store, ROOT)
    working.start()
    store.wait_until_over(runs[-1])
    working.stop()
    assert log == [(what, seed) for seed in (1, 2, 3) for what in ("begin", "end")]
    assert {store.run(run).status for run in runs} == {"finished"}


@pytest.mark.usefixtures("working")
def test_a_run_queued_later_is_trained_too(store):
    for _ in range(2):
        run = add(store)
        store.wait_until_over(run)
        assert store.run(run).status == "finished"
        assert len(store.epochs(run)) == 2


def test_after_a_failing_run_comes_the_next(store, monkeypatch, caplog):
    train = pretend(1)

    def failing(config, root, control, start):
        if config.seed == 1:
            raise RuntimeError("boom")
        yield from train(config, root, control, start)

    monkeypatch.setattr(engine, "train", failing)
    runs = [add(store, seed=seed) for seed in (1, 2)]
    working = Worker(store, ROOT)
    working.start()
    store.wait_until_over(runs[1])
    working.stop()
    assert [store.run(run).status for run in runs] == ["failed", "finished"]
    assert store.run(runs[0]).reason == "RuntimeError: boom"
    assert "boom" in caplog.text


def test_a_run_that_cannot_be_recorded_does_not_end_the_worker(store, monkeypatch, caplog):
    monkeypatch.setattr(engine, "train", pretend(1))
    record = store.record

    def full(run, event, *more):
        if run == broken:
            raise OSError("the disk is full")
        record(run, event, *more)

    monkeypatch.setattr(store, "record", full)
    broken, after = add(store), add(store)
    working = Worker(store, ROOT)
    working.start()
    store.wait_until_over(after)
    working.stop()
    assert store.run(after).status == "finished"
    assert "could not be recorded" in caplog.text


@pytest.mark.usefixtures("working")
def test_a_stop_from_another_store_ends_the_run_and_the_next_begins(store):
    endless, after = add(store, ENDLESS), add(store)
    store.wait_until(lambda: store.epochs(endless))
    with closing(Store(store.home)) as other:
        other.stop(endless)
    store.wait_until_over(after)
    assert store.run(endless).status == "stopped"
    assert 1 <= len(store.epochs(endless)) < ENDLESS.epochs
    assert store.run(after).status == "finished"


def test_stopping_the_worker_interrupts_the_run_that_trains(store):
    working = Worker(store, ROOT)
    working.start()
    endless, queued = add(store, ENDLESS), add(store)
    store.wait_until(lambda: store.epochs(endless))
    working.stop()
    assert store.run(endless).status == "interrupted"
    assert store.run(queued).status == "queued"


def test_the_worker_looks_for_runs_of_dead_processes_now_and_then(store, monkeypatch):
    looked = threading.Event()
    monkeypatch.setattr(worker, "ORPHAN_SECONDS", -1)
    monkeypatch.setattr(store, "interrupt_orphans", looked.set)
    idle = Worker(store, ROOT)
    idle.start()
    assert looked.wait(60)
    idle.stop()


def test_the_snapshots_of_a_deleted_run_go_a_minute_later(store, monkeypatch):
    run = add(store)
    with_snapshots = files.folder(store.home, run)
    working = Worker(store, ROOT)
    working.start()
    store.wait_until(lambda: store.run(run).over)
    assert files.listed(with_snapshots)
    monkeypatch.setattr(deletion, "UNDO_SECONDS", -1)
    monkeypatch.setattr(worker, "ORPHAN_SECONDS", -1)
    store.delete([run])
    until(lambda: not with_snapshots.exists())
    working.stop()


def test_an_exception_of_any_kind_fails_the_run_and_not_the_worker(store, monkeypatch):
    train = pretend(1)

    def exits(config, *more):
        if config.seed == 1:
            raise SystemExit(3)
        yield from train(config, *more)

    monkeypatch.setattr(engine, "train", exits)
    runs = [add(store, seed=seed) for seed in (1, 2)]
    working = Worker(store, ROOT)
    working.start()
    store.wait_until_over(runs[1])
    assert working.trouble(runs[0]) is None
    working.stop()
    assert store.run(runs[0]).reason == "SystemExit: 3"
    assert store.run(runs[1]).status == "finished"


def test_a_cpu_without_memory_is_told_as_one(store, monkeypatch):
    def train(*_):
        torch.empty(2**55)
        yield

    monkeypatch.setattr(engine, "train", train)
    (event,) = execute(store, claimed(store), ROOT)
    assert event.reason.startswith("The device does not have enough memory")


def test_a_worker_that_never_started_can_be_stopped(store):
    Worker(store, ROOT).stop()


# Pace


class Clock:
    """Time that passes only where someone waits; also what the worker waits on."""

    def __init__(self) -> None:
        self.now = 100.0
        self.waits: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def is_set(self) -> bool:
        return False

    def wait(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(commanding, "time", SimpleNamespace(monotonic=clock.monotonic))
    monkeypatch.setattr(engine, "train", pretend(5))
    return clock


def times(
    store: Store, run: int, clock: Any, act: Callable[[int], object] = lambda _: None
) -> list[float]:
    """When each epoch was handed on, counted from the first."""
    seen = []
    for event in execute(store, run, ROOT, clock):
        if isinstance(event, EpochEnded):
            seen.append(clock.now - 100)
            act(event.epoch)
    return seen


def test_a_pace_spaces_the_epochs(store, clock):
    run = claimed(store, pace=2.0)
    assert times(store, run, clock) == pytest.approx([0, 0.5, 1, 1.5, 2], abs=1e-6)
    assert max(clock.waits) <= commanding.POLL_SECONDS


def test_without_a_pace_nothing_waits(store, clock):
    times(store, claimed(store), clock)
    assert clock.waits == []


def test_an_epoch_slower_than_the_pace_is_not_slowed_further(store, clock):
    def slow(_):
        clock.now += 3

    times(store, claimed(store, pace=2.0), clock, slow)
    assert clock.waits == []


def test_the_pace_can_be_changed_and_lifted_in_mid_run(store, clock):
    run = claimed(store, pace=2.0)

    def act(epoch):
        if epoch == 3:
            store.set_pace(run, 0.25)
        if epoch == 4:
            store.set_pace(run, None)

    assert times(store, run, clock, act) == pytest.approx([0, 0.5, 1, 5, 5], abs=1e-6)


def test_a_stop_is_obeyed_while_the_pace_waits(store, clock):
    run = claimed(store, pace=1e-6)
    wait = clock.wait

    def stop(seconds):
        wait(seconds)
        if len(clock.waits) == 3:
            store.stop(run)

    clock.wait = stop
    times(store, run, clock)
    assert len(clock.waits) == 3
    assert store.run(run).status == "stopped"


# Time


def test_the_time_taken_has_no_pause_in_it_and_does_not_depend_on_the_clock(
    store, clock, monkeypatch
):
    run, wait = claimed(store, pace=2.0), clock.wait

    def unpause(seconds):
        wait(seconds)
        if store.run(run).paused and clock.now > 1000:
            store.ask(run, "unpause")

    def act(epoch):
        taken.append(store.run(run).elapsed)
        moved = {1: 0.0, 2: 9e9, 3: 1e9}.get(epoch)  # back and far forward
        if moved is not None:
            monkeypatch.setattr(storing, "time", SimpleNamespace(time=lambda: moved))
        if epoch == 4:
            store.ask(run, "pause")
            clock.now += 1000

    clock.wait = unpause
    taken: list[float] = []
    times(store, run, clock, act)
    assert taken == pytest.approx([0, 0.5, 1, 1.5, 1.5], abs=0.02)


def test_a_run_without_snapshots_starts_over_and_counts_from_zero(store, clock):
    run = claimed(store, pace=2.0)
    times(store, run, clock, lambda epoch: store.stop(run) if epoch == 3 else None)
    taken = store.run(run).elapsed
    assert taken == pytest.approx(1.0, abs=0.1)
    clock.now += 1000
    store.resume(run, claimed=True)
    assert store.run(run).elapsed == taken
    times(store, run, clock)
    assert store.run(run).elapsed == pytest.approx(2.5, abs=0.1)
