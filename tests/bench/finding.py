"""How good the LRs are that are found, and what they cost, beside fixed ones and other tools'."""

import importlib
import importlib.util
import logging
import math
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import closing, redirect_stderr, redirect_stdout
from io import StringIO
from itertools import combinations
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, TensorDataset

from tests.bench.sides import part_of, trained_on
from tests.bench.table import Figure, Plan, Report, Row
from trainer.config.run import RunConfig
from trainer.config.table import changed
from trainer.engine import models, threads
from trainer.engine.datasets import Splits, load
from trainer.engine.loop import pixels
from trainer.schedule import optimizers
from trainer.store.store import Store
from trainer.sweep.find.answers import Tried, best_here, lowest, which_lr
from trainer.sweep.find.finding import tried
from trainer.sweep.find.plans import BestHere, WhichLR
from trainer.sweep.sweeping import execute_sweep

SEEDS = 3
BASE = RunConfig(device="cpu", threads=1, epochs=50)
A, B = BestHere(), WhichLR(seeds=1)
FIXED = (0.01, 0.001)
BATCHES = 100  # of each range test: the tools' own default
MNIST_SHARE = 0.1
GRID = 63  # runs that A and B are cheaper than: 7 LRs, 3 factors, 3 patiences


def _tasks() -> Iterator[RunConfig]:
    """Data by network by optimizer, the shortest first."""
    for dataset in ("digits", "mnist"):
        for model in ("cnn", "mlp", "lenet5"):
            for optimizer in ({"optimizer": "Adam"}, {"optimizer": "SGD", "momentum": 0.9}):
                yield changed(BASE, {"dataset": dataset, "model": model, **optimizer})


TASKS = tuple(_tasks())


class Way(NamedTuple):
    """How a tool that is not LRScope finds an LR, and what it needs to be installed."""

    name: str
    module: str
    suggest: Callable[[RunConfig, Splits], float | None]


def finding(plan: Plan) -> Report:
    """Of each task, the validation loss above the lowest of seven LRs on the same seed."""
    rows: list[Row] = []
    of_all: dict[str, list[float]] = {}
    ways = [way for way in WAYS if importlib.util.find_spec(way.module)]
    for config in TASKS[: plan.tasks]:
        regrets = _regrets(config, plan.root, ways)
        for name, values in regrets.items():
            of_all.setdefault(name, []).extend(values)
        rows += _rows(f"{config.dataset} {config.model} {config.optimizer.name}", regrets)
    rows += _rows("all of these", of_all)
    missing = [way.name for way in WAYS if way not in ways]
    asked = GRID * BASE.epochs
    kept = len(A.lrs) * A.probe + A.keep * (BASE.epochs - A.probe)
    twice = 2 * len(A.lrs) * (B.epochs + 1)
    return Report(
        "Find a learning rate",
        "Per cent above the lowest validation loss of 7 LRs (1e-4 to 0.1), each trained for "
        f"{BASE.epochs} epochs under plateau (÷10, patience a fifth) on the same seed, over "
        f"{SEEDS} seeds; below 0 where an LR between these did better. A is on its own seed, for "
        f"{kept} of the {asked:,} epochs of a grid of 7 LRs, 3 factors and 3 patiences "
        f"({kept / asked:.1%}); B chooses on two seeds ({twice / asked:.1%}) for the third; a "
        f"range test takes {BATCHES} batches. MNIST is a tenth of its images."
        + (f" Not installed: {', '.join(missing)}." if missing else ""),
        rows,
    )


def _rows(what: str, regrets: dict[str, list[float]]) -> list[Row]:
    """A row for each way, beside A."""
    figures = {name: Figure(name, "%", tuple(values)) for name, values in regrets.items() if values}
    best = figures.pop("A")
    return [
        Row(what if first == 0 else "", best, figure)
        for first, figure in enumerate(figures.values())
    ]


def _regrets(config: RunConfig, root: Path, ways: list[Way]) -> dict[str, list[float]]:
    """By way, a value for each seed, in per cent."""
    splits: dict[int, Splits] = {}
    for seed in range(SEEDS):
        whole = load(config.dataset, root, seed)
        splits[seed] = part_of(whole, MNIST_SHARE) if config.dataset != "digits" else whole
    runs: dict[int, list[Tried]] = {}
    suggested: dict[str, dict[int, float]] = {way.name: {} for way in ways}
    for seed in range(SEEDS):
        own = changed(config, {"seed": seed})
        lrs = list(dict.fromkeys([*A.lrs, *FIXED]))
        for way in ways:
            lr = _quietly(way, own, splits[seed])
            if lr is not None and 0 < lr <= 100:
                suggested[way.name][seed] = lr
                lrs.append(lr)
        whole_runs = [A.to_the_end(own, lr) for lr in dict.fromkeys(lrs)]
        runs[seed] = _trained([*A.first(own), *whole_runs, *B.first(own)], splits[seed], root)
    regrets: dict[str, list[float]] = {"A": [], "B": []}
    for seed in range(SEEDS):
        ends, least = _ends(runs[seed]), _least(runs[seed])
        probes = [r for r in runs[seed] if len(r.losses) <= A.probe]
        kept = [p.lr for p in lowest(probes, A.keep)]
        answer = best_here(probes, [r for r in _whole(runs[seed]) if r.lr in kept])
        regrets["A"].append(_above(answer["best"]["val_loss"], least))
        for lr in FIXED:
            regrets.setdefault(f"LR {lr:g}", []).append(_above(ends[lr], least))
        for name, found in suggested.items():
            if seed in found:
                regrets.setdefault(name, []).append(_above(ends[found[seed]], least))
    for pair in combinations(range(SEEDS), 2):
        (out,) = set(range(SEEDS)) - set(pair)
        scored = [r for seed in pair for r in runs[seed] if len(r.losses) == B.epochs + 1]
        lr = which_lr(scored, B.within)["lr"]
        if lr is not None:
            regrets["B"].append(_above(_ends(runs[out])[lr], _least(runs[out])))
    return regrets


