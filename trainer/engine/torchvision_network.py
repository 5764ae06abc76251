"""The classifiers of torchvision.models, as they come but for the number of classes."""

from typing import Any

import torch
from torch import Tensor, nn

from .errors import EngineError

# Sides that are tried where one does not fit, in pixels.
SIZES = (32, 48, 64, 96, 128, 160, 192, 224, 256, 299, 384, 512)


class Coloured(nn.Module):
    """A network that gets grey images as RGB, its three channels alike."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> Tensor:
        scores: Tensor = self.network(x.expand(-1, 3, -1, -1))
        return scores


def build(name: str, shape: tuple[int, ...], outputs: int) -> tuple[nn.Module, tuple[str, ...]]:
    """A new network on the CPU for samples of [channels, height, width], and notes.

    Raises:
        EngineError: it does not take such samples.
    """
    channels, height, width = shape
    if not _fits(name, height, width):
        fits = next((size for size in SIZES if size > height and _fits(name, size, size)), None)
        offer = f"choose the image size {fits}" if fits else "choose another network"
        raise EngineError(f"{name} does not take images of {width} × {height} pixels: {offer}.")
    network = _made(name, height, outputs)
    if channels == 3:
        return network, ()
    return Coloured(network), (f"{name} needs 3 channels: the images are made RGB.",)


def _made(name: str, size: int, outputs: int) -> nn.Module:
    from torchvision.models import get_model

    more: dict[str, Any] = {}
    if name.startswith("vit_"):
        more["image_size"] = size
    elif name.startswith("maxvit"):
        more["input_size"] = (size, size)
    elif name in ("googlenet", "inception_v3"):  # without the heads that only training uses
        more = {"aux_logits": False, "init_weights": False}
    network: nn.Module = get_model(name, weights=None, num_classes=outputs, **more)
    return network


def _fits(name: str, height: int, width: int) -> bool:
    """Whether a network takes images of that size, tried without any numbers."""
    try:
        with torch.device("meta"), torch.no_grad():
            network = _made(name, height, 2).eval()
            return bool(network(torch.empty(2, 3, height, width)).shape == (2, 2))
    except Exception:  # of whatever kind each network raises
        return False
