"""Runs of a moment, recorded in a store."""

from typing import Any

from tests.small import run
from trainer.config.table import to_config
from trainer.engine.control import Control
from trainer.engine.events import EpochEnded
from trainer.store.store import Store


def recorded(
    store: Store, control: Control | None = None, upto: int | None = None, **settings: Any
) -> int:
    """Train a run and record it, up to an epoch if one is given; returns its id."""
    values = {"model": "mlp", "batch-size": 512, "device": "cpu", "lr": 0.05, **settings}
    config = to_config(values)
    number = store.add(config, claimed=True)
    for event in run(config, control=control) if control else run(config):
        store.record(number, event)
        if isinstance(event, EpochEnded) and event.epoch == upto:
            break
    return number
