"""A few points of the curves of many runs. torch-free."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .store import Store

POINTS = 40
# The epochs of a run from the first to the last, a step apart: of each step the first that there
# is, since an imported curve need not have all.
SAMPLED = f"""
WITH RECURSIVE steps (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM steps WHERE i < {POINTS - 1}),
asked (run, first, last) AS (
    SELECT value, (SELECT min(epoch) FROM epochs WHERE run = value),
        (SELECT max(epoch) FROM epochs WHERE run = value) FROM json_each(?)
), targets (run, epoch) AS (
    SELECT run, first + (last - first) * i / max(1, min({POINTS - 1}, last - first))
    FROM asked JOIN steps ON i <= last - first
)
SELECT epochs.run, epochs.lr, epochs.metrics FROM targets
JOIN epochs ON epochs.run = targets.run AND epochs.epoch = (
    SELECT min(epoch) FROM epochs WHERE run = targets.run AND epoch >= targets.epoch
)
ORDER BY epochs.run, epochs.epoch
"""


@dataclass(frozen=True, slots=True)
class Sparkline:
    """A metric and the LR of the same epochs, at most POINTS of them."""

    metric: list[float | None] = field(default_factory=list)
    lr: list[float] = field(default_factory=list)


def sparklines(store: Store, metrics: Mapping[int, str]) -> dict[int, Sparkline]:
    """A few points of one metric of each of these runs, in one query.

    Args:
        metrics: the metric by run.
    """
    lines = {run: Sparkline() for run in metrics}
    for run, lr, text in store.connection.execute(SAMPLED, (json.dumps(list(metrics)),)):
        lines[run].metric.append(_number(text, metrics[run]))
        lines[run].lr.append(lr)
    return lines


def _number(text: Any, name: str) -> float | None:
    """A metric; None if there is none, or the epoch is damaged, which the run's own page tells."""
    try:
        value = json.loads(text)[name]
    except (TypeError, ValueError, LookupError):
        return None
    return value if isinstance(value, float | int) else None
