"""What the engine changed on a busy machine is recorded, and repeated with retrained epochs."""

from collections.abc import Callable
from typing import ClassVar

import pytest

from tests.execute.runs import at, forked, rows, train, trained
from tests.small import small
from trainer.engine import loop as engine
from trainer.engine import threads
from trainer.engine.events import Intervened
from trainer.snapshots import files
from trainer.store.store import Store


class OneLater:
    """Free cores that are taken from a look on."""

    looks: ClassVar[int]
    taken_at: ClassVar[int]

    def __init__(self, most: int, trained: Callable[[], float]) -> None:
        pass

    def threads(self, threads: int) -> int:
        OneLater.looks += 1
        return 1 if OneLater.looks >= self.taken_at else threads


@pytest.fixture(autouse=True)
def _cores(monkeypatch: pytest.MonkeyPatch) -> None:
    OneLater.looks, OneLater.taken_at = 0, 5  # in the second epoch
    monkeypatch.setattr(engine, "FreeCores", OneLater)
    monkeypatch.setattr(threads, "at_most", lambda setting, _: setting or 2)


def threads_of(store: Store, run: int) -> list[tuple[int, int, float | None]]:
    return [(i.epoch, i.batch, i.value) for i in store.interventions(run) if i.name == "threads"]


def test_a_change_of_threads_is_recorded_and_not_taken_for_one_by_hand(store):
    run = trained(store, small())
    assert threads_of(store, run) == [(2, 2, 1)]
    (made,) = store.interventions(run)
    assert not made.by_hand
    assert made.lr_before == made.lr_after
    assert made.sentence == "CPU threads changed from 2 to 1: other programs need the cores."


@pytest.mark.usefixtures("none_left_out")
def test_epochs_that_are_trained_again_repeat_the_record_and_look_at_nothing(store):
    whole = trained(store, small())
    OneLater.looks, OneLater.taken_at = 0, 5
    run = store.add(small(), claimed=True)
    train(store, run, lambda event: at(4, 2)(event) and store.stop(run))
    for kept in files.listed(files.folder(store.home, run)):
        kept.path.unlink()
    assert threads_of(store, run) == [(2, 2, 1)]
    OneLater.looks, OneLater.taken_at = 0, 1
    store.resume(run, claimed=True)
    again = [event for event in train(store, run) if isinstance(event, Intervened)]
    assert [(e.epoch, e.batch, e.repeated) for e in again] == [(2, 2, True)]
    assert threads_of(store, run) == [(2, 2, 1)]
    assert rows(store, run) == rows(store, whole)
    assert OneLater.looks == 3 * 3  # in the last three epochs


@pytest.mark.usefixtures("none_left_out")
def test_a_fork_goes_on_with_the_threads_of_its_parent(store):
    parent = trained(store, small())
    for kept in files.listed(files.folder(store.home, parent)):
        kept.path.unlink()
    OneLater.taken_at = 10**9
    _, events = forked(store, parent, 4, small(lr=0.02))
    assert not [event for event in events if isinstance(event, Intervened)]
    child = store.run(2)
    assert child.started.threads == 1


def test_a_change_of_threads_carries_out_no_command(store):
    OneLater.taken_at = 10**9
    asked: list[int] = []

    def act(event):
        if at(2, 3)(event):  # the epoch's last batch: both are made before the next one's first
            OneLater.taken_at = 0
        if at(2)(event):
            store.ask(run, "epochs", 1)
            asked.append(store.commands(run)[-1].id)
        if isinstance(event, Intervened) and event.name == "threads":
            assert store.run(run).asked < asked[0]

    run = store.add(small(), claimed=True)
    train(store, run, act)
    assert [i.name for i in store.interventions(run)] == ["threads", "epochs"]
    assert store.run(run).asked == asked[0]
