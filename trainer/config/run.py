"""The frozen models of a run: every setting, its bound, default, unit and one-line help, once.

The form, the terminal's options, the URL, the store and the JSON schema are all drawn from
these classes. A schedule or an optimizer carries the name of the torch class that it describes,
and its fields carry that class's own argument names.
"""

import math
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

Scale = Literal["log", "linear", "none"]


def setting(
    default: Any,
    label: str,
    help: str,
    unit: str = "",
    scale: Scale = "none",
    slider: tuple[float, float] | None = None,
    main: bool = False,
    words: dict[str, str] | None = None,
    **bounds: Any,
) -> Any:
    """A pydantic field that also knows how to be shown.

    Args:
        default: the value of a run that says nothing.
        label: what a person calls it.
        help: one line that says what it does.
        unit: what it is counted in, "" for a pure number.
        scale: how a slider moves over it, "none" for no slider.
        slider: the ends of the slider, where they are narrower than the bounds.
        main: shown at once rather than under "More".
        words: what a choice is called, where its own name does not say it.
        bounds: pydantic's own (gt, ge, lt, le, ...).
    """
    extra: dict[str, Any] = {"unit": unit, "scale": scale, "slider": slider, "main": main}
    extra["words"] = words or {}
    return Field(default, title=label, description=help, json_schema_extra=extra, **bounds)


def refuse(field: str, sentence: str) -> PydanticCustomError:
    """The error of a rule between two fields, told beside `field`."""
    return PydanticCustomError("refused", "{sentence}", {"field": field, "sentence": sentence})


