"""An optimizer's config -> torch's own optimizer."""

import inspect
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

import torch

from ..config.optimizers import Optimizer

# Where torch has fused kernels; elsewhere it raises.
FUSED_DEVICES = {"cpu", "cuda", "mps"}
FUSED_ONLY_ON = {"Adagrad": {"cpu"}}
SCALARS = {"step", "mu_product"}  # buffers of one number; the others have their parameter's shape


def build(
    spec: Optimizer,
    params: Iterable[torch.nn.Parameter],
    lr: float,
    capturable: bool = False,
    is_trained: bool = True,
) -> torch.optim.Optimizer:
    """An optimizer of torch.optim's class of that name over `params`, fused where torch can.

    `capturable`: for use in a CUDA graph, which reads the LR from a tensor and needs the state on
    the device. `is_trained`: whether its steps change the parameters.
    """
    params = list(params)
    device = params[0].device
    cls: Any = getattr(torch.optim, spec.name)
    given = arguments(spec, device.type)
    if capturable and "capturable" in inspect.signature(cls).parameters:
        given["capturable"] = True
    if not is_trained:
        cls = _untrained(cls)
    rate = torch.tensor(lr, device=device) if capturable else lr
    optimizer: torch.optim.Optimizer = cls(params, lr=rate, **given)
    return optimizer


def arguments(spec: Optimizer, device: str) -> dict[str, Any]:
    """The arguments of torch's class, except parameters and LR, on that type of device."""
    given = spec.model_dump(exclude={"name"})
    if "beta1" in given:
        given["betas"] = (given.pop("beta1"), given.pop("beta2"))
    accepted = inspect.signature(getattr(torch.optim, spec.name)).parameters
    if "fused" in accepted and device in FUSED_ONLY_ON.get(spec.name, FUSED_DEVICES):
        given["fused"] = True
    return given


@cache
def _untrained(cls: Any) -> Any:
    """An optimizer's class with steps that do nothing. Where torch's own takes parameters or steps,
    it first loads torch's compiler, which nearly doubles the time until a replay or a preview.
    """

    class Untrained(cls):  # type: ignore[misc]
        def add_param_group(self, param_group: dict[str, Any]) -> None:
            self.param_groups.append(self.defaults | param_group)

        def step(self, closure: None = None) -> None:
            pass

    return Untrained


def load(optimizer: torch.optim.Optimizer, state: dict[str, Any]) -> None:
    """Load the state of an optimizer of the same class, but keep `optimizer`'s own parameters.

    A buffer that they need and the state lacks starts at zero, as in torch.

    Raises:
        ValueError: the state is not of these parameters.
    """
    own = [dict(group) for group in optimizer.param_groups]
    optimizer.load_state_dict(state)
    for parameter, buffers in optimizer.state.items():
        for name, buffer in buffers.items():
            shape = () if name in SCALARS else parameter.shape
            # torch's fused kernels do not check it: they read and write past the buffer's end.
            if isinstance(buffer, torch.Tensor) and buffer.shape != shape:
                raise ValueError(f"{name} has shape {[*buffer.shape]} and must have {[*shape]}")
    for group, settings in zip(optimizer.param_groups, own, strict=True):
        group.update({name: value for name, value in settings.items() if name != "params"})
    add_buffers(optimizer)


def add_buffers(optimizer: torch.optim.Optimizer) -> None:
    """Add the buffers, of zeros, that an optimizer's parameters now need and that torch creates
    only at the first step.
    """
    needed = extra_buffers(type(optimizer).__name__, optimizer.param_groups[0])
    for parameter, buffer in optimizer.state.items():
        for name in needed:
            if name not in buffer:
                buffer[name] = torch.zeros_like(parameter)


def extra_buffers(optimizer: str, settings: Mapping[str, Any]) -> list[str]:
    """The buffers of an optimizer of that class that only some of its settings need."""
    needed = {
        "max_exp_avg_sq": settings.get("amsgrad"),
        "grad_avg": settings.get("centered"),
        "momentum_buffer": optimizer == "RMSprop" and settings["momentum"],
    }
    return [name for name, is_needed in needed.items() if is_needed]
