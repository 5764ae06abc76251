"""Values and seeds that a sweep gets later: only what is new is trained."""

from contextlib import closing
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.small import small
from tests.sweep.sweeps import added, assert_as_alone, least, trained
from tests.sweep.test_sweeping import epoch_ends
from trainer.config.grid import cells
from trainer.config.table import ConfigError, changed
from trainer.engine.events import EpochEnded, Retraining
from trainer.snapshots.writer import SnapshotWriter
from trainer.store.faults import CommandError
from trainer.store.store import Store
from trainer.sweep.adding import extend


@pytest.fixture
def _all_snapshots(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is written, also where an epoch takes less time than that."""
    keep = SnapshotWriter.keep
    monkeypatch.setattr(SnapshotWriter, "keep", lambda self, capture, _: keep(self, capture, True))


def go_on(store: Store, sweep: int) -> int:
    """Train what is left; how many epochs that takes."""
    assert store.claim_sweep(sweep) == sweep
    return sum(isinstance(e.event, EpochEnded | Retraining) for e in trained(store, sweep))


def rows(store: Store, sweep: int) -> dict[int, Any]:
    """All that is recorded of each cell, its seconds too."""
    return {cell.id: (cell, store.epochs(cell.id)) for cell in store.cells(sweep)}


@pytest.mark.usefixtures("_all_snapshots")
@pytest.mark.parametrize(
    ("values", "seeds", "new"),
    [
        ({"factor": [0.3]}, None, 2),
        ({"patience": ["1", "2"]}, None, 4),
        ({"lr": [0.1]}, None, 4),
        ({}, 3, 8),
        ({"cooldown": [2], "factor": [0.7]}, 2, 20),
    ],
)
def test_only_what_is_new_is_trained_and_the_rest_stays_as_it_is(
    store: Store, values: dict[str, Any], seeds: int | None, new: int
) -> None:
    sweep = added(store, small(epochs=8), {"factor": [0.1, 0.5], "patience": [0, 3]})
    trained(store, sweep)
    before, first = rows(store, sweep), store.epochs_of(sweep).trained
    assert extend(store, sweep, values, seeds) == new
    assert store.sweep(sweep).status == "queued"
    more = go_on(store, sweep)
    assert first + more == store.epochs_of(sweep).trained == least(store, sweep)
    after = rows(store, sweep)
    assert {run: after[run] for run in before} == before
    assert len(after) == len(before) + new == len(cells(small(epochs=8), store.sweep(sweep).grid))
    assert_as_alone(store, sweep)


@settings(max_examples=6)
@given(
    stops=st.lists(st.integers(1, 9), min_size=1, max_size=3),
    more=st.lists(st.tuples(st.sampled_from(["patience", "cooldown"]), st.integers(0, 3))),
)
def test_a_paused_sweep_gets_values_at_any_time(
    tmp_path_factory: pytest.TempPathFactory, stops: list[int], more: list[tuple[str, int]]
) -> None:
    with closing(Store(tmp_path_factory.mktemp("adding"))) as store:
        base = changed(small(), {"threshold": 0.2})
        sweep = added(store, base, {"patience": [1], "factor": [0.5, 0.1]})
        for stop, (key, value) in zip(stops, more, strict=False):
            trained(store, sweep, epoch_ends(stop))
            if not extend(store, sweep, {key: [value]}):
                store.resume_sweep(sweep)
            store.claim_sweep(sweep)
        trained(store, sweep)
        assert store.sweep(sweep).status == "finished"
        assert store.epochs_of(sweep).trained == least(store, sweep)
        assert_as_alone(store, sweep)


def test_halving_compares_what_is_new_at_the_epochs_of_what_is_there(store: Store) -> None:
    sweep = added(store, small(epochs=9), {"lr": [0.003, 0.01, 0.03]}, mode="halving", keep=3)
    trained(store, sweep)
    before = rows(store, sweep)
    assert {c.epoch for c, _ in before.values()} == {3, 9}
    assert extend(store, sweep, {"lr": [0.1, 0.3, 1.0, 3.0, 10.0, 30.0]}) == 6
    go_on(store, sweep)
    after = rows(store, sweep)
    assert {run: after[run] for run in before} == before
    assert {cell.epoch for cell, _ in after.values()} <= {3, 9}
    assert sum("of 9 by" in str(cell.reason) for cell, _ in after.values()) >= 4


def test_what_is_there_already_queues_nothing(store: Store) -> None:
    sweep = added(store, small(epochs=2), {"factor": [0.1, 0.5]})
    trained(store, sweep)
    assert extend(store, sweep, {"factor": ["0.5"], "patience": [small().schedule.patience]}) == 0
    assert store.sweep(sweep).status == "finished"


def test_what_cannot_be_added_is_said(store: Store) -> None:
    sweep = added(store, small(epochs=2), {"factor": [0.1, 0.5]}, seeds=2)
    with pytest.raises(
        CommandError, match=r"Sweep 1 has not ended: pause it before you add to it."
    ):
        extend(store, sweep, {"factor": [0.3]})
    trained(store, sweep)
    with pytest.raises(ConfigError, match="Factor must be"):
        extend(store, sweep, {"factor": [3]})
    with pytest.raises(ConfigError, match="has 2 seeds already: name more"):
        extend(store, sweep, seeds=1)
    with pytest.raises(CommandError, match="There is no sweep 7"):
        extend(store, 7, {"factor": [0.3]})
    assert store.sweep(sweep).status == "finished"
