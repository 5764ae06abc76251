"""A fork: one run's schedule takes over from another's, at the end of an epoch."""

from typing import Any

from ..config.recipe import Recipe
from ..config.schedules import ScheduleSettings
from .decisions import Decision
from .plateau import Plateau
from .schedule import Schedule, main_part, private_optimizer, step_cycle


def hand_over(
    schedule: Schedule,
    undecided: dict[str, Any],
    metric: float,
    decided: dict[str, Any],
    parent: Recipe,
) -> Decision | None:
    """Let a fresh schedule go on under its own recipe from the end of an epoch of another's.

    The same class of schedule decides on that epoch again, by its own parameters; another class
    begins anew after it. An LR that differs from the parent's counts from here on.

    Args:
        schedule: the fork's.
        undecided: the parent's state when it met the epoch's metric.
        metric: the parent's monitor in that epoch.
        decided: the parent's state after it.
        parent: the parent's recipe.

    Returns:
        The decision on that epoch, None where the schedule begins anew or watches another monitor
        than the parent's.
    """
    recipe, main = schedule.recipe, schedule.main.scheduler
    decision = None
    if recipe.schedule.name != parent.schedule.name:
        _begin_anew(schedule, decided, parent)
    elif isinstance(main, Plateau) and recipe.monitor != parent.monitor:
        _take_over(schedule, decided, parent)
        main.forget(recipe.mode)
    else:
        _take_over(schedule, undecided, parent)
        decision = schedule.advance(metric)
    begun = schedule.epoch > schedule.begun
    if recipe.lr != parent.lr and not recipe.schedule.traits.formula and begun:
        schedule.set_lr(recipe.lr)
    schedule.epoch_lr = schedule.lr
    return decision and decision.model_copy(update={"next_lr": schedule.lr})


def _begin_anew(schedule: Schedule, state: dict[str, Any], parent: Recipe) -> None:
    """Another class: it begins here, or after the warm-up, and has what is left of the run."""
    recipe = schedule.recipe
    schedule.load_warmup(state)
    schedule.warmup.lr *= recipe.lr / parent.lr
    schedule.begun = max(schedule.epoch, recipe.warmup)
    schedule.main = main_part(recipe, schedule.batches, recipe.epochs - schedule.begun)


def _take_over(schedule: Schedule, state: dict[str, Any], parent: Recipe) -> None:
    """The same class: its state, then what the fork's recipe says otherwise."""
    own = schedule.recipe
    if state["epoch"] < own.warmup:  # the schedule itself has not begun
        schedule.load_warmup(state)
        schedule.epoch_lr = state["epoch_lr"]
        schedule.warmup.lr *= own.lr / parent.lr
        return
    schedule.load_state_dict(state)
    changed = _changed(own.schedule, parent.schedule)
    if own.schedule.traits.formula and (changed or own.lr != parent.lr):
        length = state["main"].get("total_steps", 0) // schedule.batches
        schedule.main = main_part(own, schedule.batches, length)
        _forward(schedule, state["main"]["last_epoch"])
    else:
        _change(schedule, changed)
    group = schedule.main.optimizer.param_groups[0]
    if own.optimizer != parent.optimizer and "max_momentum" not in group:
        fresh = private_optimizer(own).param_groups[0]
        for moved in {"momentum", "betas"} & group.keys():
            group[moved] = fresh[moved]


def _changed(own: ScheduleSettings, theirs: ScheduleSettings) -> list[str]:
    """The fields in which two schedules of one class differ."""
    return [name for name in type(own).model_fields if getattr(own, name) != getattr(theirs, name)]


def _forward(schedule: Schedule, steps: int) -> None:
    """Bring a schedule that is at its beginning to where so many steps bring it."""
    main = schedule.main.scheduler
    assert main is not None
    if schedule.recipe.schedule.traits.per_batch:
        step_cycle(main, steps)
    else:
        for _ in range(steps):
            main.step()


def _change(schedule: Schedule, fields: list[str]) -> None:
    """torch's classes read their parameters at each step: most of them can just be written."""
    main, recipe = schedule.main.scheduler, schedule.recipe
    for field in fields:
        setattr(main, *recipe.schedule.attribute(field))
    if recipe.schedule.traits.returns_to_lr and recipe.lr not in main.base_lrs:  # type: ignore[union-attr]
        main.base_lrs = [recipe.lr]  # type: ignore[union-attr]
