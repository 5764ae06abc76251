"""What a schedule will make of a change by hand, said before it is made. torch-free."""

import math

from ..config.run import RunConfig
from ..config.text import epochs_text, lr_text, significant
from ..engine.control import InterventionName

MOST_LR = 100.0  # the bounds of RunConfig.lr and RunConfig.epochs
MOST_EPOCHS = 10_000


def refusal(name: InterventionName, value: float | None, epochs: int) -> str | None:
    """Why a run of so many epochs cannot do this, in one sentence; None where it can."""
    if name == "cut":
        return None
    if value is None or not math.isfinite(value):
        return "The value must be a number, such as 0.01 or 1e-3."
    if name == "epochs":
        if value != int(value) or value < 1:
            return "Add a whole number of epochs, at least 1."
        if epochs + value > MOST_EPOCHS:
            return f"A run has at most {MOST_EPOCHS} epochs, and this one has {epochs}."
    elif value <= 0:
        return "The learning rate must stay above 0."
    elif name == "lr" and value > MOST_LR:
        return f"The learning rate must be at most {MOST_LR:g}."
    return None


def foretell(config: RunConfig, name: InterventionName, epoch: int) -> str:
    """What the schedule will do to this change, made after `epoch` epochs have ended."""
    return _epochs(config) if name == "epochs" else _lr(config, name, epoch)


def _lr(config: RunConfig, name: InterventionName, epoch: int) -> str:
    schedule = config.schedule.name
    if epoch < config.warmup:
        return (
            "The warm-up goes on from the new LR in the same ratio; when it ends, the schedule "
            "begins at its own LR."
        )
    match schedule:
        case "none":
            return "Nothing moves the LR afterwards: it stays."
        case "OneCycleLR" | "CyclicLR":
            return f"{schedule} writes its own LR over it at the next batch: it lasts one batch."
        case "CosineAnnealingWarmRestarts":
            return f"{schedule} writes its own LR over it at the end of this epoch."
        case "CosineAnnealingLR":
            return (
                f"{schedule} goes on from the new LR in the same ratio, until the step after "
                "T max brings back its own."
            )
        case "ReduceLROnPlateau" if name == "cut":
            return f"As a cut by {schedule}: its bad epochs begin at 0, and its cooldown starts."
        case "ReduceLROnPlateau":
            return f"{schedule} keeps the new LR, and its next cut multiplies it."
        case _:
            return f"{schedule} goes on from the new LR in the same ratio."


def _epochs(config: RunConfig) -> str:
    match config.schedule.name:
        case "OneCycleLR":
            return (
                "OneCycleLR's length was fixed when it began: in the added epochs the LR stays at "
                "its lowest."
            )
        case "CosineAnnealingLR":
            return "CosineAnnealingLR goes on as before: after T max its LR rises again."
        case "none":
            return "The LR stays as it is in the added epochs."
        case name:
            return f"{name} goes on as before in the added epochs."


def told(name: InterventionName, value: float | None, before: float, after: float) -> str:
    """What was done by hand, in one sentence."""
    lr, new = lr_text(before), lr_text(after)
    match name:
        case "epochs":
            return f"By hand: {epochs_text(int(value or 0))} added."
        case "cut" if before == after:
            return f"By hand: cut attempted, no effect, LR stays at {lr}."
        case "cut":
            return f"By hand: LR cut from {lr} to {new}."
        case "scale" if value and value < 1:
            return f"By hand: LR divided by {_times(1 / value)}, from {lr} to {new}."
        case "scale":
            return f"By hand: LR multiplied by {_times(value or 1)}, from {lr} to {new}."
        case _:
            return f"By hand: LR set from {lr} to {new}."


def _times(value: float) -> str:
    return f"{value:.0f}" if abs(value - round(value)) < 1e-9 else significant(value)
