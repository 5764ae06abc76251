"""A run that was stopped, interrupted or killed goes on as if nothing had happened."""

import sqlite3
import threading
from contextlib import closing

import pytest

from tests.execute.runs import SPOILED, at, rows, spoiled, train, trained
from tests.small import NOWHERE, SCHEDULES, small
from trainer.config.optimizers import SGD
from trainer.engine import datasets
from trainer.engine import loop as engine
from trainer.engine.datasets import DatasetError
from trainer.engine.events import Ended, EpochEnded, Failed, Warned
from trainer.execute import execute
from trainer.snapshots import files
from trainer.snapshots import writer as snapshots
from trainer.store.faults import CommandError
from trainer.store.store import Store


@pytest.mark.parametrize("moment", [(3,), (3, 2), (1, 1), (6, 3)], ids=str)
@pytest.mark.parametrize("how", ["stopped", "interrupted"])
def test_what_was_stopped_goes_on_exactly_where_it_was(store, moment, how, monkeypatch):
    whole = trained(store, small(schedule=SCHEDULES["plateau"]))
    shutdown = threading.Event()

    def end(event):
        if at(*moment)(event):
            store.stop(run) if how == "stopped" else shutdown.set()

    run = store.add(small(schedule=SCHEDULES["plateau"]), claimed=True)
    train(store, run, end, shutdown)
    assert store.run(run).status == how
    batches, pixels = [], engine.pixels

    def counted(x):
        batches.append(len(x))
        return pixels(x)

    monkeypatch.setattr(engine, "pixels", counted)
    store.resume(run, claimed=True)
    train(store, run)
    assert rows(store, run) == rows(store, whole)
    assert store.run(run).status == "finished"
    assert store.run(run).test_accuracy == store.run(whole).test_accuracy
    epoch, batch = (*moment, 0)[:2] if len(moment) > 1 else (moment[0] + 1, 0)
    left = 3 * (6 - epoch + 1) - batch
    assert sum(n in (8, 6) for n in batches) == left  # no batch is trained twice


def test_a_resumed_run_does_not_obey_its_old_commands_again(store):
    run = store.add(small(), claimed=True)

    def act(event):
        if at(2, 1)(event):
            store.ask(run, "scale", 2.0)
            store.stop(run)

    train(store, run, act)
    store.resume(run, claimed=True)
    train(store, run)
    assert store.run(run).status == "finished"
    assert [c.name for c in store.interventions(run)] in ([], ["scale"])
    assert len(store.interventions(run)) <= 1


@pytest.mark.parametrize(("moment", "starts_over"), [((1, 2), True), ((3, 2), False)], ids=str)
@pytest.mark.usefixtures("none_left_out")
def test_the_seconds_of_what_is_lost_count_only_if_something_is_left(store, moment, starts_over):
    run = store.add(small(), claimed=True)
    with closing(execute(store, run, NOWHERE)) as events:  # ends without a last snapshot
        next(event for event in events if at(*moment)(event))
    store.record(run, Ended("stopped"), elapsed=1000.0)
    store.resume(run, claimed=True)
    taken = []
    train(store, run, lambda _: taken.append(store.run(run).elapsed))
    assert (taken[-1] < 1000) == starts_over


@pytest.mark.usefixtures("none_left_out")
def test_a_change_by_hand_after_the_last_snapshot_is_made_again(store):
    whole = store.add(small(), claimed=True)
    train(store, whole, lambda e: store.ask(whole, "scale", 0.5) if at(4, 1)(e) else None)
    run = store.add(small(), claimed=True)
    events = execute(store, run, NOWHERE)
    for event in events:
        if at(4, 1)(event):
            store.ask(run, "scale", 0.5)
        if at(4, 3)(event):
            break
    events.close()  # as a process that dies: nothing is taken within the epoch
    assert max(kept.at for kept in files.listed(files.folder(store.home, run))) == (3, 0)
    store.resume(run, claimed=True)
    train(store, run)
    assert rows(store, run) == rows(store, whole)
    (change,) = store.interventions(run)
    assert (change.epoch, change.batch, change.name) == (4, 1, "scale")


@pytest.mark.parametrize("status", ["finished", "training", "queued", "nothing"])
def test_what_cannot_be_resumed_is_refused_in_a_sentence(store, status):
    if status == "finished":
        trained(store, small(epochs=1))
    elif status != "nothing":
        store.add(small(), claimed=status == "training")
    with pytest.raises(CommandError, match=r"no run|already|fork it"):
        store.resume(1)


