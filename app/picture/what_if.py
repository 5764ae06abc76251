"""What an exported page needs to replay the plateau rule over a run, from its first epoch or its
fork on.
"""

import math
from typing import Any

from app.picture.drawn import Drawn
from trainer.config.fields import bounds_of
from trainer.config.recipe import Recipe
from trainer.config.schedules import SCHEDULES
from trainer.config.table import SETTINGS, ConfigError
from trainer.schedule.past import Stretch
from trainer.schedule.torch_changed import TorchChangedError
from trainer.store.lineage import stretches
from trainer.store.store import Store

RULE: Any = next(spec for spec in SCHEDULES.values() if spec.traits.watches_monitor)
FIELDS = [setting for setting in SETTINGS if setting.owner == RULE.model_fields["name"].default]
MODE = {"key": "mode", "label": "Mode", "kind": "choice", "choices": ["min", "max"]}


def fields() -> list[dict[str, Any]]:
    """The settings of the rule: how each is called, and what it must be."""
    own = [
        {
            "key": setting.name,
            "label": setting.label,
            "kind": setting.kind,
            "choices": list(setting.choices),
            "bounds": bounds_of(RULE.model_fields[setting.name]),
            "permitted": setting.permitted,
        }
        for setting in FIELDS
    ]
    return [*own, {**MODE, "bounds": {}, "permitted": "min or max"}]


def refusal(one: Drawn) -> str | None:
    """Why the rule cannot be replayed exactly outside LRScope; None if it can."""
    recipe, after = one.run.recipe, one.run.parent_epoch or 0
    if not one.rows:
        return "There is nothing to replay before the first epoch has ended."
    if recipe.schedule.traits.per_batch:
        return f"{recipe.schedule.name} moves the LR within epochs: its what-if is in LRScope only."
    if 0 < after < recipe.warmup:
        return "It was forked in a warm-up: its what-if is in LRScope only."
    if any(made.by_hand and after < made.epoch <= recipe.warmup for made in one.made):
        return "It was changed by hand in its warm-up: its what-if is in LRScope only."
    return None


def what_if(store: Store, one: Drawn) -> dict[str, Any]:
    """The rule's settings to begin with, and where the run stands when they apply.

    `after` is the epoch up to which the run stays as it was. The rule starts there in the state
    `start`, or fresh with `lr`; if it `decides`, it first decides on that epoch again, and `lr`, if
    there is one, is set after that. `hand` has the changes of the LR within an epoch: epoch, batch
    and LR.

    Raises:
        ConfigError, TorchChangedError: torch's class cannot run with the run's settings.
    """
    recipe, batches = one.run.recipe, one.run.batches
    spec = recipe.schedule if isinstance(recipe.schedule, RULE) else RULE()
    own = spec.model_dump()
    past = stretches(store, one.run.id)
    after = past[-1].after
    return {
        "settings": {**{s.name: own[s.name] for s in FIELDS}, "mode": recipe.mode},
        "after": after,
        "batches": batches,
        "warmup": _warmup(recipe, batches) if not after else [],
        "hand": [
            [made.epoch, made.batch, made.lr_after]
            for made in one.made
            if made.epoch > after and made.batch and made.lr_before != made.lr_after
        ],
        **(_inherited(one, past) if after else {"start": None, "decides": False, "lr": recipe.lr}),
    }


def _warmup(recipe: Recipe, batches: int) -> list[list[float]]:
    """The first and the last LR of each epoch of a warm-up."""
    if not recipe.warmup:
        return []
    from trainer.replay.replay import used

    return [[u.lr, u.lr_last] for u in used(recipe, [None] * recipe.warmup, batches)]


def _inherited(one: Drawn, past: list[Stretch]) -> dict[str, Any]:
    """The state of the rule where a fork starts (see `trainer.schedule.handover`)."""
    recipe, parent, after = one.run.recipe, past[-2].recipe, past[-1].after
    if not isinstance(parent.schedule, RULE):
        return {"start": None, "decides": False, "lr": recipe.lr}
    from trainer.replay.walk import inherit

    found = inherit(past[:-1], one.rows[:after], one.run.batches)
    decides = recipe.monitor == parent.monitor
    state = found.undecided if decides else found.decided
    rule, (group,) = state["main"], state["main_optimizer"]["param_groups"]
    lr = recipe.lr if recipe.lr != parent.lr else None
    if not decides:
        fresh = {"best": None, "bad": 0, "cooldown": 0}
        return {"start": {"lr": lr or group["lr"], **fresh}, "decides": False, "lr": None}
    start = {
        "lr": group["lr"],
        "best": rule["best"] if math.isfinite(rule["best"]) else None,
        "bad": rule["num_bad_epochs"],
        "cooldown": rule["cooldown_counter"],
    }
    return {"start": start, "decides": True, "lr": lr}


def of(store: Store, one: Drawn) -> tuple[dict[str, Any] | None, str]:
    """The what-if of a run; else None, and why there is none."""
    if why := refusal(one):
        return None, why
    try:
        return what_if(store, one), ""
    except (ConfigError, TorchChangedError) as error:
        return None, str(error)
