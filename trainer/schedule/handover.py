"""A fork: one run's schedule takes over from another's, at the end of an epoch."""

from typing import Any

from ..config.recipe import Recipe
from ..config.traits import ScheduleSettings
from .decisions import Decision
from .parts import main_part, private_optimizer, step_cycle
from .plateau import Plateau
from .schedule import Schedule


def hand_over(
    schedule: Schedule,
    undecided: dict[str, Any],
    metric: float,
    decided: dict[str, Any],
    parent: Recipe,
) -> Decision | None:
    """Continue a parent's schedule from the end of an epoch, under the fork's own recipe.

    A schedule of the same class decides on that epoch again, with its own parameters; another
    class starts fresh after it. An LR that differs from the parent's applies from here on.

    Args:
        schedule: the fork's schedule, not yet stepped.
        undecided: the parent's state before it stepped with the epoch's metric.
        metric: the parent's monitor in that epoch.
        decided: the parent's state after that step.
        parent: the parent's recipe.

    Returns:
        The decision on that epoch; None if the schedule starts fresh or watches a different
        monitor.
    """
    recipe, main = schedule.recipe, schedule.main.scheduler
    decision = None
    if recipe.schedule.name != parent.schedule.name:
        _start_fresh(schedule, decided, parent)
    elif isinstance(main, Plateau) and recipe.monitor != parent.monitor:
        _take_over(schedule, decided, parent)
        main.reset(recipe.mode)
    else:
        _take_over(schedule, undecided, parent)
        decision = schedule.advance(metric)
    has_started = schedule.epoch >= schedule.start_epoch
    if recipe.lr != parent.lr and not recipe.schedule.traits.formula and has_started:
        schedule.set_lr(recipe.lr)
    schedule.epoch_lr = schedule.lr
    return decision and decision.model_copy(update={"next_lr": schedule.lr})


def _start_fresh(schedule: Schedule, state: dict[str, Any], parent: Recipe) -> None:
    """Another class: it starts here, or after the warm-up, and runs for the remaining epochs."""
    recipe = schedule.recipe
    schedule.load_warmup(state)
    schedule.warmup.lr *= recipe.lr / parent.lr
    schedule.start_epoch = max(schedule.epoch, recipe.warmup)
    schedule.main = main_part(recipe, schedule.batches, recipe.epochs - schedule.start_epoch)


def _take_over(schedule: Schedule, state: dict[str, Any], parent: Recipe) -> None:
    """The same class: load its state, then apply what the fork's recipe changes."""
    own = schedule.recipe
    if state["epoch"] < own.warmup:  # the schedule itself has not started
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
    if own.optimizer != parent.optimizer:
        fresh = private_optimizer(own).param_groups[0]
        if "max_momentum" not in group:
            for moved in {"momentum", "betas"} & group.keys():
                group[moved] = fresh[moved]
        elif "betas" in group:  # the schedule moves beta 1 only
            group["betas"] = (group["betas"][0], fresh["betas"][1])


def _changed(own: ScheduleSettings, theirs: ScheduleSettings) -> list[str]:
    """The fields in which two schedules of one class differ."""
    return [name for name in type(own).model_fields if getattr(own, name) != getattr(theirs, name)]


def _forward(schedule: Schedule, steps: int) -> None:
    """Advance a fresh schedule by `steps` steps."""
    main = schedule.main.scheduler
    assert main is not None
    if schedule.recipe.schedule.traits.per_batch:
        step_cycle(main, steps)
    else:
        for _ in range(steps):
            main.step()


def _change(schedule: Schedule, fields: list[str]) -> None:
    """torch's classes read their parameters at each step, so most can simply be set."""
    main, recipe = schedule.main.scheduler, schedule.recipe
    if main is None:
        return
    for field in fields:
        setattr(main, *recipe.schedule.attribute(field))
    if recipe.schedule.traits.returns_to_lr and recipe.lr not in main.base_lrs:
        main.base_lrs = [recipe.lr]
