"""torch.optim's optimizers as settings.

Each class has the name of torch's class, and its fields have that class's argument names.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import Field, model_validator

from .fields import Settings, refuse, setting


def weight_decay(default: float) -> Any:
    return setting(
        default, "Weight decay", "Shrinks every weight towards zero at each step.", ge=0, le=1
    )


def eps(default: float) -> Any:
    return setting(
        default,
        "Denominator eps",
        "Added to the denominator to avoid division by zero.",
        gt=0,
        le=1,
    )


def beta(default: float, label: str, help: str) -> Any:
    return setting(default, label, help, ge=0, lt=1)


class SGD(Settings):
    name: Literal["SGD"] = "SGD"
    momentum: float = beta(0.9, "Momentum", "How much of the last step carries over to this one.")
    nesterov: bool = setting(False, "Nesterov", "Looks ahead along the momentum; needs momentum.")
    weight_decay: float = weight_decay(0.0)

    @model_validator(mode="after")
    def nesterov_needs_momentum(self) -> Self:
        if self.nesterov and self.momentum == 0:
            raise refuse("nesterov", "Nesterov needs a momentum above 0.")
        return self


class AdamLike(Settings):
    beta1: float = beta(0.9, "Beta 1", "Decay of the running mean of the gradient.")
    beta2: float = beta(0.999, "Beta 2", "Decay of the running mean of the squared gradient.")
    eps: float = eps(1e-8)


class Adam(AdamLike):
    name: Literal["Adam"] = "Adam"
    weight_decay: float = weight_decay(0.0)
    amsgrad: bool = setting(False, "AMSGrad", "Divides by the largest mean square so far.")


class AdamW(AdamLike):
    name: Literal["AdamW"] = "AdamW"
    weight_decay: float = weight_decay(0.01)
    amsgrad: bool = setting(False, "AMSGrad", "Divides by the largest mean square so far.")


class RMSprop(Settings):
    name: Literal["RMSprop"] = "RMSprop"
    alpha: float = beta(0.99, "Alpha", "Decay of the running mean of the squared gradient.")
    momentum: float = beta(0.0, "Momentum", "How much of the last step carries over to this one.")
    centered: bool = setting(False, "Centered", "Divides by the variance, not the mean square.")
    eps: float = eps(1e-8)
    weight_decay: float = weight_decay(0.0)


class Adagrad(Settings):
    name: Literal["Adagrad"] = "Adagrad"
    lr_decay: float = setting(
        0.0,
        "LR decay",
        "Adagrad's own decay of the LR at each step, on top of the schedule.",
        ge=0,
        le=1,
    )
    initial_accumulator_value: float = setting(
        0.0, "Initial accumulator", "Initial sum of squared gradients.", ge=0, le=100
    )
    eps: float = eps(1e-10)
    weight_decay: float = weight_decay(0.0)


class NAdam(AdamLike):
    name: Literal["NAdam"] = "NAdam"
    momentum_decay: float = setting(
        0.004, "Momentum decay", "How fast the momentum warms up.", ge=0, le=1
    )
    weight_decay: float = weight_decay(0.0)


class RAdam(AdamLike):
    name: Literal["RAdam"] = "RAdam"
    weight_decay: float = weight_decay(0.0)


Optimizer = Annotated[
    SGD | Adam | AdamW | RMSprop | Adagrad | NAdam | RAdam, Field(discriminator="name")
]

OPTIMIZERS: dict[str, type[Settings]] = {
    cls.model_fields["name"].default: cls for cls in get_args(get_args(Optimizer)[0])
}


def observed(name: str, group: Mapping[str, Any]) -> Settings | None:
    """The settings of an optimizer of torch's class of that name, from a parameter group; None if
    they are not known here.
    """
    cls = OPTIMIZERS.get(name)
    if cls is None:
        return None
    values = {**group, "name": name}
    try:
        if "betas" in values:
            values["beta1"], values["beta2"] = values["betas"]
        return cls.model_validate({n: values[n] for n in cls.model_fields if n in values})
    except (ValueError, TypeError):  # pydantic's is a ValueError too
        return None


# In our trials most runs of this page's networks at these LRs stay at the loss of guessing.
TOO_HIGH = {"Adam": 0.05, "AdamW": 0.05, "NAdam": 0.05, "RAdam": 0.05, "RMSprop": 0.02}
