"""What may be changed by hand during training, and how the schedule responds. torch-free."""

import math
from dataclasses import dataclass
from typing import Literal, get_args

from ..config.recipe import Recipe
from ..config.table import setting_of
from ..config.text import epochs_text, factor_text, lr_text
from ..config.traits import KEEPS_FACTORS

ByHand = Literal["lr", "scale", "cut", "epochs"]
InterventionName = Literal[ByHand, "threads"]


@dataclass(frozen=True, slots=True)
class Intervention:
    """A change before batch `batch` (from 0) of `epoch` that the config does not foresee.

    By hand: `lr` sets the LR to `value`, `scale` multiplies it by `value`, `cut` cuts as the
    plateau rule would (no value), `epochs` adds `value` epochs. By the engine: `threads` sets the
    number of CPU threads to `value`.
    """

    epoch: int
    batch: int
    name: InterventionName
    value: float | None = None

    @property
    def by_hand(self) -> bool:
        return self.name in get_args(ByHand)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedIntervention(Intervention):
    """A change that was made, `at` seconds since 1970, and the LR before and after."""

    id: int
    at: float
    lr_before: float
    lr_after: float
    sentence: str


def refusal(
    name: ByHand, value: float | None, epochs: int, recipe: Recipe | None = None
) -> str | None:
    """One sentence on why a run of `epochs` epochs cannot do this; None if it can."""
    most_epochs, lr = setting_of("epochs").most, setting_of("lr")
    assert most_epochs is not None
    assert lr.most is not None
    if name == "cut":
        return None
    if name == "epochs":
        if value is None or not math.isfinite(value) or value != int(value) or value < 1:
            return "Add a whole number of epochs, at least 1."
        if epochs + value > most_epochs:
            return f"A run can have at most {most_epochs:,.0f} epochs; this one has {epochs:,}."
        if recipe is not None and not recipe.schedule.traits.fixed_length:
            refused = recipe.schedule.refusal(epochs + int(value) - recipe.warmup, 1)
            return refused and refused[1]
    elif value is None or not 0 < value <= lr.most:
        return f"The {'learning rate' if name == 'lr' else 'factor'} must be {lr.permitted}."
    return None


def consequence(recipe: Recipe, name: ByHand, epoch: int, lasts: bool = False) -> str:
    """How the schedule will respond to this change, made after `epoch` epochs have ended.

    Args:
        lasts: whether an LR is also written where the schedule reads its own, as in a watched
            training, so that none overwrites it.
    """
    traits = recipe.schedule.traits
    if name == "epochs" and lasts and traits.fixed_length:
        sentence = "{name} takes no steps after its last: the training refuses more epochs."
    elif name == "epochs":
        sentence = traits.after_added_epochs
    elif epoch < recipe.warmup:
        sentence = (
            "The warm-up continues from the new LR with the same relative changes; when it ends, "
            "the schedule starts at its own LR."
        )
    else:
        set_lr = KEEPS_FACTORS if lasts and traits.keeps_own_lr else traits.after_set_lr
        sentence = (name == "cut" and traits.after_cut) or set_lr
    return sentence.format(name=recipe.schedule.name)


def sentence(name: ByHand, value: float | None, before: float, after: float) -> str:
    """What was changed by hand, and the LR before and after."""
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
    return f"{value:.0f}" if abs(value - round(value)) < 1e-9 else factor_text(value)
