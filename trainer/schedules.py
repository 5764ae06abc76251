"""A schedule's config -> a live schedule. torch's own scheduler classes decide, always.

Each drives a private optimizer of one parameter, so that training, preview and replay use this
same object and none of them needs a model. What torch lacks is added by composition only: a
linear warm-up before any schedule, plateau included (pytorch issue 68978).
"""

import math
import sys
from typing import Any, NamedTuple

import torch
from torch.optim import lr_scheduler

from trainer import optimizers
from trainer.config import RunConfig
from trainer.decisions import Decision, Kind, PlateauEvidence

PER_BATCH = {"OneCycleLR", "CyclicLR"}
CUTS = {"StepLR", "MultiStepLR"}


class Plateau(lr_scheduler.ReduceLROnPlateau):
    """torch's class, which also remembers what it found in its last step: whether the metric was
    better, and the number of bad epochs on which it attempted a cut, 0 for no attempt.
    """

    improved = False
    attempted = 0

    def _is_better(self, a: float, best: float) -> bool:
        self.improved = bool(super()._is_better(a, best))  # type: ignore[no-untyped-call]
        return self.improved

    def step(self, metrics: Any, epoch: None = None) -> None:  # type: ignore[override]
        self.attempted = 0
        super().step(metrics, epoch)

    def _reduce_lr(self, epoch: int) -> None:
        self.attempted = self.num_bad_epochs
        super()._reduce_lr(epoch)

    @property
    def level(self) -> float | None:
        """The level to beat: the bound that `_is_better` compares with; None before a best."""
        if not math.isfinite(self.best):
            return None
        sign = -1 if self.mode == "min" else 1
        level = float(
            self.best * (1.0 + sign * self.threshold)
            if self.threshold_mode == "rel"
            else self.best + sign * self.threshold
        )
        return level if math.isfinite(level) else None


class Met(NamedTuple):
    """The state of the plateau rule that a metric meets."""

    lr: float
    best: float
    level: float | None
    cooling: bool

    @classmethod
    def of(cls, plateau: Plateau) -> "Met":
        lr = float(plateau.optimizer.param_groups[0]["lr"])
        return cls(lr, plateau.best, plateau.level, plateau.in_cooldown)


