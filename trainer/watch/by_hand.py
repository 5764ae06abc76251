"""Changes of the LR by hand that last: they are written where the schedules read.

A schedule either multiplies the LR that stands in the group or works it out from LRs of its own,
so both are scaled alike. What an attribute means goes by its name, as torch's schedulers have it.
"""

import math
from bisect import bisect_right
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from .observed import TORCH, parts_of
from .plain import lr_of, number

CUT_FACTOR = 0.1  # of a cut where the schedule has no factor of its own
_NEGLIGIBLE = 1e-12  # of an LR


class RefusedError(Exception):
    """It cannot be done; the message is one sentence that says why."""


class _Leaf(NamedTuple):
    """A scheduler that has none in it; `is_active` unless another one's turn is now."""

    scheduler: Any
    is_active: bool


def leaves(scheduler: Any) -> Iterator[_Leaf]:
    """The schedulers that compute, with those in a sequence whose turn it is not."""
    parts = parts_of(scheduler)
    if not parts:
        if scheduler is not None:
            yield _Leaf(scheduler, True)
        return
    milestones = getattr(scheduler, "_milestones", None)
    turn = None if milestones is None else bisect_right(milestones, scheduler.last_epoch)
    for i, part in enumerate(parts):
        for leaf in leaves(part):
            yield leaf._replace(is_active=leaf.is_active and turn in (None, i))


def unknown(scheduler: Any) -> str | None:
    """The class of a scheduler whose way to its LR is not known; None if all are torch's."""
    for leaf, _ in leaves(scheduler):
        if type(leaf).__module__ != TORCH:
            return type(leaf).__name__
    return None


def fixed_length(scheduler: Any) -> tuple[str, int] | None:
    """A scheduler that takes no more than so many steps, and how many."""
    for leaf, _ in leaves(scheduler):
        if isinstance(steps := getattr(leaf, "total_steps", None), int):
            return type(leaf).__name__, steps
    return None


def set_lr(optimizer: Any, scheduler: Any, lr: float) -> None:
    """Set the first group's LR; the other groups keep their ratios to it, and every schedule goes
    on from there with the same relative changes. Nothing is changed if it cannot be.

    Raises:
        RefusedError: it cannot be done.
    """
    groups = optimizer.param_groups
    before = [lr_of(group) for group in groups]
    present = before[0]
    if scheduler is not None and not (math.isfinite(present) and present > 0):
        raise RefusedError(
            f"The learning rate is {present:g} at this moment, which no factor leads away from: "
            "ask again when it is above 0."
        )
    if not (math.isfinite(lr) and lr > 0):
        raise RefusedError("The learning rate must be a number above 0.")
    ratio = lr / present if present else 1.0
    after = [lr if old == present else old * ratio for old in before]
    writes = [_written(group, "lr", new) for group, new in zip(groups, after, strict=True)]
    found = list(leaves(scheduler))
    writes += _group_entries(groups, [leaf.scheduler for leaf in found], ratio)
    for leaf in found:
        writes += _own_entries(leaf, len(groups), ratio)
    told = [leaf.scheduler for leaf in found if leaf.is_active]
    for one in [*told, scheduler] if parts_of(scheduler) else told:
        writes += _last_lrs(one, before, after, ratio)
    for write in writes:
        write()


def cut(optimizer: Any, scheduler: Any) -> None:
    """Cut as a plateau rule does when patience is over, with its cooldown; another schedule's LR
    is multiplied by its gamma, else by 0.1.

    Raises:
        RefusedError: it cannot be done.
    """
    active = [leaf.scheduler for leaf in leaves(scheduler) if leaf.is_active]
    if len(active) == 1 and _is_plateau(active[0]):
        rule = active[0]
        rule._reduce_lr(rule.last_epoch)
        rule.cooldown_counter, rule.num_bad_epochs = rule.cooldown, 0
        rule._last_lr = [group["lr"] for group in optimizer.param_groups]
        return
    factors = [leaf.gamma for leaf in active if _has_factor(leaf)]
    set_lr(optimizer, scheduler, lr_of(optimizer.param_groups[0]) * (*factors, CUT_FACTOR)[0])


