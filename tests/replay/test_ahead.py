"""What is said to be ahead is what then comes: the oracles are torch's own class stepped epoch by
epoch, the schedule stepped batch by batch, and real trainings.
"""

import dataclasses
import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.replay.test_difference import HANDS, config
from tests.schedule.by_torch import (
    BATCHES,
    EPOCHS,
    METRICS,
    SPECS,
    plateau_runs,
    run_of,
    spec_id,
    torch_plateau,
)
from tests.small import NOWHERE
from trainer.config import schedules
from trainer.config.recipe import Recipe
from trainer.config.run import RunConfig
from trainer.engine.control import Control
from trainer.engine.events import EpochEnded, Forked
from trainer.engine.loop import train
from trainer.engine.state import Snapshot
from trainer.replay.ahead import MOST, NOTHING, Ahead, ahead, planned, rest
from trainer.replay.replay import used
from trainer.replay.walk import inherit
from trainer.schedule.decisions import Decision
from trainer.schedule.epoch import Epoch
from trainer.schedule.interventions import Intervention
from trainer.schedule.past import Stretch
from trainer.schedule.plateau import Plateau
from trainer.schedule.schedule import Schedule

EVERY = [schedules.NoSchedule(), *SPECS]


def lr_at(curve: Sequence[tuple[float, float]], x: float) -> float:
    """The LR of a curve at this place."""
    for (x_0, lr_0), (x_1, lr_1) in pairwise(curve):
        if x_0 <= x < x_1:
            return lr_0 + (lr_1 - lr_0) * (x - x_0) / (x_1 - x_0)
    return min(curve, key=lambda point: abs(point[0] - x))[1]  # an end, but for rounding


def lrs(curve: Sequence[tuple[float, float]], epoch: int, batches: int = BATCHES) -> list[float]:
    """The LR of each batch of an epoch."""
    return [lr_at(curve, epoch - 0.5 + (j + 0.5) / batches) for j in range(batches)]


def follows(
    found: Ahead, epoch: int, trained: Sequence[list[float]], exactly: bool = False
) -> None:
    """Check that what is ahead of `epoch` is what the later epochs were trained with."""
    for later, expected in enumerate(trained[epoch:], epoch + 1):
        got = lrs(rest(found.low, epoch), later)
        assert got == (expected if exactly else pytest.approx(expected, rel=1e-9)), later
    assert found.low[-1][0] <= len(trained) + 0.5
    assert len(found.low) <= MOST


def row(epoch: int, decision: Decision | None) -> Epoch:
    return Epoch(epoch, 0.0, 0.0, {}, 0.0, decision)


def stepped(
    run: Recipe, metrics: Sequence[float], made: Sequence[Intervention] = ()
) -> tuple[list[list[float]], list[Epoch]]:
    """The LR of every batch, epoch by epoch, as the engine steps a schedule, and the epochs."""
    schedule, trained, rows = Schedule(run, BATCHES), list[list[float]](), list[Epoch]()
    for epoch, metric in enumerate(metrics, 1):
        trained.append([])
        for batch in range(BATCHES):
            for past in made:
                if (past.epoch, past.batch) == (epoch, batch):
                    schedule.intervene(past.name, past.value)
            trained[-1].append(schedule.lr)
            schedule.step_batch()
        rows.append(row(epoch, schedule.advance(metric)))
    return trained, rows


def nothing_improves(known: Sequence[float], warmup: int, epochs: int) -> list[float]:
    """These values, and then worse ones; the first that the plateau rule sees is better."""
    worse = [1.0 if n == warmup else math.nan for n in range(len(known), epochs)]
    return [*known, *worse]


# Before a run


@pytest.mark.parametrize("warmup", [0, 3])
@pytest.mark.parametrize("spec", EVERY, ids=spec_id)
def test_the_plan_of_a_run_is_what_every_batch_trains_with(spec, warmup):
    run = run_of(spec, warmup=warmup)
    trained, _ = stepped(run, nothing_improves([], warmup, EPOCHS))
    found = planned(run, BATCHES)
    follows(found, 0, trained)
    assert (found.high is None) == (spec.name != "ReduceLROnPlateau")
    assert found == ahead([Stretch(run)], None, BATCHES, EPOCHS)