def _quietly(way: Way, config: RunConfig, splits: Splits) -> float | None:
    """What a tool suggests, without what it says meanwhile."""
    with (
        threads.restored(),
        warnings.catch_warnings(),
        redirect_stdout(StringIO()),
        redirect_stderr(StringIO()),
    ):
        warnings.simplefilter("ignore")
        torch.set_num_threads(1)
        return way.suggest(config, splits)


def _trained(cells: list[RunConfig], splits: Splits, root: Path) -> list[Tried]:
    """These runs, each as one of its own; what they share is trained once."""
    with (
        tempfile.TemporaryDirectory() as home,
        closing(Store(Path(home))) as store,
        trained_on(splits),
    ):
        sweep = store.add_sweep("grid", cells[0], {"axes": []}, cells, claimed=True)
        for _ in execute_sweep(store, sweep, root):
            pass
        return [tried(store, run) for run in store.cells(sweep)]


def _whole(runs: list[Tried]) -> list[Tried]:
    return [r for r in runs if len(r.losses) == BASE.epochs]


def _ends(runs: list[Tried]) -> dict[float, float]:
    """The lowest validation loss by LR; infinite where the run diverged."""
    known = {run.lr: run.best for run in _whole(runs)}
    every = {run.lr for run in runs}
    return {lr: best[0] if (best := known.get(lr)) else math.inf for lr in every}


def _least(runs: list[Tried]) -> float:
    ends = _ends(runs)
    return min(ends[lr] for lr in A.lrs)


def _above(loss: float, least: float) -> float:
    return 100 * (loss / least - 1) if math.isfinite(loss) else 1e6


# Other tools' range tests, over the same network and batches


def _parts(config: RunConfig, splits: Splits) -> tuple[nn.Module, DataLoader[tuple[Tensor, ...]]]:
    train = splits.train
    model = models.built(config.model, train.x, splits.classes, config.seed).network
    order = torch.Generator().manual_seed(config.seed)
    data = TensorDataset(pixels(train.x), train.y)
    return model, DataLoader(data, config.batch_size, shuffle=True, generator=order)


def lightnings(config: RunConfig, splits: Splits) -> float | None:
    """What Lightning's Tuner suggests, with its defaults."""
    pytorch = importlib.import_module("lightning.pytorch")
    tuner = importlib.import_module("lightning.pytorch.tuner")
    model, loader = _parts(config, splits)

    class Module(pytorch.LightningModule):  # type: ignore[name-defined, misc]
        def __init__(self) -> None:
            super().__init__()
            self.model, self.lr = model, 0.01

        def training_step(self, batch: tuple[Tensor, Tensor], _: int) -> Tensor:
            return cross_entropy(self.model(batch[0]), batch[1])

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return optimizers.build(config.optimizer, self.model.parameters(), self.lr)

    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory() as folder:
        trainer = pytorch.Trainer(
            default_root_dir=folder, accelerator="cpu", devices=1, logger=False,
            enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False,
            max_epochs=BASE.epochs,
        )  # fmt: skip
        found = tuner.Tuner(trainer).lr_find(Module(), loader, num_training=BATCHES)
        lr: float | None = found.suggestion()
    return lr


def torch_lr_finders(config: RunConfig, splits: Splits) -> float | None:
    """What torch-lr-finder suggests, with the ends of its README."""
    importlib.import_module("matplotlib").use("Agg")
    finder = importlib.import_module("torch_lr_finder")
    model, loader = _parts(config, splits)
    optimizer = optimizers.build(config.optimizer, model.parameters(), 1e-7)
    test = finder.LRFinder(model, optimizer, nn.CrossEntropyLoss(), device="cpu")
    test.range_test(loader, end_lr=100, num_iter=BATCHES)
    found = test.plot(suggest_lr=True)
    return float(found[1]) if isinstance(found, tuple) else None


WAYS = (
    Way("Lightning's lr_find", "lightning", lightnings),
    Way("torch-lr-finder", "torch_lr_finder", torch_lr_finders),
)
