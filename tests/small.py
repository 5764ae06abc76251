"""A data set of a moment, and runs over it."""

import dataclasses
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import torch

from trainer.config import optimizers, schedules
from trainer.config.run import RunConfig
from trainer.engine.control import Control
from trainer.engine.datasets import Images, Splits
from trainer.engine.events import EpochEnded, Event, Intervened, Progress, Started
from trainer.engine.loop import train
from trainer.engine.state import Snapshot

NOWHERE = Path("no-such-folder")

SCHEDULES = {
    "none": schedules.NoSchedule(),
    "plateau": schedules.ReduceLROnPlateau(patience=0, cooldown=1, threshold=0.2, factor=0.5),
    "StepLR": schedules.StepLR(step_size=2),
    "MultiStepLR": schedules.MultiStepLR(milestones=(1, 3, 4)),
    "ExponentialLR": schedules.ExponentialLR(gamma=0.7),
    "CosineAnnealingLR": schedules.CosineAnnealingLR(T_max=3, eta_min=1e-4),
    "WarmRestarts": schedules.CosineAnnealingWarmRestarts(T_0=2),
    "OneCycleLR": schedules.OneCycleLR(),
    "CyclicLR": schedules.CyclicLR(step_size_up=2, mode="triangular2"),
    "LinearLR": schedules.LinearLR(total_iters=4),
    "PolynomialLR": schedules.PolynomialLR(total_iters=4),
    "ConstantLR": schedules.ConstantLR(total_iters=3),
}
OPTIMIZERS = {
    "SGD": optimizers.SGD(nesterov=True),
    "Adam": optimizers.Adam(amsgrad=True),
    "AdamW": optimizers.AdamW(),
    "RMSprop": optimizers.RMSprop(momentum=0.5, centered=True),
    "Adagrad": optimizers.Adagrad(lr_decay=0.01),
    "NAdam": optimizers.NAdam(),
    "RAdam": optimizers.RAdam(),
}


def load(name: str, root: Path, seed: int) -> Splits:  # noqa: ARG001
    """22 training images in place of a data set: with batches of 8 an epoch has 8, 8 and 6."""
    generator = torch.Generator().manual_seed(7)

    def images(n: int) -> Images:
        x = torch.randint(0, 256, (n, 1, 8, 8), dtype=torch.uint8, generator=generator)
        return Images(x, torch.randint(0, 3, (n,), generator=generator))

    return Splits(images(22), images(9), images(5), classes=3)


def metrics(
    train_loss: float | None, val_loss: float | None, val_accuracy: float | None
) -> dict[str, float | None]:
    """An epoch's metrics by name, as the engine has them."""
    return {"train_loss": train_loss, "val_loss": val_loss, "val_accuracy": val_accuracy}


def small(**changes: Any) -> RunConfig:
    quick = {"model": "mlp", "batch_size": 8, "epochs": 6, "device": "cpu", "lr": 0.01}
    return RunConfig(**quick | changes)


def run(
    settings: RunConfig,
    start: Snapshot | None = None,
    control: Control | None = None,
    each: Callable[[Event, Control], None] = lambda _event, _control: None,
) -> list[Event]:
    """Every event of a run; `each` is called with each of them and the control."""
    control = control or Control()
    events: list[Event] = []
    for event in train(settings, NOWHERE, control, start):
        events.append(event)
        each(event, control)
    return events


def numbers(events: Iterable[Event]) -> list[Event]:
    """What must be equal bit by bit: everything but the clock's share and what was repeated."""
    kept: list[Event] = []
    for event in events:
        if isinstance(event, EpochEnded):
            kept.append(dataclasses.replace(event, seconds=0.0))
        elif isinstance(event, Intervened):
            kept.append(dataclasses.replace(event, repeated=False))
        elif not isinstance(event, Progress | Started):
            kept.append(event)
    return kept
