"""Cells that diverge or fail, alone and together with those that share their epochs; one's own
data, whose size is not known before it is looked at.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.own.made import digits_folder
from tests.small import small
from tests.sweep.sweeps import added, assert_as_alone, least, trained
from trainer.config.optimizers import SGD
from trainer.engine.control import Control
from trainer.engine.datasets import DatasetError
from trainer.engine.events import EpochEnded, Event
from trainer.engine.loop import train
from trainer.store.store import Store
from trainer.sweep import batches
from trainer.sweep.adding import extend

LOOKS_AT_DATA = batches.batches


def test_cells_that_diverge_together_end_as_each_would_alone(store: Store) -> None:
    # A weight decay of 1 at LR 100 makes every weight a hundred times as large, until it overflows.
    base = small(epochs=9, optimizer=SGD(weight_decay=1.0))
    sweep = added(store, base, {"lr": [0.01, 100.0], "patience": [1, 5], "factor": [0.1, 0.9]})
    trained(store, sweep)
    assert [cell.status for cell in store.cells(sweep)] == ["finished"] * 4 + ["diverged"] * 4
    assert {cell.reason for cell in store.cells(sweep)[4:]} == {store.run(5).reason}
    assert store.epochs_of(sweep).trained == least(store, sweep)
    assert_as_alone(store, sweep)


def test_a_cell_that_is_added_to_one_that_diverged_diverges_without_an_epoch(store: Store) -> None:
    base = small(epochs=9, optimizer=SGD(weight_decay=1.0), lr=100.0)
    sweep = added(store, base, {"patience": [5]})
    trained(store, sweep)
    extend(store, sweep, {"patience": [6], "factor": [0.9]})
    store.claim_sweep(sweep)
    assert trained(store, sweep) == []
    assert_as_alone(store, sweep)


class Cut:
    """A line to the data that is cut after so many epochs of all, until it is mended."""

    def __init__(self, epochs: int) -> None:
        self.left: float = epochs

    def __call__(self, config: Any, root: Path, control: Control, start: Any) -> Iterator[Event]:
        for event in train(config, root, control, start):
            if not self.left:
                raise DatasetError("The line is cut.")
            yield event
            self.left -= isinstance(event, EpochEnded)


@pytest.mark.parametrize("epochs", [0, 1, 4, 12])
def test_a_cell_that_fails_takes_with_it_who_follows_and_all_go_on_exactly(
    store: Store, epochs: int
) -> None:
    sweep = added(store, small(epochs=6), {"lr": [0.01, 0.1], "patience": [0, 2, 4]})
    line = Cut(epochs)
    trained(store, sweep, places=[line])
    cells = store.cells(sweep)
    failed = [cell for cell in cells if cell.status == "failed"]
    assert {cell.reason for cell in failed} == {"The line is cut."}
    assert len(failed) + sum(cell.status == "finished" for cell in cells) == 6
    row = store.sweep(sweep)
    if len(failed) == 6:
        assert (row.status, row.reason) == ("failed", "The line is cut.")
    else:
        assert row.status == "finished"
        assert row.reason == f"{len(failed)} of 6 cells failed: The line is cut."
    line.left = float("inf")
    store.resume_sweep(sweep, claimed=True)
    trained(store, sweep, places=[line])
    assert (store.sweep(sweep).status, store.sweep(sweep).reason) == ("finished", None)
    assert store.epochs_of(sweep).trained == least(store, sweep)
    assert_as_alone(store, sweep)


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(batches, "batches", LOOKS_AT_DATA)
    return digits_folder(tmp_path / "digits")


def test_ones_own_data_is_looked_at_and_shared(store: Store, own: Path) -> None:
    base = small(epochs=5, dataset=str(own))
    assert base.batches is None
    values = {
        "schedule": ["ReduceLROnPlateau", "OneCycleLR"],
        "patience": [0, 3],
        "batch-size": [8, 10],
    }
    sweep = added(store, base, values)
    trained(store, sweep)
    epochs = store.epochs_of(sweep)
    assert epochs.trained == least(store, sweep) < epochs.asked
    assert_as_alone(store, sweep)


def test_cells_whose_data_is_not_there_fail_in_a_sentence_and_the_others_train(
    store: Store, own: Path, tmp_path: Path
) -> None:
    gone = shutil.copytree(own, tmp_path / "gone")
    sweep = added(store, small(epochs=3), {"dataset": [str(own), str(gone)], "patience": [0, 1]})
    shutil.rmtree(gone)
    trained(store, sweep)
    cells = store.cells(sweep)
    assert [cell.status for cell in cells] == ["finished", "finished", "failed", "failed"]
    assert str(gone) in str(cells[2].reason)
    assert str(store.sweep(sweep).reason).startswith("2 of 4 cells failed: ")
    shutil.copytree(own, gone)
    store.resume_sweep(sweep, claimed=True)
    trained(store, sweep)
    assert_as_alone(store, sweep)
