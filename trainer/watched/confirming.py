"""torch's own class decides again: an observed step is made again from the state before it.

Where every number after it is the one that was observed, the rule is the one that LRScope knows,
and the decision comes with its evidence. Where one differs, under another torch, in a subclass or
by a rule of somebody's own, LRScope claims nothing of why. Only this module here needs torch.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from ..config.recipe import Recipe
from ..config.text import factor_text
from ..schedule.decisions import Decision
from ..schedule.parts import Part, main_part
from ..schedule.schedule import Schedule
from .lines import EpochDone, SeenScheduler, Step
from .seen import fields_of, title

# Attributes of torch's schedulers with a value for each parameter group: the first is explained.
BY_GROUP = {"base_lrs", "_last_lr", "min_lrs", "max_lrs", "base_momentums", "max_momentums"}
# What a group has that a schedule reads or moves.
READ = {
    "initial_lr", "max_lr", "min_lr", "momentum", "max_momentum", "base_momentum",
}  # fmt: skip


class Confirming:
    """A known schedule, which takes a training's observed steps again."""

    def __init__(self) -> None:
        self._schedule: Schedule | None = None

    def decision(
        self, recipe: Recipe, seen: SeenScheduler, batches: int, line: EpochDone
    ) -> Decision | None:
        """The decision at the end of an epoch; None if torch's class, from the state before the
        step, does not come to every number after it.

        Args:
            recipe: the training's, without a warm-up.
            seen: its scheduler.
            batches: batches per epoch.
            line: the epoch, with its last step.
        """
        step = line.step
        if step is None:
            return None
        per_batch = recipe.schedule.traits.per_batch
        try:
            if per_batch:  # its formula has the LRs that were set by hand since its start
                recipe = _as_it_is(recipe, seen, batches, step)
            schedule = self._of(recipe, max(batches, 1))
            main = schedule.main
            if main.scheduler is None:
                return None
            _load(main, step.before.state, step.before.lrs[0], step.before.groups)
            if per_batch:
                main.scheduler.step()
            done = int(step.after.state["last_epoch"]) // (schedule.batches if per_batch else 1)
            schedule.epoch, schedule.start_epoch = line.epoch - 1, line.epoch - done
            used = line.lr if per_batch and line.lr is not None else step.before.lrs[0]
            schedule.epoch_lr = used
            decision = schedule.advance(math.nan if step.metric is None else step.metric)
        except Exception:  # a state that torch's class did not write: whatever it raises
            self._schedule = None
            return None
        same = _agree(main.scheduler, step.after.state) and main.lr == step.after.lrs[0]
        return decision if same else None

    def _of(self, recipe: Recipe, batches: int) -> Schedule:
        kept = self._schedule
        if kept is None or kept.batches != batches or not _alike(kept.recipe, recipe):
            kept = self._schedule = Schedule(recipe, batches)
        return kept


def _as_it_is(recipe: Recipe, seen: SeenScheduler, batches: int, step: Step) -> Recipe:
    now = seen.model_copy(update={"state": step.before.state})
    found = fields_of(now, step.before.groups[0], batches)
    return recipe.model_copy(update={"schedule": found[0], "lr": found[1]}) if found else recipe


def _alike(a: Recipe, b: Recipe) -> bool:
    """Whether one schedule serves both: a length that matters to it is not a plan that grows."""
    if a.schedule.traits.fixed_length or a.schedule != b.schedule:
        return a == b
    return a.model_copy(update={"epochs": b.epochs}) == b


def parts_told(seen: SeenScheduler, step: Step) -> str:
    """A scheduler that is made of others, and what each of them did in a step."""
    if seen.name == "SequentialLR":
        return _active(seen, step) or title(seen)
    return _factors(seen, step) or title(seen)


def _active(seen: SeenScheduler, step: Step) -> str | None:
    """Which part of a SequentialLR took the step."""
    pairs = zip(seen.parts, step.before.parts, step.after.parts, strict=False)
    moved = [i for i, (_, before, after) in enumerate(pairs) if before.state != after.state]
    if len(moved) != 1:
        return None
    return f"{seen.name}, part {moved[0] + 1} of {len(seen.parts)}, {seen.parts[moved[0]].name}"


def _factors(seen: SeenScheduler, step: Step) -> str | None:
    """By what each part of a ChainedScheduler multiplied the LR, one after the other."""
    lr, told = step.before.lrs[0], []
    try:
        for part, before, after in zip(
            seen.parts, step.before.parts, step.after.parts, strict=True
        ):
            known = fields_of(part, step.before.groups[0], 1)
            if known is None or known[0].traits.per_batch or known[0].traits.watches_monitor:
                return None
            made = main_part(Recipe(lr=known[1], schedule=known[0]), 1, 1)
            assert made.scheduler is not None
            _load(made, before.state, lr, step.before.groups)
            made.scheduler.step()
            if not _agree(made.scheduler, after.state, {"_last_lr"}):
                return None
            told.append(f"{part.name} ×{factor_text(made.lr / lr)}")
            lr = made.lr
    except Exception:  # as above
        return None
    return f"{seen.name} ({', '.join(told)})" if lr == step.after.lrs[0] else None


def _load(
    part: Part, state: Mapping[str, Any], lr: float, groups: Sequence[Mapping[str, Any]]
) -> None:
    """Take an observed state over: of the first parameter group."""
    group = part.optimizer.param_groups[0]
    first = groups[0] if groups else {}
    group |= {name: value for name, value in first.items() if name in READ}
    if "betas" in first:
        group["betas"] = tuple(first["betas"])
    part.lr = lr
    own = vars(part.scheduler)
    own |= {
        name: value[:1] if name in BY_GROUP else value
        for name, value in state.items()
        # Of containers torch's class has made its own from the same settings.
        if name in own and (name in BY_GROUP or not isinstance(own[name], dict | list))
    }


def _agree(scheduler: object, then: Mapping[str, Any], but: set[str] = set()) -> bool:  # noqa: B006
    """Whether a scheduler's numbers are those that were observed."""
    own = vars(scheduler)
    return all(
        _same(own[name], value[:1] if name in BY_GROUP else value)
        for name, value in then.items()
        if name in own and name not in but and (not name.startswith("_") or name == "_last_lr")
    )


def _same(found: Any, then: Any) -> bool:
    if isinstance(found, dict) and isinstance(then, dict):
        keyed = {str(key): value for key, value in found.items()}
        return keyed.keys() == then.keys() and all(_same(keyed[key], then[key]) for key in then)
    if isinstance(found, list | tuple) and isinstance(then, list | tuple):
        return len(found) == len(then) and all(map(_same, found, then))
    if isinstance(found, float) and isinstance(then, float) and math.isnan(found):
        return math.isnan(then)
    return bool(found == then)
