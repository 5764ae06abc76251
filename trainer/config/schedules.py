"""torch.optim.lr_scheduler's classes as settings, with everything specific to each.

Each class has the name of torch's class, and its fields have that class's argument names. Whatever
else LRScope needs to know about it is data (`Traits`) and a few small methods here: no other module
distinguishes one schedule from another. To add a schedule, write its class here and add it to
`Schedule`.
"""

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import Field

from . import cycles
from .cycles import Moved
from .fields import refuse, setting
from .optimizers import beta
from .text import epochs_text, exact, lr_text
from .traits import Caution, ScheduleSettings, Traits, set_to

# The smallest factor that torch divides by: the LR must come back from it in its full precision.
SMALLEST = 1e-8


def gamma(default: float, help: str) -> Any:
    return setting(
        default, "Gamma", help, scale="linear", slider=(0.01, 1.0), main=True, gt=0, le=1
    )


def count(
    default: int, label: str, help: str, top: int = 100, least: int = 1, most: int = 10_000
) -> Any:
    """A number of epochs, on a slider up to `top`."""
    return setting(
        default, label, help, "epochs", "linear", (least, top), main=True, ge=least, le=most
    )


class NoSchedule(ScheduleSettings):
    traits = Traits(
        after_set_lr="The LR then stays constant.",
        after_added_epochs="The LR stays the same in the added epochs.",
        summary="constant LR",
    )
    name: Literal["none"] = "none"


class ReduceLROnPlateau(ScheduleSettings):
    traits = Traits(
        axis="log",
        fall="cut",
        cut_by="factor",
        watches_monitor=True,
        after_set_lr="{name} keeps the new LR; its next cut multiplies it.",
        after_cut="Like a cut by {name}: bad epochs restart at 0, and the cooldown starts.",
        summary="plateau {cut}, patience {patience}",
    )
    presets = {  # noqa: RUF012 - a ClassVar of the base class
        "Default: plateau on digits": {},
        # The tutorial's settings. At its LR the loss stays at that of guessing.
        "Tutorial, as written": {"dataset": "mnist", "lr": 0.1, "monitor": "train_loss"},
        "Tutorial, made to learn": {"dataset": "mnist", "lr": 0.001, "monitor": "train_loss"},
    }
    name: Literal["ReduceLROnPlateau"] = "ReduceLROnPlateau"
    factor: float = setting(
        0.1,
        "Factor",
        "A cut multiplies the LR by this.",
        scale="linear",
        slider=(0.05, 0.95),
        main=True,
        gt=0,
        lt=1,
    )
    patience: int = setting(
        5,
        "Patience",
        "Bad epochs allowed; the next one cuts.",
        "epochs",
        "linear",
        (0, 20),
        main=True,
        ge=0,
        le=10_000,
    )
    threshold: float = setting(
        1e-4, "Threshold", "How much better than the best an epoch must be to count as better.",
        scale="log", slider=(1e-6, 0.1), ge=0, lt=1,
    )  # fmt: skip
    threshold_mode: Literal["rel", "abs"] = setting(
        "rel", "Threshold mode", "rel: a fraction of the best; abs: an absolute difference."
    )
    cooldown: int = setting(
        0, "Cooldown", "Epochs after a cut in which bad epochs are not counted.", "epochs",
        "linear", (0, 20), ge=0, le=10_000,
    )  # fmt: skip
    min_lr: float = setting(
        0.0, "Min LR", "Cuts never go below this LR.", scale="log", slider=(1e-8, 0.1),
        ge=0, le=100,
    )  # fmt: skip
    eps: float = setting(
        1e-8, "Smallest cut (eps)", "Cuts that change the LR by no more than this are skipped.",
        ge=0, le=1,
    )  # fmt: skip

    def attribute(self, field: str) -> tuple[str, Any]:
        return ("min_lrs", [self.min_lr]) if field == "min_lr" else super().attribute(field)

    @classmethod
    def observed(
        cls, state: Mapping[str, Any], group: Mapping[str, Any], batches: int
    ) -> dict[str, Any]:
        own = super().observed({"base_lrs": [group["lr"]], **state}, group, batches)
        return {**own, "min_lr": own["min_lr"][0]}


