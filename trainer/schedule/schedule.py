"""A recipe -> a live schedule. torch's own scheduler classes decide, always.

Each drives a private optimizer with one parameter, so training, preview and replay use the same
object and none of them needs a model. What torch lacks is added by composition only: a linear
warm-up before any schedule, plateau included (pytorch issue 68978).
"""

import copy
import math
from typing import Any

import torch

from ..config.recipe import Recipe
from ..config.traits import ScheduleSettings
from . import optimizers
from .batches import Batches, Constant, Cycle, Listed
from .decisions import Decision, Kind, PlateauEvidence
from .interventions import InterventionName
from .parts import Part, last_step, main_part, momentum_of, scale_own, step_cycle, warmup_part
from .plateau import Plateau, PlateauState

# What "cut now" multiplies the LR by if the schedule has no factor of its own.
CUT_FACTOR = 0.1


class Schedule:
    """The learning rate of one run, from its first batch to its last.

    Per epoch: read `lr`, call `step_batch` after every batch, then `advance` with the metric.

    Args:
        recipe: the run's.
        batches: batches per epoch.
        lasts: whether an LR that is set by hand is also written where torch's class reads its own,
            so that none overwrites it, as in a watched training.

    Raises:
        ConfigError: torch's class cannot run for so many steps.
    """

    def __init__(self, recipe: Recipe, batches: int, lasts: bool = False) -> None:
        self.recipe = recipe
        self.batches = batches
        self.lasts = lasts
        self.epoch = 0
        self.start_epoch = recipe.warmup  # the epoch after which the schedule itself starts
        self.main = main_part(recipe, batches, recipe.epochs - recipe.warmup)
        self.warmup = warmup_part(recipe, recipe.warmup * batches)
        self.epoch_lr = self.lr  # the LR that the epoch's decision starts from
        self._written: float | None = None  # the LR that `apply` wrote last

    @property
    def warming_up(self) -> bool:
        return self.epoch < self.recipe.warmup

    @property
    def lr(self) -> float:
        """The LR of the next batch."""
        return self._part.lr

    @property
    def momentum(self) -> float | None:
        """The momentum, or beta 1, of the next batch; None if the optimizer has none."""
        return momentum_of(self.main.optimizer)

    @property
    def _part(self) -> Part:
        return self.warmup if self.warming_up else self.main

    def apply(self, optimizer: torch.optim.Optimizer) -> None:
        """Write the LR, and the momentum if the schedule changes it, to the real optimizer."""
        lr, decided = self.lr, self.main.optimizer.param_groups[0]
        for group in optimizer.param_groups:
            if not isinstance(group["lr"], torch.Tensor):
                group["lr"] = lr
            elif self._written != lr:  # in place, since a CUDA graph reads this tensor
                group["lr"].fill_(lr)
            for moved in ("momentum", "betas"):
                if moved in decided:
                    group[moved] = decided[moved]
        if self.recipe.moves_momentum:
            optimizers.add_buffers(optimizer)
        self._written = lr

    def step_batch(self, batches: int = 1) -> None:
        """Advance the schedule by that many batches of one epoch."""
        if self.warming_up:
            assert self.warmup.scheduler is not None
            for _ in range(batches):
                self.warmup.scheduler.step()
        elif self.main.scheduler is not None and self.recipe.schedule.traits.per_batch:
            step_cycle(self.main.scheduler, batches)

    def through(self, batches: int) -> Batches:
        """Advance by that many batches of one epoch; what each of them was trained with."""
        main, spec, lr, momentum = self.main.scheduler, self.recipe.schedule, self.lr, self.momentum
        if self.warming_up:
            lrs = []
            for _ in range(batches):
                lrs.append(self.lr)
                self.step_batch()
            return Listed(tuple(lrs), momentum)
        if main is None or not spec.traits.per_batch or main.last_epoch >= last_step(main):
            self.step_batch(batches)
            return Constant(batches, lr, momentum)
        steps = range(main.last_epoch, main.last_epoch + batches)
        self.step_batch(batches)
        own = None if self.recipe.moves_momentum else momentum
        return Cycle(self.recipe, self.length, self.batches, steps, own)

    @property
    def length(self) -> int:
        """The epochs that a schedule of a fixed length takes; 0 for any other."""
        return int(getattr(self.main.scheduler, "total_steps", 0)) // self.batches

    def advance(self, metric: float) -> Decision:
        """End the epoch: `metric` is the monitor's value. Returns the decision with its evidence.

        Raises:
            TorchChangedError: torch's ReduceLROnPlateau does not work as LRScope expects.
        """
        lr, warmed_up, main = self.epoch_lr, self.warming_up, self.main.scheduler
        before = main.state if isinstance(main, Plateau) else None
        self.step_epoch(metric)
        kind: Kind
        turn = plateau = None
        if warmed_up:
            kind = "warm-up"
        elif isinstance(main, Plateau) and before:
            kind, plateau = _plateau_decision(self.recipe, main, metric, before)
        else:
            kind, turn = self._turn(lr) or (self._move(lr), None)
        return Decision(
            kind=kind,
            epoch=self.epoch,
            lr=lr,
            next_lr=self.lr,
            schedule=self.recipe.schedule.name,
            turn=turn,
            plateau=plateau,
        )

    def step_epoch(self, metric: float) -> None:
        """End the epoch without building a Decision."""
        main = self.main.scheduler
        if not self.warming_up and main is not None:
            if isinstance(main, Plateau):
                main.step(metric)
            elif not self.recipe.schedule.traits.per_batch:
                main.step()
        self.epoch += 1
        self.epoch_lr = self.lr

    def _turn(self, lr: float) -> tuple[Kind, float] | None:
        """The peak or the bottom of a cycle and its LR, if the epoch that ended had a peak, or if
        the next one starts with either. `lr` is the LR that the epoch started with.
        """
        spec, done = self.recipe.schedule, self.epoch - self.start_epoch
        steps = spec.peak(done, self.length, self.batches)
        if steps:
            top = max(reversed(steps), key=self._lr_at)  # of two that are equal, the later one
            within = spec.traits.turns_within_epoch or top % self.batches != 0
            if done == top // self.batches + within and self._lr_at(top) > self._lr_at(top + 1):
                return "peak", self._lr_at(top)
        if not spec.turns(done, self.batches) or self.lr == lr:
            return None
        return "peak" if self.lr > lr else "bottom", self.lr

    def _lr_at(self, step: int) -> float:
        """The LR of a schedule that steps each batch, at this step."""
        spec, lr = self.recipe.schedule, self.recipe.lr
        return next(spec.cycle(lr, self.length, self.batches, range(step, step + 1)))[0]

    def _move(self, lr: float) -> Kind:
        traits = self.recipe.schedule.traits
        if self.lr == lr:
            return "kept"
        return traits.rise if self.lr > lr else traits.fall

    def set_lr(self, lr: float) -> None:
        """Set the LR by hand; the schedule then continues from this LR by its own rule."""
        if self.lasts and not self.warming_up and self.lr > 0 and lr > 0:
            ratio = lr / self.lr
            scale_own(self.main, lr)
            if self.recipe.schedule.traits.per_batch:
                schedule = self.recipe.schedule.scaled(ratio)
                changed = {"lr": self.recipe.lr * ratio, "schedule": schedule}
                self.recipe = self.recipe.model_copy(update=changed)
        self._part.lr = lr
        if not self.warming_up and not self.recipe.schedule.traits.per_batch:
            self.epoch_lr = lr  # so that the epoch's decision describes only what the schedule did

    def intervene(self, name: InterventionName, value: float | None) -> None:
        """Change the LR by hand; an intervention of another kind changes nothing here."""
        match name:
            case "lr":
                self.set_lr(value or 0.0)
            case "scale":
                self.set_lr(self.lr * (value or 0.0))
            case "cut":
                self.cut_now()

    def cut_now(self) -> None:
        """Cut as the plateau rule would, with its cooldown and bad epochs; under another schedule
        multiply the LR by its gamma, or by 0.1.
        """
        main = self.main.scheduler
        if isinstance(main, Plateau) and not self.warming_up:
            main.cut()
            self.epoch_lr = self.lr
        else:
            self.set_lr(self.lr * cut_factor(self.recipe.schedule))

    def state_dict(self) -> dict[str, Any]:
        """A copy of the whole state, as numbers, strings, lists, dicts and tensors."""
        main, warmup = self.main, self.warmup
        assert warmup.scheduler is not None
        return copy.deepcopy(
            {
                "epoch": self.epoch,
                "begun": self.start_epoch,
                "epoch_lr": self.epoch_lr,
                "main_optimizer": main.optimizer.state_dict(),
                "main": main.scheduler.state_dict() if main.scheduler else None,
                "warmup_optimizer": warmup.optimizer.state_dict(),
                "warmup": warmup.scheduler.state_dict(),
            }
        )

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Load the state of a schedule of the same recipe."""
        self.start_epoch = state["begun"]
        self.load_warmup(state)
        self.main.load(state["main_optimizer"], state["main"])
        self.epoch_lr = state["epoch_lr"]

    def load_warmup(self, state: dict[str, Any]) -> None:
        """Load the warm-up, and the number of epochs that have ended, from a state."""
        self.epoch = state["epoch"]
        self.warmup.load(state["warmup_optimizer"], state["warmup"])


def cut_factor(spec: ScheduleSettings) -> float:
    """The factor of a cut by hand."""
    field = spec.traits.cut_by
    return float(getattr(spec, field)) if field else CUT_FACTOR


def _plateau_decision(
    recipe: Recipe, main: Plateau, metric: float, before: PlateauState
) -> tuple[Kind, PlateauEvidence]:
    """What torch's class did with the metric, from its state before and after."""
    kind: Kind
    if main.attempted:
        lr = float(main.optimizer.param_groups[0]["lr"])
        kind = "cut" if lr != before.lr else "no effect"
    elif main.improved:
        kind = "improved"
    else:
        kind = "cooldown" if before.cooling else "waiting"
    return kind, PlateauEvidence(
        monitor=recipe.monitor,
        mode=recipe.mode,
        metric=_finite(metric),
        met_best=_finite(before.best),
        level=before.level,
        cooling=before.cooling,
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


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
