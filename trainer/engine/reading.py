"""Reads a run's data: LRScope's own data sets, downloaded first, or one's own."""

from collections.abc import Generator
from pathlib import Path

from ..config.run import RunConfig, is_known_data
from ..own import fitting
from . import datasets, own_data
from .control import Control
from .datasets import Splits
from .events import Event


def splits(
    config: RunConfig, root: Path, control: Control
) -> Generator[Event, None, Splits | None]:
    """The run's data; None if the run was stopped before it was there."""
    if is_known_data(config.dataset):
        for event in datasets.fetch(config.dataset, root):
            yield event
            if control.stopping:
                return None
        return datasets.load(config.dataset, root, config.seed)
    fitting.refuse_unfit(config)
    reading = own_data.load(config)
    while True:
        try:
            yield next(reading)
        except StopIteration as read:
            found: Splits = read.value
            return found
        if control.stopping:
            return None
