"""A real loop, watched by what is installed as `lrscope`: its decisions are LRScope's own."""

import random
from contextlib import closing
from pathlib import Path

import pytest
import torch

from tests.schedule.by_torch import (
    BATCHES,
    EPOCHS,
    LR,
    PER_BATCH,
    SPECS,
    spec_id,
    torch_scheduler,
    weight,
)
from trainer.replay.replay import replay
from trainer.store.store import Store
from trainer.watch.scope import watch
from trainer.watched.taker import Taker


@pytest.mark.parametrize("after", [False, True], ids=["step-first", "epoch-first"])
@pytest.mark.parametrize("spec", SPECS, ids=spec_id)
def test_a_watched_loop_is_recorded_as_lrscopes_own_run_in_every_number(
    tmp_path: Path, spec, after
) -> None:
    optimizer = torch.optim.SGD(weight(), lr=LR, momentum=0.9)
    scheduler = torch_scheduler(spec, optimizer)
    numbers = random.Random(1)
    losses = [numbers.uniform(0.5, 1.5) for _ in range(EPOCHS)]
    losses = losses[:-1] if spec.name == "OneCycleLR" else losses  # torch has no step after it

    def step(*given: float) -> None:
        scheduler.step(*(given if spec.name == "ReduceLROnPlateau" else ()))

    with watch("mine", scheduler, epochs=EPOCHS, home=tmp_path) as scope:
        for loss in losses:
            for _ in range(BATCHES):
                optimizer.step()
                scope.batch(loss)
                if spec.name in PER_BATCH:
                    step()
            if spec.name not in PER_BATCH and not after:
                step(loss)
            scope.epoch(val_loss=loss)
            if spec.name not in PER_BATCH and after:
                step(loss)
    with closing(Store(tmp_path)) as store:
        Taker(store).once()
        rows, run = store.epochs(1), store.run(1)
    own = replay(losses, run.recipe, batches=BATCHES)
    assert run.elsewhere.schedule is None
    assert [row.decision for row in rows] == [step.decision for step in own]
    assert [(row.lr, row.lr_last) for row in rows] == [(step.lr, step.lr_last) for step in own]
