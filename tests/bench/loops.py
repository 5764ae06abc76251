"""Training: LRScope beside the tutorial's loop, the barest loop and Lightning's Trainer."""

import logging
import math
import multiprocessing
import tempfile
import warnings
from collections.abc import Callable, Sized
from concurrent.futures import ProcessPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from tests.bench.sides import (
    TUTORIAL,
    Bare,
    Lrscope,
    Pictures,
    Tutorial,
    now,
    part_of,
    plainly,
    random_images,
    recorded,
    shuffled,
    torchvision_mnist,
)
from tests.bench.table import Figure, Plan, Report, Row, faster, longer
from tests.bench.turns import in_turns
from trainer.config.run import RunConfig
from trainer.engine.datasets import Splits, load
from trainer.engine.loop import train

# What a turn trains: a fifth of MNIST, since six epochs of each loop would take minutes.
SHARE = 0.2
NO_VALIDATION = 64  # images: the engine always validates, here next to nothing
CIFAR = (3, 32, 32)
CIFAR_IMAGES = 10_240


def epoch(plan: Plan) -> Report:
    """Seconds for one epoch of MNIST on the CPU: LRScope's engine against the tutorial's loop."""
    return Report(
        "One MNIST epoch",
        f"CNN 1-8-16, batch {TUTORIAL.batch_size}, Adam {TUTORIAL.lr}, seconds for 54,000 images; "
        f"each turn trains {SHARE:.0%} of them. The tutorial's loop never validates.",
        _epoch(TUTORIAL, plan, "one MNIST epoch", 2.5),
    )


def _epoch(config: RunConfig, plan: Plan, what: str, at_least: float | None) -> list[Row]:
    whole = load(config.dataset, plan.root, config.seed)
    splits, batches = part_of(whole, SHARE), math.ceil(len(whole.train) / config.batch_size)
    alone = _running(config, part_of(whole, SHARE, NO_VALIDATION))
    validating = _running(config, splits)
    loader = shuffled(torchvision_mnist(plan.root, splits.train), config)
    tutorial = Tutorial(plainly(config, splits), config)
    ours, with_val, theirs = in_turns(
        lambda: alone.epoch() * batches,
        lambda: validating.epoch() * batches,
        lambda: _seconds_a_batch(lambda: tutorial.epoch(loader), loader, config) * batches,
        rounds=plan.rounds,
    )
    against = Figure("tutorial", "s", theirs)
    return [
        faster(f"{what}, the training alone", Figure("LRScope", "s", ours), against, at_least),
        faster(f"{what}, LRScope also validates", Figure("LRScope", "s", with_val), against),
    ]


def bare(plan: Plan) -> Report:
    """LRScope as a user runs it, store and snapshots, against the barest loop."""
    return Report(
        "What watching costs",
        "LRScope trains into its store and takes snapshots; the barest loop does the same steps "
        f"over the same tensors and the same validation, and nothing else. {SHARE:.0%} of an "
        "epoch a turn, twice as many rounds.",
        [_bare(TUTORIAL, plan, "one MNIST epoch, with validation")],
    )


def _bare(config: RunConfig, plan: Plan, what: str) -> Row:
    whole = load(config.dataset, plan.root, config.seed)
    splits = part_of(whole, SHARE)
    parts = len(whole.train) / len(splits.train)
    loop = Bare(config, splits)
    with recorded(config, splits) as run:
        ours, theirs = in_turns(
            lambda: run.epoch() * run.batches * parts,
            lambda: _clocked(loop.epoch, config) * parts,
            rounds=2 * plan.rounds,
        )
    return longer(what, Figure("LRScope", "s", ours), Figure("barest loop", "s", theirs), 1.03)


def lightning(plan: Plan) -> Report:
    """LRScope against Lightning's Trainer, each recording what it does."""
    title = "Beside Lightning"
    if find_spec("lightning") is None:
        return Report(title, "Lightning is not installed: pip install -e '.[bench]'.")
    whole = load(TUTORIAL.dataset, plan.root, TUTORIAL.seed)
    splits = part_of(whole, SHARE, NO_VALIDATION)
    batches = math.ceil(len(whole.train) / TUTORIAL.batch_size)
    spawned = multiprocessing.get_context("spawn")
    with recorded(TUTORIAL, splits) as run, ProcessPoolExecutor(1, spawned) as apart:
        ours, theirs = in_turns(
            lambda: run.epoch() * batches,
            lambda: apart.submit(lightning_batch, plan.root).result() * batches,
            rounds=plan.rounds,
        )
    return Report(
        title,
        "Its Trainer with LearningRateMonitor and its TensorBoard logger, without checkpoints, "
        "progress bar and validation, counted from the first batch to the last, in a process of "
        "its own (its import alone makes every torch loop beside it a tenth slower); LRScope with "
        "its store and snapshots.",
        [
            faster(
                "one MNIST epoch", Figure("LRScope", "s", ours), Figure("Lightning", "s", theirs), 3
            )
        ],
    )


