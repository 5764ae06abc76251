"""A run's best epoch, and where its marker lies. Pure."""

from collections.abc import Iterable
from typing import NamedTuple

from app.charts.curves import metric as curve
from app.charts.series import on_loss_axis
from trainer.config.metrics import rises
from trainer.schedule.epoch import Epoch

LOSS = "val_loss"


class Best(NamedTuple):
    """The epoch with the best value of a metric, the first of them, and that value."""

    epoch: int
    value: float
    metric: str = LOSS

    @property
    def marker(self) -> tuple[int, float, str]:
        """Its place on the metric's curve, as epoch and value on the loss axis, and the curve's
        colour by meaning.
        """
        place = on_loss_axis(self.metric, self.value)
        assert place is not None
        return self.epoch, place, curve(self.metric).colour


def best_of(rows: Iterable[Epoch], *metrics: str) -> Best | None:
    """The best of some epochs by the first of these metrics that has a finite value in any of them;
    None if none has.
    """
    rows = list(rows)
    for metric in metrics:
        values = ((row.epoch, row.metrics.get(metric)) for row in rows)
        found = [Best(epoch, value, metric) for epoch, value in values if value is not None]
        if found:
            sign = -1 if rises(metric) else 1
            return min(found, key=lambda best: (sign * best.value, best.epoch))
    return None
