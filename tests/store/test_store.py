"""What is written is read back the same, from any thread and any process, also after a crash."""

import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.small import metrics
from trainer.config.run import RunConfig
from trainer.config.schedules import CosineAnnealingLR
from trainer.engine.events import (
    Diverged,
    Downloading,
    Ended,
    EpochEnded,
    Failed,
    Progress,
    Started,
)
from trainer.schedule.epoch import Epoch
from trainer.schedule.schedule import Schedule
from trainer.store.faults import StoreError
from trainer.store.schema import VERSION
from trainer.store.store import Store

STARTED = Started("cpu", 2, 17, 1077, 360, 360, 10, 9098)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(Store(tmp_path)) as store:
        yield store


def ended(epoch: int, val_loss: float, schedule: Schedule | None = None) -> EpochEnded:
    schedule = schedule or Schedule(RunConfig(), 1)
    decision = schedule.advance(val_loss)
    return EpochEnded(epoch, 0.01, 0.02, metrics(val_loss + 0.1, val_loss, 0.9), 1.5, decision)


def training(store: Store, **config: Any) -> int:
    run = store.add(RunConfig(**config))
    assert store.claim(run) == run
    return run


# Runs and epochs


def test_a_run_comes_back_with_its_config_and_pace(store):
    config = RunConfig(lr=1 / 3, schedule=CosineAnnealingLR(T_max=7))
    run = store.run(store.add(config, pace=2.5))
    assert (run.config, run.pace, run.status, run.over) == (config, 2.5, "queued", False)
    assert (run.began, run.ended, run.started, run.reason, run.epoch) == (None, None, None, None, 0)
    assert store.run(run.id + 1) is None


def test_an_epoch_comes_back_bit_by_bit_with_its_decision_and_sentence(store):
    run, schedule = training(store), Schedule(RunConfig(), 1)
    events = [ended(epoch, 1 / (epoch + 2), schedule) for epoch in (1, 2, 3)]
    for event in events:
        store.record(run, event)
    rows = store.epochs(run)
    assert len(rows) == 3
    for row, event in zip(rows, events, strict=True):
        for name in Epoch.__slots__:
            assert getattr(row, name) == getattr(event, name)
        assert row.decision.sentence == event.decision.sentence
    assert store.run(run).epoch == 3


def test_a_reader_with_a_cursor_gets_only_what_is_new(store):
    run = training(store)
    for epoch in (1, 2, 3):
        store.record(run, ended(epoch, 1 / epoch))
    assert [row.epoch for row in store.epochs(run, after=1)] == [2, 3]
    assert store.epochs(run, after=3) == []
    assert store.epochs(run + 1) == []


def test_the_best_epoch_has_the_lowest_validation_loss(store):
    run = training(store)
    assert store.best(run, "val_loss") is None
    for epoch, val_loss in enumerate((0.5, 0.2, 0.3, 0.2), 1):
        store.record(run, ended(epoch, val_loss))
    store.record(run, Diverged(5, 0.1, 0.1, metrics(None, None, 0.1), 1.0, None, "It diverged."))
    assert store.best(run, "val_loss").epoch == 2
    assert store.best(run, "val_accuracy").epoch == 1
    assert store.best(run, "f1") is None


def test_an_epoch_that_is_trained_again_replaces_only_itself(store):
    run = training(store)
    for epoch, val_loss in enumerate((0.5, 0.3, 0.1, 0.2), 1):
        store.record(run, ended(epoch, val_loss))
    store.record(run, ended(3, 0.4))
    assert [row.metrics["val_loss"] for row in store.epochs(run)] == [0.5, 0.3, 0.4, 0.2]
    assert (store.best(run, "val_loss").epoch, store.run(run).epoch) == (4, 3)
    store.record(run, ended(2, 0.05))
    assert store.best(run, "val_loss").epoch == 2


def test_a_run_that_diverges_earlier_than_before_ends_there(store):
    run = training(store)
    for epoch, val_loss in enumerate((0.5, 0.3, 0.1, 0.2), 1):
        store.record(run, ended(epoch, val_loss))
    store.record(run, Diverged(3, 0.1, 0.1, metrics(None, None, 0.1), 1.0, None, "It diverged."))
    assert [row.epoch for row in store.epochs(run)] == [1, 2, 3]
    assert store.best(run, "val_loss").epoch == 2


def test_the_newest_run_is_the_one_that_trains_else_the_last(store):
    assert store.newest() is None
    first, second = store.add(RunConfig()), store.add(RunConfig())
    assert store.newest() == second
    assert store.claim() == first
    assert store.newest() == first
    store.record(first, Ended("finished", 0.1, 0.9))
    assert store.newest() == second


