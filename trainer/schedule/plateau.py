"""torch's ReduceLROnPlateau, observed at each step: the only module that uses its private parts.

`_is_better`, `_reduce_lr`, `_reset` and `_init_is_better` are private to torch. If a release
changes them, the observations here may no longer match what torch did. So every step checks them
against the state after torch's step, and raises rather than explain wrongly.
"""

import math
from typing import Any, NamedTuple

from torch.optim import lr_scheduler

from ..config.metrics import Mode
from .torch_changed import TorchChangedError


class PlateauState(NamedTuple):
    """The state that decides what a step does.

    Attributes:
        lr: the LR before the step.
        best: the best value so far, infinite before the first.
        level: the level to beat; None before a finite best.
        cooling: whether a cooldown is in progress.
        bad_epochs: the bad epochs so far.
    """

    lr: float
    best: float
    level: float | None
    cooling: bool
    bad_epochs: int


class Plateau(lr_scheduler.ReduceLROnPlateau):
    """torch's class, which also records what happened in its last step.

    Attributes:
        improved: whether the metric beat the level to beat.
        attempted: the number of bad epochs when it attempted a cut; 0 if it did not.
    """

    improved = False
    attempted = 0
    _compared = False

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

    @property
    def state(self) -> PlateauState:
        """The state before the next step."""
        return PlateauState(self._lr, self.best, self.level, self.in_cooldown, self.num_bad_epochs)

    def step(self, metrics: Any, epoch: None = None) -> None:  # type: ignore[override]
        """torch's step, observed.

        Raises:
            TorchChangedError: the observations do not match what torch did.
        """
        before = self.state
        self.attempted, self._compared = 0, False
        super().step(metrics, epoch)
        self._check(before, float(metrics))

    def cut(self) -> None:
        """Cut now, as when bad epochs exceed patience; the cooldown starts.

        Raises:
            TorchChangedError: torch's class no longer has such a method.
        """
        if not hasattr(super(), "_reduce_lr"):
            raise TorchChangedError("has no _reduce_lr")
        super()._reduce_lr(self.last_epoch)
        self.cooldown_counter, self.num_bad_epochs = self.cooldown, 0

    def reset(self, mode: Mode) -> None:
        """Forget the best and the bad epochs, for a monitor that improves in that direction.

        Raises:
            TorchChangedError: torch's class no longer has the methods to reset it.
        """
        if not (hasattr(self, "_init_is_better") and hasattr(self, "_reset")):
            raise TorchChangedError("has no _init_is_better or no _reset")
        self._init_is_better(mode, self.threshold, self.threshold_mode)
        self._reset()

    def _is_better(self, a: float, best: float) -> bool:
        self._compared = True
        self.improved = bool(super()._is_better(a, best))  # type: ignore[no-untyped-call]
        return self.improved

    def _reduce_lr(self, epoch: int) -> None:
        self.attempted = self.num_bad_epochs
        super()._reduce_lr(epoch)

    @property
    def _lr(self) -> float:
        return float(self.optimizer.param_groups[0]["lr"])

    def _check(self, before: PlateauState, metric: float) -> None:
        """Check that the LR changed exactly at a cut, that the metric was compared with the level
        to beat, and that bad epochs were counted.
        """
        lowered = max(before.lr * self.factor, self.min_lrs[0])
        expected = lowered if self.attempted and before.lr - lowered > self.eps else before.lr
        if self._lr != expected:
            raise TorchChangedError(
                f"changed the LR from {before.lr:g} to {self._lr:g} where {expected:g} was expected"
            )
        if not self._compared:
            raise TorchChangedError("does not compare the metric with _is_better")
        if before.level is not None:
            beaten = metric < before.level if self.mode == "min" else metric > before.level
            if self.improved != beaten:
                raise TorchChangedError(
                    f"compares {metric:g} with another level than {before.level:g}"
                )
        if not (self.attempted or self.improved or before.cooling):
            expected_count = before.bad_epochs + 1
            if self.num_bad_epochs != expected_count:
                raise TorchChangedError(
                    f"counts {self.num_bad_epochs} bad epochs where {expected_count} were expected"
                )
