"""The frozen recipe of a run: all that a schedule needs to know, without model or data."""

from typing import Self

from pydantic import model_validator

from .fields import Settings, refuse, setting
from .metrics import Mode, mode
from .optimizers import Adam, Optimizer
from .schedules import ReduceLROnPlateau, Schedule


class Recipe(Settings):
    """Optimizer, LR, schedule, warm-up, monitor and epochs: what determines the LR of each batch.

    For a run that was not trained here, this is all that is known.
    """

    optimizer: Optimizer = setting(
        Adam(), "Optimizer", "The rule in torch.optim that turns gradients into steps.", main=True
    )
    lr: float = setting(
        0.01,
        "Learning rate",
        "Where the schedule starts, or peaks.",
        scale="log",
        slider=(1e-5, 1),
        main=True,
        gt=0,
        le=100,
    )
    schedule: Schedule = setting(
        ReduceLROnPlateau(), "Schedule", "The rule that changes the learning rate.", main=True,
        words={"none": "None (constant)"},
    )  # fmt: skip
    warmup: int = setting(
        0, "Warm-up", "Epochs of linear LR increase before the schedule starts.",
        "epochs", "linear", (0, 20), ge=0, le=1000,
    )  # fmt: skip
    monitor: str = setting(
        "val_loss", "Monitor", "Name of the metric that the plateau rule watches.", min_length=1,
        max_length=200,
    )  # fmt: skip
    epochs: int = setting(
        50, "Epochs", "Passes over the training data.", "epochs", main=True, ge=1, le=10_000
    )

    @model_validator(mode="after")
    def parts_fit(self) -> Self:
        if 0 < self.warmup >= self.epochs:
            raise refuse("warmup", f"Warm-up must be shorter than the run of {self.epochs} epochs.")
        self.schedule.check(self.lr)
        return self

    @property
    def mode(self) -> Mode:
        """Which direction of the monitor is better, in torch's words."""
        return mode(self.monitor)

    @property
    def moves_momentum(self) -> bool:
        """Whether the schedule changes momentum, or Adam's beta 1, as well as the LR."""
        return self.schedule.momentum_range is not None and self.momentum_name is not None

    @property
    def momentum_name(self) -> str | None:
        """What the optimizer calls its momentum; None if it has none."""
        names = {"momentum": "momentum", "beta1": "beta 1"}
        fields = type(self.optimizer).model_fields
        return next((name for field, name in names.items() if field in fields), None)
