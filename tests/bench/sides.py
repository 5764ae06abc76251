"""The loops that are compared: LRScope's, the tutorial's, and the barest one."""

import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms
from torchvision.datasets import MNIST

from trainer.config.optimizers import Adam
from trainer.config.run import RunConfig
from trainer.config.schedules import ReduceLROnPlateau
from trainer.engine import datasets, models
from trainer.engine.control import Control
from trainer.engine.datasets import Images, Splits
from trainer.engine.events import Ended, EpochEnded, Event, Failed, Progress, Started
from trainer.engine.loop import evaluate, pixels, train
from trainer.execute import execute
from trainer.schedule import optimizers
from trainer.store.store import Store

# The tutorial's setting, spelled out: what is compared does not move with LRScope's defaults.
TUTORIAL = RunConfig(
    dataset="mnist",
    model="cnn",
    optimizer=Adam(),
    lr=0.001,
    schedule=ReduceLROnPlateau(factor=0.1, patience=5),
    monitor="train_loss",
    epochs=1000,
    batch_size=64,
    device="cpu",
)


# The data


def part_of(splits: Splits, share: float, val: int | None = None) -> Splits:
    """The first images of each split: such a share of them, or `val` validation images."""

    def first(images: Images, n: int) -> Images:
        return Images(images.x[:n], images.y[:n])

    held = int(len(splits.val) * share) if val is None else val
    train = first(splits.train, int(len(splits.train) * share))
    return Splits(train, first(splits.val, held), first(splits.test, held), splits.classes)


def random_images(shape: tuple[int, int, int], train: int, val: int) -> Splits:
    """Noise: speed does not depend on what is in a picture."""
    generator = torch.Generator().manual_seed(0)

    def images(n: int) -> Images:
        x = torch.randint(0, 256, (n, *shape), dtype=torch.uint8, generator=generator)
        return Images(x, torch.randint(0, 10, (n,), generator=generator))

    return Splits(images(train), images(val), images(val), classes=10)


@contextmanager
def trained_on(splits: Splits) -> Iterator[None]:
    """Whatever data set a run names that begins in this block: these images are it."""
    with (
        mock.patch.object(datasets, "load", return_value=splits),
        mock.patch.object(datasets, "fetch", return_value=()),
    ):
        yield


# LRScope


def engine(config: RunConfig, root: Path, control: Control | None = None) -> Iterator[Event]:
    """The engine's events. Raises DatasetError where it would have to download."""
    datasets.load(config.dataset, root, config.seed)
    return train(config, root, control)


class Lrscope:
    """A run that goes on for as many batches as it is asked for."""

    def __init__(self, events: Iterator[Event], splits: Splits) -> None:
        with trained_on(splits):
            started = next(event for event in events if isinstance(event, Started | Failed))
        assert isinstance(started, Started), started
        self.events = events
        self.done = 0
        self.batches = started.batches
        self.device = started.device

    def train(self, batches: int) -> float:
        """Train at least so many more; seconds a batch."""
        first, began = self.done, self._now()
        while self.done - first < batches:
            match next(self.events):
                case Progress(epoch, batch, _):
                    self.done = (epoch - 1) * self.batches + batch
                case EpochEnded(epoch):
                    self.done = epoch * self.batches
                case Ended() | Failed() as over:
                    raise RuntimeError(f"the run is over: {over}")
        return (self._now() - began) / (self.done - first)

    def epoch(self) -> float:
        """Seconds a batch of an epoch from its end to the end of the next, validation included."""
        began = self._now()
        next(event for event in self.events if isinstance(event, EpochEnded))
        return (self._now() - began) / self.batches

    def _now(self) -> float:
        return now(self.device)


@contextmanager
def recorded(config: RunConfig, splits: Splits) -> Iterator[Lrscope]:
    """A run as LRScope trains it: into a store, with its snapshots."""
    with tempfile.TemporaryDirectory() as home:
        store = Store(Path(home))
        events = execute(store, store.add(config, claimed=True), Path(home))
        try:
            yield Lrscope(events, splits)
        finally:
            events.close()
            store.close()


