"""The training loop: `train(config)` yields events as they happen."""

import math
import platform
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, mse_loss

from .. import folders
from ..config.metrics import label
from ..config.own import in_file
from ..config.run import Device, RunConfig, is_known_model
from ..config.table import changed, check_steps, keyed
from ..schedule import interventions, optimizers
from ..schedule.schedule import Schedule
from ..schedule.trace import Trace
from . import environment, models, own_network, reading, threads
from .clock import Clock
from .control import Control
from .cuda_graph import Graphed, uses_graph
from .datasets import Images, Splits
from .errors import EngineError
from .events import (
    Diverged,
    Ended,
    EpochEnded,
    Event,
    Forked,
    Intervened,
    Loading,
    Progress,
    Started,
)
from .state import Snapshot, State, config_of
from .threads import FreeCores
from .trace import Arrivals, whole

PROGRESS_SECONDS = 0.05
NO_GRAPH = "A CUDA graph is for LRScope's own networks: this one trains without."
EVALUATION_BATCH = 1000
EVALUATED_NUMBERS = EVALUATION_BATCH * 3072  # fewer samples at once if they are larger than CIFAR's


def train(
    config: RunConfig | None = None,
    root: Path | str | None = None,
    control: Control | None = None,
    start: Snapshot | None = None,
    **settings: Any,
) -> Generator[Event, None, None]:
    """Train one run and yield its events: (Downloading | Reading)*, Loading?, Started, (Progress*
    EpochEnded)*, Ended.

        for event in train(lr=0.01, patience=3, epochs=5): ...

    The same config and interventions give the same numbers on the same machine, also when started
    from a snapshot. Only training happens between two events: the code that drains the iterator
    sets the pace.

    Args:
        config: the run's config; the default one if None.
        root: the folder of the data sets; LRScope's own if None.
        control: checked before every batch; provides snapshots of the run.
        start: the snapshot to continue from: of a run with this config or, for a fork, of another
            run at the end of an epoch.
        settings: changes to the config, named as in the terminal, with underscores.

    Raises:
        ConfigError: at the call: a setting is unknown or out of its bounds.
        DatasetError: the data set is missing and could not be fetched.
        OwnError, NetworkError: one's own data or network cannot be used.
        DeviceError: the chosen device is not available.
        SnapshotError: the run cannot continue from this snapshot.
    """
    config = changed(config or RunConfig(), keyed(settings))
    if config.batches:
        check_steps(config, config.epochs - config.warmup, config.batches)
    return _from_data(config, Path(root or folders.datasets()), control or Control(), start)


def _from_data(
    config: RunConfig, root: Path, control: Control, start: Snapshot | None
) -> Generator[Event, None, None]:
    """The run from its download on."""
    clock = Clock()

    def trained(splits: Splits) -> Iterator[Event]:
        return clock.around(_train(config, splits, control, start, clock))

    if (yield from on_data(config, root, control, trained)) is None:
        yield Ended("stopped")


def on_data(
    config: RunConfig,
    root: Path,
    control: Control,
    training: Callable[[Splits], Iterator[Event]],
) -> Generator[Event, None, Splits | None]:
    """Train with a run's data, on its device; returns the data, None if it was stopped before."""
    device = pick_device(config.device)
    splits = yield from reading.splits(config, root, control)
    if splits is None:
        return None
    splits, own = splits.to(device), in_file(config.model)
    if own:
        yield Loading(Path(own.file).name)
    blamed = own_network.blamed(own) if own else nullcontext()
    with threads.restored(), generators(config, device), blamed:
        yield from training(splits)
    return splits


@contextmanager
def generators(config: RunConfig, device: torch.device) -> Iterator[None]:
    """Let a network that is not LRScope's draw from torch's own generators, seeded by the run, and
    restore these at the end of the block.
    """
    if is_known_model(config.model):
        yield
        return
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        torch.manual_seed(config.seed)
        yield


