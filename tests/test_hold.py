"""A run in the hand: paused, stepped, changed, stopped, resumed, forked, killed."""

import os
import random
import subprocess
import sys
import threading
from contextlib import closing

import pytest

from tests.small import NOWHERE, SCHEDULES, load, small
from trainer.config.optimizers import SGD
from trainer.config.schedules import CosineAnnealingLR, NoSchedule, ReduceLROnPlateau
from trainer.engine import loop as engine
from trainer.engine.control import Control
from trainer.engine.events import Ended, EpochEnded, Forked, Progress, Started
from trainer.execute import execute
from trainer.snapshots import files, restore
from trainer.snapshots import writer as snapshots
from trainer.snapshots.retraining import epochs_to_retrain
from trainer.store import lineage
from trainer.store.store import CommandError, Store


@pytest.fixture(autouse=True)
def _small_and_told_after_every_batch(monkeypatch):
    monkeypatch.setattr(engine.datasets, "load", load)
    monkeypatch.setattr(engine, "PROGRESS_SECONDS", -1)


@pytest.fixture
def store(tmp_path):
    with closing(Store(tmp_path)) as store:
        yield store


def train(store, run, act=lambda _: None, shutdown=None, budget_mb=512):
    """Train a claimed run to its end; `act` is called after each event."""
    events = []
    for event in execute(store, run, NOWHERE, shutdown, budget_mb):
        events.append(event)
        act(event)
    return events


def trained(store, settings, act=lambda _: None, **how):
    run = store.add(settings, claimed=True)
    train(store, run, act, **how)
    return run


def rows(store, run):
    """A run's epochs without the clock's share."""
    return [(e.epoch, e.lr, e.lr_last, e.metrics, e.decision) for e in lineage.lineage(store, run)]


def at(*moment):
    """Whether an event is this epoch's end, or this batch's."""
    return lambda event: (
        (isinstance(event, EpochEnded) and (event.epoch,) == moment)
        or (isinstance(event, Progress) and (event.epoch, event.batch) == moment)
    )


# Resume


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
    monkeypatch.setattr(engine, "pixels", lambda x: (batches.append(len(x)), pixels(x))[1])
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


@pytest.mark.usefixtures("_none_left_out")
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


@pytest.mark.usefixtures("_none_left_out")
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


KILLED = """
import sys
from pathlib import Path
from tests.small import NOWHERE, load, small
from trainer.engine import loop as engine
from trainer.config.schedules import ReduceLROnPlateau
from trainer.store.store import Store
from trainer.execute import execute
engine.datasets.load = load
engine.PROGRESS_SECONDS = -1
store = Store(Path(sys.argv[1]))
plateau = ReduceLROnPlateau(patience=0, factor=0.7)
run = store.add(small(epochs=40, schedule=plateau, monitor="train_loss"), claimed=True)
for event in execute(store, run, NOWHERE):
    print("event", flush=True)
"""


@pytest.mark.parametrize("seed", range(3))
def test_a_run_that_was_killed_is_resumed_as_if_never_interrupted(tmp_path, seed):
    plateau = ReduceLROnPlateau(patience=0, factor=0.7)
    moment = random.Random(seed).randrange(3, 100)
    with subprocess.Popen(
        [sys.executable, "-c", KILLED, tmp_path], stdout=subprocess.PIPE, env=os.environ
    ) as process:
        for _ in range(moment):
            assert process.stdout.readline()
        process.kill()
    with closing(Store(tmp_path)) as store:
        assert store.run(1).status == "interrupted"
        done = len(store.epochs(1))
        store.resume(1, claimed=True)
        train(store, 1)
        settings = small(epochs=40, schedule=plateau, monitor="train_loss")
        whole = trained(store, settings)
        assert done < 40
        assert rows(store, 1) == rows(store, whole)
        assert store.run(1).test_loss == store.run(whole).test_loss


# Pause and step


class Waits:
    """Shutdown's event, which nobody sets; counts its waits and acts in them."""

    def __init__(self, act):
        self.act, self.waits = act, 0

    def is_set(self):
        return False

    def wait(self, seconds):
        assert seconds > 0
        self.waits += 1
        self.act(self.waits)


def test_paused_is_never_paused_and_trains_nothing_meanwhile(store):
    whole = trained(store, small())
    run = store.add(small(), claimed=True)
    seen = []

    def wait(n):
        seen.append((store.run(run).paused, store.run(run).status, store.run(run).batch))
        if n == 5:
            store.ask(run, "unpause")

    train(store, run, lambda e: store.ask(run, "pause") if at(3, 2)(e) else None, Waits(wait))
    assert seen == [(True, "training", 2)] * 5
    assert not store.run(run).paused
    assert rows(store, run) == rows(store, whole)


def test_a_step_trains_to_the_end_of_the_epoch_and_pauses_there(store):
    run = store.add(small(), claimed=True)
    store.ask(run, "pause")
    stood = []

    def wait(n):
        stood.append((store.run(run).epoch, store.run(run).batch, store.run(run).paused))
        store.ask(run, "step" if n < 4 else "unpause")

    train(store, run, shutdown=Waits(wait))
    assert stood == [(0, 0, True), (1, 0, True), (2, 0, True), (3, 0, True)]
    assert store.run(run).status == "finished"


def test_a_paused_run_can_be_stopped_and_resumed(store):
    whole, run = trained(store, small()), store.add(small(), claimed=True)
    train(
        store,
        run,
        lambda e: store.ask(run, "pause") if at(2, 2)(e) else None,
        Waits(lambda _: store.stop(run)),
    )
    assert (store.run(run).status, store.run(run).paused) == ("stopped", False)
    store.resume(run, claimed=True)
    train(store, run)
    assert rows(store, run) == rows(store, whole)