def now(device: str) -> float:
    """The time at which everything asked of the device is done."""
    if device.startswith("cuda"):
        torch.cuda.synchronize()
    return time.perf_counter()


# The tutorial


class TutorialCNN(nn.Module):
    """The tutorial's network, written as the tutorial writes it."""

    def __init__(self, in_channels: int = 1, num_classes: int = 10) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, 8, kernel_size=3, stride=1, padding=1)
        self.pool = nn.MaxPool2d(kernel_size=2, stride=2)
        self.conv2 = nn.Conv2d(8, 16, kernel_size=3, stride=1, padding=1)
        self.fc1 = nn.Linear(16 * 7 * 7, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.pool(nn.functional.relu(self.conv1(x)))
        x = self.pool(nn.functional.relu(self.conv2(x)))
        scores: Tensor = self.fc1(x.reshape(x.shape[0], -1))
        return scores


def plainly(config: RunConfig, splits: Splits) -> nn.Module:
    """The model as the tutorial would have it: its own network, others in torch's own layout."""
    if config.model == "cnn":
        return TutorialCNN()
    built = models.built(config.model, splits.train.x[:1], splits.classes, config.seed).network
    return built.to(memory_format=torch.contiguous_format)


class Tutorial:
    """The tutorial's training, corrected so that it runs: nothing in it is LRScope's."""

    def __init__(self, model: nn.Module, config: RunConfig) -> None:
        self.model = model.to(config.device)
        self.device = config.device
        self.criterion = nn.CrossEntropyLoss()
        self.optimizer = torch.optim.Adam(model.parameters(), lr=config.lr)
        self.scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(
            self.optimizer, factor=0.1, patience=5
        )

    def epoch(self, loader: Iterable[tuple[Tensor, Tensor]]) -> list[float]:
        """Train over the loader once; the loss of each batch."""
        losses = []
        for data, targets in loader:
            data, targets = data.to(self.device), targets.to(self.device)
            loss = self.criterion(self.model(data), targets)
            losses.append(loss.item())
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
        self.scheduler.step(sum(losses) / len(losses))
        return losses


class Pictures(Dataset[tuple[Tensor, int]]):
    """The images of any data set through ToTensor, one by one, as torchvision would give them."""

    def __init__(self, images: Images) -> None:
        self.images = images
        self.to_tensor = transforms.ToTensor()

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, row: int) -> tuple[Tensor, int]:
        picture = self.images.x[row].permute(1, 2, 0).numpy()
        return self.to_tensor(picture), int(self.images.y[row])


def torchvision_mnist(root: Path, images: Images) -> MNIST:
    """torchvision's MNIST as the tutorial reads it, holding just these images."""
    mnist = MNIST(root, train=True, transform=transforms.ToTensor())
    mnist.data, mnist.targets = images.x.squeeze(1), images.y
    return mnist


def shuffled(pictures: Dataset[tuple[Tensor, int]], config: RunConfig) -> DataLoader[object]:
    return DataLoader(pictures, batch_size=config.batch_size, shuffle=True)


# The barest loop


class Bare:
    """The same steps over tensors, and nothing else: no events, no control, no schedule, no
    snapshots, no store.
    """

    def __init__(self, config: RunConfig, splits: Splits) -> None:
        self.config = config
        self.splits = splits.to(config.device)
        train = self.splits.train
        self.model = models.built(config.model, train.x, splits.classes, config.seed).network
        self.optimizer = optimizers.build(config.optimizer, self.model.parameters(), config.lr)

    def epoch(self) -> list[float]:
        """Train an epoch and validate; train loss, validation loss and accuracy."""
        train, losses = self.splits.train, []
        self.model.train()
        order = torch.randperm(len(train)).to(train.x.device)
        for index in order.split(self.config.batch_size):
            x, y = train.x.index_select(0, index), train.y.index_select(0, index)
            loss = cross_entropy(self.model(pixels(x)), y)
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            losses.append(loss.detach())
        validated = evaluate(self.model, self.splits.val, Control())
        assert validated is not None
        assert validated[1] is not None
        measured = [torch.stack(losses).mean(), validated[0], validated[1]]
        numbers: list[float] = torch.stack(measured).tolist()
        return numbers
