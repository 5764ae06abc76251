"""Trains the range tests of a sweep, a seed after another."""

import logging
import math
import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

from ...config.run import RunConfig
from ...engine.control import Control
from ...engine.events import Progress
from ...failures import reason, unexpected
from ...store.store import Store
from ...store.sweeps import Sweep, SweepStatus
from ..sweeping import ASKED, CellEvent
from .answers import Answer
from .plans import RangeTest
from .suggestions import RULES, Smoothed, apart, smoothed, suggestions

log = logging.getLogger(__name__)


def execute_range(
    store: Store, sweep: Sweep, plan: RangeTest, root: Path, shutdown: threading.Event
) -> Generator[CellEvent, None, None]:
    """Train what is left of a claimed sweep of kind range. The answer is recorded after each seed,
    as of `apart_of`, and within a seed the `batch` that it is at; a test that is stopped there
    begins that seed again.
    """
    seeds: list[dict[str, Any]] = list((sweep.answer or {}).get("seeds", ()))
    status: SweepStatus = "interrupted"
    why = None

    def asked() -> bool:
        nonlocal status
        by_person = store.sweep_asked(sweep.id)
        status = ASKED[by_person] if by_person else "interrupted"
        return by_person is not None or shutdown.is_set()

    try:
        for number in range(len(seeds), plan.seeds):
            at = partial(_tell, store, sweep.id, apart_of(seeds))
            losses = yield from _tested(sweep.config, plan, number, root, asked, at)
            if losses is None:
                return
            seeds.append(_of_seed(sweep.config.seed + number, plan, losses))
            store.answer_sweep(sweep.id, apart_of(seeds))
        status = "finished"
    except Exception as error:
        status, why = "failed", reason(error)
        if why is None:
            log.exception("sweep %d failed", sweep.id)
            why = unexpected(error)
    finally:
        store.end_sweep(sweep.id, status, why)


def _tell(store: Store, sweep: int, answer: Answer, batch: int) -> None:
    """Record how far a test is, for whoever watches it."""
    store.answer_sweep(sweep, {**answer, "batch": batch})


def _tested(
    config: RunConfig,
    plan: RangeTest,
    number: int,
    root: Path,
    asked: Callable[[], bool],
    at: Callable[[int], None],
) -> Generator[CellEvent, None, list[float] | None]:
    """Test a seed, counted from 0; the loss of each batch, None if it was asked to end. `at` is
    told, by the clock, which batch it is at.
    """
    from ...engine.range_test import range_test

    smooth, control = Smoothed(), Control()

    def is_over(loss: float) -> bool:
        smooth.add(loss)
        return math.isnan(loss) or smooth.has_diverged

    config = config.model_copy(update={"seed": config.seed + number})
    lrs = [plan.lr(batch) for batch in range(plan.batches)]
    with closing(range_test(config, lrs, root, control, number + 1, is_over)) as events:
        while True:
            try:
                event = next(events)
            except StopIteration as end:
                losses: list[float] | None = end.value
                return losses
            if asked():
                control.stop()
            elif isinstance(event, Progress):
                at(event.batch)
            yield CellEvent(0, event)


def _of_seed(seed: int, plan: RangeTest, losses: Sequence[float]) -> dict[str, Any]:
    lrs = [plan.lr(batch) for batch in range(len(losses))]
    suggested = suggestions(lrs, losses, plan.batches)
    return {
        "seed": seed,
        "lrs": lrs,
        "losses": [_finite(loss) for loss in losses],
        "smoothed": [_finite(loss) for loss in smoothed(losses)],
        "suggestions": suggested,
        "apart": apart(list(suggested.values())),
    }


def _finite(loss: float) -> float | None:
    return loss if math.isfinite(loss) else None


def apart_of(seeds: Sequence[dict[str, Any]]) -> Answer:
    """The answer of a range test.

    Returns:
        `seeds`: of each the `seed`, `lrs`, `losses` and `smoothed` ones by batch, the LR that each
        rule suggests, and how many times the highest of these is the lowest; `apart`: the same of
        each rule over the seeds.
    """
    return {
        "seeds": list(seeds),
        "apart": {rule: apart([s["suggestions"][rule] for s in seeds]) for rule in RULES},
    }


def band(answer: Answer) -> dict[str, list[float]]:
    """The smoothed losses of all seeds as a band over the LR, as far as every seed got: `lrs`, and
    the `low`, `middle` (median) and `high` of the losses there.
    """
    curves = [[v for v in s["smoothed"] if v is not None] for s in answer["seeds"]]
    columns = [sorted(column) for column in zip(*curves, strict=False)]
    return {
        "lrs": answer["seeds"][0]["lrs"][: len(columns)] if columns else [],
        "low": [column[0] for column in columns],
        "middle": [
            (column[(len(column) - 1) // 2] + column[len(column) // 2]) / 2 for column in columns
        ],
        "high": [column[-1] for column in columns],
    }
