"""Both losses, batch by batch: is it the same training?"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils.data import DataLoader

from tests.bench.sides import TUTORIAL, Pictures, Tutorial, TutorialCNN, engine
from tests.bench.table import Figure, Plan, Report, Row, Target
from trainer.config.run import RunConfig
from trainer.engine import loop, models
from trainer.engine.control import Control
from trainer.engine.datasets import load

STEPS = 100


def same(plan: Plan) -> Report:
    """The largest difference between both loops' losses of one batch.

    In float32 rounding grows as training goes on, whatever the loop: with the number of threads,
    the layout of the images, the order in which sums are taken. So the tutorial's loop is compared
    with itself too. In float64, where rounding is too small to grow, it is the same training.
    """
    configs = [TUTORIAL.model_copy(update={"seed": seed}) for seed in range(plan.rounds)]
    ours = [engine_losses(config, plan.root, STEPS) for config in configs]
    theirs = [tutorial_losses(config, plan.root, STEPS) for config in configs]
    moved = [tutorial_losses(config, plan.root, STEPS, moved=True) for config in configs]
    with on_one_thread():
        single = [tutorial_losses(config, plan.root, STEPS) for config in configs]
    with in_float64():
        exact = [engine_losses(config, plan.root, STEPS) for config in configs]
        theirs_exact = [tutorial_losses(config, plan.root, STEPS) for config in configs]

    def figure(name: str, some: list[list[float]], others: list[list[float]]) -> Figure:
        return Figure(name, "", tuple(map(largest_difference, some, others)))

    return Report(
        "The same mathematics",
        f"The first {STEPS} steps on MNIST from the same weights in the same order, a seed a "
        "round. Beside it, the tutorial's loop against itself: from weights that are moved by one "
        "float32 step, and on one thread.",
        [
            Row(
                "largest difference of a loss to the tutorial's, float64",
                figure("LRScope", exact, theirs_exact),
                target=Target("at most", 1e-11),
            ),
            Row(
                "the same in float32",
                figure("LRScope", ours, theirs),
                figure("the tutorial, moved", moved, theirs),
            ),
            Row(
                "the same to the tutorial's on one thread, float32",
                figure("LRScope", ours, single),
                figure("the tutorial, two threads", theirs, single),
            ),
        ],
    )


@contextmanager
def in_float64() -> Iterator[None]:
    """Both loops compute in float64 in this block: weights, images and losses."""

    def pixels(x: Tensor) -> Tensor:
        return x.to(torch.float64, memory_format=torch.channels_last).div_(255)

    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        with mock.patch.object(loop, "pixels", pixels):
            yield
    finally:
        torch.set_default_dtype(before)


@contextmanager
def on_one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


class FirstLosses(TorchFunctionMode):
    """Notes the first `steps` training losses that are computed under it, then calls `enough`."""

    def __init__(self, steps: int, enough: Callable[[], None]) -> None:
        super().__init__()
        self.steps = steps
        self.enough = enough
        self.values: list[float] = []

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        if func is nn.functional.cross_entropy and result.requires_grad:
            self.values.append(result.item())
            if len(self.values) == self.steps:
                self.enough()
        return result


def engine_losses(config: RunConfig, root: Path, steps: int) -> list[float]:
    """The losses of LRScope's first steps, one a batch."""
    control = Control()
    losses = FirstLosses(steps, control.stop)
    with losses:
        for _ in engine(config, root, control):
            pass
    return losses.values


def tutorial_losses(config: RunConfig, root: Path, steps: int, moved: bool = False) -> list[float]:
    """The losses of the tutorial's first steps, from LRScope's weights and in its order.

    Args:
        moved: start from the next larger float32 of every weight.
    """
    splits = load(config.dataset, root, config.seed)
    seeded = models.built(config.model, splits.train.x, splits.classes, config.seed).network
    weights = list(seeded.state_dict().values())
    if moved:
        weights = [torch.nextafter(weight, torch.tensor(torch.inf)) for weight in weights]
    model = TutorialCNN()
    model.load_state_dict(dict(zip(model.state_dict(), weights, strict=True)))
    tutorial, pictures = Tutorial(model, config), Pictures(splits.train)
    losses: list[float] = []
    for batches in orders(len(pictures), config):
        losses += tutorial.epoch(DataLoader(pictures, batch_sampler=batches[: steps - len(losses)]))
        if len(losses) == steps:
            break
    return losses


def orders(images: int, config: RunConfig) -> Iterator[list[list[int]]]:
    """Epoch after epoch, the batches in the order in which the engine takes them."""
    generator = torch.Generator().manual_seed(config.seed)
    while True:
        order = torch.randperm(images, generator=generator)
        yield [batch.tolist() for batch in order.split(config.batch_size)]


def largest_difference(ours: list[float], theirs: list[float]) -> float:
    return max(abs(a - b) for a, b in zip(ours, theirs, strict=True))
