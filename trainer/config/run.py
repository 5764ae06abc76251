"""The frozen config of a run that is trained here: everything that determines its numbers."""

import math
from collections.abc import Callable
from typing import Any, Literal, Self

from pydantic import field_validator, model_serializer, model_validator

from .fields import refuse, setting
from .metrics import TRAINED
from .own import TORCHVISION, in_file, is_whole
from .recipe import Recipe
from .text import plain

# LRScope's data sets: the training images left after the validation split.
TRAIN_IMAGES = {
    "digits": 1077,
    "mnist": 54_000,
    "fashion-mnist": 54_000,
    "kmnist": 54_000,
    "cifar10": 45_000,
}
# [channels, height, width] of their images; of the others as of MNIST.
SHAPES = {"cifar10": (3, 32, 32)}
MNIST_SHAPE = (1, 28, 28)
# Below this many training images an epoch takes very little time on one core. A second thread would
# gain little, and cost a hundred times as much if it has to wait for a core that draws the page.
ONE_THREAD_BELOW = 10_000
MNIST_IMAGE = 28 * 28  # numbers: a larger sample counts as several images
MODELS = {"cnn": "CNN", "mlp": "MLP", "lenet5": "LeNet-5", "resnet18": "ResNet-18"}
Device = Literal["auto", "cpu", "cuda", "mps"]
MOST_TARGET = 200  # characters
# Settings of one's own data. Without them a config is stored as it was before there were any.
OF_OWN_DATA = ("image_size", "target")


def is_known_data(name: str) -> bool:
    """Whether a data set is one of LRScope's, rather than one's own."""
    return name in TRAIN_IMAGES


def shape(dataset: str) -> tuple[int, int, int]:
    """[channels, height, width] of the images of one of LRScope's data sets."""
    return SHAPES.get(dataset, MNIST_SHAPE)


def samples(dataset: str) -> str:
    """What a data set has, in a word."""
    kinds = {".csv": "rows", ".npz": "samples"}
    return kinds.get(dataset[-4:].lower(), "images")


def is_known_model(name: str) -> bool:
    """Whether a network is one of LRScope's."""
    return name in MODELS


class RunConfig(Recipe):
    """A recipe and what it trains: the same config gives the same numbers."""

    dataset: str = setting(
        "digits", "Data", "Digits is bundled; the others are downloaded once.", main=True,
        own="the path of a folder of images, an .npz or a .csv, such as ./flowers",
        words={
            "digits": "Digits (bundled)",
            "mnist": "MNIST",
            "fashion-mnist": "Fashion-MNIST",
            "kmnist": "KMNIST",
            "cifar10": "CIFAR-10",
        },
    )  # fmt: skip
    model: str = setting(
        "cnn", "Model", "The network to train.", main=True,
        own="a classifier of torchvision.models, or a class in a file such as ./model.py:Net",
        words=MODELS,
    )  # fmt: skip
    image_size: int = setting(
        0, "Image size", "Own images are made squares of so many pixels; auto takes at most 64.",
        words={"0": "auto"}, ge=0, le=1024,
    )  # fmt: skip
    target: str = setting(
        "", "Target", "The column of an own CSV to predict, by name; empty for the last."
    )
    monitor: str = setting(
        "val_loss", "Monitor", "The metric that the plateau rule watches.", words=TRAINED
    )
    batch_size: int = setting(64, "Batch", "Images per step.", "images", main=True, ge=1, le=10_000)
    seed: int = setting(0, "Seed", "Same seed, same numbers.", main=True, ge=0, le=2**31 - 1)
    device: Device = setting(
        "auto", "Device", "Automatic uses a GPU if there is one.",
        words={"auto": "automatic", "cpu": "CPU", "cuda": "CUDA GPU", "mps": "Apple GPU (MPS)"},
    )  # fmt: skip
    cuda_graph: bool = setting(
        False, "CUDA graph", "One launch per step on a CUDA GPU: several times faster if small."
    )
    threads: int = setting(
        0, "Threads",
        "CPU threads; auto uses fewer while other programs need the cores, and records it.",
        words={"0": "auto"}, ge=0, le=256,
    )  # fmt: skip

    @field_validator("dataset")
    @classmethod
    def data_can_be_named(cls, name: str) -> str:
        if not is_known_data(name) and not is_whole(name):
            raise ValueError("it cannot be one")
        return name

    @field_validator("model")
    @classmethod
    def model_can_be_named(cls, name: str) -> str:
        found = in_file(name)
        if not (is_known_model(name) or name in TORCHVISION or (found and is_whole(found.file))):
            raise ValueError("it cannot be one")
        return name

    @field_validator("target")
    @classmethod
    def target_is_one_line(cls, name: str) -> str:
        if len(name) > MOST_TARGET or plain(name) != name:
            raise ValueError("it cannot be one")
        return name

    @model_serializer(mode="wrap")
    def without_unused(self, handler: Callable[[Any], dict[str, Any]]) -> dict[str, Any]:
        unused = {name for name in OF_OWN_DATA if not getattr(self, name)}
        return {name: value for name, value in handler(self).items() if name not in unused}

    @model_validator(mode="after")
    def monitor_is_measured(self) -> Self:
        if self.monitor not in TRAINED:
            raise refuse("monitor", f"Monitor must be one of {', '.join(TRAINED)}.")
        return self

    @property
    def batches(self) -> int | None:
        """Batches per epoch; the last one may be smaller. None for one's own data, which must be
        looked at (`trainer.own.survey`).
        """
        if not is_known_data(self.dataset):
            return None
        return math.ceil(TRAIN_IMAGES[self.dataset] / self.batch_size)