class Schedule:
    """The learning rate of one run, from its first batch to its last.

    Per epoch: read `lr`, call `step_batch` after every batch, then `advance` with the metric.

    Args:
        config: the run; its schedule, warm-up, lr, epochs, monitor and optimizer are read.
        batches: batches in an epoch.
    """

    def __init__(self, config: RunConfig, batches: int) -> None:
        self.config = config
        self.batches = batches
        self.epoch = 0
        self._main_optimizer = _private_optimizer(config)
        self._main = _build(config, batches, self._main_optimizer)
        self._warmup_optimizer = _private_optimizer(config)
        steps = config.warmup * batches
        self._warmup = lr_scheduler.LinearLR(
            self._warmup_optimizer, start_factor=1 / (steps + 1), total_iters=steps
        )
        # Without gradients these steps do nothing; torch warns where a scheduler goes first.
        self._main_optimizer.step()
        self._warmup_optimizer.step()
        self._epoch_lr = self.lr

    @property
    def warming_up(self) -> bool:
        return self.epoch < self.config.warmup

    @property
    def lr(self) -> float:
        """The LR that the next batch is to use."""
        optimizer = self._warmup_optimizer if self.warming_up else self._main_optimizer
        return float(optimizer.param_groups[0]["lr"])

    def apply(self, optimizer: torch.optim.Optimizer) -> None:
        """Write the LR, and the momentum where the schedule moves it, into the real optimizer."""
        lr, decided = self.lr, self._main_optimizer.param_groups[0]
        for group in optimizer.param_groups:
            group["lr"] = lr
            for moved in ("momentum", "betas"):
                if moved in decided:
                    group[moved] = decided[moved]

    def step_batch(self, batches: int = 1) -> None:
        """Tell the schedule that so many batches of one epoch were trained."""
        if self.warming_up:
            for _ in range(batches):
                self._warmup.step()
        elif self._main is not None and self.config.schedule.name in PER_BATCH:
            self._step_cycle(self._main, batches)

    def _step_cycle(self, main: lr_scheduler.LRScheduler, batches: int) -> None:
        # After the run's last batch OneCycleLR would go on past its lowest LR, even below zero.
        last = int(getattr(main, "total_steps", sys.maxsize)) - 1
        if batches and main.last_epoch < last:
            # Both classes compute the LR from the step's number alone, so that steps between
            # may be left out.
            main.last_epoch = min(main.last_epoch + batches, last) - 1
            main.step()

    def advance(self, metric: float) -> Decision:
        """End the epoch: `metric` is the monitor's value. Returns what was decided, and why."""
        lr, warmed_up = self._epoch_lr, self.warming_up
        met = Met.of(self._main) if isinstance(self._main, Plateau) else None
        self.step_epoch(metric)
        kind: Kind
        turn = plateau = None
        if warmed_up:
            kind = "warm-up"
        elif isinstance(self._main, Plateau) and met:
            kind, plateau = self._judged(self._main, metric, met)
        else:
            kind, turn = self._turned() or (self._moved(lr), None)
        return Decision(
            kind=kind,
            epoch=self.epoch,
            lr=lr,
            next_lr=self.lr,
            schedule=self.config.schedule.name,
            turn=turn,
            plateau=plateau,
        )

    def step_epoch(self, metric: float) -> None:
        """End the epoch without a word about it."""
        if not self.warming_up and self._main is not None:
            if isinstance(self._main, Plateau):
                self._main.step(metric)
            elif self.config.schedule.name not in PER_BATCH:
                self._main.step()
        self.epoch += 1
        self._epoch_lr = self.lr

    def _judged(self, main: Plateau, metric: float, met: Met) -> tuple[Kind, PlateauEvidence]:
        """What torch's class made of the metric, from its state before and after."""
        kind: Kind
        if main.attempted:
            kind = "cut" if self.lr != met.lr else "no effect"
        elif main.improved:
            kind = "improved"
        else:
            kind = "cooldown" if met.cooling else "waiting"
        return kind, PlateauEvidence(
            monitor=self.config.monitor,
            mode=self.config.mode,
            metric=_finite(metric),
            met_best=_finite(met.best),
            level=met.level,
            cooling=met.cooling,
            best=_finite(main.best),
            next_level=main.level,
            counted=main.attempted or main.num_bad_epochs,
            bad_epochs=main.num_bad_epochs,
            patience=main.patience,
            cooldown_left=main.cooldown_counter,
            factor=main.factor,
            min_lr=main.min_lrs[0],
            eps=main.eps,
        )

    def _turned(self) -> tuple[Kind, float] | None:
        """The peak or the bottom of a cycle and its LR, where the epoch that ended brought one."""
        spec, done = self.config.schedule, self.epoch - self.config.warmup
        match spec.name:
            case "OneCycleLR":
                peak = spec.pct_start * self._main.total_steps - 1  # type: ignore[union-attr]
                if done == max(int(peak), 0) // self.batches + 1:
                    return "peak", self.config.lr
            case "CyclicLR":
                up = done / spec.step_size_up
                if up == int(up):
                    return ("peak" if up % 2 else "bottom"), self.lr
            case "CosineAnnealingLR":
                down = done / spec.T_max
                if down == int(down):
                    return ("bottom" if down % 2 else "peak"), self.lr
        return None

    def _moved(self, lr: float) -> Kind:
        if self.lr == lr:
            return "kept"
        name = self.config.schedule.name
        if self.lr > lr:
            return "restart" if name == "CosineAnnealingWarmRestarts" else "raised"
        return "cut" if name in CUTS else "lowered"


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _private_optimizer(config: RunConfig) -> torch.optim.Optimizer:
    return optimizers.build(config.optimizer, [torch.nn.Parameter(torch.zeros(1))], config.lr)


def _build(
    config: RunConfig, batches: int, optimizer: torch.optim.Optimizer
) -> lr_scheduler.LRScheduler | None:
    """torch's scheduler of the config's name; None for no schedule."""
    spec = config.schedule
    arguments = spec.model_dump(exclude={"name"})
    match spec.name:
        case "none":
            return None
        case "ReduceLROnPlateau":
            return Plateau(optimizer, mode=config.mode, **arguments)
        case "OneCycleLR":
            arguments["max_lr"] = config.lr
            arguments["total_steps"] = max((config.epochs - config.warmup) * batches, 1)
        case "CyclicLR":
            arguments["base_lr"] = config.lr
            arguments["step_size_up"] = spec.step_size_up * batches
    if "cycle_momentum" in arguments and not {"momentum", "betas"} & optimizer.defaults.keys():
        arguments["cycle_momentum"] = False  # Adagrad has none, and torch would refuse
    cls = getattr(lr_scheduler, spec.name)
    scheduler: lr_scheduler.LRScheduler = cls(optimizer, **arguments)
    return scheduler
