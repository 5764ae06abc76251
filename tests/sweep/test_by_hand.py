"""What people do to single cells while their sweep trains."""

from typing import Any

import pytest

from tests.execute.runs import train
from tests.small import small
from tests.sweep.sweeps import added, alone, assert_as_alone, of_cell, trained
from trainer.engine.events import Ended, EpochEnded
from trainer.store.faults import CommandError
from trainer.store.run import COMMANDS
from trainer.store.store import Store
from trainer.sweep.sweeping import CellEvent


def swept(store: Store, **settings: Any) -> int:
    """1 leads; 2 and 3 follow it to its first cut; 4 starts by itself."""
    values = {"lr": [0.01, 0.1], "factor": [0.1, 0.5], "patience": [1, 3]}
    return added(store, small(epochs=8), values, **settings)


def act_at(number: int, act: Any) -> Any:
    """Acts at that epoch of all."""
    ends = iter(range(1, number))

    def acts(told: CellEvent) -> None:
        if isinstance(told.event, EpochEnded) and next(ends, None) is None:
            act(told.run)

    return acts


def once(act: Any) -> Any:
    acted = iter([True])
    return lambda run: act(run) if next(acted, False) else None


def assert_others_as_alone(store: Store, sweep: int, stopped: set[int]) -> None:
    for cell in store.cells(sweep):
        assert cell.config is not None
        if cell.id in stopped:
            assert cell.status == "stopped"
            assert of_cell(store, cell)[0] == alone(cell.config)[0][: cell.epoch]
        else:
            assert of_cell(store, cell) == alone(cell.config)


@pytest.mark.parametrize("epoch", [1, 2, 5, 9])
@pytest.mark.parametrize("which", range(1, 9))
def test_a_cell_that_is_stopped_leaves_all_others_as_they_are(
    store: Store, which: int, epoch: int
) -> None:
    sweep = swept(store)
    was_over: list[bool] = []

    def stop(_: int) -> None:
        was_over.append(store.run(which).over)
        if not was_over[0]:
            store.ask(which, "stop")

    trained(store, sweep, act_at(epoch, once(stop)))
    assert store.sweep(sweep).status == "finished"
    assert_others_as_alone(store, sweep, set() if was_over[0] else {which})
    if not was_over[0]:
        store.resume(which, claimed=True)
        train(store, which)
        assert_as_alone(store, sweep)


def test_a_follower_that_is_stopped_ends_with_the_epoch_that_is_under_way(store: Store) -> None:
    sweep = swept(store)
    trained(store, sweep, act_at(1, once(lambda _: store.ask(2, "stop"))))
    assert (store.run(2).status, store.run(2).epoch) == ("stopped", 1)


def test_a_cell_that_is_deleted_is_no_part_of_its_sweep_any_more(store: Store) -> None:
    sweep = swept(store)

    def delete(_: int) -> None:
        store.ask(8, "stop")
        store.delete([8])

    trained(store, sweep, act_at(1, once(delete)))
    assert [cell.id for cell in store.cells(sweep)] == [1, 2, 3, 4, 5, 6, 7]
    assert_as_alone(store, sweep)


def test_a_cell_that_trains_or_is_needed_by_others_is_not_deleted(store: Store) -> None:
    sweep = swept(store)

    def delete(run: int) -> None:
        with pytest.raises(CommandError, match="stop it before you delete it"):
            store.delete([run])

    trained(store, sweep, act_at(1, once(delete)))
    with pytest.raises(CommandError, match="is a fork of run 1 and needs its epochs"):
        store.delete([1])
    assert_as_alone(store, sweep)


def test_a_cell_that_is_renamed_and_starred_trains_on(store: Store) -> None:
    sweep = swept(store)

    def note(_: int) -> None:
        store.rename(2, "mine")
        store.star(3, True)
        store.annotate(1, "the first")

    trained(store, sweep, act_at(2, once(note)))
    assert (store.run(2).name, store.run(3).starred) == ("mine", True)
    assert_as_alone(store, sweep)


def test_what_would_part_a_cell_from_its_sweep_is_refused_in_words(store: Store) -> None:
    sweep = swept(store)
    said: dict[str, str] = {}

    def change(run: int) -> None:
        for name in sorted(COMMANDS - {"stop"}):
            with pytest.raises(CommandError) as raised:
                store.ask(run, name, 1.0)
            said[name] = str(raised.value)

    trained(store, sweep, act_at(1, once(change)))
    cell = "Run 1 is a cell of sweep 1, whose cells share epochs: "
    assert said["lr"] == said["cut"] == said["epochs"] == f"{cell}fork it to change it by hand."
    assert said["pause"] == said["pace"] == f"{cell}pause the sweep."
    assert_as_alone(store, sweep)


@pytest.mark.parametrize("asked", ["pause", "stop"])
def test_a_sweep_that_is_asked_to_ends_and_goes_on_where_it_was(store: Store, asked: Any) -> None:
    sweep = swept(store)
    told = trained(store, sweep, act_at(4, once(lambda _: store.ask_sweep(sweep, asked))))
    status = {"pause": "paused", "stop": "stopped"}[asked]
    assert store.sweep(sweep).status == status
    assert isinstance(told[-1].event, Ended)
    assert {cell.status for cell in store.cells(sweep)} <= {"interrupted", "finished"}
    store.resume_sweep(sweep, claimed=True)
    trained(store, sweep)
    assert_as_alone(store, sweep)
