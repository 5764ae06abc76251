"""A and B as sweeps: each cell is a run of its own, a stop anywhere costs nothing, and the answer
is that of the record.
"""

from collections.abc import Callable
from contextlib import closing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.small import NOWHERE, small
from tests.sweep.find.tries import answered, row_of
from tests.sweep.sweeps import alone, assert_as_alone, least, of_cell
from trainer.config.table import changed
from trainer.engine import loop
from trainer.engine.events import EpochEnded
from trainer.store.faults import CommandError, StoreError
from trainer.store.run import Run
from trainer.store.store import Store
from trainer.sweep.find.finding import (
    add_check,
    add_find,
    answer,
    check,
    compared,
    execute_find,
    plan_of,
)
from trainer.sweep.find.plans import BestHere, Plan, RangeTest, WhichLR
from trainer.sweep.sweeping import CellEvent, execute_sweep

A = BestHere(lowest=1e-3, highest=1.0, per_decade=1, probe=2, keep=2)
B = WhichLR(lowest=1e-3, highest=1.0, per_decade=1, epochs=2, seeds=2)
CONFIG = small(epochs=7)


def found(
    store: Store,
    sweep: int,
    until: Callable[[CellEvent], object] = lambda _: False,
    places: int = 1,
) -> None:
    """Train a claimed way to find an LR to its end, or until an event."""
    with closing(execute_find(store, sweep, NOWHERE, places=[loop.train] * places)) as training:
        for event in training:
            if until(event):
                break


def epoch_ends(number: int) -> Callable[[CellEvent], bool]:
    ends = iter(range(1, number))
    return lambda told: isinstance(told.event, EpochEnded) and next(ends, None) is None


def of_schedule(store: Store, sweep: int, name: str) -> list[Run]:
    return [cell for cell in store.cells(sweep) if cell.recipe.schedule.name == name]


@pytest.mark.parametrize("places", [1, 2])
def test_the_best_probes_go_on_and_each_is_as_a_run_of_its_own(store: Store, places: int) -> None:
    sweep = add_find(store, CONFIG, A, claimed=True)
    found(store, sweep, places=places)
    row = store.sweep(sweep)
    probes, rest = (of_schedule(store, sweep, n) for n in ("none", "ReduceLROnPlateau"))
    ends = sorted((of_cell(store, p)[0][-1][3]["val_loss"], p.recipe.lr) for p in probes)
    assert sorted(r.recipe.lr for r in rest) == sorted(lr for _, lr in ends[:2])
    assert_as_alone(store, sweep)
    epochs = store.epochs_of(sweep)
    assert epochs.trained == least(store, sweep) == 4 * 2 + 2 * 5
    assert row.status == "finished"
    best = answered(store, sweep)["best"]
    lowest = min((min(e[3]["val_loss"] for e in of_cell(store, r)[0]), r.id) for r in rest)
    assert (best["val_loss"], best["run"]) == lowest


def test_b_scores_the_loss_after_an_epoch_at_a_tenth(store: Store) -> None:
    sweep = add_find(store, CONFIG, B, claimed=True)
    found(store, sweep)
    assert_as_alone(store, sweep)
    found_out = answered(store, sweep)
    for score in found_out["scores"]:
        for seed, loss in zip(found_out["seeds"], score["losses"], strict=True):
            constant = changed(CONFIG, {"schedule": "none", "epochs": 3, "seed": seed})
            steps = changed(
                constant, {"schedule": "StepLR", "step-size": 2, "gamma": 0.1, "lr": score["lr"]}
            )
            assert loss == alone(steps)[0][-1][3]["val_loss"]
    lrs = [epoch[1] for epoch in of_cell(store, store.cells(sweep)[-1])[0]]
    assert lrs == pytest.approx([1.0, 1.0, 0.1])


def test_an_lr_that_diverges_drops_out(store: Store) -> None:
    # At LR 100 each step makes every weight 99 times as large.
    config = changed(CONFIG, {"optimizer": "SGD", "weight-decay": 1, "epochs": 9})
    plan = BestHere(lowest=0.01, highest=100.0, per_decade=1, probe=8, keep=5)
    sweep = add_find(store, config, plan, claimed=True)
    found(store, sweep)
    row = store.sweep(sweep)
    died = [p["lr"] for p in answered(store, sweep)["probes"] if p["diverged"]]
    assert died
    assert {r["lr"] for r in answered(store, sweep)["runs"]}.isdisjoint(died)
    assert row.status == "finished"


