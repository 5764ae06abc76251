"""A curve from elsewhere becomes a run like any other, and nothing is made up about it."""

import pytest

from trainer.config.schedules import ReduceLROnPlateau
from trainer.config.table import ConfigError
from trainer.curves.csv import Curve
from trainer.curves.importing import take_in
from trainer.replay.replay import replay
from trainer.store.store import Store

LOSSES = (1.0, 0.8, None, 0.9, 0.85, 0.7)


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path)
    yield store
    store.close()


def curve(lr=None, **metrics):
    metrics = metrics or {"val_loss": LOSSES}
    columns = dict.fromkeys(("train_loss", "val_loss", "val_accuracy")) | metrics
    return Curve(name="mine.csv", epochs=tuple(range(10, 16)), lr=lr, **columns)


def test_without_an_lr_the_run_is_what_its_schedule_makes_of_the_curve(store):
    number = take_in(store, curve(), {"patience": 1, "lr": 0.5})
    run = store.run(number)
    assert (run.status, run.source, run.epoch, run.batches) == ("finished", "mine.csv", 6, 1)
    assert run.config.schedule == ReduceLROnPlateau(patience=1)
    rows = store.epochs(number)
    assert [row.epoch for row in rows] == [1, 2, 3, 4, 5, 6]
    assert tuple(row.val_loss for row in rows) == LOSSES
    assert [row.decision for row in rows] == [s.decision for s in replay(LOSSES, run.config)]
    assert [row.lr for row in rows] == [0.5, 0.5, 0.5, 0.5, 0.05, 0.05]


def test_an_lr_of_the_file_is_what_happened(store):
    lrs = (0.1, 0.1, 0.1, 0.01, 0.009, 0.02)
    rows = store.epochs(take_in(store, curve(lrs), {}))
    assert tuple(row.lr for row in rows) == lrs
    kinds = [row.decision.kind for row in rows]
    assert kinds == ["kept", "kept", "cut", "lowered", "raised", "kept"]
    assert rows[2].decision.sentence == "Recorded: LR cut from 0.1 to 0.01."


def test_what_the_file_has_is_watched(store):
    run = store.run(take_in(store, curve(train_loss=LOSSES), {}))
    assert run.config.monitor == "train_loss"
    both = curve(val_accuracy=(0.5,) * 6, val_loss=LOSSES)
    assert store.run(take_in(store, both, {})).config.monitor == "val_loss"
    assert store.run(take_in(store, both, {"monitor": "val_accuracy"})).config.mode == "max"


def test_a_value_out_of_its_bounds_is_refused_and_nothing_is_stored(store):
    with pytest.raises(ConfigError, match="Factor must be below 1"):
        take_in(store, curve(), {"factor": 2})
    assert store.runs(9) == []