class Settings(BaseModel):
    """Frozen, and strict about names: a misspelt setting is an error, never ignored."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def weight_decay(default: float) -> Any:
    return setting(
        default, "Weight decay", "Pulls every weight towards zero at each step.", ge=0, le=1
    )


def eps(default: float) -> Any:
    return setting(
        default,
        "Denominator eps",
        "Added to the denominator, against division by zero.",
        gt=0,
        le=1,
    )


def beta(default: float, label: str, help: str) -> Any:
    return setting(default, label, help, ge=0, lt=1)


class SGD(Settings):
    name: Literal["SGD"] = "SGD"
    momentum: float = beta(0.9, "Momentum", "How much of the last step is carried into this one.")
    nesterov: bool = setting(False, "Nesterov", "Looks ahead along the momentum; needs momentum.")
    weight_decay: float = weight_decay(0.0)

    @model_validator(mode="after")
    def nesterov_needs_momentum(self) -> Self:
        if self.nesterov and self.momentum == 0:
            raise refuse("nesterov", "Nesterov needs a momentum above 0.")
        return self


class AdamLike(Settings):
    beta1: float = beta(0.9, "Beta 1", "Decay of the running mean of the gradient.")
    beta2: float = beta(0.999, "Beta 2", "Decay of the running mean of its square.")
    eps: float = eps(1e-8)


class Adam(AdamLike):
    name: Literal["Adam"] = "Adam"
    weight_decay: float = weight_decay(0.0)
    amsgrad: bool = setting(False, "AMSGrad", "Divides by the largest mean square seen so far.")


class AdamW(AdamLike):
    name: Literal["AdamW"] = "AdamW"
    weight_decay: float = weight_decay(0.01)
    amsgrad: bool = setting(False, "AMSGrad", "Divides by the largest mean square seen so far.")


class RMSprop(Settings):
    name: Literal["RMSprop"] = "RMSprop"
    alpha: float = beta(0.99, "Alpha", "Decay of the running mean of the squared gradient.")
    momentum: float = beta(0.0, "Momentum", "How much of the last step is carried into this one.")
    centered: bool = setting(False, "Centered", "Divides by the variance, not the mean square.")
    eps: float = eps(1e-8)
    weight_decay: float = weight_decay(0.0)


class Adagrad(Settings):
    name: Literal["Adagrad"] = "Adagrad"
    lr_decay: float = setting(
        0.0,
        "LR decay",
        "Adagrad's own decay of the LR at each step, beside the schedule.",
        ge=0,
        le=1,
    )
    initial_accumulator_value: float = setting(
        0.0, "Initial accumulator", "Where the sum of squared gradients starts.", ge=0, le=100
    )
    eps: float = eps(1e-10)
    weight_decay: float = weight_decay(0.0)


class NAdam(AdamLike):
    name: Literal["NAdam"] = "NAdam"
    momentum_decay: float = setting(
        0.004, "Momentum decay", "How fast the momentum itself is warmed up.", ge=0, le=1
    )
    weight_decay: float = weight_decay(0.0)


class RAdam(AdamLike):
    name: Literal["RAdam"] = "RAdam"
    weight_decay: float = weight_decay(0.0)


Optimizer = Annotated[
    SGD | Adam | AdamW | RMSprop | Adagrad | NAdam | RAdam, Field(discriminator="name")
]


def gamma(default: float, help: str) -> Any:
    return setting(
        default, "Gamma", help, scale="linear", slider=(0.01, 1.0), main=True, gt=0, le=1
    )


def count(
    default: int, label: str, help: str, top: int = 100, least: int = 1, most: int = 10_000
) -> Any:
    """A number of epochs, on a slider that reaches `top`."""
    return setting(
        default, label, help, "epochs", "linear", (least, top), main=True, ge=least, le=most
    )


class NoSchedule(Settings):
    name: Literal["none"] = "none"


class ReduceLROnPlateau(Settings):
    name: Literal["ReduceLROnPlateau"] = "ReduceLROnPlateau"
    factor: float = setting(
        0.1,
        "Factor",
        "A cut multiplies the LR by this.",
        scale="linear",
        slider=(0.05, 0.95),
        main=True,
        gt=0,
        lt=1,
    )
    patience: int = setting(
        5,
        "Patience",
        "Bad epochs forgiven; the next one cuts.",
        "epochs",
        "linear",
        (0, 20),
        main=True,
        ge=0,
        le=10_000,
    )
    threshold: float = setting(
        1e-4, "Threshold", "How much better than the best an epoch must be to count.",
        scale="log", slider=(1e-6, 0.1), ge=0, lt=1,
    )  # fmt: skip
    threshold_mode: Literal["rel", "abs"] = setting(
        "rel", "Threshold mode", "rel: a share of the best; abs: a difference."
    )
    cooldown: int = setting(
        0, "Cooldown", "Epochs after a cut in which bad epochs are not counted.", "epochs",
        "linear", (0, 20), ge=0, le=10_000,
    )  # fmt: skip
    min_lr: float = setting(
        0.0, "Min LR", "A cut never goes below this LR.", scale="log", slider=(1e-8, 0.1),
        ge=0, le=100,
    )  # fmt: skip
    eps: float = setting(
        1e-8, "Smallest cut (eps)", "A cut that changes the LR by no more than this is not made.",
        ge=0, le=1,
    )  # fmt: skip


class StepLR(Settings):
    name: Literal["StepLR"] = "StepLR"
    step_size: int = count(10, "Step size", "The LR is cut every so many epochs.")
    gamma: float = gamma(0.1, "Each cut multiplies the LR by this.")


class MultiStepLR(Settings):
    name: Literal["MultiStepLR"] = "MultiStepLR"
    milestones: tuple[Annotated[int, Field(ge=1, le=10_000)], ...] = setting(
        (20, 35, 45), "Milestones", "Epochs after which the LR is cut, such as 20, 35, 45.",
        "epochs", main=True, min_length=1, max_length=50,
    )  # fmt: skip
    gamma: float = gamma(0.1, "Each cut multiplies the LR by this.")


class ExponentialLR(Settings):
    name: Literal["ExponentialLR"] = "ExponentialLR"
    gamma: float = gamma(0.95, "Every epoch multiplies the LR by this.")


class CosineAnnealingLR(Settings):
    name: Literal["CosineAnnealingLR"] = "CosineAnnealingLR"
    T_max: int = count(50, "T max", "Epochs from the LR down to its minimum; then it rises again.")
    eta_min: float = setting(0.0, "Eta min", "The lowest LR.", ge=0, le=100)


class CosineAnnealingWarmRestarts(Settings):
    name: Literal["CosineAnnealingWarmRestarts"] = "CosineAnnealingWarmRestarts"
    T_0: int = count(10, "T 0", "Epochs until the first restart.")
    T_mult: int = setting(
        2, "T mult", "Each cycle is this many times as long as the last.",
        scale="linear", slider=(1, 4), main=True, ge=1, le=10,
    )  # fmt: skip
    eta_min: float = setting(0.0, "Eta min", "The lowest LR.", ge=0, le=100)


class OneCycleLR(Settings):
    """The run's LR is the peak (torch's max_lr); total_steps is the whole run, in batches."""

    name: Literal["OneCycleLR"] = "OneCycleLR"
    pct_start: float = setting(
        0.3, "Rising share", "Share of the run in which the LR rises to its peak.",
        scale="linear", slider=(0.05, 0.95), main=True, gt=0, lt=1,
    )  # fmt: skip
    div_factor: float = setting(
        25.0, "Start divisor", "The run starts at the peak LR divided by this.",
        scale="log", slider=(1, 1000), main=True, ge=1, le=1e6,
    )  # fmt: skip
    final_div_factor: float = setting(
        1e4, "Final divisor", "The run ends at its starting LR divided by this.", ge=1, le=1e8
    )
    anneal_strategy: Literal["cos", "linear"] = setting(
        "cos", "Anneal strategy", "The shape of the way up and down."
    )
    three_phase: bool = setting(False, "Three phases", "Down to the starting LR, then to the end.")
    cycle_momentum: bool = setting(
        True, "Cycle momentum", "Moves momentum (Adam's beta 1) against the LR."
    )
    base_momentum: float = beta(0.85, "Base momentum", "The momentum at the peak of the LR.")
    max_momentum: float = beta(0.95, "Max momentum", "The momentum at the ends of the cycle.")


class CyclicLR(Settings):
    """The run's LR is the bottom of the cycle (torch's base_lr)."""

    name: Literal["CyclicLR"] = "CyclicLR"
    max_lr: float = setting(
        0.05, "Max LR", "The top; the learning rate is the bottom.",
        scale="log", slider=(1e-5, 1), main=True, gt=0, le=100,
    )  # fmt: skip
    step_size_up: int = count(4, "Way up", "Epochs from the bottom to the top.", 25)
    mode: Literal["triangular", "triangular2", "exp_range"] = setting(
        "triangular", "Mode", "Same height each cycle, half of the last, or shrinking by gamma."
    )
    gamma: float = setting(
        1.0, "Gamma", "In exp_range: the height is multiplied by this every batch.", gt=0, le=1
    )
    cycle_momentum: bool = setting(
        True, "Cycle momentum", "Moves momentum (Adam's beta 1) against the LR."
    )
    base_momentum: float = beta(0.8, "Base momentum", "The momentum at the top of the cycle.")
    max_momentum: float = beta(0.9, "Max momentum", "The momentum at the bottom of the cycle.")


class LinearLR(Settings):
    name: Literal["LinearLR"] = "LinearLR"
    start_factor: float = setting(
        1.0, "Start factor", "The LR starts at this share of the learning rate.",
        scale="linear", slider=(0.01, 1), main=True, gt=0, le=1,
    )  # fmt: skip
    end_factor: float = setting(
        0.01, "End factor", "The LR ends at this share of the learning rate.",
        scale="linear", slider=(0, 1), main=True, ge=0, le=1,
    )  # fmt: skip
    total_iters: int = count(50, "Over", "Epochs from the start factor to the end factor.")


class PolynomialLR(Settings):
    name: Literal["PolynomialLR"] = "PolynomialLR"
    total_iters: int = count(50, "Over", "Epochs until the LR reaches zero.")
    power: float = setting(
        1.0, "Power", "1 is a straight line; more falls faster at first.",
        scale="linear", slider=(0.5, 4), main=True, gt=0, le=10,
    )  # fmt: skip


class ConstantLR(Settings):
    name: Literal["ConstantLR"] = "ConstantLR"
    factor: float = setting(
        1 / 3, "Factor", "The LR is multiplied by this at first.",
        scale="linear", slider=(0.05, 1), main=True, gt=0, le=1,
    )  # fmt: skip
    total_iters: int = count(5, "Over", "Epochs until the factor is lifted.")


Schedule = Annotated[
    NoSchedule
    | ReduceLROnPlateau
    | StepLR
    | MultiStepLR
    | ExponentialLR
    | CosineAnnealingLR
    | CosineAnnealingWarmRestarts
    | OneCycleLR
    | CyclicLR
    | LinearLR
    | PolynomialLR
    | ConstantLR,
    Field(discriminator="name"),
]

Dataset = Literal["digits", "mnist", "fashion-mnist", "kmnist", "cifar10"]
# What is left to train on when validation is split off.
TRAIN_IMAGES: dict[Dataset, int] = {
    "digits": 1077,
    "mnist": 54_000,
    "fashion-mnist": 54_000,
    "kmnist": 54_000,
    "cifar10": 45_000,
}
Model = Literal["cnn", "mlp", "lenet5", "resnet18"]
Monitor = Literal["val_loss", "train_loss", "val_accuracy"]
Device = Literal["auto", "cpu", "cuda", "mps"]


class RunConfig(Settings):
    """Everything that decides a run's numbers: the same config gives the same run."""

    dataset: Dataset = setting(
        "digits", "Data", "Digits are bundled; the others are downloaded once.", main=True,
        words={
            "digits": "Digits (bundled)",
            "mnist": "MNIST",
            "fashion-mnist": "Fashion-MNIST",
            "kmnist": "KMNIST",
            "cifar10": "CIFAR-10",
        },
    )  # fmt: skip
    model: Model = setting(
        "cnn", "Model", "The network that is trained.", main=True,
        words={"cnn": "CNN", "mlp": "MLP", "lenet5": "LeNet-5", "resnet18": "ResNet-18"},
    )  # fmt: skip
    optimizer: Optimizer = setting(
        Adam(), "Optimizer", "torch.optim's rule that turns gradients into steps.", main=True
    )
    lr: float = setting(
        0.01,
        "Learning rate",
        "Where the schedule starts, or peaks.",
        scale="log",
        slider=(1e-5, 1),
        main=True,
        gt=0,
        le=100,
    )
    schedule: Schedule = setting(
        ReduceLROnPlateau(), "Schedule", "The rule that moves the learning rate.", main=True,
        words={"none": "None (constant)"},
    )  # fmt: skip
    warmup: int = setting(
        0, "Warm-up", "Epochs in which the LR rises in a line, before the schedule begins.",
        "epochs", "linear", (0, 20), ge=0, le=1000,
    )  # fmt: skip
    monitor: Monitor = setting(
        "val_loss", "Monitor", "What the plateau rule watches: a loss to fall, accuracy to rise.",
        words={
            "val_loss": "validation loss",
            "train_loss": "train loss",
            "val_accuracy": "validation accuracy",
        },
    )  # fmt: skip
    epochs: int = setting(
        50, "Epochs", "Passes over the training data.", "epochs", main=True, ge=1, le=10_000
    )
    batch_size: int = setting(
        64, "Batch", "Images in one step.", "images", main=True, ge=1, le=10_000
    )
    seed: int = setting(0, "Seed", "Same seed, same numbers.", main=True, ge=0, le=2**31 - 1)
    device: Device = setting(
        "auto", "Device", "Automatic takes a GPU where there is one.",
        words={"auto": "automatic", "cpu": "CPU", "cuda": "CUDA GPU", "mps": "Apple GPU (MPS)"},
    )  # fmt: skip
    cuda_graph: bool = setting(
        False, "CUDA graph", "On a CUDA GPU: a step is one launch; several times as fast if small."
    )

    @model_validator(mode="after")
    def parts_fit(self) -> Self:
        if 0 < self.warmup >= self.epochs:
            raise refuse("warmup", f"Warm-up must be shorter than the run of {self.epochs} epochs.")
        if isinstance(self.schedule, CyclicLR) and self.schedule.max_lr <= self.lr:
            raise refuse("schedule.max_lr", f"Max LR must be above the learning rate, {self.lr:g}.")
        return self

    @property
    def mode(self) -> Literal["min", "max"]:
        """The direction in which the monitor gets better, in torch's words."""
        return "max" if self.monitor == "val_accuracy" else "min"

    @property
    def batches(self) -> int:
        """Batches in an epoch, the last one short where the images do not fill it."""
        return math.ceil(TRAIN_IMAGES[self.dataset] / self.batch_size)


# What a run can be started from with one choice; "Tutorial" is the tutorial's own setting.
PRESETS: dict[str, RunConfig] = {
    "Default: plateau on digits": RunConfig(),
    "Tutorial: plateau on MNIST": RunConfig(
        dataset="mnist", lr=0.001, monitor="train_loss", schedule=ReduceLROnPlateau()
    ),
    "Cosine: one long decline": RunConfig(schedule=CosineAnnealingLR()),
    "One cycle: up, then down": RunConfig(schedule=OneCycleLR(), epochs=30),
}
