"""Many runs are read at once, as each is read alone."""

import pytest

from app import repeating
from app.compare.listing import spark
from app.compare.reading import Reading
from app.compare.view import _shown
from tests.compare.runs import recorded
from trainer.compare.groups import differences, grouped
from trainer.config.table import to_config
from trainer.engine.control import Control
from trainer.engine.events import EpochEnded
from trainer.store import selection
from trainer.store.rows import Unreadable
from trainer.store.run import Run
from trainer.store.selection import Columns
from trainer.store.store import Store


def test_the_columns_are_the_epochs(pairs: Store) -> None:
    found = selection.columns(pairs, [1, 4, 99])
    for run in (1, 4):
        columns, rows = found[run], pairs.epochs(run)
        assert isinstance(columns, Columns)
        assert columns.epochs == [row.epoch for row in rows]
        assert columns.lrs == [row.lr for row in rows]
        assert columns.last_lrs == [row.lr_last for row in rows]
        assert columns.seconds == [row.seconds for row in rows]
        for metric in rows[0].metrics:
            assert columns.metric(metric) == [row.metrics[metric] for row in rows]
        assert columns.metric("no such metric") == [None] * len(rows)
        decisions = selection.decisions(pairs, [run])[run]
        assert [d.kind for d in decisions if d] == [r.decision.kind for r in rows]
        assert [d.comes_too_late(6) for d in decisions if d] == [
            r.decision.comes_too_late(6) for r in rows
        ]
    assert found[99].epochs == []


def test_several_runs_take_one_query_each_for_runs_epochs_and_changes(pairs: Store) -> None:
    asked: list[str] = []
    pairs.connection.set_trace_callback(asked.append)
    read, refused = Reading(pairs).of(range(1, 7))
    pairs.connection.set_trace_callback(None)
    assert (len(read), refused) == (6, [])
    assert sum("FROM epochs" in query for query in asked) == 1
    assert len(asked) == 3


@pytest.mark.parametrize("column", ["metrics", "lr", "decision"])
def test_a_run_that_cannot_be_read_costs_no_other_one(pairs: Store, column: str) -> None:
    with pairs._database.transaction() as connection:
        connection.execute(f"UPDATE epochs SET {column} = 'x' WHERE run = 2 AND epoch = 3")
    read, refused = Reading(pairs).of([1, 2, 3])
    if column == "decision":  # its curves are drawn all the same
        assert 2 not in selection.decisions(pairs, [1, 2, 3])
        return
    assert [each.run.id for each in read] == [1, 3]
    assert len(refused) == 1
    assert refused[0].startswith("Run 2 cannot be read: epoch 3")
    assert isinstance(selection.columns(pairs, [2])[2], Unreadable)


def test_a_run_that_does_not_exist_is_told(pairs: Store) -> None:
    read, refused = Reading(pairs).of([99, 1])
    assert [each.run.id for each in read] == [1]
    assert refused == ["There is no run 99."]


def test_a_fork_has_the_epochs_that_it_shares(pairs: Store) -> None:
    fork = pairs.add(to_config({"lr": 0.02, "epochs": 6, "model": "mlp"}), parent=(1, 4))
    (read,), _ = Reading(pairs).of([fork])
    assert read.columns.epochs == [1, 2, 3, 4]
    assert read.columns.metric("val_loss") == [r.metrics["val_loss"] for r in pairs.epochs(1)[:4]]
    assert [past.words for past in read.compared.past] == ["fork after 4"]


def test_forks_of_one_setting_at_one_epoch_are_one_setting(pairs: Store) -> None:
    forks = [
        pairs.add(to_config({"epochs": 6, "seed": seed, "lr": 0.02}), parent=(parent, epoch))
        for seed, parent, epoch in ((0, 1, 4), (1, 3, 4), (2, 5, 3), (0, 2, 4))
    ]
    read, _ = Reading(pairs).of(forks)
    groups = grouped([each.compared for each in read])
    assert [group.runs for group in groups] == [forks[:2], forks[2:3], forks[3:]]


def test_what_was_done_by_hand_sets_a_run_apart(store: Store) -> None:
    control = Control()
    control.ask("scale", 0.5)
    runs = [recorded(store, control, epochs=2), recorded(store, epochs=2, seed=1)]
    read, _ = Reading(store).of(runs)
    assert len(grouped([each.compared for each in read])) == 2


def test_a_run_changed_by_hand_is_named_in_the_words_of_the_lab_and_shortly(store: Store) -> None:
    control = Control()
    control.ask("scale", 0.5)
    control.ask("scale", 0.5)
    control.ask("epochs", 1)
    control.ask("cut", None)
    changed = recorded(store, control, epochs=2, patience=2)
    plain = recorded(store, epochs=3, patience=2)
    other = recorded(store, epochs=3, patience=5)
    read, _ = Reading(store).of([changed, plain, other])
    groups = grouped([each.compared for each in read])
    words = "changed by hand (÷2, ÷2, +1 epochs, cut)"
    assert groups[0].name == f"plateau ÷10, patience 2, 2 epochs, {words}"
    assert groups[0].short == f"#{changed} by hand"
    assert differences(groups)[-1].values[0] == (
        "÷2 in epoch 1, ÷2 in epoch 1, +1 epochs in epoch 1, cut in epoch 1"
    )
    shown = str(_shown(Reading(store), f"?runs={changed},{plain}")["left_out"])
    assert shown == f"The changes by hand of run {changed} are not repeated."
    assert repeating.left_out(store, [plain, other]) == ""
    assert repeating.left_out(store, [changed]) == shown


def test_many_changes_by_hand_are_named_by_their_epochs(store: Store) -> None:
    control = Control()
    for _ in range(9):
        control.ask("scale", 0.5)
    runs = [recorded(store, control, epochs=2), recorded(store, epochs=2)]
    read, _ = Reading(store).of(runs)
    (past,) = read[0].compared.past
    assert past.words == "changed by hand in epoch 1"


@pytest.mark.parametrize("epochs", [0, 1])
def test_a_sparkline_of_less_than_two_points_draws_nothing(epochs: int) -> None:
    columns = Columns([1] * epochs, metrics={"val_loss": [1.0] * epochs})
    # As a mask, "none" would leave the whole block visible.
    assert spark(columns, "val_loss") == "linear-gradient(transparent, transparent)"


def test_what_was_read_is_kept_until_the_run_trains_on(store: Store) -> None:
    run = recorded(store, epochs=4, upto=2)
    reading = Reading(store)
    (before,), _ = reading.of([run])
    (again,), _ = reading.of([run])
    assert again.columns is before.columns
    row = store.epochs(run)[-1]
    assert row.decision is not None
    store.record(run, EpochEnded(3, row.lr, row.lr_last, row.metrics, 1.0, row.decision))
    (after,), _ = reading.of([run])
    assert after.columns.epochs == [1, 2, 3]


def test_the_seeds_that_a_setting_has_had_are_found(pairs: Store) -> None:
    config = pairs.run(1).config
    assert config is not None
    assert selection.seeds(pairs, config) == {0: 1, 1: 3, 2: 5}
    pairs.delete([3])
    assert selection.seeds(pairs, config) == {0: 1, 2: 5}
    assert isinstance(selection.runs(pairs, [1])[1], Run)
    assert selection.runs(pairs, [3]) == {}
