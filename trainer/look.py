"""Says what a network looks like, as a program of its own: what the file of one's own network does,
or fails to, is done to this process alone. See `trainer.own.looking`.
"""

import faulthandler
import json
import os
import sys
from typing import Any

import torch

from .engine import models, own_network
from .failures import reason, unexpected

MOST_LAYERS = 60


def main() -> None:
    """Print one JSON object: `error` in a sentence, or the `parameters`, `layers` and `notes`.

    Arguments: the model, the shape of a sample as 3,64,64, the number of classes, and the seconds
    after which it ends by itself, where who started it has been killed meanwhile.
    """
    faulthandler.dump_traceback_later(float(sys.argv[4]), exit=True)
    # The file's own prints must not come between.
    answer = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    model, shape, classes = sys.argv[1], tuple(map(int, sys.argv[2].split(","))), int(sys.argv[3])
    try:
        told = look(model, shape, classes)
    except Exception as error:
        told = {"error": reason(error) or unexpected(error)}
    json.dump(told, answer)
    answer.close()
    os._exit(0)  # whatever threads the file has started


def look(model: str, shape: tuple[int, ...], classes: int) -> dict[str, Any]:
    """The parameters, layers and notes of a network for samples of this shape."""
    torch.set_num_threads(1)
    network, _, notes = models.built(model, torch.zeros((2, *shape)), classes, seed=0)
    inner = network.network if isinstance(network, own_network.Checked) else network
    layers: list[dict[str, Any]] = []
    for name, module in inner.named_modules():
        if not any(True for _ in module.children()):
            module.register_forward_hook(_told(layers, name))
    with torch.no_grad():
        network.eval()(torch.zeros((2, *shape)))
    count = sum(weights.numel() for weights in network.parameters())
    more = max(0, len(layers) - MOST_LAYERS)
    return {"parameters": count, "layers": layers[:MOST_LAYERS], "more": more, "notes": notes}


def _told(layers: list[dict[str, Any]], name: str) -> Any:
    def add(module: Any, _: Any, out: Any) -> None:
        own = sum(weights.numel() for weights in module.parameters(recurse=False))
        shape = list(out.shape[1:]) if hasattr(out, "shape") else []
        layers.append(
            {"name": name, "kind": type(module).__name__, "shape": shape, "parameters": own}
        )

    return add
