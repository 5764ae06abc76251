"""Halving: cells that lag stop early, the others go on as if nothing had happened."""

from contextlib import closing
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.execute.runs import train
from tests.small import small
from tests.sweep.sweeps import added, alone, assert_as_alone, least, of_cell, trained
from tests.sweep.test_sweeping import epoch_ends
from trainer.config.optimizers import SGD
from trainer.config.recipe import Recipe
from trainer.config.run import RunConfig
from trainer.engine import loop as engine
from trainer.store import lineage
from trainer.store.run import Run, Status
from trainer.store.standings import Standing, standings
from trainer.store.store import Store
from trainer.sweep.halving import ordinal, ranked, settings_of

LRS = [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0]
VALUES: dict[str, Any] = {"lr": LRS[:6], "patience": [0, 2]}


def halved(store: Store, **settings: Any) -> int:
    return added(store, small(epochs=9), VALUES, mode="halving", first=2, keep=3, **settings)


def values(store: Store, run: int, epoch: int, metric: str = "val_loss") -> list[float]:
    """A cell's values of a metric until an epoch, by its own curve."""
    rows = [row for row in lineage.lineage(store, run) if row.epoch <= epoch]
    return [value for row in rows if (value := row.metrics[metric]) is not None]


def best(store: Store, run: int, epoch: int) -> float:
    return min(values(store, run, epoch))


def assert_halved(store: Store, sweep: int) -> None:
    """12 cells: after epoch 2 the best four go on, after epoch 6 the best one; with those that are
    equal to the last of them.
    """
    cells = store.cells(sweep)
    for epoch, going_on in ((2, 4), (6, 1)):
        order = sorted(cells, key=lambda cell: best(store, cell.id, epoch))
        left, last = len(cells), best(store, order[going_on - 1].id, epoch)
        going_on = sum(best(store, cell.id, epoch) <= last for cell in cells)
        for place, cell in enumerate(order[going_on:], going_on + 1):
            assert (cell.status, cell.epoch) == ("stopped", epoch)
            assert cell.reason == (
                f"Stopped after epoch {epoch}: {ordinal(place)} of {left} by validation loss, "
                f"and {going_on} went on."
            )
        cells = sorted(order[:going_on], key=lambda cell: cell.id)
    assert {cell.status for cell in cells} == {"finished"}


def assert_as_far_alone(store: Store, sweep: int) -> None:
    """Every cell has the numbers of a run of its own, as far as it went."""
    for cell in store.cells(sweep):
        rows, end = of_cell(store, cell)
        assert cell.config is not None
        own, own_end = alone(cell.config)
        assert rows == own[: len(rows)]
        assert len(rows) == cell.epoch
        assert cell.status == "stopped" or end == own_end


def test_cells_that_lag_stop_and_the_others_are_as_runs_of_their_own(store: Store) -> None:
    sweep = halved(store)
    told = trained(store, sweep)
    assert store.sweep(sweep).status == "finished"
    assert_halved(store, sweep)
    assert_as_far_alone(store, sweep)
    assert store.epochs_of(sweep).trained == least(store, sweep)
    waited = [e for e in told if getattr(e.event, "status", None) == "interrupted"]
    assert not waited


@pytest.mark.parametrize("stop", [1, 3, 9, 14, 20, 26, 28])
def test_a_sweep_that_is_stopped_between_two_rungs_goes_on_with_the_same_cells(
    store: Store, stop: int
) -> None:
    sweep = halved(store)
    trained(store, sweep, epoch_ends(stop))
    if store.sweep(sweep).status != "finished":
        store.resume_sweep(sweep, claimed=True)
        trained(store, sweep)
    assert_halved(store, sweep)
    assert_as_far_alone(store, sweep)
    assert store.epochs_of(sweep).trained == least(store, sweep)


def test_two_places_stop_the_same_cells_as_one(store: Store) -> None:
    sweep = halved(store)
    trained(store, sweep, places=[engine.train, engine.train])
    assert_halved(store, sweep)
    assert_as_far_alone(store, sweep)
    assert store.epochs_of(sweep).trained == least(store, sweep)


def test_what_was_stopped_goes_on_exactly_as_a_run_of_its_own(store: Store) -> None:
    sweep = halved(store)
    trained(store, sweep)
    for cell in store.cells(sweep):
        if cell.status == "stopped":
            store.resume(cell.id, claimed=True)
            train(store, cell.id)
    assert_as_alone(store, sweep)
    # The sweep itself is as it was: who was stopped needs nobody else.
    store.resume_sweep(sweep, claimed=True)
    trained(store, sweep)
    assert {cell.status for cell in store.cells(sweep)} == {"finished"}


def test_a_sweep_that_goes_on_leaves_stopped_what_it_has_stopped(store: Store) -> None:
    sweep = halved(store)
    trained(store, sweep)
    before = [(cell.status, cell.epoch, cell.reason) for cell in store.cells(sweep)]
    store.resume_sweep(sweep, claimed=True)
    assert trained(store, sweep) == []
    assert [(cell.status, cell.epoch, cell.reason) for cell in store.cells(sweep)] == before


