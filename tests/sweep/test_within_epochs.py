"""Cells that part within an epoch share its batches up to the first that differs."""

from collections import deque
from collections.abc import Callable, Sequence
from contextlib import closing
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.small import NOWHERE, small
from tests.sweep.sweeps import added, alone, assert_as_alone, of_cell, trained
from trainer.config.table import changed
from trainer.engine.events import EpochEnded
from trainer.engine.loop import train
from trainer.engine.state import State
from trainer.store.store import Store
from trainer.sweep.sweeping import CellEvent

BASE = changed(small(epochs=5), {"schedule": "OneCycleLR", "optimizer": "SGD", "momentum": 0.9})
# The first two differ in the fall only, the third from the second batch on.
VALUES = {"final-div-factor": [10.0, 1e4], "three-phase": [False, True], "pct-start": [0.45, 0.7]}

Batch = tuple[float, float | None]


class Batches:
    """What each batch that was trained since the last look was trained with."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._seen: list[Batch] = []
        end = State.end_batch

        def seen(state: State, loss: Any) -> None:
            self._seen.append((state.schedule.lr, state.schedule.momentum))
            end(state, loss)

        monkeypatch.setattr(State, "end_batch", seen)

    def take(self) -> list[Batch]:
        taken, self._seen = self._seen, []
        return taken


@pytest.fixture
def batches(monkeypatch: pytest.MonkeyPatch) -> Batches:
    return Batches(monkeypatch)


def least(store: Store, sweep: int, batches: Batches) -> int:
    """How many batches must be trained: one for each past that differs in an LR or a momentum."""
    pasts = set()
    for cell in store.cells(sweep):
        assert cell.config is not None
        batches.take()
        deque(train(cell.config, NOWHERE), 0)
        seen = tuple(batches.take())
        pasts |= {seen[: i + 1] for i in range(len(seen))}
    return len(pasts)


def test_each_batch_is_trained_once_until_the_first_that_differs(
    store: Store, batches: Batches
) -> None:
    sweep = added(store, BASE, VALUES)
    trained(store, sweep)
    were = len(batches.take())
    assert were == least(store, sweep, batches)
    assert were < 3 * store.epochs_of(sweep).trained  # an epoch has three batches
    assert_as_alone(store, sweep)


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    divisors=st.lists(st.sampled_from([2.0, 10.0, 1e4]), min_size=1, max_size=3, unique=True),
    phases=st.lists(st.booleans(), min_size=1, max_size=2, unique=True),
    shares=st.lists(st.floats(0.1, 0.9), min_size=1, max_size=2, unique=True),
    warmups=st.lists(st.integers(0, 2), min_size=1, max_size=2, unique=True),
    moves=st.booleans(),
    stops=st.lists(st.integers(1, 30), max_size=3),
)
def test_a_sweep_that_is_stopped_within_epochs_goes_on_without_a_difference(
    tmp_path_factory: pytest.TempPathFactory,
    divisors: Sequence[float],
    phases: Sequence[bool],
    shares: Sequence[float],
    warmups: Sequence[int],
    moves: bool,
    stops: Sequence[int],
) -> None:
    values = {
        "final-div-factor": divisors, "three-phase": phases, "pct-start": shares, "warmup": warmups,
    }  # fmt: skip
    base = changed(BASE, {"cycle-momentum": moves})
    with closing(Store(tmp_path_factory.mktemp("sweep"))) as store:
        sweep = added(store, base, values)
        for stop in stops:
            trained(store, sweep, _events(stop))
            if store.sweep(sweep).status == "finished":
                break
            store.resume_sweep(sweep, claimed=True)
        else:
            trained(store, sweep)
        assert store.sweep(sweep).status == "finished"
        assert_as_alone(store, sweep)


def _events(number: int) -> Callable[[CellEvent], bool]:
    """Whether an event is that many of all."""
    seen = iter(range(1, number))
    return lambda _: next(seen, None) is None


@pytest.mark.parametrize("which", range(1, 5))
def test_a_cell_that_is_stopped_before_others_part_from_it_leaves_them_as_they_are(
    store: Store, which: int
) -> None:
    values = {"final-div-factor": [2.0, 10.0], "three-phase": [False, True]}
    sweep = added(store, BASE, values)

    def stop(told: CellEvent) -> None:
        if isinstance(told.event, EpochEnded) and told.event.epoch == 1:
            store.ask(which, "stop")

    trained(store, sweep, stop)
    for cell in store.cells(sweep):
        assert cell.config is not None
        rows, end = of_cell(store, cell)
        if cell.id == which:
            assert end[0] == "stopped"
            assert rows == alone(cell.config)[0][: cell.epoch]
        else:
            assert (rows, end) == alone(cell.config)
