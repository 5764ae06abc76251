"""What was changed during a training, as code: by hand, by the engine, and where it was forked."""

from collections.abc import Mapping
from typing import Any

import torch
from torch.optim import lr_scheduler

from ..config.optimizers import Optimizer
from ..config.recipe import Recipe
from ..config.text import plain
from ..schedule import optimizers, parts
from ..schedule.interventions import RecordedIntervention
from ..schedule.schedule import cut_factor
from .code import call, comment, literal

GROUP = "group = optimizer.param_groups[0]"


def scheduler(recipe: Recipe, batches: int, epochs: int) -> list[str]:
    """`scheduler = ...`: torch's class for a schedule of so many epochs, if there is one."""
    if recipe.schedule.name == "none":
        return []
    cls = getattr(lr_scheduler, recipe.schedule.name)
    return call(cls, "optimizer", parts.arguments(recipe, batches, epochs), "scheduler")


def by_hand(made: RecordedIntervention, recipe: Recipe) -> list[str]:
    """A change before a batch; nothing for added epochs, which the loop counts."""
    if made.name == "epochs":
        return []
    lines = comment(plain(made.sentence))
    spec = recipe.schedule
    plateau = spec.traits.watches_monitor and made.epoch > recipe.warmup
    match made.name:
        case "threads":
            return [*lines, f"torch.set_num_threads({int(made.value or 1)})"]
        case "lr":
            lines.append(f'group["lr"] = {made.value!r}')
        case "scale":
            lines.append(f'group["lr"] *= {made.value!r}')
        case "cut" if not plateau:
            lines.append(f'group["lr"] *= {cut_factor(spec)!r}')
        case "cut":
            arguments = spec.model_dump()
            if made.lr_after != made.lr_before:
                at_least = made.lr_after == arguments["min_lr"]
                cut = f"= {made.lr_after!r}" if at_least else f"*= {cut_factor(spec)!r}"
                lines.append(f'group["lr"] {cut}')
            lines += [
                f"scheduler.cooldown_counter = {arguments['cooldown']}",
                "scheduler.num_bad_epochs = 0",
            ]
    return lines if made.batch else [*lines, 'lr = group["lr"]']


def lr(recipe: Recipe, fresh: bool = False) -> list[str]:
    """The recipe's LR; if `fresh`, also as `initial_lr`, from which a new scheduler starts."""
    starts = fresh and recipe.schedule.name != "none" and not recipe.schedule.traits.watches_monitor
    more = 'group["initial_lr"] = ' if starts else ""
    return [f'group["lr"] = {more}{recipe.lr!r}']


def step(recipe: Recipe) -> list[str]:
    """The schedule's step at the end of an epoch."""
    if recipe.schedule.name == "none" or recipe.schedule.traits.per_batch:
        return []
    watched = recipe.monitor if recipe.schedule.traits.watches_monitor else ""
    return [f"scheduler.step({watched})"]


def settings(before: Optimizer, after: Optimizer) -> list[str]:
    """The optimizer's settings that differ, but for the momentum, which a schedule may move."""
    theirs, own = _settings(before), _settings(after)
    return [
        f'group["{name}"] = {literal(value)}'
        for name, value in own.items()
        if value != theirs[name] and name not in ("betas", "momentum")
    ]


def momentum(recipe: Recipe) -> dict[str, Any]:
    """The optimizer's momentum or betas as they are set, by name; empty if it has none."""
    own = _settings(recipe.optimizer)
    return {name: own[name] for name in ("betas", "momentum") if name in own}


def first_momentum(recipe: Recipe, batches: int) -> dict[str, Any]:
    """The same before the schedule's first step, where it has moved them already."""
    own = momentum(recipe)
    if not recipe.moves_momentum:
        return own
    length = recipe.epochs - recipe.warmup
    ((_, moved),) = recipe.schedule.cycle(recipe.lr, length, batches, range(1))
    return {"betas": (moved, own["betas"][1])} if "betas" in own else {"momentum": moved}


def assigned(moved: Mapping[str, Any]) -> list[str]:
    return [f'group["{name}"] = {literal(value)}' for name, value in moved.items()]


def moved_on(before: Recipe, after: Recipe, fresh: bool) -> list[str]:
    """The momentum after a fork whose schedule has started: a `fresh` one, or the one before."""
    theirs, own = momentum(before), momentum(after)
    if not after.moves_momentum:
        return assigned(own) if before.moves_momentum or own != theirs else []
    if "betas" not in own or own["betas"][1] == theirs["betas"][1]:
        return []
    return (
        assigned(own) if fresh else [f'group["betas"] = (group["betas"][0], {own["betas"][1]!r})']
    )


def buffers(before: Recipe | None, after: Recipe) -> list[str]:
    """Zeros for what the optimizer needs from now on and torch creates at the first step only."""
    had = _buffers(before) if before else []
    new = [name for name in _buffers(after) if name not in had]
    if not new:
        return []
    return [
        "for parameter, state in optimizer.state.items():",
        *(f'    state.setdefault("{name}", torch.zeros_like(parameter))' for name in new),
    ]


def attributes(before: Recipe, after: Recipe) -> list[str]:
    """The settings that torch's object reads at each step, where they differ."""
    spec, theirs = after.schedule, before.schedule
    lines = [
        f"scheduler.{name} = {literal(value)}"
        for field in type(spec).model_fields
        if getattr(spec, field) != getattr(theirs, field)
        for name, value in [spec.attribute(field)]
    ]
    if spec.traits.returns_to_lr and after.lr != before.lr:
        lines.append(f"scheduler.base_lrs = [{after.lr!r}]")
    return lines


def _settings(spec: Optimizer) -> dict[str, Any]:
    """A group's settings by name."""
    return optimizers.arguments(spec, "meta")


def _buffers(recipe: Recipe) -> list[str]:
    own = _settings(recipe.optimizer)
    if recipe.moves_momentum and "momentum" in own:
        own["momentum"] = 1.0
    return optimizers.extra_buffers(recipe.optimizer.name, own)


def optimizer(recipe: Recipe, device: str) -> list[str]:
    """`optimizer = ...`: torch's class over the model's parameters."""
    arguments = {"lr": recipe.lr, **optimizers.arguments(recipe.optimizer, device)}
    cls = getattr(torch.optim, recipe.optimizer.name)
    return call(cls, "model.parameters()", arguments, "optimizer")