def _train(
    config: RunConfig, splits: Splits, control: Control, start: Snapshot | None, clock: Clock
) -> Iterator[Event]:
    """The run itself, with the images already on their device."""
    most = threads.at_most(config.threads, splits.train.x.numel())
    torch.set_num_threads(control.threads or most)
    state = initial_state(config, splits)
    model, optimizer, schedule = state.model, state.optimizer, state.schedule
    batches = len(state.losses)
    decision = state.restore(start) if start else None
    torch.set_num_threads(state.threads)
    fixed = bool(config.threads) or splits.train.x.device.type != "cpu"
    cores = None if fixed else FreeCores(most, clock.now)
    x, y = splits.train.x, splits.train.y

    def step(index: Tensor) -> Tensor:
        loss = criterion(model(pixels(x.index_select(0, index))), y.index_select(0, index))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.detach()

    train_step = (
        Graphed(step, config.batch_size, x.device) if uses_graph(config, x.device) else step
    )
    control.attach(state.capture)
    yield started(state, splits, control.threads or state.threads)
    if start and config_of(start) != config:
        yield Forked(state.epoch, decision)

    while True:
        if state.epoch >= state.epochs:
            yield from intervene(state, control)  # epochs may be added up to here
            if state.epoch >= state.epochs:
                break
        epoch, began, reported = state.epoch + 1, clock.now() - state.seconds, clock.now()
        shuffled = state.shuffled(len(x)).to(x.device, non_blocking=True)
        arrivals = Arrivals(state.losses)
        model.train()
        for index in shuffled.split(config.batch_size)[state.batch :]:
            if control.stopping:
                state.seconds = clock.now() - began
                yield Ended("stopped")
                return
            yield from intervene(state, control)
            schedule.apply(optimizer)
            state.end_batch(train_step(index))
            is_asked = (epoch, state.batch) in control.reported
            if is_asked or clock.now() - reported > PROGRESS_SECONDS:
                yield Progress(epoch, state.batch, batches, arrivals.trace(state))
                reported = clock.now()
                if cores and not control.repeats(epoch):
                    fit_threads(cores, state, control)
        weights = torch.full_like(state.losses, config.batch_size)
        weights[-1].fill_(len(shuffled) - (batches - 1) * config.batch_size)  # `=` would wait
        train_loss = (state.losses * weights).sum() / len(shuffled)
        validated = evaluate(model, splits.val, control)
        if validated is None:
            state.seconds = clock.now() - began
            yield Ended("stopped")
            return
        on_device = {"train_loss": train_loss, "val_loss": validated[0]}
        if validated[1] is not None:
            on_device["val_accuracy"] = validated[1]
        # The only device sync of the epoch.
        on_host = torch.cat([state.losses, torch.stack(list(on_device.values()))]).tolist()
        metrics = dict(zip(on_device, on_host[batches:], strict=True))
        trace, seconds = whole(on_host[:batches], state), clock.now() - began
        if not all(map(math.isfinite, metrics.values())):
            yield diverged(epoch, state.lr, state.lr_last, metrics, seconds, trace)
            return
        decision = state.end_epoch(metrics[config.monitor])
        yield EpochEnded(epoch, state.lr, state.lr_last, metrics, seconds, decision, trace)
    if not len(splits.test):
        yield Ended("finished")
        return
    tested = evaluate(model, splits.test, control)
    if tested is None:
        yield Ended("stopped")
        return
    loss, accuracy = tested
    yield Ended("finished", loss.item(), None if accuracy is None else accuracy.item())


def initial_state(config: RunConfig, splits: Splits) -> State:
    """The state of a run before its first batch."""
    built = models.built(config.model, splits.train.x, splits.classes, config.seed)
    model = built.network
    wants_graph = config.cuda_graph and not is_known_model(config.model)
    batches = math.ceil(len(splits.train) / config.batch_size)
    return State(
        config=config,
        model=model,
        optimizer=optimizers.build(
            config.optimizer,
            model.parameters(),
            config.lr,
            uses_graph(config, splits.train.x.device),
        ),
        schedule=Schedule(config, batches),
        order=torch.Generator().manual_seed(config.seed),
        losses=torch.empty(batches, device=splits.train.x.device),
        threads=torch.get_num_threads(),
        stamp=built.stamp,
        notes=(*built.notes, *([NO_GRAPH] if wants_graph else [])),
    )


