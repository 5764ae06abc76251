"""Whatever a config may be, it can be looked ahead, replayed and trained."""

import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.input.values import edges
from tests.small import NOWHERE, load
from trainer.config.optimizers import OPTIMIZERS
from trainer.config.run import RunConfig
from trainer.config.schedules import SCHEDULES
from trainer.config.table import ConfigError, Setting, chosen, to_config
from trainer.engine import datasets
from trainer.engine.events import Diverged, Ended, EpochEnded
from trainer.engine.loop import train
from trainer.replay.cautions import cautions
from trainer.replay.replay import preview, replay
from trainer.schedule.schedule import Schedule

MOST_EPOCHS = 30  # that are stepped through
BATCHES = 3
METRICS = [1.0, 0.5, 0.7, math.nan, 0.5, 2.0, 0.1]


def permitted(setting: Setting) -> st.SearchStrategy[Any]:
    """Values within a setting's bounds, often at their ends."""
    match setting.kind:
        case "choice":
            return st.sampled_from(setting.choices)
        case "bool":
            return st.booleans()
        case "list":
            return st.lists(st.integers(1, 12) | st.just(10_000), min_size=1, max_size=50)
        case "int":
            assert setting.least is not None
            assert setting.most is not None
            least, most = int(setting.least), int(setting.most)
            return st.integers(least, min(most, least + 12)) | st.integers(least, most)
        case _:
            assert setting.least is not None
            assert setting.most is not None
            ends = [5e-324, 1e-300, 1e-40, 1e-12, *edges(setting)]
            return st.floats(setting.least, setting.most) | st.sampled_from(ends)


@st.composite
def configs(draw: st.DrawFn) -> RunConfig | None:
    """Any config that is accepted; None for values that do not go together."""
    drawn: dict[str, Any] = {
        "schedule": draw(st.sampled_from(list(SCHEDULES))),
        "optimizer": draw(st.sampled_from(list(OPTIMIZERS))),
    }
    for setting in chosen(drawn):
        if setting.path not in ("schedule", "optimizer") and draw(st.booleans()):
            drawn[setting.key] = draw(permitted(setting))
    try:
        return to_config(drawn)
    except ConfigError:
        return None


@contextmanager
def small() -> Iterator[None]:
    with mock.patch.object(datasets, "load", load):
        yield


@settings(max_examples=settings.default.max_examples // 2)  # an example steps through epochs
@given(configs())
def test_its_schedule_can_be_stepped_through_looked_ahead_and_replayed(config):
    if config is None:
        return
    short = config.model_copy(update={"epochs": min(config.epochs, MOST_EPOCHS)})
    short = short.model_copy(update={"warmup": min(short.warmup, short.epochs - 1)})
    for recipe in (config, short) if config.epochs < 200 else (short,):
        schedule = Schedule(recipe, BATCHES)
        optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
        for metric in (METRICS * MOST_EPOCHS)[: recipe.epochs]:
            for _ in range(BATCHES):
                schedule.apply(optimizer)
                # torch's LinearLR to 0 ends there but for rounding, which may be below 0.
                assert -1e-12 < schedule.lr < math.inf
                schedule.step_batch()
            decision = schedule.advance(metric)
            assert decision.sentence.endswith(".")
            json.dumps(decision.model_dump(), allow_nan=False)
        steps = replay((METRICS * MOST_EPOCHS)[: recipe.epochs], recipe, batches=BATCHES)
        assert len(steps) == recipe.epochs
        assert all(
            told.sentence.endswith(".") for told in cautions(recipe, preview(recipe, BATCHES))
        )


@settings(max_examples=settings.default.max_examples // 10)  # an example trains a network
@given(configs())
def test_it_trains_to_its_end_or_diverges_in_a_sentence(config):
    if config is None:
        return
    epochs = min(config.epochs, 2)
    changes = {"dataset": "digits", "model": "mlp", "device": "cpu", "cuda_graph": False}
    config = config.model_copy(update={**changes, "epochs": epochs})
    config = config.model_copy(update={"warmup": min(config.warmup, epochs - 1)})
    with small():
        events = list(train(config, NOWHERE))
    assert isinstance(events[-1], Ended | Diverged)
    if isinstance(events[-1], Ended):
        assert sum(isinstance(event, EpochEnded) for event in events) == epochs
