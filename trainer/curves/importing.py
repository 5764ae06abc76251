"""Imports a curve as a recorded run, so that decisions, what-if and replay work on it."""

from collections.abc import Collection, Sequence
from typing import Any

from ..config.recipe import Recipe
from ..config.table import ConfigError, to_recipe
from ..replay.replay import step
from ..schedule.decisions import moved
from ..schedule.epoch import Epoch
from ..schedule.schedule import Schedule
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
    recipe = assumed(curve.name, curve.metrics, len(curve.epochs), curve.lr or (), values)
    deciding = Deciding(recipe)
    rows: dict[int, Epoch] = {}
    for i in range(len(curve.epochs)):
        metrics = {name: values[i] for name, values in curve.metrics.items()}
        for row in deciding.end_epoch(metrics, curve.lr[i] if curve.lr else None):
            rows[row.epoch] = row
    return store.add_imported(recipe, curve.name, list(rows.values()), about(curve))


def about(curve: Curve) -> str | None:
    """What was taken from the file as the curve, and how its epochs are numbered here, in a
    sentence each; None if there is nothing to say.
    """
    chosen = curve.chosen and what_it_is(next(iter(curve.metrics)), curve.chosen)
    return " ".join(filter(None, (chosen, _renumbered(curve)))) or None


def what_it_is(metric: str, chosen: str) -> str:
    """One sentence on what in the file the curve is."""
    return f"Curve: {metric}, {chosen}."


def _renumbered(curve: Curve) -> str | None:
    return renumbered(curve.name, curve.epochs[0], curve.epochs[-1], len(curve.epochs))


def renumbered(name: str, first: int, last: int, epochs: int, growing: bool = False) -> str | None:
    """One sentence on how the file's epochs are numbered here; None if as in the file.

    Args:
        name: the file's name.
        first, last: its own numbers of the first and the last of so many epochs.
        growing: more of them may come.
    """
    if (first, last) == (1, epochs):
        return None
    if last - first == epochs - 1:
        return f"{name} counts its epochs from {first}; here they count from 1."
    numbers = (
        f"its {epochs} values {first} to {last}, with gaps; here they are epochs 1 to {epochs}"
    )
    if growing:
        numbers = f"its values from {first} on, with gaps; here they are epochs from 1 on"
    return (
        f"{name} numbers {numbers}, since a schedule takes one step for each value, whatever its "
        "number."
    )


def assumed(
    name: str,
    metrics: Collection[str],
    epochs: int,
    lrs: Sequence[float],
    values: dict[str, Any],
) -> Recipe:
    """The assumed recipe of a curve. Its monitor is one of its metrics.

    Args:
        name: the file's name, for the error.
        metrics: its metrics, the curve first.
        lrs: the LRs that it has recorded.

    Raises:
        ConfigError: a value is out of bounds.
    """
    known: dict[str, Any] = {"epochs": epochs, "monitor": next(iter(metrics))}
    if lrs and max(lrs) > 0:
        known["lr"] = lrs[0] or max(lrs)
    recipe = to_recipe({**known, **values})
    if recipe.monitor not in metrics:
        raise ConfigError(
            {("monitor", None): f"Monitor must be a metric of {name}: {', '.join(metrics)}."}
        )
    return recipe


class Deciding:
    """Decides at the end of each epoch of a curve: the recipe's schedule takes a step, or the
    recorded LR says what was done.
    """

    def __init__(self, recipe: Recipe) -> None:
        self._monitor = recipe.monitor
        self._schedule = Schedule(recipe, batches=1)
        self._last: list[Epoch] = []  # the last epoch and the one before it, if the LR is recorded
        self._before: tuple[dict[str, Any], list[Epoch]] | None = None

    def end_epoch(
        self, metrics: dict[str, float | None], lr: float | None = None, for_now: bool = False
    ) -> list[Epoch]:
        """End an epoch; returns it, after the one before if that has another decision now, since
        a recorded LR shows only with the next epoch what was done to it.

        Args:
            lr: the LR that was recorded; None if none is.
            for_now: it may be taken back.
        """
        self._before = (self._schedule.state_dict(), [*self._last]) if for_now else None
        if lr is None:
            done = step(self._schedule, metrics.get(self._monitor))
            return [Epoch(done.epoch, done.lr, done.lr_last, metrics, 0.0, done.decision)]
        last = self._last[-1:]
        changed = [_before(self._last, lr)] if last and last[0].lr != lr else []
        epoch = last[0].epoch + 1 if last else 1
        row = Epoch(epoch, lr, lr, metrics, 0.0, moved(epoch, lr, lr, was_constant=True))
        self._last = [*(changed or last), row]
        return [*changed, row]

    def take_back(self) -> None:
        """Take back the last epoch, which was ended for now."""
        assert self._before is not None
        state, self._last = self._before
        self._schedule.load_state_dict(state)


def _before(last: list[Epoch], lr: float) -> Epoch:
    """The last epoch, once the next has started at this LR."""
    *earlier, row = last
    was_constant = bool(earlier) and earlier[0].lr == row.lr
    decision = moved(row.epoch, row.lr, lr, was_constant=was_constant)
    return Epoch(row.epoch, row.lr, row.lr, row.metrics, 0.0, decision)