def started(state: State, splits: Splits, threads: int) -> Started:
    """The sizes of the run's data and model, and the environment that it trains in."""
    return Started(
        device=str(splits.train.x.device),
        threads=threads,
        batches=len(state.losses),
        train=len(splits.train),
        val=len(splits.val),
        test=len(splits.test),
        classes=splits.classes,
        parameters=sum(p.numel() for p in state.model.parameters()),
        torch=environment.torch_version(),
        python=platform.python_version(),
        cpu=environment.cpu_name(),
        data=splits.stamp,
        network=state.stamp,
        notes=(*splits.notes, *state.notes),
    )


def intervene(state: State, control: Control) -> Iterator[Intervened]:
    """Make the interventions that are due before this batch, new or from the record."""
    for due, repeated in control.due(state.epoch + 1, state.batch):
        before, threads_before = state.schedule.lr, state.threads
        match due.name:
            case "epochs":
                state.added += int(due.value or 0)
            case "threads":
                state.threads = int(due.value or 1)
                torch.set_num_threads(state.threads)
            case name:
                state.schedule.intervene(name, due.value)
        after = state.schedule.lr
        if due.name == "threads":
            sentence = threads.sentence(threads_before, state.threads)
        else:
            sentence = interventions.sentence(due.name, due.value, before, after)
        yield Intervened(
            due.epoch, due.batch, due.name, due.value, before, after, sentence, repeated
        )


def fit_threads(cores: FreeCores, state: State, control: Control) -> None:
    """Ask for another number of threads if other programs need the cores, or no longer do."""
    fit = cores.threads(state.threads)
    if fit != state.threads:
        control.ask("threads", fit)


def pixels(x: Tensor) -> Tensor:
    """uint8 [n, c, h, w] -> float32 in 0..1, channels last: ToTensor for a whole batch at once.
    float32 stays as it is, but for the order of images in memory.
    """
    if x.dtype == torch.uint8:
        return x.to(torch.float32, memory_format=torch.channels_last).div_(255)
    return x.contiguous(memory_format=torch.channels_last) if x.ndim == 4 else x


def criterion(scores: Tensor, y: Tensor, reduction: str = "mean") -> Tensor:
    """The cross-entropy of classes, int64 [n]; the squared error of numbers, float32 [n]."""
    if y.is_floating_point():
        return mse_loss(scores.flatten(), y, reduction=reduction)
    return cross_entropy(scores, y, reduction=reduction)


@torch.inference_mode()
def evaluate(
    model: nn.Module, images: Images, control: Control
) -> tuple[Tensor, Tensor | None] | None:
    """Mean loss and accuracy over all images, still on the device; no accuracy where numbers are
    predicted. None if the run was stopped before the last of them.
    """
    model.eval()
    loss = torch.zeros((), device=images.x.device)
    correct = torch.zeros((), device=images.x.device)
    together = max(1, min(EVALUATION_BATCH, EVALUATED_NUMBERS // max(1, images.x[:1].numel())))
    for x, y in zip(images.x.split(together), images.y.split(together), strict=True):
        if control.stopping:
            return None
        scores = model(pixels(x))
        loss += criterion(scores, y, reduction="sum")
        if not y.is_floating_point():
            correct += (scores.argmax(1) == y).sum()
    accuracy = None if images.y.is_floating_point() else correct / len(images)
    return loss / len(images), accuracy


def diverged(
    epoch: int,
    lr: float,
    lr_last: float,
    metrics: dict[str, float],
    seconds: float,
    trace: Trace,
) -> Diverged:
    """The record of an epoch in which a loss became infinite or NaN."""
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
        trace=trace,
    )


class DeviceError(EngineError):
    """The chosen device is not available; the message is one sentence for the user."""


def pick_device(name: Device) -> torch.device:
    """The torch device of that name; auto prefers CUDA, then MPS, then the CPU."""
    is_available = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if name == "auto":
        return torch.device(next(device for device, found in is_available.items() if found))
    if not is_available[name]:
        raise DeviceError(f"torch finds no {name} device here; choose the device auto or cpu.")
    return torch.device(name)
