"""A few points of the curves of many runs. torch-free."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .store import Store

POINTS = 40
# The epochs of a run from the first to the last, a step apart: of each step the first that there
# is, since an imported curve need not have all. A fork's are in parts: its own, and those of each
# ancestor up to the next one's first.
SAMPLED = f"""
WITH RECURSIVE steps (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM steps WHERE i < {POINTS - 1}),
parts (run, owner, upto) AS (
    SELECT value, value, 9223372036854775807 FROM json_each(?)
    UNION ALL
    SELECT parts.run, runs.parent, min(parts.upto, runs.parent_epoch)
    FROM parts JOIN runs ON runs.id = parts.owner
    WHERE runs.parent < runs.id AND runs.parent_epoch > 0
), ends (run, owner, first, last) AS (
    SELECT run, owner, (SELECT min(epoch) FROM epochs WHERE run = owner AND epoch <= upto),
        (SELECT max(epoch) FROM epochs WHERE run = owner AND epoch <= upto)
    FROM parts
), spans (run, owner, after, last, begins, length) AS MATERIALIZED (
    SELECT run, owner, lag(last, 1, -1) OVER (PARTITION BY run ORDER BY last), last,
        min(first) OVER (PARTITION BY run),
        max(last) OVER (PARTITION BY run) - min(first) OVER (PARTITION BY run)
    FROM ends WHERE last IS NOT NULL
), targets (run, owner, after, last, epoch) AS (
    SELECT run, owner, after, last, begins + length * i / max(1, min({POINTS - 1}, length))
    FROM spans JOIN steps ON i <= length
)
SELECT targets.run, epochs.lr, epochs.metrics FROM targets
JOIN epochs ON epochs.run = targets.owner AND epochs.epoch = (
    SELECT min(epoch) FROM epochs WHERE run = targets.owner AND epoch >= targets.epoch
)
WHERE targets.epoch > targets.after AND targets.epoch <= targets.last
ORDER BY targets.run, targets.epoch
"""


@dataclass(frozen=True, slots=True)
class Sparkline:
    """A metric and the LR of the same epochs, at most POINTS of them."""

    metric: list[float | None] = field(default_factory=list)
    lr: list[float] = field(default_factory=list)


def sparklines(store: Store, metrics: Mapping[int, str]) -> dict[int, Sparkline]:
    """A few points of one metric of each of these runs, a fork's with the epochs that it shares
    with its ancestors, in one query.

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