# By hand


def test_what_is_asked_is_done_before_the_next_batch_and_recorded(store):
    run = store.add(small(schedule=NoSchedule()), claimed=True)
    asked = {(2, 1): ("scale", 0.5), (3,): ("lr", 0.02), (4, 2): ("cut", None), (5,): ("epochs", 2)}

    def act(event):
        for moment, what in asked.items():
            if at(*moment)(event):
                store.ask(run, *what)

    train(store, run, act)
    changes = store.interventions(run)
    assert [(c.epoch, c.batch, c.name, c.value) for c in changes] == [
        (2, 1, "scale", 0.5),
        (4, 0, "lr", 0.02),
        (4, 2, "cut", None),
        (6, 0, "epochs", 2.0),
    ]
    assert [c.sentence for c in changes] == [
        "By hand: LR divided by 2, from 0.01 to 0.005.",
        "By hand: LR set from 0.005 to 0.02.",
        "By hand: LR cut from 0.02 to 0.002.",
        "By hand: 2 epochs added.",
    ]
    assert (store.run(run).epochs, len(store.epochs(run))) == (8, 8)
    assert store.interventions(run, after=changes[1].id) == changes[2:]


@pytest.mark.parametrize(
    ("what", "message"),
    [
        (("lr", -1.0), "above 0"),
        (("lr", 101.0), "at most 100"),
        (("scale", 0.0), "above 0"),
        (("lr", None), "must be a number"),
        (("lr", float("nan")), "must be a number"),
        (("epochs", 1.5), "whole number"),
        (("epochs", 10_000.0), "at most 10000"),
    ],
    ids=str,
)
def test_what_no_run_can_do_is_refused_in_a_sentence(store, what, message):
    run = store.add(small())
    with pytest.raises(CommandError, match=message):
        store.ask(run, *what)
    assert store.commands(run) == []


def test_nothing_can_be_asked_of_a_run_that_is_over_or_not_there(store):
    run = trained(store, small(epochs=1))
    with pytest.raises(CommandError, match="is over"):
        store.ask(run, "scale", 2.0)
    with pytest.raises(CommandError, match="no run 9"):
        store.ask(9, "pause")


# Forks


def forked(store, parent, epoch, settings, **how):
    run = store.add(settings, parent=(parent, epoch), claimed=True)
    return run, train(store, run, **how)


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


@pytest.mark.usefixtures("_none_left_out")
def test_a_fork_is_resumed_too(store):
    settings = small(schedule=SCHEDULES["plateau"])
    parent = trained(store, settings)
    other = settings.model_copy(update={"lr": 0.02})
    whole, _ = forked(store, parent, 3, other)
    child = store.add(other, parent=(parent, 3), claimed=True)
    events = execute(store, child, NOWHERE)
    while not at(4, 2)(next(events)):
        pass
    events.close()  # before the end of an epoch of its own
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


# Every epoch is reachable


def reached(store, run, epoch):
    """The snapshot at the end of an epoch, and how many epochs it cost."""
    steps, way = 0, restore.restored(store, run, epoch, NOWHERE, Control())
    while True:
        try:
            next(way)
            steps += 1
        except StopIteration as end:
            return end.value, steps


@pytest.fixture
def _none_left_out(monkeypatch):
    """Training waits for the disk, so that it does not matter how fast that is."""
    keep = snapshots.SnapshotWriter.keep
    monkeypatch.setattr(
        snapshots.SnapshotWriter, "keep", lambda writer, capture, _: keep(writer, capture, True)
    )


@pytest.mark.usefixtures("_none_left_out")
def test_a_thousand_epochs_keep_their_budget_and_every_epoch_is_reachable(store, monkeypatch):
    monkeypatch.setattr(engine, "PROGRESS_SECONDS", 9)
    run = trained(store, small(epochs=1000), budget_mb=20)
    kept = files.listed(files.folder(store.home, run))
    assert sum(snapshot.size for snapshot in kept) <= 20e6
    assert kept[-1].at == (1000, 0)
    costs = [epochs_to_retrain(store, run, epoch) for epoch in range(1001)]
    assert max(costs) <= 3 * 1000 / len(kept)
    assert sum(cost == 0 for cost in costs) == len(kept) + 1
    worst = costs.index(max(costs))
    snapshot, steps = reached(store, run, worst)
    assert steps == costs[worst]
    events = engine.train(store.run(run).config, NOWHERE, start=snapshot)
    after = next(e for e in events if isinstance(e, EpochEnded))
    row = store.epochs(run, after=worst)[0]
    assert (after.metrics["train_loss"], after.metrics["val_loss"]) == (
        row.metrics["train_loss"],
        row.metrics["val_loss"],
    )


@pytest.mark.usefixtures("_none_left_out")
def test_the_cost_of_a_forks_past_is_that_of_its_parents(store):
    parent = trained(store, small())
    child, _ = forked(store, parent, 4, small())
    assert [epochs_to_retrain(store, child, e) for e in (2, 4, 5)] == [0, 0, 0]
    for run in (parent, child):
        for kept in files.listed(files.folder(store.home, run)):
            if kept.at[0] != 1:
                kept.path.unlink()
    assert [epochs_to_retrain(store, child, e) for e in (1, 2, 4, 5)] == [0, 1, 3, 4]
    snapshot, steps = reached(store, child, 5)
    assert (snapshot["epoch"], steps) == (5, 3 + 1)


def test_other_settings_give_other_rows(store):  # else nothing above would mean a thing
    first, other = trained(store, small()), trained(store, small(optimizer=SGD()))
    assert rows(store, first) != rows(store, other)
