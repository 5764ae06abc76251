"""A run in the hand: paused, stepped, changed, and what it refuses."""

from collections.abc import Callable

import pytest

from tests.execute.runs import at, rows, train, trained
from tests.small import small
from trainer.config.schedules import NoSchedule
from trainer.store.faults import CommandError


class Waits:
    """Shutdown's event, which nobody sets; counts its waits and acts in them."""

    def __init__(self, act: Callable[[int], None]) -> None:
        self.act, self.waits = act, 0

    def is_set(self) -> bool:
        return False

    def wait(self, seconds: float) -> None:
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
    ("what", "says"),
    [
        (("lr", -1.0), "above 0"),
        (("lr", 101.0), "at most 100"),
        (("scale", 0.0), "above 0"),
        (("scale", 1e300), "factor must be a number above 0 and at most 100"),
        (("lr", None), "must be a number"),
        (("lr", float("nan")), "must be a number"),
        (("epochs", 1.5), "whole number"),
        (("epochs", 10_000.0), "at most 10,000"),
    ],
    ids=str,
)
def test_what_no_run_can_do_is_refused_in_a_sentence(store, what, says):
    run = store.add(small())
    with pytest.raises(CommandError, match=says):
        store.ask(run, *what)
    assert store.commands(run) == []


def test_epochs_asked_for_in_a_pause_are_added_up_and_kept_within_the_bound(store):
    run = store.add(small(), claimed=True)
    for epochs in (4.0, 5000.0):
        store.ask(run, "epochs", epochs)
    with pytest.raises(CommandError, match=r"at most 10,000 epochs; this one has 5,010"):
        store.ask(run, "epochs", 5000.0)
    store.ask(run, "epochs", 2.0)
    train(store, run, lambda e: store.stop(run) if at(3)(e) else None)
    assert [made.value for made in store.interventions(run)] == [4.0, 5000.0, 2.0]
    assert store.run(run).epochs == 6 + 5006
    store.resume(run, claimed=True)
    store.ask(run, "epochs", 4988.0)  # what was made does not count twice
    with pytest.raises(CommandError, match="this one has 10,000"):
        store.ask(run, "epochs", 1.0)


def test_nothing_can_be_asked_of_a_run_that_is_over_or_not_there(store):
    run = trained(store, small(epochs=1))
    with pytest.raises(CommandError, match="is over"):
        store.ask(run, "scale", 2.0)
    with pytest.raises(CommandError, match="no run 9"):
        store.ask(9, "pause")


def test_what_is_asked_for_in_a_pause_is_made_in_order_when_it_ends_unless_it_was_undone(store):
    run = store.add(small(schedule=NoSchedule(), lr=0.1), claimed=True)

    def wait(n):
        if n == 1:
            store.ask(run, "scale", 0.5)
            store.ask(run, "scale", 0.1)
            store.ask(run, "lr", 7.0)
            assert [c.value for c in store.pending(store.run(run))] == [0.5, 0.1, 7.0]
        elif n == 3:
            store.undo(run)
            assert [c.value for c in store.pending(store.run(run))] == [0.5, 0.1]
        elif n == 5:
            assert not store.interventions(run)
            store.ask(run, "unpause")

    train(store, run, lambda e: store.ask(run, "pause") if at(2, 1)(e) else None, Waits(wait))
    made = [(done.epoch, done.value, done.lr_after) for done in store.interventions(run)]
    assert made == [(2, 0.5, 0.05), (2, 0.1, pytest.approx(0.005))]
    with pytest.raises(CommandError, match="no change that could be undone"):
        store.undo(run)


def test_a_change_that_is_already_made_or_not_in_a_pause_cannot_be_undone(store):
    run = store.add(small(schedule=NoSchedule()), claimed=True)
    store.ask(run, "scale", 0.5)
    with pytest.raises(CommandError, match="no change"):
        store.undo(run)
    train(store, run)
    assert len(store.interventions(run)) == 1


def test_a_change_asked_for_before_a_pause_is_pending_in_it_and_can_be_undone(store):
    run = store.add(small(schedule=NoSchedule(), lr=0.1), claimed=True)

    def ask(event):
        if at(2, 1)(event):
            store.ask(run, "scale", 0.5)
            store.ask(run, "pause")

    def wait(n):
        if n == 2:
            store.undo(run)
            store.ask(run, "unpause")

    train(store, run, ask, Waits(wait))
    assert store.interventions(run) == []
    assert {row.lr for row in store.epochs(run)} == {0.1}