@pytest.mark.usefixtures("none_left_out")
def test_damaged_snapshots_are_passed_over(store):
    whole = trained(store, small())
    run = store.add(small(), claimed=True)
    train(store, run, lambda e: store.stop(run) if at(5, 1)(e) else None)
    for kept in files.listed(files.folder(store.home, run))[3:]:
        kept.path.write_bytes(b"half")
    store.resume(run, claimed=True)
    assert store.run(run).status == "training"
    train(store, run)
    assert rows(store, run) == rows(store, whole)
    for kept in files.listed(files.folder(store.home, run)):
        assert snapshots.read(kept.path)["epoch"] == kept.at[0]


def test_without_a_snapshot_it_is_trained_again_from_the_beginning(store, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    whole = trained(store, small())
    monkeypatch.setattr(snapshots, "write", full)
    run = store.add(small(), claimed=True)
    train(store, run, lambda e: store.stop(run) if at(5, 1)(e) else None)
    assert "No space left on device" in store.run(run).warning
    assert store.run(run).status == "stopped"
    store.resume(run, claimed=True)
    train(store, run)
    assert rows(store, run) == rows(store, whole)


def stopped(store: Store, moment: tuple[int, ...]) -> tuple[int, list[files.Kept]]:
    """A run that was stopped there, and its snapshots."""
    run = store.add(small(), claimed=True)
    train(store, run, lambda e: store.stop(run) if at(*moment)(e) else None)
    return run, files.listed(files.folder(store.home, run))


@pytest.mark.usefixtures("none_left_out")
def test_a_resume_that_fails_costs_no_epoch(store, monkeypatch):
    def fetch(*_):
        raise DatasetError("The data are gone.")
        yield

    run, kept = stopped(store, (5, 1))
    before, best = rows(store, run), store.best(run, "val_loss")
    for snapshot in kept:
        snapshot.path.unlink()
    monkeypatch.setattr(datasets, "fetch", fetch)
    store.resume(run, claimed=True)
    train(store, run)
    assert (store.run(run).status, store.run(run).reason) == ("failed", "The data are gone.")
    assert (rows(store, run), store.best(run, "val_loss")) == (before, best)
    monkeypatch.undo()


@pytest.mark.usefixtures("none_left_out")
@pytest.mark.parametrize("how", SPOILED)
@pytest.mark.parametrize("spare", [2, 0])
def test_a_snapshot_that_does_not_restore_is_passed_over_with_a_sentence(store, how, spare):
    whole = trained(store, small())
    run, kept = stopped(store, (5, 1))
    for snapshot in kept[spare:]:
        spoiled(snapshot.path, how)
    store.resume(run, claimed=True)
    seen = []

    def act(event):
        assert len(store.epochs(run)) >= 4  # what was recorded is there all the time
        seen.append(event)

    train(store, run, act)
    (warned,) = [event.sentence for event in seen if isinstance(event, Warned)]
    assert warned.endswith(f"The run continues from epoch {spare}.")
    assert store.run(run).warning == warned
    assert rows(store, run) == rows(store, whole)
    for snapshot in files.listed(files.folder(store.home, run)):
        assert snapshots.read(snapshot.path)["epoch"] == snapshot.at[0]


def test_other_settings_give_other_rows(store):  # else nothing above would mean a thing
    first, other = trained(store, small()), trained(store, small(optimizer=SGD()))
    assert rows(store, first) != rows(store, other)


def test_a_run_whose_record_cannot_be_read_fails_in_a_sentence(store):
    run = store.add(small(), claimed=True)
    train(store, run, lambda e: store.ask(run, "scale", 0.5) if at(2, 1)(e) else None)
    with closing(sqlite3.connect(store.path)) as other, other:
        other.execute("UPDATE interventions SET name = 'jump'")
        other.execute("UPDATE runs SET status = 'stopped'")
    store.resume(run, claimed=True)
    (event,) = train(store, run)
    assert event == Failed(store.run(run).reason)
    assert event.reason.startswith(f"Run {run} cannot be read: intervention ")
    assert len(store.epochs(run)) == 6


@pytest.mark.usefixtures("none_left_out")
def test_a_change_by_hand_in_a_resumed_run_ends_the_past_that_it_had_without(store):
    run, kept = stopped(store, (5, 1))
    for snapshot in kept[1:]:
        snapshot.path.unlink()
    store.resume(run, claimed=True)

    def act(event):
        if isinstance(event, EpochEnded) and event.epoch == 2:
            store.ask(run, "scale", 0.1)
        if at(3, 2)(event):
            store.stop(run)

    train(store, run, act)
    assert [row.epoch for row in store.epochs(run)] == [1, 2]
    assert store.best(run, "val_loss").epoch <= 2
