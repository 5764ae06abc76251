"""The training loop: `train(config)` yields what happens, as it happens."""

import math
import platform
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from .. import folders
from ..config.metrics import label
from ..config.run import Device, RunConfig
from ..config.table import changed, keyed
from ..schedule import interventions, optimizers
from ..schedule.schedule import Schedule
from . import datasets, environment, models
from .control import Control
from .cuda_graph import Graphed, wanted
from .datasets import Images, Splits
from .events import (
    Diverged,
    Ended,
    EpochEnded,
    Event,
    Forked,
    Intervened,
    Progress,
    Started,
)
from .state import Snapshot, State, config_of

# What an epoch is measured by, in the order in which `_train` computes them.
MEASURED = ("train_loss", "val_loss", "val_accuracy")
PROGRESS_SECONDS = 0.05
# Below this many training images an epoch is over at once on one core. A second thread would gain
# little, and lose a hundredfold where it has to wait for a core that draws the page.
ONE_THREAD_BELOW = 10_000
EVALUATION_BATCH = 1000


def train(
    config: RunConfig | None = None,
    root: Path | None = None,
    control: Control | None = None,
    start: Snapshot | None = None,
    **settings: Any,
) -> Generator[Event, None, None]:
    """Train one run and yield its events: Downloading*, Started, (Progress* EpochEnded)*, Ended.

        for event in train(lr=0.01, patience=3, epochs=5): ...

    The same config and the same interventions give the same numbers on the same machine, also
    from a snapshot on. Nothing happens between two events but training: whoever drains the
    iterator decides the pace.

    Args:
        config: the run; the default one if None.
        root: the folder of the data sets; LRScope's own if None.
        control: looked at before every batch; gives snapshots of the run.
        start: go on from here: a snapshot of this config's run, or for a fork of another's, taken
            at the end of an epoch.
        settings: what to change in the config, named as in the terminal, with underscores.

    Raises:
        ConfigError: a setting is unknown or out of its bounds.
        DatasetError: the data set is not there and could not be fetched.
        DeviceError: the device that was asked for is not there.
        SnapshotError: the snapshot is not one that can be gone on from.
    """
    config = changed(config or RunConfig(), keyed(settings))
    root = root or folders.datasets()
    control = control or Control()
    device = pick_device(config.device)
    for event in datasets.fetch(config.dataset, root):
        yield event
        if control.stopping:
            yield Ended("stopped")
            return
    splits = datasets.load(config.dataset, root, config.seed).to(device)
    clock = Clock()
    with threads_for(len(splits.train)):
        yield from clock.around(_train(config, splits, control, start, clock))


def _train(
    config: RunConfig, splits: Splits, control: Control, start: Snapshot | None, clock: "Clock"
) -> Iterator[Event]:
    """The run itself, over images that are on their device."""
    state = begin(config, splits)
    model, optimizer, schedule = state.model, state.optimizer, state.schedule
    batches = len(state.losses)
    decision = state.restore(start) if start else None
    x, y = splits.train.x, splits.train.y

    def step(index: Tensor) -> Tensor:
        loss = cross_entropy(model(pixels(x.index_select(0, index))), y.index_select(0, index))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.detach()

    make = Graphed(step, config.batch_size, x.device) if wanted(config, x.device) else step
    control.attach(state.capture)
    yield started(state, splits)
    if start and config_of(start) != config:
        yield Forked(state.epoch, decision)

    while True:
        if state.epoch >= state.epochs:
            yield from intervene(state, control)  # epochs may be added up to here
            if state.epoch >= state.epochs:
                break
        epoch, began, shown = state.epoch + 1, clock.now() - state.seconds, clock.now()
        shuffled = state.shuffled(len(x)).to(x.device)
        model.train()
        for index in shuffled.split(config.batch_size)[state.batch :]:
            if control.stopping:
                state.seconds = clock.now() - began
                yield Ended("stopped")
                return
            yield from intervene(state, control)
            state.lr_last = schedule.lr
            state.lr = state.lr if state.batch else state.lr_last
            schedule.apply(optimizer)
            state.losses[state.batch] = make(index)
            schedule.step_batch()
            state.batch += 1
            if clock.now() - shown > PROGRESS_SECONDS:
                yield Progress(epoch, state.batch, batches)
                shown = clock.now()
        weights = torch.full_like(state.losses, config.batch_size)
        weights[-1] = len(shuffled) - (batches - 1) * config.batch_size
        train_loss = (state.losses * weights).sum() / len(shuffled)
        validated = evaluate(model, splits.val, control)
        if validated is None:
            state.seconds = clock.now() - began
            yield Ended("stopped")
            return
        # The one device sync of the epoch.
        measured = torch.stack([train_loss, *validated]).tolist()
        metrics = dict(zip(MEASURED, measured, strict=True))
        seconds = clock.now() - began
        if not all(map(math.isfinite, measured)):
            yield diverged(epoch, state.lr, state.lr_last, metrics, seconds)
            return
        decision = state.end_epoch(metrics[config.monitor])
        yield EpochEnded(epoch, state.lr, state.lr_last, metrics, seconds, decision)
    tested = evaluate(model, splits.test, control)
    yield Ended("finished", *(value.item() for value in tested)) if tested else Ended("stopped")


