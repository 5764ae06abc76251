"""What each way to find an LR needs to know, and the cells that it begins with. torch-free."""

import math
from typing import Self

from pydantic import model_validator

from ...config.fields import Settings, refuse, setting
from ...config.run import RunConfig
from ...config.schedules import NoSchedule, ReduceLROnPlateau, StepLR
from ...config.table import ConfigError, changed, to_plan
from ...config.text import epochs_text
from ...store.sweeps import Kind

CUT = 0.1  # of the runs that go on: their factor and patience cannot be chosen from one run
PATIENCE = 1 / 5  # of the epochs
MOST_DIGITS = 3
ROUNDED = 0.05  # of a step
MOST_WITHIN = 1  # times the best; a bound would make sweeps with more unreadable


def _lowest(default: float) -> float:
    lowest: float = setting(
        default, "Lowest LR", "The first learning rate that is tried.", scale="log",
        slider=(1e-7, 1), main=True, ge=1e-10, le=100,
    )  # fmt: skip
    return lowest


def _highest(default: float) -> float:
    highest: float = setting(
        default, "Highest LR", "No learning rate above this one is tried.", scale="log",
        slider=(1e-5, 10), main=True, ge=1e-10, le=100,
    )  # fmt: skip
    return highest


def _seeds(default: int, help: str) -> int:
    seeds: int = setting(default, "Seeds", help, "seeds", main=True, ge=1, le=20)
    return seeds


class Span(Settings):
    """LRs from the lowest to the highest."""

    lowest: float = _lowest(1e-4)
    highest: float = _highest(0.1)

    @model_validator(mode="after")
    def rises(self) -> Self:
        if self.lowest >= self.highest:
            raise refuse("highest", "Highest LR must be above the lowest.")
        return self


class Steps(Span):
    """LRs from the lowest to the highest, in equal ratios."""

    per_decade: int = setting(
        2, "LRs a decade", "Learning rates tried in each factor of ten: 2 are 0.001, 0.003, 0.01.",
        ge=1, le=8,
    )  # fmt: skip

    @property
    def lrs(self) -> list[float]:
        """The LRs, lowest first, written with as few digits as the ends: 1e-4, 3e-4, 1e-3."""
        # Half a decade above 0.01 is 0.0316, and is written 0.03: it is among those up to 0.03.
        steps = math.floor(math.log10(self.highest / self.lowest) * self.per_decade + ROUNDED)
        digits = max(_digits(self.lowest), _digits(self.highest), 2 if self.per_decade > 3 else 1)
        exact = (self.lowest * 10 ** (k / self.per_decade) for k in range(1, steps + 1))
        rest = (min(self.highest, float(f"{lr:.{digits - 1}e}")) for lr in exact)
        return list(dict.fromkeys([self.lowest, *rest]))


def _digits(value: float) -> int:
    """With how many significant digits a number is written, up to three."""
    fitting = (d for d in range(1, MOST_DIGITS) if float(f"{value:.{d - 1}e}") == value)
    return next(fitting, MOST_DIGITS)


class BestHere(Steps):
    """A: the best run on this seed."""

    probe: int = setting(
        2, "Epochs each", "Epochs at a constant LR after which the best go on.", "epochs",
        main=True, ge=1, le=1000,
    )  # fmt: skip
    keep: int = setting(
        3, "Go on", "How many of the learning rates are trained to the end.", main=True, ge=1, le=50
    )

    def first(self, config: RunConfig) -> list[RunConfig]:
        """A probe at each LR.

        Raises:
            ConfigError: the run is no longer than a probe.
        """
        if config.epochs <= self.probe:
            raise ConfigError(
                {("epochs", None): f"Epochs must be more than the {self.probe} of each probe."}
            )
        constant = {"schedule": NoSchedule().name, "warmup": 0, "epochs": self.probe}
        return [changed(config, {**constant, "lr": lr}) for lr in self.lrs]

    def to_the_end(self, config: RunConfig, lr: float) -> RunConfig:
        """What goes on at an LR: it shares the epochs of its probe."""
        (probe, *_) = self.first(config)
        plateau = ReduceLROnPlateau(factor=CUT, patience=int(config.epochs * PATIENCE))
        rule = {"schedule": plateau.name, "factor": plateau.factor, "patience": plateau.patience}
        return changed(probe, {**rule, "epochs": config.epochs, "lr": lr})


