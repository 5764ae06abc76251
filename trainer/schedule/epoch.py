"""One epoch's record, once: the events, the store's columns and the page's rows follow from it.

torch-free.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from .decisions import Decision


@dataclass(frozen=True, slots=True)
class Epoch:
    """What one epoch used, measured and decided.

    Attributes:
        epoch: its number, from 1.
        lr, lr_last: the LR that was used in its first batch and in its last: they are equal but
            for schedules that step each batch, and for changes by hand.
        metrics: its metrics by name, None where one was not finite. A loss is a mean over images,
            an accuracy a share of 1.
        seconds: how long it took.
        decision: what the schedule did at its end; None where the run diverged in it.
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
