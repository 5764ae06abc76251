"""The record of one epoch; the events, the store's columns and the page's rows are based on it.

torch-free.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from .decisions import RECORDED, Decision


@dataclass(frozen=True, slots=True)
class Epoch:
    """An epoch's learning rates, metrics and decision.

    Attributes:
        epoch: its number, from 1.
        lr, lr_last: the LR used in its first batch and in its last: equal except for schedules
            that step each batch, and after changes by hand.
        metrics: its metrics by name, None if not finite. A loss is a mean over images, an accuracy
            lies in 0 to 1.
        seconds: how long it took.
        decision: what the schedule did at its end; None if the run diverged in this epoch.
    """

    epoch: int
    lr: float
    lr_last: float
    metrics: dict[str, float | None]
    seconds: float
    decision: Decision | None


def monitored(name: str, rows: Sequence[Epoch]) -> list[float | None]:
    """The values of one metric, None where it was not measured or not finite."""
    return [row.metrics.get(name) for row in rows]


def is_recorded(row: Epoch | None) -> bool:
    """Whether the LR of an epoch was read from a file, so that no schedule decided it here."""
    return bool(row and row.decision and row.decision.schedule == RECORDED)
