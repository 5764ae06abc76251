"""Queues and trains the ways to find an LR, and reads from the record what they found."""

import threading
from collections.abc import Generator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from ...config.grid import Grid, cells, grid
from ...config.run import RunConfig
from ...config.schedules import NoSchedule
from ...execute import Place
from ...snapshots.files import BUDGET_MB
from ...store.faults import CommandError, StoreError
from ...store.lineage import lineage
from ...store.run import Run
from ...store.store import Store
from ...store.sweeps import Sweep
from ...store.table import results
from ..adding import add
from ..sweeping import CellEvent, execute_sweep
from ..threads import fixed
from .answers import Answer, Tried, best_here, lowest, which_lr
from .plans import PLANS, BestHere, Plan, RangeTest, WhichLR, kind_of
from .ranging import apart_of, execute_range
from .sentences import checked

LOSS = "val_loss"
CHECK_SEEDS = 3


def add_find(
    store: Store,
    config: RunConfig,
    plan: Plan,
    workers: int = 1,
    name: str | None = None,
    claimed: bool = False,
) -> int:
    """Queue a way to find an LR for runs with this config; returns the sweep's id. The config's own
    LR is not used, and its schedule only by the check.

    Raises:
        ConfigError: the config and the plan do not go together.
    """
    values = plan.model_dump(mode="json")
    config = fixed(config, workers)
    first = plan.first(config)
    return store.add_sweep(kind_of(plan), config, values, first, workers, name, claimed)


def plan_of(sweep: Sweep) -> Plan:
    """The plan of a way to find an LR.

    Raises:
        StoreError: it cannot be read.
    """
    try:
        return PLANS[sweep.kind].model_validate(sweep.plan)
    except (KeyError, ValueError) as error:
        raise StoreError(f"The plan of sweep {sweep.id} cannot be read: {error}") from error


def execute_find(
    store: Store,
    sweep: int,
    root: Path,
    shutdown: threading.Event | None = None,
    budget_mb: float = BUDGET_MB,
    places: Sequence[Place] | None = None,
) -> Generator[CellEvent, None, None]:
    """Train a claimed sweep of kind find, which or range to its end, as
    `trainer.sweep.sweeping.execute_sweep` does a grid, and record its answer.

    A range test has no cells: its events are Progress of run 0, whose epoch counts the seeds.

    Raises:
        StoreError: the sweep cannot be read or recorded.
    """
    row = store.sweep(sweep)
    assert row is not None
    plan = plan_of(row)
    if isinstance(plan, RangeTest):
        yield from execute_range(store, row, plan, root, shutdown or threading.Event())
        return
    more = partial(_more, store, sweep, plan)
    yield from execute_sweep(store, sweep, root, shutdown, budget_mb, places, more)


def _more(store: Store, sweep: int, plan: BestHere | WhichLR) -> bool:
    """Add the cells that follow from those that have ended, or else record the answer."""
    row = store.sweep(sweep)
    assert row is not None
    if isinstance(plan, BestHere):
        probes, to_the_end = _phases(store, row)
        going_on = [] if to_the_end else lowest(probes, plan.keep)
        if going_on:
            store.add_cells(sweep, [plan.to_the_end(row.config, p.lr) for p in going_on])
            return True
    store.answer_sweep(sweep, answer(store, row))
    return False


def answer(store: Store, sweep: Sweep) -> Answer:
    """What a way to find an LR has found so far, from its record: as of `answers.best_here`,
    `answers.which_lr` or `ranging.execute_range`.

    Raises:
        UnreadableError: one of its runs cannot be read.
    """
    match plan_of(sweep):
        case BestHere():
            return best_here(*_phases(store, sweep))
        case WhichLR() as plan:
            return which_lr([tried(store, run) for run in store.cells(sweep.id)], plan.within)
        case _:
            return sweep.answer or apart_of([])


def _phases(store: Store, sweep: Sweep) -> tuple[list[Tried], list[Tried]]:
    """Of A: the probes, and what went on from them."""
    found: tuple[list[Tried], list[Tried]] = ([], [])
    for run in store.cells(sweep.id):
        found[run.recipe.schedule.name != NoSchedule().name].append(tried(store, run))
    return found


