"""How the cells of a sweep stand after an epoch. torch-free."""

from dataclasses import dataclass

from ..config.metrics import rises
from .store import Store


@dataclass(frozen=True, slots=True)
class Standing:
    """How a cell stands after an epoch, or before it if it has not come so far.

    Attributes:
        epoch: the last epoch that it has, at most that one.
        cost: its best value of the metric until then, or minus that where the metric rises; None
            if it has none.
    """

    epoch: int
    cost: float | None


# A cell's epochs are in parts, as in `trainer.store.table`.
PARTS = """
WITH RECURSIVE parts (run, owner, upto) AS (
    SELECT id, id, :epoch FROM runs WHERE sweep = :sweep AND deleted IS NULL
    UNION ALL
    SELECT parts.run, runs.parent, min(parts.upto, runs.parent_epoch)
    FROM parts JOIN runs ON runs.id = parts.owner
    WHERE runs.parent < runs.id AND runs.parent_epoch > 0
)
SELECT parts.run, max(epochs.epoch),
    min(:sign * json_extract(epochs.metrics, '$."' || :metric || '"'))
FROM parts JOIN epochs ON epochs.run = parts.owner AND epochs.epoch <= parts.upto
GROUP BY parts.run
"""


def standings(store: Store, sweep: int, metric: str, epoch: int) -> dict[int, Standing]:
    """How each cell that has any epoch stands after this one, in one query.

    Args:
        metric: one of the engine's own.
    """
    sign = -1 if rises(metric) else 1
    values = {"sweep": sweep, "metric": metric, "epoch": epoch, "sign": sign}
    found = store.connection.execute(PARTS, values)
    return {run: Standing(last, cost) for run, last, cost in found}