@settings(max_examples=6)
@given(stops=st.lists(st.integers(1, 5), min_size=1, max_size=3), is_a=st.booleans())
def test_a_find_that_is_stopped_anywhere_goes_on_without_a_loss(
    tmp_path_factory: pytest.TempPathFactory, stops: list[int], is_a: bool
) -> None:
    plan: Plan = A if is_a else B
    with closing(Store(tmp_path_factory.mktemp("find"))) as store:
        sweep = add_find(store, CONFIG, plan, claimed=True)
        for stop in stops:
            found(store, sweep, epoch_ends(stop))
            assert store.sweep(sweep).status == "interrupted"
            assert row_of(store, sweep).answer is None
            store.resume_sweep(sweep, claimed=True)
        found(store, sweep)
        assert store.sweep(sweep).status == "finished"
        assert store.epochs_of(sweep).trained == least(store, sweep)
        assert_as_alone(store, sweep)
        assert answered(store, sweep) == answer(store, row_of(store, sweep))


def test_a_pause_between_probes_and_the_rest_goes_on(store: Store) -> None:
    sweep = add_find(store, CONFIG, A, claimed=True)

    def last_probe_ended(told: CellEvent) -> bool:
        return told.run == store.cells(sweep)[3].id and isinstance(told.event, EpochEnded)

    def pause(told: CellEvent) -> None:
        if last_probe_ended(told) and store.sweep(sweep).asked is None:
            store.ask_sweep(sweep, "pause")

    found(store, sweep, pause)
    assert store.sweep(sweep).status == "paused"
    assert len(answer(store, row_of(store, sweep))["probes"]) == 4
    store.resume_sweep(sweep, claimed=True)
    found(store, sweep)
    assert store.sweep(sweep).status == "finished"
    assert_as_alone(store, sweep)


def test_a_probe_that_was_stopped_by_hand_is_left_out(store: Store) -> None:
    sweep = add_find(store, CONFIG, A, claimed=True)
    first = store.cells(sweep)[0].id
    store.ask(first, "stop")
    found(store, sweep)
    row = store.sweep(sweep)
    assert row.status == "finished"
    assert (
        next(p for p in answered(store, sweep)["probes"] if p["run"] == first)["val_loss"] is None
    )
    assert len(answered(store, sweep)["runs"]) == 2


def test_the_check_of_a_is_its_two_best_on_seeds_that_did_not_choose(store: Store) -> None:
    sweep = add_find(store, CONFIG, A, claimed=True)
    with pytest.raises(CommandError, match="no two LRs to compare"):
        check(store, sweep)
    found(store, sweep)
    made = check(store, sweep)
    assert list(made.lrs) == [r["lr"] for r in answered(store, sweep)["runs"]]
    assert {c.seed for c in made.cells} == {1, 2, 3}
    assert {c.schedule.name for c in made.cells} == {"ReduceLROnPlateau"}
    added = add_check(store, sweep)
    assert store.claim_sweep(added) == added
    for _ in execute_sweep(store, added, NOWHERE):
        pass
    assert_as_alone(store, added)
    row = store.sweep(added)
    assert row is not None
    assert "3 seeds" in compared(store, row)[0]
    with pytest.raises(CommandError, match="found no LR"):
        check(store, added)


def test_the_check_of_b_compares_its_answer_with_the_best_score(store: Store) -> None:
    sweep = add_find(store, CONFIG, B, claimed=True)
    found(store, sweep)
    made = check(store, sweep)
    assert made.lrs[0] == answered(store, sweep)["lr"]
    assert {c.seed for c in made.cells} == {2, 3, 4}
    assert {c.schedule for c in made.cells} == {CONFIG.schedule}
    assert {c.epochs for c in made.cells} == {7}


def test_a_plan_that_cannot_be_read_says_so(store: Store) -> None:
    sweep = store.add_sweep("find", CONFIG, {"probe": 0}, [], claimed=True)
    with pytest.raises(StoreError, match=f"The plan of sweep {sweep} cannot be read"):
        plan_of(row_of(store, sweep))


def test_a_range_test_has_no_check(store: Store) -> None:
    sweep = add_find(store, CONFIG, RangeTest(batches=20, seeds=1), claimed=True)
    with pytest.raises(CommandError, match="found no LR"):
        check(store, sweep)
