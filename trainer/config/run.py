"""The frozen config of a run that is trained here: everything that determines its numbers."""

import math
from typing import Literal, Self

from pydantic import model_validator

from .fields import refuse, setting
from .metrics import TRAINED
from .recipe import Recipe

Dataset = Literal["digits", "mnist", "fashion-mnist", "kmnist", "cifar10"]
# Training images left after the validation split.
TRAIN_IMAGES: dict[Dataset, int] = {
    "digits": 1077,
    "mnist": 54_000,
    "fashion-mnist": 54_000,
    "kmnist": 54_000,
    "cifar10": 45_000,
}
Model = Literal["cnn", "mlp", "lenet5", "resnet18"]
Device = Literal["auto", "cpu", "cuda", "mps"]


class RunConfig(Recipe):
    """A recipe and what it trains: the same config gives the same numbers."""

    dataset: Dataset = setting(
        "digits", "Data", "Digits is bundled; the others are downloaded once.", main=True,
        words={
            "digits": "Digits (bundled)",
            "mnist": "MNIST",
            "fashion-mnist": "Fashion-MNIST",
            "kmnist": "KMNIST",
            "cifar10": "CIFAR-10",
        },
    )  # fmt: skip
    model: Model = setting(
        "cnn", "Model", "The network to train.", main=True,
        words={"cnn": "CNN", "mlp": "MLP", "lenet5": "LeNet-5", "resnet18": "ResNet-18"},
    )  # fmt: skip
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

    @model_validator(mode="after")
    def monitor_is_measured(self) -> Self:
        if self.monitor not in TRAINED:
            raise refuse("monitor", f"Monitor must be one of {', '.join(TRAINED)}.")
        return self

    @property
    def batches(self) -> int:
        """Batches per epoch; the last one may be smaller."""
        return math.ceil(TRAIN_IMAGES[self.dataset] / self.batch_size)
