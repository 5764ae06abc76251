"""The networks of trainer/engine/models.py, as code for images of one size."""

from typing import NamedTuple


class Images(NamedTuple):
    """The size of a data set's images."""

    channels: int
    size: int


def code(model: str, images: Images) -> str:
    """`model = ...`: a new network of 10 classes, not yet on its device."""
    return NETWORKS[model](*images).strip()


def _cnn(channels: int, size: int) -> str:
    return f"""
model = nn.Sequential(
    nn.Conv2d({channels}, 8, 3, padding=1),
    nn.MaxPool2d(2),
    nn.ReLU(inplace=True),
    nn.Conv2d(8, 16, 3, padding=1),
    nn.MaxPool2d(2),
    nn.ReLU(inplace=True),
    nn.Flatten(),
    nn.Linear({16 * (size // 4) ** 2}, 10),
)
"""


def _mlp(channels: int, size: int) -> str:
    return f"""
model = nn.Sequential(
    nn.Flatten(),
    nn.Linear({channels * size**2}, 50),
    nn.ReLU(),
    nn.Linear(50, 10),
)
"""


def _lenet5(channels: int, size: int) -> str:
    padding = ", padding=2" if size == 28 else ""
    return f"""
model = nn.Sequential(
    nn.Conv2d({channels}, 6, 5{padding}),
    nn.Tanh(),
    nn.AvgPool2d(2),
    nn.Conv2d(6, 16, 5),
    nn.Tanh(),
    nn.AvgPool2d(2),
    nn.Flatten(),
    nn.Linear(400, 120),
    nn.Tanh(),
    nn.Linear(120, 84),
    nn.Tanh(),
    nn.Linear(84, 10),
)
"""


def _resnet18(channels: int, size: int) -> str:  # noqa: ARG001
    return f"""
model = torchvision.models.resnet18(num_classes=10)
# For small images: a first convolution that keeps their size, and no pooling after it.
model.conv1 = nn.Conv2d({channels}, 64, 3, padding=1, bias=False)
model.maxpool = nn.Identity()
"""


NETWORKS = {"cnn": _cnn, "mlp": _mlp, "lenet5": _lenet5, "resnet18": _resnet18}
