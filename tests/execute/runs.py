"""Runs of a store, trained to their ends."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from tests.small import NOWHERE, small
from trainer.config.run import RunConfig
from trainer.engine.events import EpochEnded, Event, Progress
from trainer.execute import execute
from trainer.snapshots import writer as snapshots
from trainer.store import lineage
from trainer.store.store import Store


def train(
    store: Store,
    run: int,
    act: Callable[[Event], object] = lambda _: None,
    shutdown: Any = None,
    budget_mb: float = 512,
) -> list[Event]:
    """Train a claimed run to its end; `act` is called after each event."""
    events = []
    for event in execute(store, run, NOWHERE, shutdown, budget_mb):
        events.append(event)
        act(event)
    return events


def trained(
    store: Store, settings: RunConfig, act: Callable[[Event], object] = lambda _: None, **how: Any
) -> int:
    run = store.add(settings, claimed=True)
    train(store, run, act, **how)
    return run


def rows(store: Store, run: int) -> list[tuple[Any, ...]]:
    """A run's epochs without the clock's share."""
    return [(e.epoch, e.lr, e.lr_last, e.metrics, e.decision) for e in lineage.lineage(store, run)]


def at(*moment: int) -> Callable[[Event], bool]:
    """Whether an event is this epoch's end, or this batch's."""
    return lambda event: (
        (isinstance(event, EpochEnded) and (event.epoch,) == moment)
        or (isinstance(event, Progress) and (event.epoch, event.batch) == moment)
    )


def forked(
    store: Store, parent: int, epoch: int, settings: RunConfig, **how: Any
) -> tuple[int, list[Event]]:
    run = store.add(settings, parent=(parent, epoch), claimed=True)
    return run, train(store, run, **how)


def spoiled(path: Path, how: str) -> None:
    """Change a snapshot so that it loads, and does not restore or is not what its name says."""
    snapshot = snapshots.read(path)
    match how:
        case "shapes":
            snapshot["model"] = {name: w[:1] for name, w in snapshot["model"].items()}
        case "optimizer's shapes":
            for buffers in snapshot["optimizer"]["state"].values():
                buffers |= {name: b[:1] for name, b in buffers.items() if b.dim()}
        case "empty":
            snapshot = {}
        case "half":
            del snapshot["optimizer"], snapshot["order"]
        case "no epoch":
            del snapshot["epoch"]
        case "another's":
            snapshot["config"] = small(lr=0.02).model_dump_json()
        case "another epoch's":
            snapshot["epoch"] -= 1
    torch.save(snapshot, path)


SPOILED = [
    "shapes", "optimizer's shapes", "empty", "half", "no epoch", "another's", "another epoch's"
]  # fmt: skip