class StepLR(ScheduleSettings):
    traits = Traits(axis="log", fall="cut", cut_by="gamma", summary="steps {cut} every {step_size}")
    name: Literal["StepLR"] = "StepLR"
    step_size: int = count(10, "Step size", "Epochs between cuts.")
    gamma: float = gamma(0.1, "Each cut multiplies the LR by this.")

    def cautions(self, lr: float, warmup: int, epochs: int) -> Iterator[Caution]:
        if self.step_size >= epochs:
            yield Caution(
                f"No cut in {epochs_text(epochs)}: the first would come after {self.step_size}.",
                set_to("step_size", epochs // 3),
            )
        yield from super().cautions(lr, warmup, epochs)


class MultiStepLR(ScheduleSettings):
    traits = Traits(axis="log", fall="cut", cut_by="gamma", summary="steps {cut} at {milestones}")
    name: Literal["MultiStepLR"] = "MultiStepLR"
    milestones: tuple[Annotated[int, Field(ge=1, le=10_000)], ...] = setting(
        (20, 35, 45), "Milestones", "Epochs after which the LR is cut, such as 20, 35, 45.",
        "epochs", main=True, min_length=1, max_length=50,
    )  # fmt: skip
    gamma: float = gamma(0.1, "Each cut multiplies the LR by this.")

    def attribute(self, field: str) -> tuple[str, Any]:
        counted = ("milestones", Counter(self.milestones))
        return counted if field == "milestones" else super().attribute(field)

    @classmethod
    def observed(
        cls, state: Mapping[str, Any], group: Mapping[str, Any], batches: int
    ) -> dict[str, Any]:
        own = super().observed(state, group, batches)
        times = Counter({int(at): times for at, times in dict(own["milestones"]).items()})
        return {**own, "milestones": tuple(sorted(times.elements()))}

    def cautions(self, lr: float, warmup: int, epochs: int) -> Iterator[Caution]:
        late = ", ".join(str(m) for m in self.milestones if m >= epochs)
        if late:
            reached = tuple(m for m in self.milestones if m < epochs) or (epochs // 2,)
            yield Caution(
                f"The schedule runs for {epochs_text(epochs)}: it never reaches {late}.",
                ("schedule.milestones", reached) if epochs > 1 else None,
            )
        yield from super().cautions(lr, warmup, epochs)


class ExponentialLR(ScheduleSettings):
    traits = Traits(axis="log", cut_by="gamma", summary="exponential ×{gamma}")
    name: Literal["ExponentialLR"] = "ExponentialLR"
    gamma: float = gamma(0.95, "Every epoch multiplies the LR by this.")


class CosineAnnealingLR(ScheduleSettings):
    traits = Traits(
        returns_to_lr=True,
        after_set_lr="{name} continues from the new LR with the same relative changes, until the "
        "step after T max restores its own.",
        after_added_epochs="{name} continues unchanged: after T max its LR rises again.",
        summary="cosine, T max {T_max}",
    )
    presets = {"Cosine: one long decline": {}}  # noqa: RUF012
    name: Literal["CosineAnnealingLR"] = "CosineAnnealingLR"
    T_max: int = count(50, "T max", "Epochs from the LR down to its minimum; then it rises again.")
    eta_min: float = setting(0.0, "Eta min", "The lowest LR.", ge=0, le=100)

    def turns(self, done: int, batches: int) -> bool:  # noqa: ARG002
        return done % self.T_max == 0

    def cautions(self, lr: float, warmup: int, epochs: int) -> Iterator[Caution]:
        if self.eta_min > lr:
            yield Caution(
                f"Eta min {lr_text(self.eta_min)} is above the LR: the LR rises to it.",
                ("schedule.eta_min", 0.0),
            )
        elif self.T_max < epochs:
            yield Caution(
                f"After epoch {warmup + self.T_max} the LR rises again: T max is {self.T_max}, "
                f"and the schedule runs for {epochs_text(epochs)}.",
                set_to("T_max", epochs),
            )
        elif self.T_max > epochs:
            yield Caution(
                f"The LR does not reach its lowest: T max is {self.T_max}, and the schedule runs "
                f"for {epochs_text(epochs)}.",
                set_to("T_max", epochs),
            )
        yield from super().cautions(lr, warmup, epochs)


class CosineAnnealingWarmRestarts(ScheduleSettings):
    traits = Traits(
        formula=True,
        rise="restart",
        after_set_lr="{name} overwrites it with its own LR at the end of this epoch.",
        summary="cosine with restarts, T 0 {T_0}",
    )
    name: Literal["CosineAnnealingWarmRestarts"] = "CosineAnnealingWarmRestarts"
    T_0: int = count(10, "T 0", "Epochs until the first restart.")
    T_mult: int = setting(
        2, "T mult", "Each cycle is this many times as long as the previous one.",
        scale="linear", slider=(1, 4), main=True, ge=1, le=10,
    )  # fmt: skip
    eta_min: float = setting(0.0, "Eta min", "The lowest LR.", ge=0, le=100)

    def cautions(self, lr: float, warmup: int, epochs: int) -> Iterator[Caution]:
        if epochs <= self.T_0:
            yield Caution(
                f"No restart in {epochs_text(epochs)}: the first cycle takes {self.T_0}.",
                set_to("T_0", epochs // 3),
            )
        yield from super().cautions(lr, warmup, epochs)


class OneCycleLR(ScheduleSettings):
    """The run's LR is the peak (torch's max_lr); total_steps is the whole run, in batches."""

    traits = Traits(
        per_batch=True,
        formula=True,
        turns_within_epoch=True,
        fixed_length=True,
        after_set_lr="{name} overwrites it with its own LR at the next batch: it lasts one batch.",
        after_added_epochs="{name}'s length was fixed when it started: in the added epochs the LR "
        "stays at its lowest.",
        summary="one cycle to {lr}",
    )
    presets = {"One cycle: up, then down": {"epochs": 30}}  # noqa: RUF012
    name: Literal["OneCycleLR"] = "OneCycleLR"
    pct_start: float = setting(
        0.3, "Rising share", "Share of the run during which the LR rises to its peak.",
        scale="linear", slider=(0.05, 0.95), main=True, gt=0, lt=1,
    )  # fmt: skip
    div_factor: float = setting(
        25.0, "Start divisor", "The run starts at the peak LR divided by this.",
        scale="log", slider=(1, 1000), main=True, ge=1, le=1e6,
    )  # fmt: skip
    final_div_factor: float = setting(
        1e4, "Final divisor", "The run ends at its starting LR divided by this.", ge=1, le=1e8
    )
    anneal_strategy: Literal["cos", "linear"] = setting(
        "cos", "Anneal strategy", "The shape of the rise and the fall."
    )
    three_phase: bool = setting(
        False, "Three phases", "Falls to the starting LR first, then to the final LR."
    )
    cycle_momentum: bool = setting(
        True, "Cycle momentum", "Moves momentum (Adam's beta 1) opposite to the LR."
    )
    base_momentum: float = beta(0.85, "Base momentum", "The momentum at the peak of the LR.")
    max_momentum: float = beta(0.95, "Max momentum", "The momentum at the ends of the cycle.")

    def arguments(self, lr: float, epochs: int, batches: int) -> dict[str, Any]:
        own = super().arguments(lr, epochs, batches)
        return {**own, "max_lr": lr, "total_steps": max(epochs * batches, 1)}

    def refusal(self, epochs: int, batches: int) -> tuple[str, str] | None:
        steps = max(epochs * batches, 1)
        if self.pct_start * steps != 1:
            return None
        return "pct_start", (
            f"Rising share {self.pct_start:.3g} of {steps:,} steps is a rise of one step, where "
            "torch's OneCycleLR divides by zero: choose another share, or other epochs."
        )

    @classmethod
    def observed(
        cls, state: Mapping[str, Any], group: Mapping[str, Any], batches: int
    ) -> dict[str, Any]:
        return cycles.observed_one_cycle(state, group, batches)

    def cycle(self, lr: float, epochs: int, batches: int, steps: range) -> Iterator[Moved]:
        return cycles.one_cycle(steps, **self.arguments(lr, epochs, batches))

    def peak(self, done: int, epochs: int, batches: int) -> tuple[int, ...]:  # noqa: ARG002
        steps = max(epochs * batches, 1)
        before = max(math.floor(self.pct_start * steps - 1), 0)
        return tuple(step for step in (before, before + 1) if step < steps - 1)

    def cautions(self, lr: float, warmup: int, epochs: int) -> Iterator[Caution]:
        yield Caution(
            f"The cycle spans exactly {epochs_text(epochs)}: torch's class takes no further steps, "
            "and a run that is stopped early misses the low LRs at the end."
        )
        yield from super().cautions(lr, warmup, epochs)


HALVINGS = 1024  # 2.0 to this power overflows


class CyclicLR(ScheduleSettings):
    """The run's LR is the bottom of the cycle (torch's base_lr)."""

    traits = Traits(
        per_batch=True,
        formula=True,
        after_set_lr="{name} overwrites it with its own LR at the next batch: it lasts one batch.",
        summary="cycles from {lr} to {max_lr}",
    )
    name: Literal["CyclicLR"] = "CyclicLR"
    max_lr: float = setting(
        0.05, "Max LR", "The peak; the learning rate is the bottom.",
        scale="log", slider=(1e-5, 1), main=True, gt=0, le=100,
    )  # fmt: skip
    step_size_up: int = count(4, "Way up", "Epochs from the bottom to the peak.", 25)
    mode: Literal["triangular", "triangular2", "exp_range"] = setting(
        "triangular", "Mode", "Cycle height: constant, halved each cycle, or decaying by gamma."
    )
    gamma: float = setting(
        1.0, "Gamma", "In exp_range, multiplies the height at every batch.", gt=0, le=1
    )
    cycle_momentum: bool = setting(
        True, "Cycle momentum", "Moves momentum (Adam's beta 1) opposite to the LR."
    )
    base_momentum: float = beta(0.8, "Base momentum", "The momentum at the peak of the cycle.")
    max_momentum: float = beta(0.9, "Max momentum", "The momentum at the bottom of the cycle.")

    def scaled(self, ratio: float) -> Self:
        return self.model_copy(update={"max_lr": self.max_lr * ratio})

    def check(self, lr: float) -> None:
        if self.max_lr <= lr:
            raise refuse("schedule.max_lr", f"Max LR must be above the learning rate, {exact(lr)}.")

    def refusal(self, epochs: int, batches: int) -> tuple[str, str] | None:  # noqa: ARG002
        if self.mode != "triangular2" or epochs < 2 * HALVINGS * self.step_size_up:
            return None
        return "step_size_up", (
            f"Way up must be at least {epochs // (2 * HALVINGS) + 1} for {epochs:,} epochs: in "
            f"mode triangular2 torch's CyclicLR cannot halve its height {HALVINGS:,} times."
        )

    def arguments(self, lr: float, epochs: int, batches: int) -> dict[str, Any]:
        own = super().arguments(lr, epochs, batches)
        return {**own, "base_lr": lr, "step_size_up": self.step_size_up * batches}

    @classmethod
    def observed(
        cls,
        state: Mapping[str, Any],
        group: Mapping[str, Any],  # noqa: ARG003
        batches: int,
    ) -> dict[str, Any]:
        return cycles.observed_cyclic(state, batches)

    def cycle(self, lr: float, epochs: int, batches: int, steps: range) -> Iterator[Moved]:
        return cycles.cyclic(steps, **self.arguments(lr, epochs, batches))

    def turns(self, done: int, batches: int) -> bool:
        halves, rest = divmod(done, self.step_size_up)
        return rest == 0 and (halves % 2 == 0 or not self.peak(done, 0, batches))

    def peak(self, done: int, epochs: int, batches: int) -> tuple[int, ...]:  # noqa: ARG002
        if self.mode != "exp_range" or self.gamma == 1:
            return ()
        # The height after k steps is k * gamma**k; its highest is at this k, if not at the top.
        k, top = -1 / math.log(self.gamma), self.step_size_up * batches
        if k >= top:
            return ()
        start = (done - 1) // (2 * self.step_size_up) * 2 * top
        return start + math.floor(k), start + math.ceil(k)

    def cautions(self, lr: float, warmup: int, epochs: int) -> Iterator[Caution]:
        if self.step_size_up > epochs:
            yield Caution(
                f"The LR does not reach its peak: the rise takes {self.step_size_up}, and the "
                f"schedule runs for {epochs_text(epochs)}.",
                set_to("step_size_up", epochs // 2),
            )
        yield from super().cautions(lr, warmup, epochs)


class LinearLR(ScheduleSettings):
    traits = Traits(
        formula=True, summary="linear from ×{start_factor} to ×{end_factor} over {total_iters}"
    )
    name: Literal["LinearLR"] = "LinearLR"
    start_factor: float = setting(
        1.0, "Start factor", "The LR starts at this share of the learning rate.",
        scale="linear", slider=(0.01, 1), main=True, gt=0, le=1, least=SMALLEST,
    )  # fmt: skip
    end_factor: float = setting(
        0.01, "End factor", "The LR ends at this share of the learning rate.",
        scale="linear", slider=(0, 1), main=True, ge=0, le=1,
    )  # fmt: skip
    total_iters: int = count(50, "Over", "Epochs from the start factor to the end factor.")


class PolynomialLR(ScheduleSettings):
    traits = Traits(summary="polynomial to 0 over {total_iters}, power {power}")
    name: Literal["PolynomialLR"] = "PolynomialLR"
    total_iters: int = count(50, "Over", "Epochs until the LR reaches zero.")
    power: float = setting(
        1.0, "Power", "1 is a straight line; a higher power falls faster at first.",
        scale="linear", slider=(0.5, 4), main=True, gt=0, le=10,
    )  # fmt: skip


class ConstantLR(ScheduleSettings):
    traits = Traits(formula=True, summary="×{factor} for {total_iters}")
    name: Literal["ConstantLR"] = "ConstantLR"
    factor: float = setting(
        1 / 3, "Factor", "Multiplies the LR at first.",
        scale="linear", slider=(0.05, 1), main=True, gt=0, le=1, least=SMALLEST,
    )  # fmt: skip
    total_iters: int = count(5, "Over", "Epochs until the LR returns to its full value.")


Schedule = Annotated[
    NoSchedule
    | ReduceLROnPlateau
    | StepLR
    | MultiStepLR
    | ExponentialLR
    | CosineAnnealingLR
    | CosineAnnealingWarmRestarts
    | OneCycleLR
    | CyclicLR
    | LinearLR
    | PolynomialLR
    | ConstantLR,
    Field(discriminator="name"),
]


SCHEDULES: dict[str, type[ScheduleSettings]] = {
    cls.model_fields["name"].default: cls for cls in get_args(get_args(Schedule)[0])
}


def traits_of(name: str) -> Traits:
    """The traits of a schedule by name; the defaults for an unknown name, such as an imported
    run's.
    """
    return SCHEDULES[name].traits if name in SCHEDULES else Traits()
