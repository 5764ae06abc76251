"""A fork says what it does not repeat of its parent, even where nothing is changed."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from app.lab.forking import Fork, add, check, parent_config
from tests.small import metrics, small
from trainer.config.table import ConfigError
from trainer.engine.events import EpochEnded, Intervened
from trainer.schedule.schedule import Schedule
from trainer.store.faults import CommandError
from trainer.store.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(Store(tmp_path)) as store:
        yield store


def effects(store: Store, run: int, epoch: int) -> list[str]:
    fork: Fork = {"run": run, "epoch": epoch, "before": None, "values": {}}
    config = parent_config(store, fork)
    assert config is not None
    return [sentence for sentence in check(store, fork, config) if "snapshot" not in sentence]


def trained(store: Store, epochs: int, halved_in: int = 0) -> int:
    """A run of which so many epochs are recorded, with its LR halved by hand in one of them."""
    run, schedule = store.add(small(), claimed=True), Schedule(small(), 1)
    for epoch in range(1, epochs + 1):
        if epoch == halved_in:
            halved = "By hand: LR divided by 2."
            store.record(run, Intervened(epoch, 0, "scale", 0.5, 0.01, 0.005, halved))
        decided = schedule.advance(1.0)
        store.record(run, EpochEnded(epoch, 0.01, 0.01, metrics(1.0, 1.0, 0.5), 0.1, decided))
    return run


@pytest.mark.parametrize(("run", "epoch"), [(99, 1), (1, 3), (1, -1)])
def test_a_parent_that_has_not_trained_the_epoch_is_refused(
    store: Store, run: int, epoch: int
) -> None:
    trained(store, 2)
    with pytest.raises(ConfigError, match=r"no run 99|has trained 2 epochs"):
        add(store, Fork(run=run, epoch=epoch, before=None, values={}), small(), None)
    with pytest.raises(CommandError, match=f"Run {run} has not trained epoch {epoch}"):
        store.add(small(), parent=(run, epoch))
    assert len(store.runs(9)) == 1


def test_without_a_change_it_would_repeat_its_parent(store: Store) -> None:
    run = store.add(small())
    assert effects(store, run, 0) == [
        "Nothing has changed yet: this fork would repeat its parent exactly."
    ]


def test_what_was_done_by_hand_later_is_not_repeated(store: Store) -> None:
    run = trained(store, 4, halved_in=4)
    assert effects(store, run, 2) == ["What was done by hand after epoch 2 is not repeated."]
    assert effects(store, run, 4) == []


def test_a_fork_of_a_forks_past_says_whose_settings_apply(store: Store) -> None:
    parent = trained(store, 4)
    child = store.add(small(lr=0.02), parent=(parent, 4))
    assert effects(store, child, 2) == [
        f"Epoch 2 belongs to run {parent}: run {child}'s settings apply from there."
    ]