@pytest.mark.parametrize("epochs", [8, 9])
def test_the_first_cut_is_one_that_a_batch_trains_with(epochs):
    run = RunConfig(schedule=schedules.ReduceLROnPlateau(patience=4), warmup=2, epochs=epochs)
    found = planned(run, 1)
    assert found.first_cut == (8 if epochs == 9 else None)
    assert found.high == (*found.low[:3], (epochs + 0.5, run.lr))
    assert (found.low == found.high) == (epochs == 8)


def test_a_cut_without_effect_is_not_ahead():
    spec = schedules.ReduceLROnPlateau(patience=0, min_lr=0.002)
    found = planned(RunConfig(schedule=spec, lr=0.01, epochs=20), 1)
    assert found.low == ((0.5, 0.01), (2.5, 0.01), (2.5, 0.002), (20.5, 0.002))
    spec = schedules.ReduceLROnPlateau(patience=0, eps=0.01)
    found = planned(RunConfig(schedule=spec, lr=0.01, epochs=20), 1)
    assert found.low == found.high == ((0.5, 0.01), (20.5, 0.01))
    assert found.first_cut is None


# In a run


@pytest.mark.parametrize("warmup", [0, 3])
@pytest.mark.parametrize("spec", EVERY, ids=spec_id)
def test_after_each_epoch_the_rest_of_the_run_is_ahead(spec, warmup):
    run = run_of(spec, warmup=warmup)
    _, rows = stepped(run, METRICS)
    for last in rows[:-1]:
        known = METRICS[: last.epoch]
        trained, _ = stepped(run, nothing_improves(known, warmup, EPOCHS))
        follows(ahead([Stretch(run)], last, BATCHES, EPOCHS), last.epoch, trained)


@given(
    spec=st.sampled_from(EVERY),
    warmup=st.integers(0, 3),
    made=HANDS,
    added=st.integers(0, 4),
    optimizer=st.sampled_from(["SGD", "Adagrad"]),
)
def test_what_was_done_by_hand_is_in_what_is_ahead(spec, warmup, made, added, optimizer):
    """Also what is done in the epoch that trains, before it has ended."""
    run = run_of(spec, optimizer, warmup=warmup)
    epochs = EPOCHS + added
    _, rows = stepped(run, METRICS, made)
    for epoch in range(7):
        past = [by_hand for by_hand in made if by_hand.epoch <= epoch + 1]
        metrics = nothing_improves(METRICS[:epoch], warmup, epochs)
        trained, _ = stepped(run, metrics, past)
        last = rows[epoch - 1] if epoch else None
        found = ahead([Stretch(run, 0, past)], last, BATCHES, epochs)
        follows(found, epoch, trained)


def test_what_was_done_by_hand_within_the_last_epoch_is_ahead_of_it():
    made = [Intervention(4, 1, "lr", 0.5)]
    for spec in EVERY:
        run = run_of(spec).model_copy(update={"epochs": 4})
        trained, rows = stepped(run, METRICS[:4], made)
        found = ahead([Stretch(run, 0, made)], rows[2], BATCHES, 4)
        follows(found, 3, trained)
        assert found.high in (None, found.low)
        assert found.first_cut is None


def test_nothing_is_ahead_of_a_run_that_is_at_its_end_or_diverged():
    run = run_of(schedules.StepLR())
    _, rows = stepped(run, METRICS)
    assert ahead([Stretch(run)], rows[-1], BATCHES, EPOCHS) == NOTHING
    assert ahead([Stretch(run)], rows[-1], BATCHES, EPOCHS + 1) != NOTHING
    assert ahead([Stretch(run)], row(3, None), BATCHES, EPOCHS) == NOTHING


