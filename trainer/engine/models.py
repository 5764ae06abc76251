"""Builds a model by name, for images of any size and channel count."""

import threading

import torch
from torch import Tensor, nn

from ..config.run import Model

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


def build(name: Model, images: Tensor, classes: int, seed: int) -> nn.Module:
    """A new model on the images' device, with weights drawn on the CPU from `seed` alone.

    Args:
        images: [n, channels, height, width], any dtype; only the shape and device are used.
    """
    _, channels, height, width = images.shape
    with _global_generator, torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        model: nn.Module = MODELS[name](channels, height, width, classes)
    return model.to(memory_format=torch.channels_last).to(images.device)
