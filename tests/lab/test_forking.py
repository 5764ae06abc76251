"""A fork says what it does not repeat of its parent, even where nothing is changed."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from app.lab.forking import Fork, check, parent_config
from tests.small import small
from trainer.engine.events import Intervened
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


def test_without_a_change_it_would_repeat_its_parent(store: Store) -> None:
    run = store.add(small())
    assert effects(store, run, 0) == [
        "Nothing has changed yet: this fork would repeat its parent exactly."
    ]


def test_what_was_done_by_hand_later_is_not_repeated(store: Store) -> None:
    run = store.add(small(), claimed=True)
    store.record(run, Intervened(4, 0, "scale", 0.5, 0.01, 0.005, "By hand: LR divided by 2."))
    assert effects(store, run, 2) == ["What was done by hand after epoch 2 is not repeated."]
    assert effects(store, run, 4) == []


def test_a_fork_of_a_forks_past_says_whose_settings_apply(store: Store) -> None:
    parent = store.add(small())
    child = store.add(small(lr=0.02), parent=(parent, 4))
    assert effects(store, child, 2) == [
        f"Epoch 2 belongs to run {parent}: run {child}'s settings apply from there."
    ]