def test_all_seeds_of_a_setting_stop_or_go_on_together(store: Store) -> None:
    base = small(epochs=8)
    sweep = added(store, base, {"lr": LRS[:4]}, seeds=3, mode="halving", first=3, keep=4)
    trained(store, sweep)
    settings = settings_of(store.cells(sweep))
    assert [len(setting) for setting in settings] == [3] * 4
    means = [sum(best(store, run.id, 3) for run in each) / 3 for each in settings]
    for setting, mean in zip(settings, means, strict=True):
        goes_on = mean == min(means)
        assert {run.status for run in setting} == {"finished" if goes_on else "stopped"}
    last = settings[means.index(max(means))][0]
    assert last.reason == (
        "Stopped after epoch 3: 4th of 4 by mean validation loss of 3 seeds, and 1 went on."
    )


def test_a_cell_that_diverges_is_behind_all_others(store: Store) -> None:
    base = small(epochs=9, optimizer=SGD(weight_decay=1.0))
    sweep = added(store, base, {"lr": [0.01, 100.0, 0.02, 0.003]}, mode="halving", first=4, keep=2)
    trained(store, sweep)
    assert [cell.status for cell in store.cells(sweep)].count("diverged") == 1
    assert sum(cell.status == "finished" for cell in store.cells(sweep)) == 1
    stopped = [str(cell.reason) for cell in store.cells(sweep) if cell.status == "stopped"]
    assert all("of 4 by" in why or "of 2 by" in why for why in stopped)


def test_a_cell_that_ends_before_a_rung_is_compared_by_what_it_has(store: Store) -> None:
    axes = {"epochs": [2, 6], "lr": [0.003, 0.01, 0.03]}
    sweep = added(store, small(), axes, mode="halving", first=3, keep=2)
    trained(store, sweep)
    assert [(cell.epochs, cell.status) for cell in store.cells(sweep)][:3] == [(2, "finished")] * 3
    assert_as_far_alone(store, sweep)


def run_of(id: int, seed: int, lr: float, status: Status, epoch: int) -> Run:
    recipe: Recipe = RunConfig(lr=lr, seed=seed)
    return Run(
        id=id, created=0.0, source="trained", origin=None, recipe=recipe, status=status,
        reason=None, began=None, ended=None, pace=None, started=None, activity=None, epoch=epoch,
        batch=0, test_loss=None, test_accuracy=None,
    )  # fmt: skip


COSTS = st.lists(
    st.lists(st.none() | st.floats(0, 3, width=16), min_size=1, max_size=3), min_size=1, max_size=6
)


@given(costs=COSTS)
def test_settings_are_ranked_by_the_mean_of_the_seeds_that_came_so_far(
    costs: list[list[float | None]],
) -> None:
    runs, standing = list[Run](), dict[int, Standing]()
    for i, seeds in enumerate(costs):
        for seed, cost in enumerate(seeds):
            run = run_of(
                len(runs) + 1, seed, 10.0**-i, "queued" if cost is not None else "failed", 5
            )
            runs.append(run)
            if cost is not None:
                standing[run.id] = Standing(5, cost)
    order = [setting for _, setting in ranked(settings_of(runs), standing, 5)]
    assert sorted(order, key=lambda each: each[0].id) == settings_of(runs)

    def mean(setting: tuple[Run, ...]) -> float:
        costs = [standing[run.id].cost for run in setting if run.id in standing]
        known = [cost for cost in costs if cost is not None]
        return sum(known) / len(known) if known else float("inf")

    for better, worse in pairwise(order):
        assert (mean(better), better[0].id) < (mean(worse), worse[0].id)


def test_how_cells_stand_is_read_over_all_that_they_share(tmp_path_factory: Any) -> None:
    with closing(Store(tmp_path_factory.mktemp("standing"))) as store:
        sweep = added(store, small(epochs=7), {"factor": [0.1, 0.5], "patience": [0, 1]})
        trained(store, sweep)
        for epoch in range(1, 9):
            found = standings(store, sweep, "val_loss", epoch)
            for cell in store.cells(sweep):
                known = Standing(min(epoch, 7), best(store, cell.id, epoch))
                assert found[cell.id] == known
            rising = standings(store, sweep, "val_accuracy", epoch)
            for cell in store.cells(sweep):
                assert rising[cell.id].cost == -max(values(store, cell.id, epoch, "val_accuracy"))


def test_runs_that_are_still_the_same_stop_or_go_on_together(store: Store) -> None:
    values = {"lr": [0.003, 0.01, 0.03], "patience": [6, 7, 8]}  # too patient to differ
    sweep = added(store, small(epochs=9), values, mode="halving", first=2, keep=3)
    trained(store, sweep)
    cells = store.cells(sweep)
    for lr in (0.003, 0.01, 0.03):
        same = [cell for cell in cells if cell.config is not None and cell.config.lr == lr]
        assert len({(cell.status, cell.epoch) for cell in same}) == 1
    assert [cell.status for cell in cells].count("finished") == 3
    assert_as_far_alone(store, sweep)


def test_ordinals() -> None:
    assert [*map(ordinal, (1, 2, 3, 4, 11, 12, 13, 21, 22, 101, 111))] == [
        "1st", "2nd", "3rd", "4th", "11th", "12th", "13th", "21st", "22nd", "101st", "111th",
    ]  # fmt: skip
