"""A run's traces are in the store as it trains, and are those of its own epochs, trained last."""

import threading

import pytest

from tests.execute.runs import at, forked, train, trained
from tests.small import NOWHERE, SCHEDULES, small
from trainer.engine.events import Diverged, EpochEnded, Progress
from trainer.execute import execute
from trainer.schedule.trace import Trace
from trainer.snapshots import files


def rounded(trace: Trace) -> Trace:
    return Trace(
        tuple(None if loss is None else float(f"{loss:.4g}") for loss in trace.losses),
        tuple(float(f"{lr:.4g}") for lr in trace.lrs),
    )


@pytest.mark.parametrize("schedule", ["plateau", "OneCycleLR"])
def test_whoever_looks_sees_what_was_trained_so_far(store, schedule):
    run = store.add(small(schedule=SCHEDULES[schedule]), claimed=True)
    ended: dict[int, Trace] = {}

    def look(event):
        if isinstance(event, EpochEnded | Diverged):
            ended[event.epoch] = rounded(event.trace)
        if isinstance(event, Progress):
            assert len(event.trace.losses) == event.batch
            assert store.traces(run) == {**ended, event.epoch: rounded(event.trace)}

    train(store, run, look)
    assert store.traces(run) == ended
    assert len(ended) == 6


@pytest.mark.parametrize("schedule", ["plateau", "OneCycleLR"])
@pytest.mark.parametrize("moment", [(3,), (3, 2), (1, 1), (6, 3)], ids=str)
@pytest.mark.parametrize("how", ["stopped", "interrupted"])
def test_a_run_that_was_resumed_has_the_traces_of_one_that_never_stopped(
    store, moment, how, schedule
):
    settings = small(schedule=SCHEDULES[schedule])
    whole = trained(store, settings)
    shutdown = threading.Event()
    run = store.add(settings, claimed=True)

    def end(event):
        if at(*moment)(event):
            store.stop(run) if how == "stopped" else shutdown.set()

    train(store, run, end, shutdown)
    before = store.traces(run)
    store.resume(run, claimed=True)
    seen = []
    train(store, run, lambda _: seen.append(store.traces(run)))
    assert all(traces.keys() >= before.keys() for traces in seen)
    assert store.traces(run) == store.traces(whole)


def test_batches_that_were_trained_but_not_told_before_a_stop_are_told_at_the_resume(store):
    run = store.add(small(), claimed=True)
    train(store, run, lambda event: store.stop(run) if at(3, 2)(event) else None)
    before = store.traces(run)
    store.record(run, Progress(3, 1, 3))
    store.resume(run, claimed=True)
    told = [event for event in train(store, run) if isinstance(event, Progress)]
    assert (told[0].epoch, told[0].batch) == (3, 2)
    assert rounded(told[0].trace) == before[3]
    assert len(before[3].losses) == 2


@pytest.mark.usefixtures("none_left_out")
def test_epochs_that_are_trained_again_after_a_crash_replace_their_traces(store):
    whole = trained(store, small())
    run = store.add(small(), claimed=True)
    events = execute(store, run, NOWHERE)
    while not at(5, 2)(next(events)):
        pass
    events.close()  # as a process that dies: nothing is taken within the epoch
    for kept in files.listed(files.folder(store.home, run)):
        if kept.at > (2, 0):
            kept.path.unlink()
    wrong = Trace((9.0,) * 3)
    for epoch in (3, 4, 5):
        store.record(run, Progress(epoch, 3, 3, wrong))
    store.resume(run, claimed=True)
    progress = []

    def look(event):
        if isinstance(event, Progress):
            progress.append((event.epoch, store.traces(run).get(event.epoch)))

    train(store, run, look)
    assert progress[0] == (3, None)  # where the record went back to
    assert all(trace != wrong for _, trace in progress)
    assert store.traces(run) == store.traces(whole)


def test_a_fork_has_traces_of_its_own_epochs_only(store):
    parent = trained(store, small())
    child, _ = forked(store, parent, 2, small(epochs=5))
    assert list(store.traces(child)) == [3, 4, 5]
    assert list(store.traces(parent)) == [1, 2, 3, 4, 5, 6]
