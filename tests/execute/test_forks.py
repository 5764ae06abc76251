"""A fork trains on from its parent's epoch, and is a run like any other."""

import sqlite3
from contextlib import closing

import pytest

from tests.execute.runs import SPOILED, at, forked, rows, spoiled, train, trained
from tests.small import NOWHERE, SCHEDULES, small
from trainer.config.optimizers import Adam
from trainer.config.schedules import CosineAnnealingLR, ReduceLROnPlateau
from trainer.engine.events import (
    Ended,
    EpochEnded,
    Forked,
    Intervened,
    Retraining,
    Started,
    Warned,
)
from trainer.execute import execute
from trainer.snapshots import files
from trainer.store import lineage


@pytest.mark.parametrize("schedule", ["plateau", "OneCycleLR", "CyclicLR", "CosineAnnealingLR"])
def test_a_fork_without_a_change_is_never_forked(store, schedule):
    settings = small(schedule=SCHEDULES[schedule])
    parent = trained(store, settings)
    for epoch in (0, 1, 4):
        child, events = forked(store, parent, epoch, settings)
        assert rows(store, child) == rows(store, parent)
        assert store.run(child).test_loss == store.run(parent).test_loss
        trained_epochs = [event.epoch for event in events if isinstance(event, EpochEnded)]
        assert trained_epochs == list(range(epoch + 1, 7))
        assert [epoch.epoch for epoch in store.epochs(child)] == trained_epochs


def test_a_fork_at_a_cut_makes_its_own_of_it(store):
    plateau = ReduceLROnPlateau(patience=0, threshold=0.9, factor=0.1)
    parent = trained(store, small(schedule=plateau))
    cut = next(e for e in store.epochs(parent) if e.decision.kind == "cut")
    milder = small(schedule=plateau.model_copy(update={"factor": 0.5}))
    child, _ = forked(store, parent, cut.epoch, milder)
    assert store.epochs(child)[0].lr == 0.005
    before = lineage.prefix(store, child)[-1]
    assert before.decision.sentence == "1 bad epoch, patience is 0: LR cut from 0.01 to 0.005."
    assert before.metrics["train_loss"] == cut.metrics["train_loss"]
    forgiving = small(schedule=plateau.model_copy(update={"patience": 9}))
    child, _ = forked(store, parent, cut.epoch, forgiving)
    assert store.epochs(child)[0].lr == 0.01
    assert store.run(child).decision.kind == "waiting"


def test_another_schedule_begins_anew_with_what_is_left_of_the_run(store):
    parent = trained(store, small(schedule=SCHEDULES["plateau"]))
    child, events = forked(store, parent, 4, small(schedule=CosineAnnealingLR(T_max=2)))
    assert next(e for e in events if isinstance(e, Forked)).decision is None
    assert [e.lr for e in store.epochs(child)] == pytest.approx([0.01, 0.005])
    child, events = forked(store, parent, 3, small(schedule=SCHEDULES["OneCycleLR"]))
    lrs = [event.lr_last for event in events if isinstance(event, EpochEnded)]
    assert len(lrs) == 3
    assert lrs[-1] == pytest.approx(0.01 / 25 / 1e4)


def test_a_fork_of_a_fork_knows_its_whole_past(store):
    settings = small(schedule=SCHEDULES["plateau"])
    first = trained(store, settings)
    second, _ = forked(store, first, 2, settings.model_copy(update={"lr": 0.02}))
    third, _ = forked(store, second, 4, settings.model_copy(update={"lr": 0.02, "epochs": 7}))
    assert [epoch for epoch, *_ in rows(store, third)] == [1, 2, 3, 4, 5, 6, 7]
    assert rows(store, third)[2:6] == rows(store, second)[2:6]
    assert [lineage.owner(store, third, e) for e in (0, 2, 3, 5)] == [first, first, second, third]
    (tree,) = lineage.trees(store, 9)
    assert tree.run.id == first
    assert [child.run.id for child in tree.children] == [second]
    assert [child.run.id for child in tree.children[0].children] == [third]
    (part,) = lineage.trees(store, 1)  # the newest only, with its forebears
    assert part.run.id == first


def test_a_fork_of_a_run_with_changes_by_hand_has_them_in_its_past(store):
    parent = store.add(small(), claimed=True)

    def act(event):
        if at(2, 1)(event):
            store.ask(parent, "scale", 0.5)
        if at(3, 1)(event):
            store.ask(parent, "epochs", 1)

    train(store, parent, act)
    for kept in files.listed(files.folder(store.home, parent)):
        kept.path.unlink()
    child, _ = forked(store, parent, 4, small(epochs=7))
    assert rows(store, child) == rows(store, parent)
    assert store.run(child).epochs == 7
    child, _ = forked(store, parent, 4, small())  # its own number of epochs counts
    assert rows(store, child) == rows(store, parent)[:6]