def _is_plateau(scheduler: Any) -> bool:
    needed = ("_reduce_lr", "cooldown", "cooldown_counter", "num_bad_epochs", "last_epoch")
    return all(hasattr(scheduler, name) for name in needed)


def _has_factor(scheduler: Any) -> bool:
    """Whether its gamma is the factor of a fall, not that of a cycle's height."""
    gamma = getattr(scheduler, "gamma", None)
    return isinstance(gamma, float) and 0 < gamma < 1 and not hasattr(scheduler, "max_lrs")


_Write = Callable[[], None]


def _written(group: Any, key: str, value: float) -> _Write:
    """How to write an LR of a group."""

    def write() -> None:
        group[key] = _filled(group[key], value)

    return write


def _replaced(scheduler: Any, name: str, values: list[float]) -> _Write:
    """How to write a list of LRs: as a new one, since a copied state may hold the present one."""

    def write() -> None:
        present = getattr(scheduler, name)
        setattr(scheduler, name, list(map(_filled, present, values)))

    return write


def _filled(present: Any, value: float) -> Any:
    """The LR to write in place of the present one: its tensor where it is one, since a CUDA graph
    reads that.
    """
    if hasattr(present, "fill_"):
        present.detach().fill_(value)
        return present
    return value


def _lrs_of(scheduler: Any, name: str, groups: int) -> list[float] | None:
    """A scheduler's list of LRs, one for each group; None if it has none."""
    found = getattr(scheduler, name, None)
    if not isinstance(found, list) or len(found) != groups:
        return None
    return [number(lr) for lr in found]


def _group_entries(groups: list[Any], schedulers: list[Any], ratio: float) -> list[_Write]:
    """The LRs that schedules keep in the parameter groups."""
    names = ["initial_lr"] if schedulers else []
    if any(hasattr(scheduler, "_schedule_phases") for scheduler in schedulers):
        names += ["max_lr", "min_lr"]
    return [
        _written(group, name, number(group[name]) * ratio)
        for group in groups
        for name in names
        if name in group
    ]


def _own_entries(leaf: _Leaf, groups: int, ratio: float) -> list[_Write]:
    """The LRs that a scheduler keeps itself."""
    scheduler, is_active = leaf
    writes = []
    if (highest := _lrs_of(scheduler, "max_lrs", groups)) is not None:
        writes.append(_replaced(scheduler, "max_lrs", [lr * ratio for lr in highest]))
    if (base := _lrs_of(scheduler, "base_lrs", groups)) is not None:
        lowest = getattr(scheduler, "eta_min", 0)
        lowest = lowest if isinstance(lowest, int | float) else 0
        now = (is_active and _lrs_of(scheduler, "_last_lr", groups)) or base
        name = type(scheduler).__name__
        above = [_above(name, lowest, lr, ratio, is_active) for lr in now]
        scaled = [lowest + (lr - lowest) * more for lr, more in zip(base, above, strict=True)]
        writes.append(_replaced(scheduler, "base_lrs", scaled))
    return writes


def _last_lrs(
    scheduler: Any, before: list[float], after: list[float], ratio: float
) -> list[_Write]:
    """What `get_last_lr` tells: the LRs in force."""
    last = _lrs_of(scheduler, "_last_lr", len(before))
    if last is None:
        return []
    told = [
        new if lr == old else lr * ratio for lr, old, new in zip(last, before, after, strict=True)
    ]
    return [_replaced(scheduler, "_last_lr", told)]


def _above(name: str, lowest: float, lr: float, ratio: float, is_active: bool) -> float:
    """What a schedule's distance from its lowest LR is multiplied by when its LR is multiplied by
    `ratio`.
    """
    if lowest == 0:
        return ratio
    above, wanted = lr - lowest, lr * ratio - lowest
    if wanted == above:
        return 1.0
    if abs(above) <= _NEGLIGIBLE * abs(lowest):
        if not is_active:
            return 1.0
        raise RefusedError(
            f"{name} is at its lowest learning rate, {lowest:g}, at this moment, which no factor "
            "leads away from: ask again when it is above."
        )
    if is_active and above * wanted <= 0:
        raise RefusedError(
            f"{name} keeps above its lowest learning rate, {lowest:g}: ask for more than that."
        )
    return wanted / above
