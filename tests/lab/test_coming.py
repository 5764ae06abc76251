"""What is ahead of the run on show, with what is pending in a pause."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.lab import coming
from tests.charts.test_series import FLAT
from tests.lab.test_readout import STARTED
from trainer.config.run import RunConfig
from trainer.config.schedules import NoSchedule
from trainer.engine.events import EpochEnded, Progress
from trainer.store.store import Store

CONFIG = RunConfig(lr=0.1, epochs=4, schedule=NoSchedule())


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path)
    yield store
    store.close()


def trained(store: Store, epochs: int) -> int:
    run = store.add(CONFIG, claimed=True)
    store.record(run, STARTED)
    for row in FLAT[:epochs]:
        assert row.decision is not None
        decision = row.decision.model_copy(update={"next_lr": 0.1, "plateau": None, "kind": "kept"})
        store.record(run, EpochEnded(row.epoch, 0.1, 0.1, row.metrics, 1.0, decision))
    return run


def ahead(store: Store, run: int) -> dict[str, object]:
    row = store.run(run)
    assert row is not None
    return coming.of(store, row)


def test_several_pending_changes_add_up_and_each_undo_takes_one_back(store: Store) -> None:
    run = trained(store, 2)
    store.ask(run, "pause")
    assert ahead(store, run)["pending"] == ""
    store.ask(run, "scale", 0.5)
    store.ask(run, "scale", 0.1)
    found = ahead(store, run)
    assert found["pending"] == "÷2, ÷10, when it continues: LR 0.1 → 0.005."
    assert found["next"] == "0.005"
    store.undo(run)
    assert ahead(store, run)["pending"] == "÷2, when it continues: LR 0.1 → 0.05."
    store.undo(run)
    assert ahead(store, run)["pending"] == ""


def test_added_epochs_are_pending_also_after_the_last_epoch(store: Store) -> None:
    run = trained(store, 4)
    store.ask(run, "pause")
    store.ask(run, "epochs", 10)
    assert ahead(store, run)["pending"] == "+10 epochs, when it continues."


def test_what_is_ahead_of_a_run_that_trains_epochs_again_starts_after_the_last_one_done(
    store: Store,
) -> None:
    run = trained(store, 3)
    store.record(run, Progress(2, 0, 17))
    low = ahead(store, run)["low"]
    assert isinstance(low, list)
    assert low[0][-1] == 4.5
    store.ask(run, "pause")
    store.ask(run, "scale", 0.5)
    assert ahead(store, run)["pending"] == "÷2, when it continues: LR 0.1 → 0.05."
