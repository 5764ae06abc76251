"""Builds a model by name, for images of any size and channel count."""

import threading
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ..config.own import in_file
from ..config.run import is_known_model
from . import own_network, torchvision_network

# fork_rng saves and restores torch's global generator: two threads must not do so at once.
_global_generator = threading.Lock()


class CNN(nn.Sequential):
    """The tutorial's network: two 3 x 3 convolutions (8 and 16 channels), each with ReLU and 2 x 2
    max pooling, and one linear layer. Pooling comes before ReLU here: ReLU is monotonic, so the
    result is the same, with a quarter of the elements.
    """

    def __init__(self, channels: int, height: int, width: int, classes: int) -> None:
        super().__init__(
            nn.Conv2d(channels, 8, 3, padding=1),
            nn.MaxPool2d(2),
            nn.ReLU(inplace=True),
            nn.Conv2d(8, 16, 3, padding=1),
            nn.MaxPool2d(2),
            nn.ReLU(inplace=True),
            nn.Flatten(),
            nn.Linear(16 * (height // 4) * (width // 4), classes),
        )


class MLP(nn.Sequential):
    """One hidden layer of 50: 784-50-10 on MNIST."""

    def __init__(self, channels: int, height: int, width: int, classes: int) -> None:
        super().__init__(
            nn.Flatten(),
            nn.Linear(channels * height * width, 50),
            nn.ReLU(),
            nn.Linear(50, classes),
        )


class LeNet5(nn.Sequential):
    """LeNet-5 (LeCun et al. 1998) as taught today: tanh, average pooling, a plain softmax head;
    28 x 28 images are padded by 2 to the paper's 32 x 32.
    """

    def __init__(self, channels: int, height: int, width: int, classes: int) -> None:
        padding = 2 if height == 28 else 0

        def after(size: int) -> int:
            return ((size + 2 * padding - 4) // 2 - 4) // 2

        super().__init__(
            nn.Conv2d(channels, 6, 5, padding=padding),
            nn.Tanh(),
            nn.AvgPool2d(2),
            nn.Conv2d(6, 16, 5),
            nn.Tanh(),
            nn.AvgPool2d(2),
            nn.Flatten(),
            nn.Linear(16 * after(height) * after(width), 120),
            nn.Tanh(),
            nn.Linear(120, 84),
            nn.Tanh(),
            nn.Linear(84, classes),
        )


def resnet18(channels: int, height: int, width: int, classes: int) -> nn.Module:  # noqa: ARG001
    """torchvision's ResNet-18 with the stem of the ResNet paper's CIFAR networks (He et al. 2015,
    section 4.2): a 3 x 3 convolution of stride 1 and no max pooling, for small images.
    """
    from torchvision.models import resnet18 as torchvision_resnet18

    model: nn.Module = torchvision_resnet18(num_classes=classes)
    model.conv1 = nn.Conv2d(channels, 64, 3, padding=1, bias=False)
    model.maxpool = nn.Identity()
    return model


MODELS = {"cnn": CNN, "mlp": MLP, "lenet5": LeNet5, "resnet18": resnet18}


class Built(NamedTuple):
    """A new network. `stamp` is another text after its code has changed; `notes` say what a person
    should know of it, a sentence each.
    """

    network: nn.Module
    stamp: str = ""
    notes: tuple[str, ...] = ()


def built(name: str, images: Tensor, classes: int, seed: int) -> Built:
    """A new network on the samples' device, with weights drawn on the CPU from `seed` alone: one of
    MODELS or of torchvision's, or one in a file, which is run.

    Args:
        images: [n, channels, height, width] or [n, numbers]; only the shape and device are used.
        classes: how many there are; 0 for one that predicts a number.

    Raises:
        EngineError: it does not take such samples, or is none that can be trained.
        OwnError: its file cannot be read.
    """
    shape, outputs = tuple(images.shape[1:]), classes or 1
    with _global_generator, torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        if is_known_model(name):
            made = Built(_known(name, shape, outputs))
        elif own := in_file(name):
            network, stamp, notes = own_network.build(own, offered(shape, classes))
            made = Built(own_network.tried(own, network, shape, outputs), stamp, notes)
            return made._replace(network=made.network.to(images.device))
        else:
            network, notes = torchvision_network.build(name, shape, outputs)
            made = Built(network, "", notes)
    laid = made.network.to(memory_format=torch.channels_last).to(images.device)
    return made._replace(network=laid)


def offered(shape: tuple[int, ...], classes: int) -> dict[str, int]:
    """What a network of one's own may take by name."""
    if len(shape) == 1:
        return {"features": shape[0], "classes": classes or 1}
    channels, height, width = shape
    size = {"size": height} if height == width else {}
    return {
        "channels": channels, **size, "classes": classes or 1, "height": height, "width": width
    }  # fmt: skip


def _known(name: str, shape: tuple[int, ...], outputs: int) -> nn.Module:
    channels, height, width = shape if len(shape) == 3 else (shape[0], 1, 1)
    model: nn.Module = MODELS[name](channels, height, width, outputs)
    return model