def tried(store: Store, run: Run) -> Tried:
    """What was recorded of a run that tries an LR."""
    assert run.config is not None
    epochs = lineage(store, run.id)
    return Tried(
        run=run.id,
        lr=run.config.lr,
        seed=run.config.seed,
        losses=tuple(epoch.metrics.get(LOSS) for epoch in epochs),
        lrs=tuple(epoch.lr for epoch in epochs),
        finished=run.status == "finished",
        diverged=run.status == "diverged",
    )


class Check(NamedTuple):
    """A grid that shows whether two LRs differ by more than their seeds do."""

    config: RunConfig
    grid: Grid

    @property
    def lrs(self) -> tuple[float, float]:
        (lrs,) = (axis.values for axis in self.grid.axes)
        return lrs[0], lrs[1]

    @property
    def cells(self) -> list[RunConfig]:
        return [cell.config for cell in cells(self.config, self.grid)]


def check(store: Store, sweep: int, seeds: int = CHECK_SEEDS) -> Check:
    """The check of an answer: its LR and the next best one, on seeds that did not choose them.

    Raises:
        CommandError: the sweep has found no two LRs that can be compared.
    """
    row = store.sweep(sweep)
    if row is None:
        raise CommandError(f"There is no sweep {sweep}.")
    plan, used = (plan_of(row) if row.kind in PLANS else None), 1
    found = answer(store, row) if plan else {}
    match plan:
        case BestHere():
            lrs = [run["lr"] for run in found["runs"]]
            config = plan.to_the_end(row.config, lrs[0]) if lrs else row.config
        case WhichLR():
            lrs, config, used = _of_scores(found), row.config, plan.seeds
        case _:
            raise CommandError(f"Sweep {sweep} found no LR that could be checked.")
    if len(lrs) < 2:
        raise CommandError(f"Sweep {sweep} has no two LRs to compare: try more of them.")
    config = config.model_copy(update={"seed": config.seed + used})
    return Check(config, grid(config, {"lr": lrs[:2]}, seeds=seeds))


def _of_scores(found: Answer) -> list[float]:
    """The answer of B, and the LR with the best score besides."""
    scored: list[dict[str, Any]] = [s for s in found["scores"] if s["score"] is not None]
    ranked = [s["lr"] for s in sorted(scored, key=lambda s: (s["score"], s["lr"]))]
    chosen = [lr for lr in [found["lr"]] if lr is not None]
    return [*chosen, *(lr for lr in ranked if lr not in chosen)]


def add_check(store: Store, sweep: int, seeds: int = CHECK_SEEDS, claimed: bool = False) -> int:
    """Queue the check of an answer as a grid of its own; returns the sweep's id.

    Raises:
        CommandError: as `check`.
    """
    made, row = check(store, sweep, seeds), store.sweep(sweep)
    assert row is not None
    name = f"Check of sweep {sweep}"
    return add(store, made.config, made.grid, row.workers, name, claimed)


def with_pair(store: Store, sweep: Sweep, told: list[str]) -> list[str]:
    """The sentences of a grid; of two LRs it is said by their own seeds how far they are apart."""
    pair = compared(store, sweep)
    return [*pair, *told[:1]] if pair else told


def compared(store: Store, sweep: Sweep) -> list[str]:
    """What a grid of two LRs shows of them so far, by the seeds that both have; nothing of less
    than two seeds, and of any other grid.
    """
    axes = sweep.grid.axes if sweep.kind == "grid" else ()
    if [axis.key for axis in axes] != ["lr"] or len(axes[0].values) != 2:
        return []
    runs = store.cells(sweep.id)
    lowest = results(store, {run.id: LOSS for run in runs if run.status == "finished"})
    losses: dict[float, dict[int, float | None]] = {lr: {} for lr in axes[0].values}
    for run in runs:
        if run.id in lowest and run.config is not None:
            losses[run.config.lr][run.config.seed] = lowest[run.id].best
    first, second = axes[0].values
    both = losses[first].keys() & losses[second].keys()
    return [checked((first, second), losses)] if len(both) > 1 else []
