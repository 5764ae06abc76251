"""A curve from elsewhere -> a recorded run, on which X-ray, what-if and replay work."""

from collections.abc import Iterator
from typing import Any

from ..config.run import RunConfig
from ..config.table import changed
from ..replay.replay import replay
from ..schedule.decisions import Decision, Kind
from ..store.rows import Epoch
from ..store.store import Store
from .csv import Curve

METRICS = ("val_loss", "train_loss", "val_accuracy")  # the first that there is, is watched


def take_in(store: Store, curve: Curve, values: dict[str, Any]) -> int:
    """Store a curve as a run; its number. Its epochs count from 1, whatever the file's do.

    Where the file has no learning rate, the run's is what its schedule would have made of the
    curve; where it has one, that is what happened, and the schedule is what what-if begins with.

    Args:
        values: the schedule, its parameters, lr and monitor by key; the defaults for the rest.

    Raises:
        ConfigError: a value is out of its bounds.
    """
    config = _config(curve, values)
    return store.add_recorded(config, curve.name, list(_rows(curve, config)))


def _config(curve: Curve, values: dict[str, Any]) -> RunConfig:
    there = list(_metrics(curve))
    known: dict[str, Any] = {"epochs": len(curve.epochs), "monitor": there[0]}
    if curve.lr and max(curve.lr) > 0:
        known["lr"] = curve.lr[0] or max(curve.lr)
    config = changed(RunConfig(), {**known, **values})
    return config if config.monitor in there else changed(config, {"monitor": there[0]})


def _metrics(curve: Curve) -> dict[str, tuple[float | None, ...]]:
    """The metrics that the file has."""
    found = {metric: getattr(curve, metric) for metric in METRICS}
    return {metric: values for metric, values in found.items() if values is not None}


def _rows(curve: Curve, config: RunConfig) -> Iterator[Epoch]:
    metrics, lrs = _metrics(curve), curve.lr or ()
    for i, step in enumerate(replay(metrics[config.monitor], config)):
        own = {metric: values[i] for metric, values in metrics.items()}
        lr, lr_last, decision = step.lr, step.lr_last, step.decision
        if lrs:
            lr = lr_last = lrs[i]
            decision = _move(lrs, i)
        yield Epoch(
            epoch=step.epoch,
            lr=lr,
            lr_last=lr_last,
            train_loss=own.get("train_loss"),
            val_loss=own.get("val_loss"),
            val_accuracy=own.get("val_accuracy"),
            seconds=0.0,
            decision=decision,
        )


def _move(lrs: tuple[float, ...], i: int) -> Decision:
    """What a recorded LR did after its epoch: a cut where it had stood still before."""
    lr, next_lr = lrs[i], lrs[min(i + 1, len(lrs) - 1)]
    stood = i > 0 and lrs[i - 1] == lr
    kind: Kind = "kept"
    if next_lr > lr:
        kind = "raised"
    elif next_lr < lr:
        kind = "cut" if stood else "lowered"
    return Decision(kind=kind, epoch=i + 1, lr=lr, next_lr=next_lr, schedule="Recorded")
