"""The what-if of a fork leaves its parent's epochs as they were."""

import pytest

from app.lab import cut_map
from tests.execute.runs import forked, trained
from tests.small import SCHEDULES, small
from trainer.config.schedules import ReduceLROnPlateau
from trainer.config.table import ConfigError, changed
from trainer.replay.comparison import Comparison, compare
from trainer.store import lineage

AFTER = 3


def what_if(store, run, **values) -> Comparison:
    row = store.run(run)
    other = changed(row.recipe, values)
    rows, past = lineage.lineage(store, run), lineage.stretches(store, run)
    return compare(row.recipe, rows, other, row.batches, past)


@pytest.mark.parametrize("parent", ["plateau", "OneCycleLR", "none"])
@pytest.mark.parametrize("child", SCHEDULES)
def test_an_unchanged_fork_differs_nowhere(store, parent, child):
    first = trained(store, small(schedule=SCHEDULES[parent]))
    fork, _ = forked(store, first, AFTER, small(schedule=SCHEDULES[child], lr=0.02))
    same = what_if(store, fork)
    assert same.sentence.startswith("No difference: in 6 epochs")
    assert same.would_cut == same.cuts
    second, _ = forked(store, fork, AFTER + 1, small(schedule=SCHEDULES[child], lr=0.03))
    assert what_if(store, second).difference is None


def test_a_change_applies_from_the_fork_on_as_it_does_in_a_real_fork(store):
    strict = ReduceLROnPlateau(patience=0, threshold=0.9, factor=0.1)
    first = trained(store, small(schedule=strict))
    plain, _ = forked(
        store, first, AFTER, small(schedule=strict.model_copy(update={"factor": 0.2}))
    )
    for values in ({"factor": 0.5}, {"patience": 2}, {"schedule": "OneCycleLR"}):
        imagined = what_if(store, plain, **values)
        real, _ = forked(store, first, AFTER, changed(store.run(plain).config, values))
        at = imagined.first
        assert at == AFTER + 1
        exact = [(s.lr, s.lr_last) for s in imagined.steps[:at]]
        assert exact == [(row.lr, row.lr_last) for row in lineage.lineage(store, real)[:at]]


def test_the_map_of_a_fork_agrees_with_its_what_if(store):
    first = trained(store, small(schedule=SCHEDULES["StepLR"]))
    fork, _ = forked(store, first, AFTER, small(schedule=SCHEDULES["plateau"]))
    row, rows = store.run(fork), lineage.lineage(store, fork)
    past = lineage.stretches(store, fork)
    shown = cut_map.view_of(row.recipe, rows, row.batches, row.recipe, "patience", "factor", past)
    for j, patience in enumerate(shown["x"][:3]):
        for i, factor in enumerate(shown["y"][:3]):
            cell = what_if(store, fork, patience=patience, factor=factor)
            assert shown["first"][i][j] == cell.first
    own = shown["y"].index("0.5"), shown["x"].index("0")
    assert shown["first"][own[0]][own[1]] is None


def test_the_warm_up_before_a_fork_cannot_be_imagined_away(store):
    first = trained(store, small(schedule=SCHEDULES["plateau"]))
    fork, _ = forked(store, first, AFTER, small(schedule=SCHEDULES["plateau"], lr=0.02))
    with pytest.raises(ConfigError, match="Warm-up cannot change in a fork"):
        what_if(store, fork, warmup=2)
    row = store.run(fork)
    assert "warmup" not in {s.key for s in cut_map.axes(row.recipe, fork=True)}
