"""A sweep trains the epochs that its cells share once, and each cell is as a run of its own."""

import threading
from contextlib import closing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.small import NOWHERE, SCHEDULES, small
from tests.sweep.sweeps import added, assert_as_alone, least, trained
from trainer.config.table import changed
from trainer.engine.events import EpochEnded
from trainer.store import selection
from trainer.store.lineage import lineage, own
from trainer.store.store import Store
from trainer.sweep.sweeping import execute_sweep

GRID = {"factor": [0.1, 0.5], "patience": [0, 1, 3]}


def epoch_ends(number: int):
    """Whether an event is the end of so many epochs of all, trained one after another."""
    ends = iter(range(1, number))
    return lambda told: isinstance(told.event, EpochEnded) and next(ends, None) is None


def test_each_cell_of_a_plateau_grid_is_as_a_run_of_its_own(store: Store) -> None:
    sweep = added(store, small(epochs=9), {"lr": [0.01, 0.1], **GRID}, seeds=2)
    trained(store, sweep)
    epochs = store.epochs_of(sweep)
    assert (epochs.asked, epochs.done) == (24 * 9, 24 * 9)
    assert epochs.trained == least(store, sweep) < epochs.asked
    assert_as_alone(store, sweep)


def test_whole_schedules_are_compared_and_share_what_they_can(store: Store) -> None:
    names = [schedule.name for schedule in SCHEDULES.values()]
    sweep = added(store, small(epochs=6), {"schedule": names, "warmup": [0, 2]})
    trained(store, sweep)
    epochs = store.epochs_of(sweep)
    # Without momentum that moves, all share the warm-up of two epochs.
    assert epochs.trained < epochs.asked - 10
    assert_as_alone(store, sweep)


@settings(max_examples=8)
@given(
    patiences=st.lists(st.integers(0, 4), min_size=1, max_size=3, unique=True),
    cooldowns=st.lists(st.integers(0, 3), min_size=1, max_size=2, unique=True),
    epochs=st.lists(st.integers(1, 7), min_size=1, max_size=2, unique=True),
    stops=st.lists(st.integers(1, 6), max_size=3),
)
def test_a_sweep_that_is_stopped_anywhere_goes_on_without_a_loss(
    tmp_path_factory: pytest.TempPathFactory,
    patiences: list[int],
    cooldowns: list[int],
    epochs: list[int],
    stops: list[int],
) -> None:
    with closing(Store(tmp_path_factory.mktemp("sweep"))) as store:
        values = {"patience": patiences, "cooldown": cooldowns, "epochs": epochs}
        base = changed(small(), {"threshold": 0.2})
        sweep = added(store, base, values)
        for stop in stops:
            trained(store, sweep, epoch_ends(stop))
            if store.sweep(sweep).status == "finished":
                break
            assert store.sweep(sweep).status == "interrupted"
            store.resume_sweep(sweep, claimed=True)
        else:
            trained(store, sweep)
        assert store.sweep(sweep).status == "finished"
        assert store.epochs_of(sweep).trained == least(store, sweep)
        assert_as_alone(store, sweep)


def test_a_sweep_that_ends_leaves_no_thread_behind_that_reads_the_store(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading, release, read = threading.Event(), threading.Event(), threading.Event()

    def slowly(_sweep: int) -> None:
        reading.set()
        release.wait()
        read.set()

    monkeypatch.setattr(store, "sweep_asked", slowly)
    for _ in execute_sweep(store, added(store, small(), {"lr": [0.01]}), NOWHERE):
        if reading.wait():
            threading.Timer(0.2, release.set).start()
            break
    assert read.is_set()


def test_a_cell_shows_the_epochs_that_it_shares_as_its_own(store: Store) -> None:
    sweep = added(store, small(epochs=5), GRID)
    trained(store, sweep)
    for cell in store.cells(sweep):
        assert own(store, cell) == lineage(store, cell.id)
        took = sum(row.seconds for row in lineage(store, cell.id))
        if cell.parent_epoch == cell.epoch:  # it trained nothing itself
            assert cell.elapsed == pytest.approx(took, abs=1e-5)
        kinds = [row.decision.kind for row in lineage(store, cell.id) if row.decision]
        drawn = selection.decisions(store, [cell.id])[cell.id]
        assert [decision.kind for decision in drawn if decision] == kinds
        for after in range(6):
            assert own(store, cell, after) == lineage(store, cell.id)[after:]