def begin(config: RunConfig, splits: Splits) -> State:
    """A run before its first batch."""
    model = models.build(config.model, splits.train.x, splits.classes, config.seed)
    batches = math.ceil(len(splits.train) / config.batch_size)
    return State(
        config=config,
        model=model,
        optimizer=optimizers.build(
            config.optimizer, model.parameters(), config.lr, wanted(config, splits.train.x.device)
        ),
        schedule=Schedule(config, batches),
        order=torch.Generator().manual_seed(config.seed),
        losses=torch.empty(batches, device=splits.train.x.device),
    )


def started(state: State, splits: Splits) -> Started:
    """What the run is, and what it trains on."""
    return Started(
        device=str(splits.train.x.device),
        threads=torch.get_num_threads(),
        batches=len(state.losses),
        train=len(splits.train),
        val=len(splits.val),
        test=len(splits.test),
        classes=splits.classes,
        parameters=sum(p.numel() for p in state.model.parameters()),
        torch=environment.torch_version(),
        python=platform.python_version(),
        cpu=environment.cpu_name(),
    )


def intervene(state: State, control: Control) -> Iterator[Intervened]:
    """Do what was asked for by hand before this batch, or what the record has here."""
    for made, repeated in control.due(state.epoch + 1, state.batch):
        before, value = state.schedule.lr, made.value or 0.0
        match made.name:
            case "lr":
                state.schedule.set_lr(value)
            case "scale":
                state.schedule.set_lr(before * value)
            case "cut":
                state.schedule.cut_now()
            case "epochs":
                state.added += int(value)
        after = state.schedule.lr
        sentence = interventions.sentence(made.name, made.value, before, after)
        yield Intervened(
            made.epoch, made.batch, made.name, made.value, before, after, sentence, repeated
        )


class Clock:
    """Seconds that stand still while the consumer of the events has the word, in a pause, say."""

    def __init__(self) -> None:
        self._away = 0.0

    def now(self) -> float:
        return time.perf_counter() - self._away

    def around(self, events: Iterator[Event]) -> Iterator[Event]:
        for event in events:
            left = time.perf_counter()
            yield event
            self._away += time.perf_counter() - left


def pixels(x: Tensor) -> Tensor:
    """uint8 [n, c, h, w] -> float32 in 0..1, channels last: ToTensor for a whole batch at once."""
    return x.to(torch.float32, memory_format=torch.channels_last).div_(255)


@torch.inference_mode()
def evaluate(model: nn.Module, images: Images, control: Control) -> tuple[Tensor, Tensor] | None:
    """Mean cross-entropy and share of correct answers over all images, still on the device; None
    where the run was stopped before the last of them.
    """
    model.eval()
    loss = torch.zeros((), device=images.x.device)
    correct = torch.zeros((), device=images.x.device)
    for x, y in zip(
        images.x.split(EVALUATION_BATCH), images.y.split(EVALUATION_BATCH), strict=True
    ):
        if control.stopping:
            return None
        scores = model(pixels(x))
        loss += cross_entropy(scores, y, reduction="sum")
        correct += (scores.argmax(1) == y).sum()
    return loss / len(images), correct / len(images)


def diverged(
    epoch: int, lr: float, lr_last: float, metrics: dict[str, float], seconds: float
) -> Diverged:
    """The record of an epoch in which a loss stopped being finite."""
    name, value = next((n, v) for n, v in metrics.items() if not math.isfinite(v))
    became = "not a number" if math.isnan(value) else "infinite"
    return Diverged(
        epoch=epoch,
        lr=lr,
        lr_last=lr_last,
        metrics={n: v if math.isfinite(v) else None for n, v in metrics.items()},
        seconds=seconds,
        decision=None,
        reason=f"The {label(name)} became {became} in epoch {epoch}, at LR {lr_last:.3g}; "
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