@pytest.mark.usefixtures("none_left_out")
def test_a_fork_is_resumed_too(store):
    settings = small(schedule=SCHEDULES["plateau"])
    parent = trained(store, settings)
    other = settings.model_copy(update={"lr": 0.02})
    whole, _ = forked(store, parent, 3, other)
    child = store.add(other, parent=(parent, 3), claimed=True)
    coming = execute(store, child, NOWHERE)
    while not at(4, 2)(next(coming)):
        pass
    coming.close()  # before the end of an epoch of its own
    for kept in files.listed(files.folder(store.home, parent)):
        kept.path.unlink()  # it does not need its parent any more
    store.resume(child, claimed=True)
    events = train(store, child)
    assert isinstance(events[0], Started)
    assert rows(store, child) == rows(store, whole)


def test_a_stop_on_the_way_to_the_fork_is_obeyed(store):
    parent = trained(store, small())
    for kept in files.listed(files.folder(store.home, parent)):
        kept.path.unlink()
    child = store.add(small(), parent=(parent, 5), claimed=True)
    events = train(store, child, lambda _: store.stop(child))
    assert events[-1] == Ended("stopped")
    assert len(events) == 2
    store.resume(child, claimed=True)
    train(store, child)
    assert rows(store, child) == rows(store, parent)


@pytest.mark.usefixtures("none_left_out")
@pytest.mark.parametrize("how", SPOILED)
@pytest.mark.parametrize("spare", [2, 1, 0])
def test_a_parents_snapshot_that_does_not_restore_is_passed_over_with_a_sentence(store, how, spare):
    settings = small(schedule=SCHEDULES["plateau"])
    parent = trained(store, settings)
    other = settings.model_copy(update={"lr": 0.02})
    whole, _ = forked(store, parent, 4, other)
    kept = files.listed(files.folder(store.home, parent))
    for snapshot in kept[spare:]:
        spoiled(snapshot.path, how)
    child, events = forked(store, parent, 4, other)
    assert rows(store, child) == rows(store, whole)
    assert store.run(child).test_loss == store.run(whole).test_loss
    assert [e.epoch for e in events if isinstance(e, Retraining)] == list(range(1, 5 - spare))
    (warned,) = [event.sentence for event in events if isinstance(event, Warned)]
    assert warned.endswith("The run continues from epoch 4.")
    assert store.run(child).warning == warned
    assert all(snapshot.path.exists() for snapshot in kept)  # they are not the fork's


@pytest.mark.usefixtures("none_left_out")
def test_a_fork_of_a_fork_passes_over_what_does_not_restore_in_either(store):
    first = trained(store, small())
    second, _ = forked(store, first, 3, small(lr=0.02))
    whole, _ = forked(store, second, 5, small(lr=0.03))
    for snapshot in files.listed(files.folder(store.home, second)):
        spoiled(snapshot.path, "shapes")
    spoiled(files.folder(store.home, first) / files.name((3, 0)), "shapes")
    third, events = forked(store, second, 5, small(lr=0.03))
    assert rows(store, third) == rows(store, whole)
    assert sum(isinstance(event, Retraining) for event in events) == 1 + 2


def test_a_parent_that_ends_before_the_fork_when_it_is_trained_again_fails_it(store):
    parent = trained(store, small())
    for kept in files.listed(files.folder(store.home, parent)):
        kept.path.unlink()
    store.record(parent, Intervened(2, 1, "lr", 1e30, 0.01, 1e30, "By hand."))
    record = "INSERT INTO epochs SELECT 1, 4, lr, lr_last, metrics, seconds, decision FROM epochs"
    with closing(sqlite3.connect(store.path)) as other, other:
        other.execute(record)  # recorded all the same, as a machine does that does not diverge
    child, _ = forked(store, parent, 4, small())
    assert (store.run(child).status, store.epochs(child)) == ("failed", [])
    assert store.run(child).reason == (
        f"Run {parent} was trained again, and ended before epoch 4: fork it after an earlier one."
    )


def test_a_fork_at_the_end_of_the_warm_up_has_its_own_lr_also_with_another_monitor(store):
    settings = small(warmup=2, schedule=SCHEDULES["plateau"])
    parent = trained(store, settings)
    own = settings.model_copy(update={"lr": 0.004, "monitor": "train_loss"})
    child, _ = forked(store, parent, 2, own)
    assert store.epochs(child)[0].lr == 0.004


@pytest.mark.parametrize("schedule", ["OneCycleLR", "CyclicLR"])
def test_a_fork_has_its_own_beta_2_also_where_the_schedule_moves_beta_1(store, schedule):
    settings = small(optimizer=Adam(), schedule=SCHEDULES[schedule])
    parent = trained(store, settings)
    child, _ = forked(store, parent, 2, settings.model_copy(update={"optimizer": Adam(beta2=0.5)}))
    losses = [run[-1].metrics["train_loss"] for run in (store.epochs(parent), store.epochs(child))]
    assert losses[0] != losses[1]
