"""The classic range test: a training whose LR grows with every batch, of which only losses stay."""

import math
from collections.abc import Callable, Generator, Iterator, Sequence
from pathlib import Path

import torch

from ..config.run import RunConfig
from ..schedule import optimizers
from . import models, threads
from .clock import Clock
from .control import Control
from .datasets import Splits
from .events import Event, Progress
from .loop import PROGRESS_SECONDS, criterion, on_data, pixels


def range_test(
    config: RunConfig,
    lrs: Sequence[float],
    root: Path,
    control: Control,
    number: int = 1,
    is_over: Callable[[float], bool] = math.isnan,
) -> Generator[Event, None, list[float] | None]:
    """Train a batch at each of these LRs, from the weights and in the order of a run with this
    config; returns the loss of each, None if it was stopped. Nothing else of it is left.

    Args:
        number: told as the epoch of its Progress.
        is_over: given each loss, whether the test ends there.
    """
    losses: list[float] = []

    def tested(splits: Splits) -> Iterator[Event]:
        return _tested(config, splits, lrs, control, number, is_over, losses)

    yield from on_data(config, root, control, tested)
    return None if control.stopping else losses


def _tested(
    config: RunConfig,
    splits: Splits,
    lrs: Sequence[float],
    control: Control,
    number: int,
    is_over: Callable[[float], bool],
    losses: list[float],
) -> Iterator[Event]:
    x, y = splits.train.x, splits.train.y
    torch.set_num_threads(threads.at_most(config.threads, x.numel()))
    model = models.built(config.model, x, splits.classes, config.seed).network
    optimizer = optimizers.build(config.optimizer, model.parameters(), lrs[0])
    order = torch.Generator().manual_seed(config.seed)
    clock = Clock()
    reported = clock.now()
    model.train()
    while True:
        for index in torch.randperm(len(x), generator=order).to(x.device).split(config.batch_size):
            if control.stopping:
                return
            for group in optimizer.param_groups:
                group["lr"] = lrs[len(losses)]
            loss = criterion(model(pixels(x.index_select(0, index))), y.index_select(0, index))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
            if is_over(losses[-1]) or len(losses) == len(lrs):
                yield Progress(number, len(losses), len(lrs))
                return
            if clock.now() - reported > PROGRESS_SECONDS:
                yield Progress(number, len(losses), len(lrs))
                reported = clock.now()
