"""The training loop: `train(config)` yields what happens, as it happens."""

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from trainer import datasets, models, optimizers
from trainer.config import Device, RunConfig
from trainer.control import Control
from trainer.datasets import Images, Splits
from trainer.events import Diverged, Ended, EpochEnded, Event, Progress, Started
from trainer.schedules import Schedule

PROGRESS_SECONDS = 0.05
# Below this many training images an epoch is over at once on one core. A second thread would gain
# little, and lose a hundredfold where it has to wait for a core that draws the page.
ONE_THREAD_BELOW = 10_000
EVALUATION_BATCH = 1000


def train(config: RunConfig, root: Path, control: Control | None = None) -> Iterator[Event]:
    """Train one run and yield its events: Downloading*, Started, (Progress* EpochEnded)*, Ended.

    The same config gives the same numbers on the same machine. Nothing happens between two
    events but training: whoever drains the iterator decides the pace.

    Args:
        config: the run.
        root: the folder of the data sets.
        control: looked at before every batch.

    Raises:
        DatasetError: the data set is not there and could not be fetched.
        DeviceError: the device that was asked for is not there.
    """
    control = control or Control()
    device = pick_device(config.device)
    for event in datasets.fetch(config.dataset, root):
        yield event
        if control.stopping:
            yield Ended("stopped")
            return
    splits = datasets.load(config.dataset, root, config.seed).to(device)
    with threads_for(len(splits.train)):
        yield from _train(config, splits, control)


def _train(config: RunConfig, splits: Splits, control: Control) -> Iterator[Event]:
    """The run itself, over images that are on their device."""
    device = splits.train.x.device
    model = models.build(config.model, splits.train.x, splits.classes, config.seed)
    optimizer = optimizers.build(config.optimizer, model.parameters(), config.lr)
    batches = math.ceil(len(splits.train) / config.batch_size)
    schedule = Schedule(config, batches)
    order = torch.Generator().manual_seed(config.seed)
    yield Started(
        device=str(device),
        threads=torch.get_num_threads(),
        batches=batches,
        train=len(splits.train),
        val=len(splits.val),
        test=len(splits.test),
        classes=splits.classes,
        parameters=sum(p.numel() for p in model.parameters()),
    )

    for epoch in range(1, config.epochs + 1):
        began = told = time.perf_counter()
        lr = lr_last = schedule.lr
        shuffled = torch.randperm(len(splits.train), generator=order).to(device)
        losses = torch.empty(batches, device=device)
        model.train()
        for batch, index in enumerate(shuffled.split(config.batch_size)):
            if control.stopping:
                yield Ended("stopped")
                return
            lr_last = schedule.lr
            schedule.apply(optimizer)
            loss = cross_entropy(model(pixels(splits.train.x[index])), splits.train.y[index])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step_batch()
            losses[batch] = loss.detach()
            if time.perf_counter() - told > PROGRESS_SECONDS:
                yield Progress(epoch, batch + 1, batches)
                told = time.perf_counter()
        weights = torch.full((batches,), config.batch_size, device=device)
        weights[-1] = len(shuffled) - (batches - 1) * config.batch_size
        train_loss = (losses * weights).sum() / len(shuffled)
        # The one device sync of the epoch.
        train_loss, val_loss, val_accuracy = torch.stack(
            [train_loss, *evaluate(model, splits.val)]
        ).tolist()
        seconds = time.perf_counter() - began
        if not (math.isfinite(train_loss) and math.isfinite(val_loss)):
            yield diverged(epoch, lr, lr_last, train_loss, val_loss, val_accuracy, seconds)
            return
        monitored = {"train_loss": train_loss, "val_loss": val_loss, "val_accuracy": val_accuracy}
        decision = schedule.advance(monitored[config.monitor])
        yield EpochEnded(epoch, lr, lr_last, train_loss, val_loss, val_accuracy, seconds, decision)
    test_loss, test_accuracy = (value.item() for value in evaluate(model, splits.test))
    yield Ended("finished", test_loss, test_accuracy)


def pixels(x: Tensor) -> Tensor:
    """uint8 [n, c, h, w] -> float32 in 0..1, channels last: ToTensor for a whole batch at once."""
    return x.to(torch.float32, memory_format=torch.channels_last).div_(255)


@torch.inference_mode()
def evaluate(model: nn.Module, images: Images) -> tuple[Tensor, Tensor]:
    """Mean cross-entropy and share of correct answers over all images, still on the device."""
    model.eval()
    loss = torch.zeros((), device=images.x.device)
    correct = torch.zeros((), device=images.x.device)
    for x, y in zip(
        images.x.split(EVALUATION_BATCH), images.y.split(EVALUATION_BATCH), strict=True
    ):
        scores = model(pixels(x))
        loss += cross_entropy(scores, y, reduction="sum")
        correct += (scores.argmax(1) == y).sum()
    return loss / len(images), correct / len(images)


def diverged(
    epoch: int,
    lr: float,
    lr_last: float,
    train_loss: float,
    val_loss: float,
    val_accuracy: float,
    seconds: float,
) -> Diverged:
    """The record of an epoch in which a loss stopped being finite."""
    which, loss = ("validation", val_loss) if math.isfinite(train_loss) else ("train", train_loss)
    became = "not a number" if math.isnan(loss) else "infinite"
    return Diverged(
        epoch=epoch,
        lr=lr,
        lr_last=lr_last,
        train_loss=train_loss if math.isfinite(train_loss) else None,
        val_loss=val_loss if math.isfinite(val_loss) else None,
        val_accuracy=val_accuracy,
        seconds=seconds,
        reason=f"The {which} loss became {became} in epoch {epoch}, at LR {lr_last:.3g}; "
        "try a tenth of it.",
    )


@contextmanager
def threads_for(images: int) -> Iterator[None]:
    """torch's threads for a run over so many training images; as they were, afterwards."""
    before = torch.get_num_threads()
    torch.set_num_threads(1 if images < ONE_THREAD_BELOW else before)
    try:
        yield
    finally:
        torch.set_num_threads(before)


class DeviceError(Exception):
    """The device that was asked for is not there; the message is one sentence for the user."""


def pick_device(name: Device) -> torch.device:
    """The torch device of that name; auto takes CUDA, then MPS, then the CPU."""
    there = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if name == "auto":
        return torch.device(next(device for device, available in there.items() if available))
    if not there[name]:
        raise DeviceError(f"torch finds no {name} device here; choose the device auto or cpu.")
    return torch.device(name)
