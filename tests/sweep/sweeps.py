"""Sweeps over a data set of a moment, and what each of their cells must come out as."""

from collections.abc import Callable, Sequence
from contextlib import closing
from functools import cache
from typing import Any

from tests.small import NOWHERE
from trainer.config.grid import Grid, cells, grid
from trainer.config.run import RunConfig
from trainer.engine import datasets
from trainer.engine.events import Diverged, Ended, EpochEnded
from trainer.engine.loop import train
from trainer.execute import Place
from trainer.store import lineage
from trainer.store.run import Run
from trainer.store.store import Store
from trainer.sweep.sweeping import CellEvent, execute_sweep

Numbers = list[tuple[Any, ...]]


def added(store: Store, base: RunConfig, values: dict[str, Any], **settings: Any) -> int:
    """A claimed sweep over a grid."""
    made: Grid = grid(base, values, **settings)
    configs = [cell.config for cell in cells(base, made)]
    return store.add_sweep("grid", base, made.model_dump(mode="json"), configs, claimed=True)


def trained(
    store: Store,
    sweep: int,
    until: Callable[[CellEvent], object] = lambda _: False,
    places: Sequence[Place] | None = None,
) -> list[CellEvent]:
    """Train a claimed sweep to its end, or until an event."""
    events = []
    with closing(execute_sweep(store, sweep, NOWHERE, places=places)) as training:
        for event in training:
            events.append(event)
            if until(event):
                break
    return events


def alone(config: RunConfig) -> tuple[Numbers, tuple[Any, ...]]:
    """Every number of a run of its own, and how it ended."""
    return _alone(config, datasets.load)


@cache
def _alone(config: RunConfig, _: object) -> tuple[Numbers, tuple[Any, ...]]:
    """Trained once for each data set that may stand in for the real one."""
    rows: Numbers = []
    end: tuple[Any, ...] = ()
    for event in train(config, NOWHERE):
        if isinstance(event, EpochEnded | Diverged):
            rows.append((event.epoch, event.lr, event.lr_last, event.metrics, event.decision))
            end = ("diverged", None, None)
        if isinstance(event, Ended):
            end = event.status, event.test_loss, event.test_accuracy
    assert end
    return rows, end


def of_cell(store: Store, cell: Run) -> tuple[Numbers, tuple[Any, ...]]:
    """The same of a cell, as it was recorded."""
    epochs = lineage.lineage(store, cell.id)
    rows = [(e.epoch, e.lr, e.lr_last, e.metrics, e.decision) for e in epochs]
    return rows, (cell.status, cell.test_loss, cell.test_accuracy)


def assert_as_alone(store: Store, sweep: int) -> None:
    """Every cell has every number of a run of its own."""
    for cell in store.cells(sweep):
        assert cell.config is not None
        assert of_cell(store, cell) == alone(cell.config), cell.id


def least(store: Store, sweep: int) -> int:
    """How many epochs must be trained: one for each (LRs so far, epoch) that differs."""
    pasts = set()
    for cell in store.cells(sweep):
        assert cell.config is not None
        past: tuple[Any, ...] = (cell.config.seed, cell.config.batch_size)
        for row in lineage.lineage(store, cell.id):
            past = (*past, row.lr, row.lr_last)
            pasts.add(past)
    return len(pasts)
