"""Halving: the cells of a sweep that lag behind the others are stopped early. torch-free.

Successive halving (Jamieson and Talwalkar, AISTATS 2016) over the tree of stages: the epochs that
cells share are trained once here, too. What was stopped can be resumed, exactly.
"""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from statistics import fmean

from ..config.grid import cells, rungs
from ..config.metrics import label
from ..config.run import RunConfig
from ..store.run import OVER, Run
from ..store.standings import Standing, standings
from ..store.store import Store
from ..store.sweeps import Sweep

Setting = tuple[Run, ...]
"""The cells that differ in their seed only."""


def settings_of(runs: Sequence[Run]) -> list[Setting]:
    """The cells by setting, in the order of the oldest of each."""
    found: dict[str, list[Run]] = defaultdict(list)
    for run in runs:
        assert run.config is not None
        found[_setting(run.config)].append(run)
    return [tuple(each) for each in found.values()]


def settings_in(configs: Sequence[RunConfig]) -> int:
    """How many of these configs differ in more than their seed."""
    return len(set(map(_setting, configs)))


def ranked(
    settings: Sequence[Setting], standing: Mapping[int, Standing], epoch: int
) -> list[tuple[float, Setting]]:
    """Settings with the mean over their seeds of the best value until an epoch, the best first, of
    equal ones the older. A cell that has ended before that epoch has no part in it; a setting
    without any other, or with one that has diverged, comes last with an infinite mean.
    """

    def cost(setting: Setting) -> float:
        if any(run.status == "diverged" and run.epoch <= epoch for run in setting):
            return float("inf")
        there = [run for run in setting if run.status == "finished" or run.id in reached]
        costs = [c for run in there if (c := standing[run.id].cost) is not None]
        return fmean(costs) if costs else float("inf")

    reached = {run for run, at in standing.items() if at.epoch >= epoch}
    return sorted(((cost(setting), setting) for setting in settings), key=lambda each: each[0])


def with_equals(order: Sequence[tuple[float, Setting]], going_on: int) -> int:
    """How many of the best go on: so many, and those that are equal to the last of them, as those
    are that have shared every epoch so far.
    """
    while going_on < len(order) and order[going_on][0] == order[going_on - 1][0] < math.inf:
        going_on += 1
    return going_on


class Halving:
    """At which epochs the cells of a sweep are compared, and which of them stop there.

    All follows from what is recorded: a sweep that was interrupted goes on with the same cells.
    """

    def __init__(self, store: Store, sweep: Sweep) -> None:
        self._store = store
        self._sweep = sweep.id
        configs = [cell.config for cell in cells(sweep.config, sweep.grid)]
        longest = max(config.epochs for config in configs)
        self._rungs = rungs(sweep.grid, settings_in(configs), longest)
        self._left: list[Setting] | None = None  # that went on at the last rung

    @property
    def until(self) -> int | None:
        """The epoch at which every cell waits for the others; None after the last rung."""
        return self._rungs[0][0] if self._rungs else None

    def stop_losers(self, all_there: bool = False) -> set[int]:
        """At each rung that all cells have reached: stop those that lag. Returns the stopped.

        Args:
            all_there: whether the next rung is reached: a cell that is not there is not this
                sweep's to train.
        """
        stopped: set[int] = set()
        runs = {run.id: run for run in self._store.cells(self._sweep)}
        while self._rungs:
            epoch, going_on = self._rungs[0]
            known = settings_of([*runs.values()]) if self._left is None else self._left
            present = (tuple(runs[run.id] for run in each if run.id in runs) for each in known)
            left = [setting for setting in present if setting]
            if not left:
                self._rungs.clear()
                break
            metric = left[0][0].ranked_by
            standing = standings(self._store, self._sweep, metric, epoch)
            late = {r.id for each in left for r in each if not _is_there(r, standing, epoch)}
            if late and not all_there:
                break
            all_there = False
            found = ranked(left, standing, epoch)
            order, going_on = [setting for _, setting in found], with_equals(found, going_on)
            over = {run.id for run in runs.values() if run.status in OVER}
            reasons = dict[int, str]()
            for place, setting in enumerate(order[going_on:], going_on + 1):
                seeds = len(setting)
                by = label(metric) if seeds == 1 else f"mean {label(metric)} of {seeds} seeds"
                reason = (
                    f"Stopped after epoch {epoch}: {ordinal(place)} of {len(order)} by {by}, and "
                    f"{going_on} went on."
                )
                reasons |= {run.id: reason for run in setting if run.id not in late | over}
            self._store.stop_cells(reasons)
            stopped |= reasons.keys()
            self._left = order[:going_on]
            del self._rungs[0]
        return stopped


def _setting(config: RunConfig) -> str:
    return config.model_dump_json(exclude={"seed"})


def _is_there(run: Run, standing: Mapping[int, Standing], epoch: int) -> bool:
    at = standing.get(run.id)
    return run.status in OVER or (at is not None and at.epoch >= epoch)


def ordinal(number: int) -> str:
    """1st, 2nd, 3rd, 4th, ..., 11th, ..., 21st."""
    teen = 10 < number % 100 < 20
    return f"{number}{'th' if teen else {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th')}"
