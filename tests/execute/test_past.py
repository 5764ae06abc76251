"""What a what-if is compared with is how the run, and what it was forked from, was trained."""

from itertools import chain

import pytest

from tests.execute.runs import at, forked, trained
from tests.small import SCHEDULES, small
from trainer.replay.comparison import compare
from trainer.replay.difference import Past
from trainer.store import lineage


@pytest.mark.parametrize("schedule", ["OneCycleLR", "CyclicLR", "plateau", "CosineAnnealingLR"])
def test_a_change_by_hand_within_an_epoch_is_a_difference_in_a_fork_too(store, schedule):
    settings = small(schedule=SCHEDULES[schedule])
    changed_by_hand = at(2, 1)
    parent = trained(
        store, settings, lambda event: changed_by_hand(event) and store.ask(1, "lr", 0.03)
    )
    again = at(5, 1)
    child, _ = forked(
        store,
        parent,
        4,
        settings.model_copy(update={"lr": 0.02}),
        act=lambda event: again(event) and store.ask(2, "lr", 0.03),
    )
    for run, first in ((parent, 2), (child, 5)):
        stretches, rows = lineage.stretches(store, run), lineage.lineage(store, run)
        assert [len(stretch.interventions) for stretch in stretches] == [1, 1][: len(stretches)]
        past = Past(stretches, rows, 3)
        for i, row in enumerate(rows):
            lrs = [lr for lr, _ in chain(*past.epoch(i))]
            assert (lrs[0], lrs[-1], len(lrs)) == (row.lr, row.lr_last, 3)
        recipe = stretches[-1].recipe
        found = compare(recipe, rows, recipe, 3, stretches).difference
        assert found is not None
        assert found[:3] == (first, 1, "LR")
        assert found.did == 0.03