class WhichLR(Steps):
    """B: which LR, on several seeds."""

    epochs: int = setting(
        6, "Epochs each",
        "Epochs at a constant LR; short ones lean to LRs that are too high: 4 misled on LeNet-5.",
        "epochs", main=True, ge=1, le=1000,
    )  # fmt: skip
    seeds: int = _seeds(2, "Seeds over which the scores are averaged.")
    within: float = setting(
        0.1, "As good",
        "The lowest LR whose loss is above the best by no more than this part: 0.05 is 5 %.",
        gt=0, le=10,
    )  # fmt: skip
    cooldown: float = setting(
        0.1, "Cool-down", "One more epoch is trained at the LR times this: its loss is the score.",
        gt=0, le=1,
    )  # fmt: skip

    def first(self, config: RunConfig) -> list[RunConfig]:
        """A probe at each LR on each seed, its cool-down epoch included."""
        rule = {
            "schedule": StepLR().name, "step-size": self.epochs, "gamma": self.cooldown,
            "epochs": self.epochs + 1, "warmup": 0,
        }  # fmt: skip
        seeds = range(config.seed, config.seed + self.seeds)
        return [changed(config, {**rule, "lr": lr, "seed": s}) for s in seeds for lr in self.lrs]


class RangeTest(Span):
    """The classic range test: the LR grows with every batch, by the same ratio."""

    lowest: float = _lowest(1e-7)
    highest: float = _highest(10.0)
    batches: int = setting(
        100, "Batches", "Batches from the lowest LR to the highest.", main=True, ge=20, le=10_000
    )
    seeds: int = _seeds(3, "Seeds, each with weights and an order of its own.")

    def first(self, config: RunConfig) -> list[RunConfig]:  # noqa: ARG002
        """None: nothing of a range test is kept but its losses."""
        return []

    def lr(self, batch: int) -> float:
        """The LR of a batch, counted from 0."""
        return float(self.lowest * (self.highest / self.lowest) ** (batch / self.batches))


Plan = BestHere | WhichLR | RangeTest
PLANS: dict[Kind, type[Plan]] = {"find": BestHere, "which": WhichLR, "range": RangeTest}


def kind_of(plan: Plan) -> Kind:
    """The kind of the sweep that has this plan."""
    return next(kind for kind, model in PLANS.items() if type(plan) is model)


def plan(kind: Kind, **values: object) -> Plan:
    """A plan from values by key, as text or as they are.

    Raises:
        ConfigError: a value is out of bounds or malformed, or a key is unknown.
    """
    made = to_plan(PLANS[kind], {key.replace("_", "-"): v for key, v in values.items()})
    if isinstance(made, WhichLR) and made.within > MOST_WITHIN:
        given = f"{made.within:g}"
        told = f"As good is a part, not a percentage: for {given} % give {made.within / 100:g}."
        raise ConfigError({("within", None): told})
    return made


def epochs(plan: Plan, config: RunConfig) -> float | None:
    """How many epochs a plan trains; None of batches where nobody knows how many an epoch has."""
    match plan:
        case BestHere():
            kept = min(plan.keep, len(plan.lrs))
            return len(plan.lrs) * plan.probe + kept * (config.epochs - plan.probe)
        case WhichLR():
            return len(plan.lrs) * plan.seeds * (plan.epochs + 1)
        case RangeTest():
            return plan.seeds * plan.batches / config.batches if config.batches else None


def cost(plan: Plan, config: RunConfig) -> str:
    """What a plan trains, before it starts: 7 LRs, 158 epochs."""
    if isinstance(plan, RangeTest):
        return f"{plan.seeds * plan.batches:,} batches"
    return f"{len(plan.lrs)} LRs, {epochs_text(round(epochs(plan, config) or 0))}"
