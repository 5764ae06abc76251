"""The range test: a plain loop's losses; nothing else is kept, and a stop costs a seed at most."""

import math
import re

import pytest
import torch
from torch.nn.functional import cross_entropy

from tests.small import NOWHERE, load, small
from tests.sweep.find.tries import answered
from trainer.config.run import RunConfig
from trainer.config.table import changed
from trainer.engine import models
from trainer.engine.events import Progress
from trainer.schedule import optimizers
from trainer.store.store import Store
from trainer.sweep.find.finding import add_find, execute_find
from trainer.sweep.find.plans import RangeTest
from trainer.sweep.find.ranging import band
from trainer.sweep.find.suggestions import smoothed, suggestions

PLAN = RangeTest(lowest=1e-5, highest=1.0, batches=30, seeds=2)


def by_hand(config: RunConfig, plan: RangeTest) -> list[float]:
    """A range test as its inventors describe it, until the loss is four times its lowest."""
    data = load("", NOWHERE, 0).train
    model = models.built(config.model, data.x, 3, config.seed).network
    optimizer = optimizers.build(config.optimizer, model.parameters(), 1.0)
    order, losses = torch.Generator().manual_seed(config.seed), list[float]()
    while True:
        for index in torch.randperm(len(data), generator=order).split(config.batch_size):
            for group in optimizer.param_groups:
                group["lr"] = plan.lr(len(losses))
            loss = cross_entropy(model(data.x[index].float() / 255), data.y[index])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
            smooth = smoothed(losses)
            if len(losses) == plan.batches or smooth[-1] > 4 * min(smooth):
                return losses


def test_its_losses_are_those_of_a_plain_loop(store: Store) -> None:
    sweep = add_find(store, small(seed=3), PLAN, claimed=True)
    told = list(execute_find(store, sweep, NOWHERE))
    row = store.sweep(sweep)
    assert row.status == "finished"
    for number, seed in enumerate(answered(store, sweep)["seeds"]):
        expected = by_hand(small(seed=3 + number), PLAN)
        assert seed["losses"] == pytest.approx(expected, rel=1e-5)
        assert seed["lrs"] == [PLAN.lr(k) for k in range(len(expected))]
        assert seed["suggestions"] == suggestions(seed["lrs"], seed["losses"], PLAN.batches)
    assert {event.run for event in told} == {0}
    assert {e.event.epoch for e in told if isinstance(e.event, Progress)} == {1, 2}
    assert store.cells(sweep) == []


def test_it_ends_early_where_the_loss_breaks(store: Store) -> None:
    plan = PLAN.model_copy(update={"highest": 100.0, "batches": 60, "seeds": 1})
    config = changed(small(), {"optimizer": "SGD", "weight-decay": 1})
    sweep = add_find(store, config, plan, claimed=True)
    for _ in execute_find(store, sweep, NOWHERE):
        pass
    (seed,) = answered(store, sweep)["seeds"]
    assert len(seed["losses"]) < 60
    assert seed["smoothed"][-1] > 4 * min(seed["smoothed"])


def test_a_test_that_is_stopped_goes_on_with_the_seeds_that_are_left(store: Store) -> None:
    sweep = add_find(store, small(), PLAN, claimed=True)
    for event in execute_find(store, sweep, NOWHERE):
        if event.event.epoch == 2:
            break
    row = store.sweep(sweep)
    assert row.status == "interrupted"
    assert [s["seed"] for s in answered(store, sweep)["seeds"]] == [0]
    store.resume_sweep(sweep, claimed=True)
    store.ask_sweep(sweep, "pause")
    for _ in execute_find(store, sweep, NOWHERE):
        pass
    assert store.sweep(sweep).status == "paused"
    store.resume_sweep(sweep, claimed=True)
    again = add_find(store, small(), PLAN, claimed=True)
    for each in (sweep, again):
        for _ in execute_find(store, each, NOWHERE):
            pass
    assert store.sweep(sweep).status == "finished"
    assert answered(store, sweep) == answered(store, again)


def test_an_error_ends_it_with_a_sentence(store: Store, tmp_path: object) -> None:
    config = small(model=f"{tmp_path}/none.py:Net")
    sweep = add_find(store, config, PLAN, claimed=True)
    for _ in execute_find(store, sweep, NOWHERE):
        pass
    row = store.sweep(sweep)
    assert row.status == "failed"
    assert re.search(r"none\.py.*\.$", row.reason or "")


def test_the_band_is_as_long_as_the_shortest_seed() -> None:
    def seed(*losses: float | None) -> dict[str, object]:
        return {"lrs": [1.0, 2.0, 3.0], "smoothed": list(losses)}

    found = band({"seeds": [seed(1.0, 2.0, 5.0), seed(3.0, 1.0), seed(2.0, 9.0, None)]})
    assert found == {
        "lrs": [1.0, 2.0], "low": [1.0, 1.0], "middle": [2.0, 2.0], "high": [3.0, 9.0]
    }  # fmt: skip
    assert band({"seeds": []})["lrs"] == []
    assert not math.isnan(sum(found["high"]))
