"""Within its budget a run can be gone on from at every epoch."""

import pytest

from tests.execute.runs import forked, trained
from tests.small import NOWHERE, small
from trainer.engine import loop as engine
from trainer.engine.control import Control
from trainer.engine.events import EpochEnded
from trainer.engine.state import Snapshot
from trainer.snapshots import files, restore
from trainer.snapshots.retraining import epochs_to_retrain
from trainer.store.store import Store

EPOCHS, BUDGET_MB = 400, 8  # room for one in a few of its snapshots


def reached(store: Store, run: int, epoch: int) -> tuple[Snapshot, int]:
    """The snapshot at the end of an epoch, and how many epochs it cost."""
    steps, (_, way) = 0, next(restore.ways(store, run, epoch, NOWHERE, Control()))
    while True:
        try:
            next(way)
            steps += 1
        except StopIteration as end:
            return end.value, steps


@pytest.mark.usefixtures("none_left_out")
def test_many_epochs_keep_their_budget_and_every_epoch_is_reachable(store, monkeypatch):
    monkeypatch.setattr(engine, "PROGRESS_SECONDS", 9)
    run = trained(store, small(epochs=EPOCHS), budget_mb=BUDGET_MB)
    kept = files.listed(files.folder(store.home, run))
    assert sum(snapshot.size for snapshot in kept) <= BUDGET_MB * 1e6
    assert kept[-1].at == (EPOCHS, 0)
    costs = [epochs_to_retrain(store, run, epoch) for epoch in range(EPOCHS + 1)]
    assert max(costs) <= 3 * EPOCHS / len(kept)
    assert sum(cost == 0 for cost in costs) == len(kept) + 1
    worst = costs.index(max(costs))
    snapshot, steps = reached(store, run, worst)
    assert steps == costs[worst]
    events = engine.train(store.run(run).config, NOWHERE, start=snapshot)
    after = next(e for e in events if isinstance(e, EpochEnded))
    row = store.epochs(run, after=worst)[0]
    assert (after.metrics["train_loss"], after.metrics["val_loss"]) == (
        row.metrics["train_loss"],
        row.metrics["val_loss"],
    )


@pytest.mark.usefixtures("none_left_out")
def test_the_cost_of_a_forks_past_is_that_of_its_parents(store):
    parent = trained(store, small())
    child, _ = forked(store, parent, 4, small())
    assert [epochs_to_retrain(store, child, e) for e in (2, 4, 5)] == [0, 0, 0]
    for run in (parent, child):
        for kept in files.listed(files.folder(store.home, run)):
            if kept.at[0] != 1:
                kept.path.unlink()
    assert [epochs_to_retrain(store, child, e) for e in (1, 2, 4, 5)] == [0, 1, 3, 4]
    snapshot, steps = reached(store, child, 5)
    assert (snapshot["epoch"], steps) == (5, 3 + 1)