def lightning_batch(root: Path) -> float:
    """Seconds a batch of the tutorial's model in Lightning's Trainer, over a part of MNIST."""
    from lightning.pytorch import Callback, LightningModule, Trainer
    from lightning.pytorch.callbacks import LearningRateMonitor
    from lightning.pytorch.loggers import TensorBoardLogger

    splits = part_of(load(TUTORIAL.dataset, root, TUTORIAL.seed), SHARE, NO_VALIDATION)
    loader = shuffled(torchvision_mnist(root, splits.train), TUTORIAL)
    tutorial = Tutorial(plainly(TUTORIAL, splits), TUTORIAL)

    class Module(LightningModule):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.model = tutorial.model

        def training_step(self, batch: tuple[Tensor, Tensor], _: int) -> Tensor:
            x, y = batch
            loss: Tensor = tutorial.criterion(self.model(x), y)
            self.log("train_loss", loss, on_step=True, on_epoch=True)
            return loss

        def configure_optimizers(self) -> dict[str, Any]:
            monitored = {"scheduler": tutorial.scheduler, "monitor": "train_loss"}
            return {"optimizer": tutorial.optimizer, "lr_scheduler": monitored}

    class Clock(Callback):  # type: ignore[misc]
        def on_train_epoch_start(self, *_: Any) -> None:
            self.began = now(tutorial.device)

        def on_train_epoch_end(self, *_: Any) -> None:
            self.took = now(tutorial.device) - self.began

    module, clock = Module(), Clock()
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    with warnings.catch_warnings(), tempfile.TemporaryDirectory() as folder:
        warnings.simplefilter("ignore")
        trainer = Trainer(
            max_epochs=1,
            accelerator=tutorial.device,
            devices=1,
            logger=TensorBoardLogger(folder),
            callbacks=[LearningRateMonitor(), clock],
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        )
        trainer.fit(module, loader)
    return clock.took / len(loader)


def models(plan: Plan) -> Report:
    """Every other model against the same model in the tutorial's loop."""
    return Report(
        "Every model",
        "Milliseconds a batch of 64. MLP and LeNet-5 on MNIST; ResNet-18 on random images of "
        "CIFAR-10's shape, one batch a turn.",
        [
            _model(TUTORIAL.model_copy(update={"model": "mlp"}), plan, 160),
            _model(TUTORIAL.model_copy(update={"model": "lenet5"}), plan, 160),
            _model(
                TUTORIAL.model_copy(update={"model": "resnet18", "dataset": "cifar10"}), plan, 1
            ),
        ],
    )


def _model(config: RunConfig, plan: Plan, batches: int) -> Row:
    splits = model_images(config, plan)
    run, tutorial = _running(config, splits), Tutorial(plainly(config, splits), config)
    few = part_of(splits, batches * config.batch_size / len(splits.train), 0)
    loader = shuffled(Pictures(few.train), config)
    ours, theirs = in_turns(
        lambda: 1e3 * run.train(batches),
        lambda: 1e3 * _seconds_a_batch(lambda: tutorial.epoch(loader), loader, config),
        rounds=plan.rounds,
    )
    return faster(
        config.model, Figure("LRScope", "ms", ours), Figure("tutorial", "ms", theirs), 1.0
    )


def model_images(config: RunConfig, plan: Plan) -> Splits:
    """What a model is timed on."""
    if config.dataset == "cifar10":
        return random_images(CIFAR, CIFAR_IMAGES, NO_VALIDATION)
    return part_of(load(config.dataset, plan.root, config.seed), SHARE, NO_VALIDATION)


def cuda(plan: Plan) -> Report:
    """The same comparisons on a CUDA device, with the absolute times."""
    title = "On a CUDA device"
    if not torch.cuda.is_available():
        return Report(title, "torch finds no CUDA device here.")
    config = TUTORIAL.model_copy(update={"device": "cuda"})
    others = [
        _model(config.model_copy(update={"model": name, "dataset": dataset}), plan, 150)
        for name, dataset in (("mlp", "mnist"), ("lenet5", "mnist"), ("resnet18", "cifar10"))
    ]
    graphed = config.model_copy(update={"cuda_graph": True})
    rows = [
        *_epoch(config, plan, "one MNIST epoch", 2.5),
        *_epoch(graphed, plan, "one MNIST epoch, as a CUDA graph", 2.5),
        _bare(config, plan, "barest loop"),
    ]
    return Report(
        title,
        f"{torch.cuda.get_device_name()}: as the parts epoch, bare and models.",
        [*rows, *others],
    )


def _running(config: RunConfig, splits: Splits) -> Lrscope:
    """LRScope's engine alone, over these images."""
    return Lrscope(train(config, Path()), splits)


def _clocked(action: Callable[[], object], config: RunConfig) -> float:
    began = now(config.device)
    action()
    return now(config.device) - began


def _seconds_a_batch(action: Callable[[], object], loader: Sized, config: RunConfig) -> float:
    return _clocked(action, config) / len(loader)