def test_runs_are_listed_newest_first(store):
    added = [store.add(RunConfig(seed=seed)) for seed in range(4)]
    assert [run.id for run in store.runs(limit=3)] == added[:0:-1]
    assert [run.config.seed for run in store.runs(limit=3)] == [3, 2, 1]


def test_each_event_leaves_its_mark_on_the_run(store):
    run = training(store)
    store.record(run, Downloading("train.gz", 500_000, 2_000_000))
    assert store.run(run).activity == "downloading train.gz: 0.5 MB, 25%"
    store.record(run, Downloading("train.gz", 500_000, 0))
    assert store.run(run).activity == "downloading train.gz: 0.5 MB"
    store.record(run, STARTED)
    assert (store.run(run).activity, store.run(run).started) == (None, STARTED)
    store.record(run, Progress(1, 7, 17))
    assert (store.run(run).epoch, store.run(run).batch) == (0, 7)
    store.record(run, ended(1, 0.5))
    assert (store.run(run).epoch, store.run(run).batch) == (1, 0)
    store.record(run, Progress(2, 3, 17))
    assert (store.run(run).epoch, store.run(run).batch) == (1, 3)
    assert not store.run(run).over
    store.record(run, Ended("finished", 0.25, 0.75))
    row = store.run(run)
    assert (row.status, row.over, row.reason) == ("finished", True, None)
    assert (row.test_loss, row.test_accuracy) == (0.25, 0.75)
    assert row.created <= row.began <= row.ended


def test_a_diverged_run_keeps_its_last_epoch_with_gaps(store):
    run = training(store)
    store.record(run, ended(1, 0.5))
    store.record(run, Diverged(2, 0.1, 0.2, metrics(3.5, None, 0.1), 1.0, None, "It diverged."))
    assert (store.run(run).status, store.run(run).reason) == ("diverged", "It diverged.")
    assert store.run(run).epoch == 2
    assert store.epochs(run, after=1) == [Epoch(2, 0.1, 0.2, metrics(3.5, None, 0.1), 1.0, None)]


def test_a_failed_run_keeps_its_reason(store):
    run = training(store)
    store.record(run, Failed("No room."))
    assert (store.run(run).status, store.run(run).reason) == ("failed", "No room.")


def test_an_event_is_written_whole_or_not_at_all(store):
    run = training(store)
    store.record(run, ended(1, 0.5))
    no_lr: Any = None
    with pytest.raises(sqlite3.IntegrityError):
        store.record(run, Diverged(2, no_lr, 0.1, {}, 1.0, None, "No LR."))
    assert (store.run(run).status, len(store.epochs(run))) == ("training", 1)


# Claims and commands


def test_runs_are_claimed_oldest_first_and_once(store):
    first, second = store.add(RunConfig()), store.add(RunConfig())
    assert [store.claim(), store.claim(), store.claim()] == [first, second, None]
    assert store.run(first).status == "training"


def test_a_run_can_be_claimed_by_number(store):
    first, second = store.add(RunConfig()), store.add(RunConfig())
    assert store.claim(second) == second
    assert store.claim(second) is None
    assert store.run(first).status == "queued"


def test_no_run_is_claimed_twice_by_threads_and_stores_at_once(store):
    runs = [store.add(RunConfig()) for _ in range(40)]
    claimed, start = [], threading.Barrier(4)
    with closing(Store(store.home)) as other:

        def work(own):
            start.wait()
            while (run := own.claim()) is not None:
                claimed.append(run)

        threads = [threading.Thread(target=work, args=(own,)) for own in (store, other) * 2]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(claimed) == runs


def test_a_queued_run_is_stopped_at_once_and_never_claimed(store):
    run = store.add(RunConfig())
    store.stop(run)
    assert (store.run(run).status, store.run(run).over) == ("stopped", True)
    assert store.claim() is None


def test_a_queued_run_that_was_paused_is_stopped_and_no_longer_paused(store):
    run = store.add(RunConfig())
    store.ask(run, "pause")
    store.ask(run, "scale", 0.5)
    store.stop(run)
    stopped = store.run(run)
    assert (stopped.status, stopped.paused, store.pending(stopped)) == ("stopped", False, [])


def test_a_run_that_is_over_is_never_read_as_paused(store):
    run = store.add(RunConfig())
    store.stop(run)
    store.set_paused(run, True)  # as one that ended while it was asked to pause
    assert not store.run(run).paused


