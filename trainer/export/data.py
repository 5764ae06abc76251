"""The data sets of trainer/engine/datasets.py, as code that loads and splits them."""

import base64
import bz2
from functools import cache

from ..config.run import shape
from .networks import Images

SPLIT = '''
def split(y, held, seed):
    """Which images to keep, and which to hold out, in proportion to the classes."""
    n = len(y)
    shuffled = torch.randperm(n, generator=torch.Generator().manual_seed(seed))
    by_class = shuffled[y[shuffled].argsort(stable=True)]
    out = torch.zeros(n, dtype=torch.bool)
    out[by_class[(2 * torch.arange(held) + 1) * n // (2 * held)]] = True
    return ~out, out
'''
DIGITS = """
# 1797 images of 8 x 8 pixels from 0 to 16, then their labels; a byte for each
packed = "{0}"  # noqa: E501
unpacked = bytearray(bz2.decompress(base64.b85decode(packed)))
digits = torch.frombuffer(unpacked, dtype=torch.uint8)
small = digits[: 1797 * 64].view(-1, 1, 8, 8).float()
large = interpolate(small, size=(28, 28), mode="bilinear")
x = (large * (255 / 16)).round().clamp(0, 255).to(torch.uint8)
y = digits[1797 * 64 :].long()
"""
# torchvision's class, and how its images and labels become tensors of [n, channels, h, w] and [n].
GREY = ("{0}.data.unsqueeze(1)", "{0}.targets")
COLOUR = ("torch.from_numpy({0}.data).permute(0, 3, 1, 2)", "torch.tensor({0}.targets)")
TORCHVISION = {
    "mnist": ("MNIST", GREY),
    "fashion-mnist": ("FashionMNIST", GREY),
    "kmnist": ("KMNIST", GREY),
    "cifar10": ("CIFAR10", COLOUR),
}


def is_bundled(dataset: str) -> bool:
    """Whether the data set comes with scikit-learn: it is in no folder."""
    return dataset not in TORCHVISION


def images(dataset: str) -> Images:
    channels, size, _ = shape(dataset)
    return Images(channels, size)


def code(dataset: str, seed: int, tested: bool, moved: str) -> str:
    """`x_train`, `y_train`, `x_val`, `y_val` and, if `tested`, `x_test` and `y_test`.

    Args:
        moved: what follows a tensor to move it to the run's device; "" for the CPU.
    """
    made = (_digits if is_bundled(dataset) else _torchvision)(dataset, tested, moved)
    held = "360" if is_bundled(dataset) else "len(y) // 10"
    splits = f"""
train, val = split(y, {held}, seed={seed})
x_train, y_train = x[train]{moved}, y[train]{moved}
x_val, y_val = x[val]{moved}, y[val]{moved}
"""
    return f"{SPLIT.strip()}\n\n\n{made.strip()}\n{splits}".strip()


def _digits(dataset: str, tested: bool, moved: str) -> str:  # noqa: ARG001
    test = f"x_test, y_test = x[test]{moved}, y[test]{moved}\n" if tested else ""
    held = "test" if tested else "_"
    pool = f"pool, {held} = split(y, 360, seed=0)\n{test}x, y = x[pool], y[pool]"
    return f"{DIGITS.format(_packed())}\n{pool}"


@cache
def _packed() -> str:
    """scikit-learn's digits as text: they are small, and a script has no other place for them."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    both = digits.images.astype("uint8").tobytes() + digits.target.astype("uint8").tobytes()
    return base64.b85encode(bz2.compress(both)).decode()


def _torchvision(dataset: str, tested: bool, moved: str) -> str:
    kind, tensors = TORCHVISION[dataset]
    x, y = (tensor.format("data") for tensor in tensors)
    made = f"""
data = torchvision.datasets.{kind}(root, train=True, download=True)
x, y = {x}, {y}
"""
    if not tested:
        return made
    return f"""{made}data = torchvision.datasets.{kind}(root, train=False, download=True)
x_test, y_test = {x}{moved}, {y}{moved}
"""
