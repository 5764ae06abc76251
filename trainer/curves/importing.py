"""Imports a curve as a recorded run, so that decisions, what-if and replay work on it."""

from collections.abc import Iterator
from typing import Any

from ..config.recipe import Recipe
from ..config.table import ConfigError, to_recipe
from ..replay.replay import replay
from ..schedule.decisions import Decision, moved
from ..schedule.epoch import Epoch
from ..store.store import Store
from .csv import Curve


def import_curve(store: Store, curve: Curve, values: dict[str, Any]) -> int:
    """Store a curve as a run; returns the run id. Its epochs count from 1, whatever the file's do:
    the run keeps what `about` says of that, and of the curve, as its warning.

    If the file has no learning rates, the run gets those of its schedule replayed on the curve. If
    it has, the run keeps them, and the schedule is the starting point for what-if.

    Args:
        values: the schedule, its parameters, lr and monitor by key; defaults for the rest.

    Raises:
        ConfigError: a value is out of bounds.
    """
    recipe = _recipe(curve, values)
    return store.add_imported(recipe, curve.name, list(_rows(curve, recipe)), about(curve))


def about(curve: Curve) -> str | None:
    """What was taken from the file as the curve, and how its epochs are numbered here, in a
    sentence each; None if there is nothing to say.
    """
    chosen = curve.chosen and f"Curve: {next(iter(curve.metrics))}, {curve.chosen}."
    return " ".join(filter(None, (chosen, _renumbered(curve)))) or None


def _renumbered(curve: Curve) -> str | None:
    """One sentence on how the file's epochs are numbered here; None if as in the file."""
    rows, first, last = len(curve.epochs), curve.epochs[0], curve.epochs[-1]
    if (first, last) == (1, rows):
        return None
    if last - first == rows - 1:
        return f"{curve.name} counts its epochs from {first}; here they count from 1."
    return (
        f"{curve.name} numbers its {rows} values {first} to {last}, with gaps; here they are "
        f"epochs 1 to {rows}, since a schedule takes one step for each value, whatever its number."
    )


def _recipe(curve: Curve, values: dict[str, Any]) -> Recipe:
    """The assumed recipe. Its monitor is a metric of the curve."""
    monitor = next(iter(curve.metrics))
    known: dict[str, Any] = {"epochs": len(curve.epochs), "monitor": monitor}
    if curve.lr and max(curve.lr) > 0:
        known["lr"] = curve.lr[0] or max(curve.lr)
    recipe = to_recipe({**known, **values})
    if recipe.monitor not in curve.metrics:
        names = ", ".join(curve.metrics)
        raise ConfigError(
            {("monitor", None): f"Monitor must be a metric of {curve.name}: {names}."}
        )
    return recipe


def _rows(curve: Curve, recipe: Recipe) -> Iterator[Epoch]:
    lrs = curve.lr or ()
    for i, step in enumerate(replay(curve.metrics[recipe.monitor], recipe)):
        lr, lr_last, decision = step.lr, step.lr_last, step.decision
        if lrs:
            lr = lr_last = lrs[i]
            decision = _move(lrs, i)
        metrics = {name: values[i] for name, values in curve.metrics.items()}
        yield Epoch(step.epoch, lr, lr_last, metrics, 0.0, decision)


def _move(lrs: tuple[float, ...], i: int) -> Decision:
    """How a recorded LR changed after its epoch."""
    next_lr = lrs[min(i + 1, len(lrs) - 1)]
    return moved(i + 1, lrs[i], next_lr, was_constant=i > 0 and lrs[i - 1] == lrs[i])
