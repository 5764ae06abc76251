"""A schedule's config -> a live schedule. torch's own scheduler classes decide, always.

Each drives a private optimizer of one parameter, so that training, preview and replay use this
same object and none of them needs a model. What torch lacks is added by composition only: a
linear warm-up before any schedule, plateau included (pytorch issue 68978).
"""

import copy
import math
import sys
from collections import Counter
from typing import Any, NamedTuple

import torch
from torch.optim import lr_scheduler

from ..config.forks import FORMULAS
from ..config.run import RunConfig
from ..config.run import Schedule as ScheduleConfig
from . import optimizers
from .decisions import Decision, Kind, PlateauEvidence

PER_BATCH = {"OneCycleLR", "CyclicLR"}
CUTS = {"StepLR", "MultiStepLR"}
# What "cut now" multiplies the LR by where the schedule has no factor of its own.
CUT_FACTOR = 0.1


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
        self.begun = config.warmup  # the epoch after which the schedule itself begins
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
        self._written: float | None = None  # the LR that `apply` wrote last

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
            if not isinstance(group["lr"], torch.Tensor):
                group["lr"] = lr
            elif self._written != lr:  # a CUDA graph reads this very tensor
                group["lr"].fill_(lr)
            for moved in ("momentum", "betas"):
                if moved in decided:
                    group[moved] = decided[moved]
        self._written = lr

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
        spec, done = self.config.schedule, self.epoch - self.begun
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

    # By hand

    def set_lr(self, lr: float) -> None:
        """Write an LR by hand; what the schedule makes of it later is its own affair."""
        optimizer = self._warmup_optimizer if self.warming_up else self._main_optimizer
        optimizer.param_groups[0]["lr"] = lr
        if not self.warming_up and self.config.schedule.name not in PER_BATCH:
            self._epoch_lr = lr  # so that the epoch's decision speaks of what the schedule did

    def cut_now(self) -> None:
        """Cut as the plateau would at this moment, its cooldown and bad epochs included; under
        another schedule multiply the LR by its gamma, or by 0.1.
        """
        main = self._main
        if isinstance(main, Plateau) and not self.warming_up:
            main._reduce_lr(main.last_epoch)
            main.cooldown_counter = main.cooldown
            main.num_bad_epochs = 0
            self._epoch_lr = self.lr
        else:
            self.set_lr(self.lr * cut_factor(self.config.schedule))

    # Going on

    def state_dict(self) -> dict[str, Any]:
        """A copy of the whole state, in numbers, strings, lists, dicts and tensors."""
        return copy.deepcopy(
            {
                "epoch": self.epoch,
                "begun": self.begun,
                "epoch_lr": self._epoch_lr,
                "main_optimizer": self._main_optimizer.state_dict(),
                "main": self._main.state_dict() if self._main else None,
                "warmup_optimizer": self._warmup_optimizer.state_dict(),
                "warmup": self._warmup.state_dict(),
            }
        )

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from the state of a schedule of the same config."""
        self.begun = state["begun"]
        self._load_warmup(state)
        state = copy.deepcopy(state)  # torch's classes keep parts of it, and CyclicLR changes it
        self._main_optimizer.load_state_dict(state["main_optimizer"])
        if self._main is not None:
            self._main.load_state_dict(state["main"])
        self._epoch_lr = state["epoch_lr"]

    def _load_warmup(self, state: dict[str, Any]) -> None:
        self.epoch = state["epoch"]
        self._warmup_optimizer.load_state_dict(state["warmup_optimizer"])
        self._warmup.load_state_dict(copy.deepcopy(state["warmup"]))

    def fork(
        self, undecided: dict[str, Any], metric: float, decided: dict[str, Any], parent: RunConfig
    ) -> Decision | None:
        """Go on under this run's own config from the end of an epoch of a run of another.

        The same class of schedule decides on that epoch again, by this run's parameters; another
        class begins anew after it. An LR that differs from the parent's counts from here on.

        Args:
            undecided: the parent's state when it met the epoch's metric.
            metric: the parent's monitor in that epoch.
            decided: the parent's state after it.
            parent: the parent's config.

        Returns:
            The decision on that epoch, None where the schedule begins anew or watches another
            monitor than the parent's.
        """
        config, main = self.config, self._main
        decision = None
        if config.schedule.name != parent.schedule.name:
            self._begin_anew(decided, parent)
        elif isinstance(main, Plateau) and config.monitor != parent.monitor:
            self._take_over(decided, parent)
            main._init_is_better(config.mode, main.threshold, main.threshold_mode)
            main._reset()
        else:
            self._take_over(undecided, parent)
            decision = self.advance(metric)
        if (
            config.lr != parent.lr
            and config.schedule.name not in FORMULAS
            and self.epoch > self.begun
        ):
            self.set_lr(config.lr)
        self._epoch_lr = self.lr
        return decision and decision.model_copy(update={"next_lr": self.lr})

    def _begin_anew(self, state: dict[str, Any], parent: RunConfig) -> None:
        """Another class: it begins here, or after the warm-up, and has what is left of the run."""
        self._load_warmup(state)
        self._warmup_optimizer.param_groups[0]["lr"] *= self.config.lr / parent.lr
        self.begun = max(self.epoch, self.config.warmup)
        self._rebuild(self.config.epochs - self.begun)

    def _take_over(self, state: dict[str, Any], parent: RunConfig) -> None:
        """The same class: its state, then what this run's config says otherwise."""
        own, theirs = self.config, parent
        if state["epoch"] < own.warmup:  # the schedule itself has not begun
            self._load_warmup(state)
            self._epoch_lr = state["epoch_lr"]
            self._warmup_optimizer.param_groups[0]["lr"] *= own.lr / theirs.lr
            return
        self.load_state_dict(state)
        changed = {
            name: value
            for name, value in own.schedule.model_dump().items()
            if value != getattr(theirs.schedule, name)
        }
        if own.schedule.name in FORMULAS and (changed or own.lr != theirs.lr):
            steps = state["main"]["last_epoch"]
            self._rebuild(state["main"].get("total_steps", 0) // self.batches)
            self._forward(steps)
        else:
            self._change(changed)
        fresh, group = _private_optimizer(own), self._main_optimizer.param_groups[0]
        if own.optimizer != theirs.optimizer and "max_momentum" not in group:
            for moved in {"momentum", "betas"} & group.keys():
                group[moved] = fresh.param_groups[0][moved]

    def _rebuild(self, epochs: int) -> None:
        """The schedule at its beginning; a length that it needs is that of so many epochs."""
        whole = self.config.model_copy(update={"epochs": epochs + self.config.warmup})
        self._main_optimizer = _private_optimizer(self.config)
        self._main = _build(whole, self.batches, self._main_optimizer)
        self._main_optimizer.step()

    def _forward(self, steps: int) -> None:
        main = self._main
        assert main is not None
        if self.config.schedule.name in PER_BATCH:
            self._step_cycle(main, steps)
        else:
            for _ in range(steps):
                main.step()

    def _change(self, changed: dict[str, Any]) -> None:
        """Torch's classes read their parameters at each step: most of them can just be written."""
        main: Any = self._main
        for name, value in changed.items():
            if name == "min_lr":
                main.min_lrs = [value]
            elif name == "milestones":
                main.milestones = Counter(value)
            else:
                setattr(main, name, value)
        if isinstance(main, lr_scheduler.CosineAnnealingLR) and self.config.lr not in main.base_lrs:
            main.base_lrs = [self.config.lr]  # where it rises to after T max


def cut_factor(spec: ScheduleConfig) -> float:
    """What a cut by hand multiplies the LR by."""
    if spec.name == "ReduceLROnPlateau":
        return spec.factor
    if spec.name in ("StepLR", "MultiStepLR", "ExponentialLR"):
        return spec.gamma
    return CUT_FACTOR


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
