"""What is read of a sweep's cells at once is what is read of each."""

from contextlib import closing

import pytest

from tests.small import NOWHERE, small
from tests.sweep.sweeps import added, trained
from trainer.config.optimizers import SGD
from trainer.store.lineage import lineage
from trainer.store.store import Store
from trainer.store.table import results
from trainer.sweep.reading import Reading
from trainer.sweep.sweeping import execute_sweep

PLATEAU = {"factor": [0.1, 0.5], "patience": [0, 1], "lr": [0.01, 0.3]}


def assert_as_each(store: Store, reading: Reading, sweep: int, metric: str) -> None:
    row = store.sweep(sweep)
    assert row is not None
    read = reading.of(row, metric)
    runs = {run.id: run for run in store.cells(sweep)}
    found = results(store, dict.fromkeys(runs, metric))
    assert [cell.run for cell in read.cells] == [*runs]
    assert read.epochs == store.epochs_of(sweep)
    for cell in read.cells:
        run, result = runs[cell.run], found[cell.run]
        assert (cell.best, cell.at, cell.last) == (result.best, result.epoch, result.last)
        assert (cell.status, cell.epoch, cell.epochs) == (run.status, run.epoch, run.epochs)
        assert cell.values == {key: run.settings[key] for key in read.keys}
        assert run.config is not None
        assert cell.seed == run.config.seed
        course = reading.course(row, read, cell)
        rows = lineage(store, cell.run)
        assert course == [r.metrics[metric] for r in rows if r.epoch <= (cell.at or 0)]


@pytest.mark.parametrize("metric", ["val_loss", "val_accuracy"])
def test_after_every_event_the_cells_are_as_each_is_read_by_itself(
    store: Store, metric: str
) -> None:
    sweep = added(store, small(epochs=8), PLATEAU, seeds=2)
    reading = Reading(store)
    assert_as_each(store, reading, sweep, metric)
    with closing(execute_sweep(store, sweep, NOWHERE)) as training:
        for _ in training:
            assert_as_each(store, reading, sweep, metric)
    assert_as_each(store, reading, sweep, metric)
    assert_as_each(store, Reading(store), sweep, metric)


def test_the_epochs_of_cells_that_diverged_are_counted_as_the_store_counts_them(
    store: Store,
) -> None:
    base = small(epochs=9, optimizer=SGD(weight_decay=1.0))
    sweep = added(store, base, {"lr": [0.01, 100.0], "patience": [1, 5]})
    trained(store, sweep)
    row = store.sweep(sweep)
    assert row is not None
    read = Reading(store).of(row)
    assert "diverged" in {cell.status for cell in read.cells}
    assert read.epochs == store.epochs_of(sweep)


def test_a_cell_that_changed_nothing_is_not_measured_again(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep = added(store, small(), PLATEAU)
    trained(store, sweep)
    reading, row = Reading(store), store.sweep(sweep)
    assert row is not None
    first = reading.of(row)
    monkeypatch.setattr(reading, "_measure", None)
    assert reading.of(row) == first


def test_whole_schedules_have_the_values_that_apply_to_them(store: Store) -> None:
    values = {"schedule": ["none", "ReduceLROnPlateau"], "patience": [0, 3]}
    sweep = added(store, small(), values)
    row = store.sweep(sweep)
    assert row is not None
    read = Reading(store).of(row)
    assert [cell.values for cell in read.cells] == [
        {"schedule": "none"},
        {"schedule": "ReduceLROnPlateau", "patience": 0},
        {"schedule": "ReduceLROnPlateau", "patience": 3},
    ]


def test_what_is_no_grid_has_the_settings_in_which_its_cells_differ(store: Store) -> None:
    cells = [small(lr=lr, seed=seed) for lr in (0.1, 0.01) for seed in (0, 1)]
    sweep = store.add_sweep("which", small(), {}, cells)
    row = store.sweep(sweep)
    assert row is not None
    assert Reading(store).of(row).keys == ("lr",)


def test_a_deleted_cell_is_not_shown(store: Store) -> None:
    sweep = added(store, small(), PLATEAU)
    trained(store, sweep)
    row = store.sweep(sweep)
    assert row is not None
    before = Reading(store).of(row)
    store.delete([before.cells[-1].run])
    assert Reading(store).of(row).cells == before.cells[:-1]


def test_a_config_that_cannot_be_read_costs_no_other_cell(store: Store) -> None:
    sweep = added(store, small(), PLATEAU)
    trained(store, sweep)
    row = store.sweep(sweep)
    assert row is not None
    before = Reading(store).of(row)
    broken = before.cells[-1].run
    store.connection.execute("UPDATE runs SET config = '{' WHERE id = ?", (broken,))
    assert Reading(store).of(row).cells == before.cells[:-1]
