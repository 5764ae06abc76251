"""A setting is trained again with other seeds, with and without its schedule, and nothing twice."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app import repeating
from trainer.compare.repeats import more_seeds, seeds_to_compare
from trainer.config.table import to_config
from trainer.store.faults import CommandError
from trainer.store.store import Store

seeds = st.sets(st.integers(0, 9), max_size=6)


@given(st.lists(seeds, min_size=1, max_size=4), st.integers(1, 5))
def test_all_settings_get_the_same_seeds_and_so_many_new_ones(
    had: list[set[int]], count: int
) -> None:
    missing = more_seeds(had, count)
    after = [own | set(new) for own, new in zip(had, missing, strict=True)]
    every = set().union(*had)
    assert all(own == after[0] for own in after)
    assert len(after[0]) == len(every) + count
    assert all(own.isdisjoint(new) for own, new in zip(had, missing, strict=True))


@given(st.integers(0, 9), seeds)
def test_the_seeds_at_hand_are_taken_or_five(seed: int, had: set[int]) -> None:
    found = seeds_to_compare(seed, had)
    assert seed in found
    assert len(set(found)) == len(found)
    assert set(found) == {seed, *had} if len(had) > 1 else len(found) == 5


def test_other_seeds_are_those_that_the_setting_has_not_had(pairs: Store) -> None:
    runs = repeating.other_seeds(pairs, 3, 2)
    assert runs == [3, 1, 5, 7, 8]
    again = [pairs.run(run).config for run in (7, 8)]
    assert [config.seed for config in again] == [3, 4]
    assert all(c.model_copy(update={"seed": 1}) == pairs.run(3).config for c in again)


def test_what_was_trained_with_a_constant_lr_is_not_trained_again(pairs: Store) -> None:
    assert repeating.compared_with_constant(pairs, 1) == [1, 2, 3, 4, 5, 6]
    assert repeating.compared_with_constant(pairs, 2) != []  # of a constant LR: with the default


def test_with_and_without_the_schedule_is_trained_for_five_seeds_of_a_setting_with_one(
    store: Store,
) -> None:
    run = store.add(to_config({"seed": 7, "patience": 2}))
    found = [store.run(number).config for number in repeating.compared_with_constant(store, run)]
    assert [config.seed for config in found] == [7, 7, 0, 0, 1, 1, 2, 2, 3, 3]
    assert [config.schedule.name for config in found] == ["ReduceLROnPlateau", "none"] * 5
    assert found[2].schedule.patience == 2
    assert len(store.runs(99)) == 10


def test_each_setting_gets_the_seeds_that_another_has(pairs: Store) -> None:
    new = repeating.more_of_each(pairs, [[1, 3, 5], [2]], 1)
    configs = [pairs.run(run).config for run in new]
    assert [(c.seed, c.schedule.name) for c in configs] == [
        (1, "none"), (2, "none"), (3, "ReduceLROnPlateau"), (3, "none"),
    ]  # fmt: skip


def test_a_fork_is_not_run_again_with_another_seed(pairs: Store) -> None:
    fork = pairs.add(to_config({"epochs": 9}), parent=(1, 4))
    with pytest.raises(CommandError, match=f"Run {fork} is a fork: its first epochs are those of"):
        repeating.other_seeds(pairs, fork, 2)
    with pytest.raises(CommandError, match="There is no run 99"):
        repeating.compared_with_constant(pairs, 99)
    assert len(pairs.runs(99)) == 7