# The plateau rule


@given(run=plateau_runs(), metrics=st.lists(st.floats(0.001, 3), min_size=1, max_size=40))
def test_the_cuts_ahead_are_those_of_torchs_class_stepped_epoch_by_epoch(run, metrics):
    _, rows = stepped(run, metrics)
    for last in rows[:: max(len(rows) // 3, 1)]:
        oracle = torch_plateau(run)
        for metric in metrics[: last.epoch]:
            oracle.step(metric)
        now = oracle.optimizer.param_groups[0]["lr"]
        expected = []
        for _ in range(last.epoch, run.epochs):
            expected.append(oracle.optimizer.param_groups[0]["lr"])
            oracle.step(math.nan)
        found = ahead([Stretch(run)], last, BATCHES, run.epochs)
        curve = rest(found.low, last.epoch)
        later = range(last.epoch + 1, run.epochs + 1)
        assert [lr_at(curve, epoch) for epoch in later] == expected
        falls = [e for e, (lr, lr_next) in zip(later, pairwise(expected), strict=False)
                 if lr_next < lr]  # fmt: skip
        assert found.first_cut == next(iter(falls), None)
        assert found.high is not None
        assert {lr for _, lr in found.high} == {now}


@given(
    run=plateau_runs(),
    warmup=st.integers(0, 3),
    metrics=st.lists(st.floats(0.001, 3), min_size=4, max_size=15),
    bad=st.integers(1, 40),
)
def test_what_is_ahead_changes_only_when_an_epoch_improves_or_cuts(run, warmup, metrics, bad):
    run = run.model_copy(update={"warmup": warmup})
    _, rows = stepped(run, [*metrics, *[math.nan] * bad])
    found = [ahead([Stretch(run)], last, BATCHES, run.epochs) for last in rows]
    for (_, before), (last, after) in pairwise(zip(rows, found, strict=True)):
        assert last.decision is not None
        if last.epoch > len(metrics) and last.decision.kind == "cut":
            assert rest(before.low, last.epoch) == rest(after.low, last.epoch)
            assert before.first_cut in (None, last.epoch)
        elif last.epoch > len(metrics):
            assert before == after


@pytest.mark.parametrize("epoch", [1, 40, 9_000])
def test_waiting_for_a_cut_takes_no_steps(monkeypatch, epoch):
    run = RunConfig(schedule=schedules.ReduceLROnPlateau(patience=50, cooldown=5), epochs=10_000)
    _, (first,) = stepped(run, [1.0])
    assert first.decision is not None
    last = row(epoch, first.decision.model_copy(update={"epoch": epoch}))
    steps = 0

    def counted(self: Plateau, *metric: Any) -> None:
        nonlocal steps
        steps += 1
        step(self, *metric)

    step = Plateau.step
    monkeypatch.setattr(Plateau, "step", counted)
    found = ahead([Stretch(run)], last, BATCHES, run.epochs)
    assert found.first_cut == epoch + 51
    assert steps == len(found.low) / 2  # one for each cut, and one without effect


# Forks


def trained(
    run: RunConfig,
    made: Sequence[Intervention] = (),
    start: Snapshot | None = None,
    keep: int = 0,
) -> tuple[list[EpochEnded], Snapshot | None, Decision | None]:
    """The epochs of a real training, a snapshot of epoch `keep`, and a fork's own decision."""
    control, rows, kept, decision = Control(made), list[EpochEnded](), None, None
    for event in train(run, NOWHERE, control, start):
        if isinstance(event, EpochEnded):
            rows.append(event)
            if event.epoch == keep:
                kept = control.capture()
        elif isinstance(event, Forked):
            decision = event.decision
    return rows, kept, decision


# Nothing beats such a threshold in so few epochs.
STUBBORN = schedules.ReduceLROnPlateau(factor=0.3, patience=1, cooldown=1, threshold=0.95)
SEVERAL = [STUBBORN, *(spec for spec in EVERY if spec.name != "ReduceLROnPlateau")]
PLATEAUS = (STUBBORN, STUBBORN.model_copy(update={"patience": 0, "factor": 0.5}))
CUT = [Intervention(3, 1, "cut"), Intervention(5, 0, "scale", 2.0)]
OTHER_MONITOR = {"monitor": "train_loss", "lr": 0.03, "epochs": 8}


@settings(
    max_examples=settings.default.max_examples // 12,  # an example trains two runs
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    specs=st.tuples(st.sampled_from(SEVERAL), st.sampled_from(SEVERAL)),
    same=st.booleans(),
    warmup=st.integers(0, 3),
    fork=st.integers(1, 5),
    hands=st.tuples(HANDS, HANDS),
    changes=st.fixed_dictionaries(
        {},
        optional={"lr": st.just(0.03), "monitor": st.just("train_loss"), "epochs": st.just(8)},
    ),
)
@example(specs=PLATEAUS, same=True, warmup=0, fork=4, hands=([], []), changes={"lr": 0.03})
@example(specs=PLATEAUS, same=True, warmup=2, fork=4, hands=([], CUT), changes=OTHER_MONITOR)
@example(specs=PLATEAUS, same=True, warmup=0, fork=3, hands=(CUT, CUT), changes=OTHER_MONITOR)
@example(specs=PLATEAUS, same=False, warmup=0, fork=4, hands=(CUT, []), changes={"epochs": 8})
@example(specs=PLATEAUS, same=False, warmup=3, fork=2, hands=(CUT, CUT), changes=OTHER_MONITOR)
@example(specs=PLATEAUS, same=False, warmup=0, fork=1, hands=([], []), changes={})
def test_a_fork_goes_on_as_it_was_said_while_it_was_set_up_and_after_each_of_its_epochs(
    specs, same, warmup, fork, hands, changes, monkeypatch
):
    applied: list[float] = []
    apply = Schedule.apply

    def noted(self: Schedule, optimizer: Any) -> None:
        apply(self, optimizer)
        applied.append(optimizer.param_groups[0]["lr"])

    with monkeypatch.context() as patch:
        patch.setattr(Schedule, "apply", noted)
        parent = config(specs[0], epochs=6, warmup=warmup)
        child = config(specs[0] if same else specs[1], **{"epochs": 6, "warmup": warmup} | changes)
        before, start, _ = trained(parent, hands[0], keep=fork)
        before, made = before[:fork], [past for past in hands[0] if past.epoch <= fork]
        by_hand = [past for past in hands[1] if past.epoch > fork]
        del applied[fork * BATCHES :]
        unchanged, _, decision = trained(child, (), start)
        as_planned = [applied[i : i + BATCHES] for i in range(0, len(applied), BATCHES)]
        del applied[fork * BATCHES :]
        after, _, _ = trained(child, by_hand, start)
        by_batch = [applied[i : i + BATCHES] for i in range(0, len(applied), BATCHES)]

    past = [Stretch(parent, 0, made)]
    follows(planned(child, BATCHES, inherit(past, before, BATCHES)), fork, as_planned)
    if decision:
        before[-1] = dataclasses.replace(before[-1], decision=decision)
    found = ahead([*past, Stretch(child, fork)], before[-1], BATCHES, child.epochs)
    follows(found, fork, as_planned)
    for last in unchanged[:-1]:
        found = ahead([*past, Stretch(child, fork)], last, BATCHES, child.epochs)
        follows(found, last.epoch, as_planned)
    for last in [before[-1], *after[:-1]]:
        if max((by.epoch for by in by_hand), default=0) <= last.epoch + 1:
            found = ahead([*past, Stretch(child, fork, by_hand)], last, BATCHES, child.epochs)
            follows(found, last.epoch, by_batch)


def test_a_fork_with_its_parents_settings_continues_its_parent():
    run = run_of(schedules.CosineAnnealingLR(T_max=5))
    by_batch, rows = stepped(run, METRICS)
    follows(planned(run, BATCHES, inherit([Stretch(run)], rows[:4], BATCHES)), 4, by_batch)


# Long runs


@pytest.mark.parametrize(
    "spec",
    [
        schedules.OneCycleLR(),
        schedules.OneCycleLR(three_phase=True, pct_start=0.41),
        schedules.CyclicLR(max_lr=0.1, step_size_up=4),
        schedules.CyclicLR(max_lr=0.1, step_size_up=10, mode="exp_range", gamma=0.9999),
    ],
    ids=spec_id,
)
def test_a_long_cycle_keeps_its_turns_and_its_shape(spec):
    epochs, batches = 60, 500
    run = run_of(spec).model_copy(update={"epochs": epochs})
    moved = spec.cycle(run.lr, epochs, batches, range(epochs * batches))
    every = [(0.5 + (i + 0.5) / batches, lr) for i, (lr, _) in enumerate(moved)]
    found = planned(run, batches).low
    assert len(found) <= MOST
    assert set(found) <= set(every)
    assert (found[0], found[-1]) == (every[0], every[-1])
    turns = {
        here
        for (_, before), here, (_, after) in zip(every, every[1:], every[2:], strict=False)
        if (here[1] - before) * (after - here[1]) < 0
    }
    assert turns
    assert turns <= set(found)
    assert all(
        lr_at(found, x) == pytest.approx(lr, abs=0.002 * run.lr) for x, lr in every[::71][:-1]
    )


def test_a_cycle_of_many_turns_stays_between_its_ends():
    run = run_of(schedules.CyclicLR(max_lr=0.1, step_size_up=1)).model_copy(
        update={"epochs": 5_000}
    )
    found = planned(run, 800).low
    assert len(found) <= MOST
    for share in range(0, 5_000, 100):
        within = [lr for x, lr in found if share < x <= share + 100.5]
        assert min(within) == run.lr
        assert max(within) == pytest.approx(0.1)


def test_the_restarts_of_a_long_run_are_kept():
    spec = schedules.CosineAnnealingWarmRestarts(T_0=20, T_mult=1, eta_min=1e-4)
    run = run_of(spec).model_copy(update={"epochs": 1_000})
    steps = used(run, [1.0] * run.epochs)
    found = planned(run, 1).low
    assert len(found) <= MOST
    for epoch in range(20, 1_000, 20):
        assert (epoch + 0.5, steps[epoch - 1].lr) in found
        assert (epoch + 0.5, run.lr) in found


def test_so_many_cuts_that_they_are_not_seen_one_by_one_are_thinned():
    spec = schedules.ReduceLROnPlateau(patience=0, factor=0.99, eps=0)
    run = run_of(spec).model_copy(update={"epochs": 1_500})
    found = planned(run, 1)
    assert len(found.low) <= MOST
    steps = used(run, [1.0] * run.epochs)
    assert all(
        lr_at(found.low, epoch) == pytest.approx(steps[epoch - 1].lr, rel=0.12)
        for epoch in range(1, 1_501)
    )
    assert found.low[-1] == (1_500.5, steps[-1].lr)


# A curve's rest


def test_the_rest_of_a_curve_starts_at_the_end_of_the_epoch():
    curve = [(0.5, 0.2), (2.5, 0.2), (2.5, 0.1), (4.5, 0.1)]
    assert rest(curve, 0) == ((0.5, 0.2), *curve[1:])
    assert rest(curve, 1) == ((1.5, 0.2), *curve[1:])
    assert rest(curve, 2) == ((2.5, 0.1), (4.5, 0.1))
    assert rest(curve, 4) == ()
    assert rest([(0.75, 1.0), (1.75, 2.0)], 0) == ((0.75, 1.0), (1.75, 2.0))
    assert rest([(0.75, 1.0), (1.75, 2.0)], 1) == ((1.5, 1.75), (1.75, 2.0))
    assert rest((), 3) == ()