def test_a_training_run_is_asked_to_stop(store):
    run = training(store)
    store.stop(run)
    assert store.run(run).status == "training"
    assert [(command.name, command.value) for command in store.commands(run)] == [("stop", None)]


def test_commands_are_read_in_order_with_a_cursor(store):
    run, other = training(store), training(store)
    store.set_pace(run, 2.0)
    store.set_pace(other, 9.0)
    store.set_pace(run, None)
    store.stop(run)
    first, *rest = store.commands(run)
    assert (first.name, first.value) == ("pace", 2.0)
    assert store.commands(run, after=first.id) == rest
    assert [(command.name, command.value) for command in rest] == [("pace", None), ("stop", None)]
    assert store.run(run).pace is None
    assert store.run(other).pace == 9.0


def test_a_command_for_no_run_is_dropped(store):
    store.stop(99)
    assert store.commands(99) == []


# Other processes


def test_a_second_store_sees_what_the_first_writes(store):
    run = training(store)
    with closing(Store(store.home)) as other:
        store.record(run, ended(1, 0.5))
        assert other.run(run) == store.run(run)
        assert other.epochs(run) == store.epochs(run)
        other.stop(run)
    assert [command.name for command in store.commands(run)] == ["stop"]


CLAIM = """
import sys
from pathlib import Path
from trainer.config.run import RunConfig
from trainer.store.store import Store

store = Store(Path(sys.argv[1]))
print(store.claim(store.add(RunConfig())), flush=True)
sys.stdin.read()
"""


@pytest.fixture
def other_process(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A process that trains a run: (process, run)."""
    with subprocess.Popen(
        [sys.executable, "-c", CLAIM, tmp_path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield process, int(process.stdout.readline())
        process.kill()


def test_a_run_that_trains_in_another_living_process_is_left_alone(tmp_path, other_process):
    _, run = other_process
    with closing(Store(tmp_path)) as store:
        assert store.run(run).status == "training"
        assert store.claim() is None


def test_a_run_whose_process_was_killed_is_interrupted(tmp_path, other_process):
    process, run = other_process
    process.kill()
    process.wait()
    with closing(Store(tmp_path)) as store:
        row = store.run(run)
        assert (row.status, row.over) == ("interrupted", True)
        assert row.reason == "LRScope ended while this run was training."
        assert row.began is not None
        assert row.ended is not None
        assert row.ended >= row.began
        assert row.elapsed == 0.0
        assert [lock.stem for lock in (tmp_path / "owners").iterdir()] == [store._owner.id]


def test_an_open_store_finds_the_runs_of_a_process_that_dies_later(tmp_path, other_process):
    process, run = other_process
    with closing(Store(tmp_path)) as store:
        store.interrupt_orphans()
        assert store.run(run).status == "training"
        process.kill()
        process.wait()
        own = training(store)
        store.interrupt_orphans()
        assert store.run(run).status == "interrupted"
        assert store.run(own).status == "training"


def test_a_killed_process_takes_no_queued_or_finished_run_with_it(tmp_path, other_process):
    process, _ = other_process
    with closing(Store(tmp_path)) as store:
        finished, queued = training(store), store.add(RunConfig())
        store.record(finished, Ended("finished", 0.1, 0.9))
    process.kill()
    process.wait()
    with closing(Store(tmp_path)) as store:
        assert store.run(finished).status == "finished"
        assert store.run(queued).status == "queued"


def test_a_closed_store_leaves_no_lock(tmp_path):
    Store(tmp_path).close()
    assert list((tmp_path / "owners").iterdir()) == []


# What cannot be used


def test_a_home_below_a_file_is_refused(tmp_path):
    (tmp_path / "file").touch()
    for home in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(StoreError, match=r"cannot store its runs in .* with --home\.$"):
            Store(home)


def test_a_home_that_holds_something_else_is_refused(tmp_path):
    (tmp_path / "lrscope.sqlite").write_text("This is no database. " * 100)
    with pytest.raises(StoreError, match="not a database"):
        Store(tmp_path)


def test_the_data_of_a_newer_lrscope_are_refused_and_left_alone(tmp_path):
    Store(tmp_path).close()
    path = tmp_path / "lrscope.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {VERSION + 1}")
    with pytest.raises(StoreError, match=r"newer LRScope .*; update LRScope, or choose"):
        Store(tmp_path)
    with closing(sqlite3.connect(path)) as connection:
        version = connection.execute("PRAGMA user_version").fetchone()[0]
    assert version == VERSION + 1


def test_a_home_is_made_where_it_is_missing(tmp_path):
    with closing(Store(tmp_path / "a" / "b")) as store:
        assert store.path.is_file()
