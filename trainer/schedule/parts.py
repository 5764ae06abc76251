"""torch's schedulers, each on a private optimizer of one parameter that is never trained."""

import copy
import sys
from functools import lru_cache
from typing import Any

import torch
from torch.optim import lr_scheduler

from ..config.recipe import Recipe
from ..config.table import check_steps
from . import optimizers
from .plateau import Plateau


class Part:
    """One of torch's schedulers (or None) and the private optimizer that it drives."""

    def __init__(
        self, optimizer: torch.optim.Optimizer, scheduler: lr_scheduler.LRScheduler | None
    ) -> None:
        self.optimizer = optimizer
        self.scheduler = scheduler
        # Without a gradient this does nothing, but torch warns if a scheduler steps first.
        optimizer.step()

    @property
    def lr(self) -> float:
        return float(self.optimizer.param_groups[0]["lr"])

    @lr.setter
    def lr(self, lr: float) -> None:
        self.optimizer.param_groups[0]["lr"] = lr

    def load(self, optimizer: dict[str, Any], scheduler: dict[str, Any] | None) -> None:
        """Load the states of both."""
        # Copies, because torch's classes keep references to what they load, and some change it.
        self.optimizer.load_state_dict(copy.deepcopy(optimizer))
        if self.scheduler is not None and scheduler is not None:
            self.scheduler.load_state_dict(copy.deepcopy(scheduler))


def main_part(recipe: Recipe, batches: int, epochs: int) -> Part:
    """The schedule itself, not yet stepped; `epochs` sets its length if it needs one.

    Raises:
        ConfigError: torch's class cannot run for so many steps.
    """
    check_steps(recipe, epochs, batches)
    spec, optimizer = recipe.schedule, private_optimizer(recipe)
    if spec.name == "none":
        return Part(optimizer, None)
    cls = Plateau if spec.traits.watches_monitor else getattr(lr_scheduler, spec.name)
    return Part(optimizer, cls(optimizer, **arguments(recipe, batches, epochs)))


def arguments(recipe: Recipe, batches: int, epochs: int) -> dict[str, Any]:
    """The arguments of torch's class for a schedule of so many epochs, except the optimizer."""
    given = recipe.schedule.arguments(recipe.lr, epochs, batches)
    if recipe.schedule.traits.watches_monitor:
        given["mode"] = recipe.mode
    if "cycle_momentum" in given and recipe.momentum_name is None:
        given["cycle_momentum"] = False  # Adagrad has no momentum, and torch would raise
    return given


def warmup_part(recipe: Recipe, steps: int) -> Part:
    """A linear rise to the LR over that many batches."""
    optimizer = private_optimizer(recipe)
    rise = lr_scheduler.LinearLR(optimizer, start_factor=1 / (steps + 1), total_iters=steps)
    return Part(optimizer, rise)


@lru_cache(maxsize=32)  # a cut map tries the same warm-ups again and again
def warm_up(lr: float, steps: int) -> tuple[float, ...]:
    """The LR of each batch of a warm-up of that many batches up to this LR."""
    part = warmup_part(Recipe(lr=lr), steps)
    assert part.scheduler is not None
    lrs = []
    for _ in range(steps):
        lrs.append(part.lr)
        part.scheduler.step()
    return tuple(lrs)


def momentum_of(optimizer: torch.optim.Optimizer) -> float | None:
    """An optimizer's momentum, or beta 1; None if it has none."""
    group = optimizer.param_groups[0]
    momentum = group["betas"][0] if "betas" in group else group.get("momentum")
    return None if momentum is None else float(momentum)


def private_optimizer(recipe: Recipe) -> torch.optim.Optimizer:
    """The recipe's optimizer over one parameter that is never trained."""
    parameter = torch.nn.Parameter(torch.zeros(1))
    return optimizers.build(recipe.optimizer, [parameter], recipe.lr, is_trained=False)


def step_cycle(scheduler: lr_scheduler.LRScheduler, batches: int) -> None:
    """Advance a per-batch schedule by `batches` steps at once: its LR depends only on the step
    number, so the steps between can be skipped.
    """
    last = last_step(scheduler)
    if batches and scheduler.last_epoch < last:
        scheduler.last_epoch = min(scheduler.last_epoch + batches, last) - 1
        scheduler.step()


def last_step(scheduler: lr_scheduler.LRScheduler) -> int:
    """The last step of a cycle of a fixed length: after it torch's class would go below zero."""
    return int(getattr(scheduler, "total_steps", sys.maxsize)) - 1


def scale_own(part: Part, lr: float) -> None:
    """Scale the LRs that a schedule reads by its way from its present LR to this one, so that it
    goes on from there with the same relative changes; relative to its lowest LR, if it has one.
    """
    ratio, group = lr / part.lr, part.optimizer.param_groups[0]
    own, lowest = vars(part.scheduler) if part.scheduler else {}, 0.0
    if "eta_min" in own:
        lowest = float(own["eta_min"])
    above = (lr - lowest) / (part.lr - lowest) if part.lr != lowest else 1.0
    if "base_lrs" in own:
        own["base_lrs"] = [lowest + (base - lowest) * above for base in own["base_lrs"]]
    if "max_lrs" in own:
        own["max_lrs"] = [top * ratio for top in own["max_lrs"]]
    for name in ("initial_lr", "max_lr", "min_lr"):
        if name in group:
            group[name] *= ratio
