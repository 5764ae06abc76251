"""An optimizer's config -> torch's own optimizer."""

import inspect
from collections.abc import Iterable
from typing import Any

import torch

from ..config.optimizers import Optimizer

# Where torch has the fused kernels that it offers; elsewhere it raises.
FUSED_DEVICES = {"cpu", "cuda", "mps"}
FUSED_NOWHERE_BUT = {"Adagrad": {"cpu"}}


def build(
    spec: Optimizer, params: Iterable[torch.nn.Parameter], lr: float, capturable: bool = False
) -> torch.optim.Optimizer:
    """torch.optim's class of that name over `params`, fused where torch offers it.

    `capturable`: for a CUDA graph, which reads the LR from a tensor and needs the state on the
    device.
    """
    params = list(params)
    device = params[0].device
    cls: Any = getattr(torch.optim, spec.name)
    arguments = spec.model_dump(exclude={"name"})
    if "beta1" in arguments:
        arguments["betas"] = (arguments.pop("beta1"), arguments.pop("beta2"))
    takes = inspect.signature(cls).parameters
    fused_on = FUSED_NOWHERE_BUT.get(spec.name, FUSED_DEVICES)
    if "fused" in takes and device.type in fused_on:
        arguments["fused"] = True
    if capturable and "capturable" in takes:
        arguments["capturable"] = True
    rate = torch.tensor(lr, device=device) if capturable else lr
    optimizer: torch.optim.Optimizer = cls(params, lr=rate, **arguments)
    return optimizer


def load(optimizer: torch.optim.Optimizer, state: dict[str, Any]) -> None:
    """Go on from the state of an optimizer of the same class, with `optimizer`'s own parameters.

    A buffer that they need and that the state lacks begins at zero, as torch would begin it.
    """
    own = [dict(group) for group in optimizer.param_groups]
    optimizer.load_state_dict(state)
    for group, mine in zip(optimizer.param_groups, own, strict=True):
        group.update({name: value for name, value in mine.items() if name != "params"})
    wanted = optimizer.param_groups[0]
    buffers = {
        "max_exp_avg_sq": wanted.get("amsgrad"),
        "grad_avg": wanted.get("centered"),
        "momentum_buffer": isinstance(optimizer, torch.optim.RMSprop) and wanted["momentum"],
    }
    for parameter, buffer in optimizer.state.items():
        for name, needed in buffers.items():
            if needed and name not in buffer:
                buffer[name] = torch.zeros_like(parameter)
