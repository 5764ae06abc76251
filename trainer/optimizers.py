"""An optimizer's config -> torch's own optimizer."""

import inspect
from collections.abc import Iterable
from typing import Any

import torch

from trainer.config import Optimizer

# Where torch has the fused kernels that it offers; elsewhere it raises.
FUSED_DEVICES = {"cpu", "cuda", "mps"}


def build(
    spec: Optimizer, params: Iterable[torch.nn.Parameter], lr: float
) -> torch.optim.Optimizer:
    """torch.optim's class of that name over `params`, fused where torch offers it."""
    params = list(params)
    cls: Any = getattr(torch.optim, spec.name)
    arguments = spec.model_dump(exclude={"name"})
    if "beta1" in arguments:
        arguments["betas"] = (arguments.pop("beta1"), arguments.pop("beta2"))
    if "fused" in inspect.signature(cls).parameters and params[0].device.type in FUSED_DEVICES:
        arguments["fused"] = True
    optimizer: torch.optim.Optimizer = cls(params, lr=lr, **arguments)
    return optimizer
