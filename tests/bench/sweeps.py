"""Grids: what shared epochs save, and what planning them costs, beside other tools' grids."""

import importlib
import importlib.util
import math
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import torch

from tests.bench.table import Figure, Plan, Report, Row, Target, faster
from trainer.config.grid import cells, grid
from trainer.config.run import RunConfig
from trainer.config.table import changed
from trainer.engine.control import Control
from trainer.engine.events import EpochEnded
from trainer.engine.loop import train
from trainer.engine.sharing import as_own
from trainer.execute import execute
from trainer.store import lineage
from trainer.store.store import Store
from trainer.sweep.sweeping import execute_sweep

BASE = RunConfig(dataset="digits", model="cnn", device="cpu", threads=1)
VALUES: dict[str, list[Any]] = {
    "lr": [0.001, 0.003, 0.01],
    "factor": [0.1, 0.2, 0.3, 0.5],
    "patience": [2, 3, 5, 10],
}
BESIDE = changed(BASE, {"epochs": 30})  # other tools
GRIDS = {
    "Adam, 30 epochs": BESIDE,
    "SGD, 50 epochs": changed(BASE, {"optimizer": "SGD", "epochs": 50}),
}
FORKS = 30


def sweeping(plan: Plan) -> Report:
    """Shared epochs against the least that must be trained, and against runs one by one."""
    rows = []
    for name, base in GRIDS.items():
        shared: list[float] = []
        ideal: list[float] = []
        ours: list[float] = []
        theirs: list[float] = []
        for _ in range(min(plan.rounds, 2)):
            took, asked, trained, least = _swept(base, plan.root)
            ours.append(took)
            theirs.append(_one_by_one(base, plan.root))
            shared.append(asked / trained)
            ideal.append(least / trained)
        what = f"48 runs of digits, {name}: epochs asked for each that is trained"
        rows.append(Row(what, Figure("LRScope", "x", tuple(shared))))
        rows.append(
            Row(
                "of the least that must be trained",
                Figure("LRScope", "", tuple(ideal)),
                target=Target("at least", 0.9),
            )
        )
        against = Figure("one by one", "s", tuple(theirs))
        rows.append(faster("the same, seconds", Figure("LRScope", "s", tuple(ours)), against))
        won = tuple(t / o / s for t, o, s in zip(theirs, ours, shared, strict=True))
        rows.append(
            Row(
                "of the saving in epochs, saved in seconds",
                Figure("LRScope", "", won),
                target=Target("at least", 0.85),
            )
        )
    rows.append(
        Row(
            "a fork in memory, CNN with Adam",
            Figure("LRScope", "ms", _forks(plan.root)),
            target=Target("at most", 5),
        )
    )
    rows += _beside(plan)
    return Report(
        "A grid of 3 LR x 4 factor x 4 patience",
        "Both sides record their runs and take snapshots, on one thread; the other tools call "
        "LRScope's own loop as a plain function, which records nothing, for the first grid.",
        rows,
    )


def _swept(base: RunConfig, root: Path) -> tuple[float, int, int, int]:
    """Seconds, epochs asked, epochs trained, and the least that must be."""
    asked = grid(base, VALUES)
    with tempfile.TemporaryDirectory() as home, closing(Store(Path(home))) as store:
        configs = [cell.config for cell in cells(base, asked)]
        plan = asked.model_dump(mode="json")
        sweep = store.add_sweep("grid", base, plan, configs, claimed=True)
        began = time.perf_counter()
        for _ in execute_sweep(store, sweep, root):
            pass
        took = time.perf_counter() - began
        epochs = store.epochs_of(sweep)
        pasts = set()
        for cell in store.cells(sweep):
            past: tuple[float, ...] = ()
            for row in lineage.lineage(store, cell.id):
                past = (*past, row.lr)
                pasts.add(past)
    return took, epochs.asked, epochs.trained, len(pasts)


def _one_by_one(base: RunConfig, root: Path) -> float:
    """Seconds of the same runs, each by itself."""
    with tempfile.TemporaryDirectory() as home, closing(Store(Path(home))) as store:
        began = time.perf_counter()
        for cell in cells(base, grid(base, VALUES)):
            for _ in execute(store, store.add(cell.config, claimed=True), root):
                pass
        return time.perf_counter() - began


def _forks(root: Path) -> tuple[float, ...]:
    """Milliseconds of a fork: the state's copy, and its rewriting for another cell."""
    config = BESIDE
    other = changed(config, {"patience": 10})
    control, took, past = Control(), [], []
    for event in train(config, root, control):
        if isinstance(event, EpochEnded):
            past.append(event.metrics)
            began = time.perf_counter()
            snapshot = control.capture()
            assert snapshot is not None
            as_own(snapshot, other, config.batches or 0, past)
            took.append(1000 * (time.perf_counter() - began))
    return tuple(took[-FORKS:])


def _plain(root: Path, values: dict[str, Any]) -> float:
    """The best validation loss of one run that records nothing."""
    config = changed(BESIDE, values)
    return min(
        event.metrics["val_loss"] or 0.0
        for event in train(config, root)
        if isinstance(event, EpochEnded)
    )


def _beside(plan: Plan) -> list[Row]:
    """The first grid by other tools, where they are installed."""
    tools: dict[str, Callable[[Path], object]] = {"optuna": _optuna, "ray.tune": _ray}
    rows = []
    for name, run in tools.items():
        if importlib.util.find_spec(name.partition(".")[0]) is None:
            continue
        ours, theirs = [], []
        for _ in range(min(plan.rounds, 2)):
            ours.append(_swept(BESIDE, plan.root)[0])
            began = time.perf_counter()
            run(plan.root)
            theirs.append(time.perf_counter() - began)
        rows.append(
            faster(
                f"48 runs beside {name}",
                Figure("LRScope", "s", tuple(ours)),
                Figure(name, "s", tuple(theirs)),
            )
        )
    return rows


def _optuna(root: Path) -> None:
    optuna: Any = importlib.import_module("optuna")
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(sampler=optuna.samplers.GridSampler(VALUES))
    study.optimize(
        lambda trial: _plain(
            root, {key: trial.suggest_categorical(key, values) for key, values in VALUES.items()}
        )
    )
    assert len(study.trials) == math.prod(len(values) for values in VALUES.values())


def _ray(root: Path) -> None:
    ray: Any = importlib.import_module("ray")
    tune: Any = importlib.import_module("ray.tune")

    def trial(config: dict[str, Any]) -> None:
        torch.set_num_threads(1)
        tune.report({"val_loss": _plain(root, config)})

    ray.init(num_cpus=1, include_dashboard=False, log_to_driver=False)
    try:
        space = {key: tune.grid_search(values) for key, values in VALUES.items()}
        tune.Tuner(trial, param_space=space, run_config=tune.RunConfig(verbose=0)).fit()
    finally:
        ray.shutdown()
