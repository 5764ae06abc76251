"""Data and networks of one's own, as a config names them: a path, a class in a file, or a network
of torchvision.
"""

import os
import re
from pathlib import Path, PurePath, PurePosixPath, PureWindowsPath
from typing import NamedTuple

from .text import plain

MOST_CHARACTERS, MOST_SHOWN = 1000, 60  # of a path, and of its last part
IN_A_FILE = re.compile(r"(?P<file>.+\.py):(?P<name>[^\W\d]\w*)", re.DOTALL)
# How a path begins that is not whole: from the folder of whoever typed it, or from the home.
BEGINS = re.compile(r"~|\.{1,2}[/\\]|.*[/\\]|.*\.(csv|npz)$", re.DOTALL | re.IGNORECASE)
# The classifiers of torchvision.models, which is not loaded for their names.
TORCHVISION = (
    "alexnet", "convnext_base", "convnext_large", "convnext_small", "convnext_tiny", "densenet121",
    "densenet161", "densenet169", "densenet201", "efficientnet_b0", "efficientnet_b1",
    "efficientnet_b2", "efficientnet_b3", "efficientnet_b4", "efficientnet_b5", "efficientnet_b6",
    "efficientnet_b7", "efficientnet_v2_l", "efficientnet_v2_m", "efficientnet_v2_s", "googlenet",
    "inception_v3", "maxvit_t", "mnasnet0_5", "mnasnet0_75", "mnasnet1_0", "mnasnet1_3",
    "mobilenet_v2", "mobilenet_v3_large", "mobilenet_v3_small", "regnet_x_16gf", "regnet_x_1_6gf",
    "regnet_x_32gf", "regnet_x_3_2gf", "regnet_x_400mf", "regnet_x_800mf", "regnet_x_8gf",
    "regnet_y_128gf", "regnet_y_16gf", "regnet_y_1_6gf", "regnet_y_32gf", "regnet_y_3_2gf",
    "regnet_y_400mf", "regnet_y_800mf", "regnet_y_8gf", "resnet101", "resnet152", "resnet34",
    "resnet50", "resnext101_32x8d", "resnext101_64x4d", "resnext50_32x4d", "shufflenet_v2_x0_5",
    "shufflenet_v2_x1_0", "shufflenet_v2_x1_5", "shufflenet_v2_x2_0", "squeezenet1_0",
    "squeezenet1_1", "swin_b", "swin_s", "swin_t", "swin_v2_b", "swin_v2_s", "swin_v2_t", "vgg11",
    "vgg11_bn", "vgg13", "vgg13_bn", "vgg16", "vgg16_bn", "vgg19", "vgg19_bn", "vit_b_16",
    "vit_b_32", "vit_h_14", "vit_l_16", "vit_l_32", "wide_resnet101_2", "wide_resnet50_2",
)  # fmt: skip


class InFile(NamedTuple):
    """A network in a file of one's own: a class, or a function that returns one."""

    file: str
    name: str


def in_file(model: str) -> InFile | None:
    """The file and the class that a model names; None if it is none of one's own."""
    found = IN_A_FILE.fullmatch(model)
    return InFile(found["file"], found["name"]) if found else None


def is_whole(path: str) -> bool:
    """Whether this is a path from the root on, of any system, that can be shown on one line."""
    whole = PurePosixPath(path).is_absolute() or PureWindowsPath(path).is_absolute()
    return whole and len(path) <= MOST_CHARACTERS and plain(path) == path


def whole(text: str) -> str:
    """What was typed as a path, from the root on; anything else as it is."""
    found = in_file(text)
    if found:
        return f"{_absolute(found.file)}:{found.name}"
    return _absolute(text) if BEGINS.match(text) else text


def _absolute(text: str) -> str:
    if is_whole(text) and not Path(text).is_absolute():  # of another system
        return text
    try:
        # Not resolved: a link keeps the name that it was given.
        return str(Path(os.path.abspath(Path(text.strip()).expanduser())))  # noqa: PTH100
    except (OSError, RuntimeError, ValueError):  # there is no such home
        return text


def base_name(path: str) -> str:
    """The last part of a path of any system."""
    kind: type[PurePath] = PurePosixPath if path.startswith("/") else PureWindowsPath
    return kind(path).name or path


def called(value: str) -> str:
    """What a data set or a network of one's own is called: flowers, Net. Any other as it is."""
    found = in_file(value)
    if found:
        return found.name
    return plain(base_name(value), MOST_SHOWN) if is_whole(value) else value
