"""torch's own schedulers, driven by hand as its manual says, and what they are compared on."""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal

import torch
from hypothesis import strategies as st
from torch.optim import lr_scheduler

from trainer.config import schedules
from trainer.config.optimizers import OPTIMIZERS
from trainer.config.run import RunConfig
from trainer.config.traits import ScheduleSettings
from trainer.schedule import optimizers
from trainer.schedule.decisions import Decision
from trainer.schedule.schedule import Schedule

LR, EPOCHS, BATCHES = 0.02, 12, 3
PER_BATCH = ("OneCycleLR", "CyclicLR")

Moved = tuple[float, float | None, tuple[float, float] | None]  # lr, momentum, betas


def weight() -> list[torch.nn.Parameter]:
    return [torch.nn.Parameter(torch.zeros(1))]


HAND_MADE: dict[str, Callable[[], torch.optim.Optimizer]] = {
    "SGD": lambda: torch.optim.SGD(weight(), lr=LR, momentum=0.9),
    "Adam": lambda: torch.optim.Adam(weight(), lr=LR),
    "AdamW": lambda: torch.optim.AdamW(weight(), lr=LR),
    "RMSprop": lambda: torch.optim.RMSprop(weight(), lr=LR),
    "Adagrad": lambda: torch.optim.Adagrad(weight(), lr=LR),
    "NAdam": lambda: torch.optim.NAdam(weight(), lr=LR),
    "RAdam": lambda: torch.optim.RAdam(weight(), lr=LR),
}

SPECS = [
    schedules.StepLR(step_size=3, gamma=0.3),
    schedules.MultiStepLR(milestones=(2, 3, 9), gamma=0.3),
    schedules.ExponentialLR(gamma=0.9),
    schedules.CosineAnnealingLR(T_max=9, eta_min=0.001),
    schedules.CosineAnnealingWarmRestarts(T_0=2, T_mult=2, eta_min=0.001),
    schedules.OneCycleLR(),
    schedules.OneCycleLR(anneal_strategy="linear", three_phase=True, pct_start=0.4, div_factor=7),
    schedules.OneCycleLR(cycle_momentum=False),
    schedules.CyclicLR(max_lr=0.1, step_size_up=2),
    schedules.CyclicLR(max_lr=0.1, step_size_up=1, mode="triangular2", base_momentum=0.7),
    schedules.CyclicLR(max_lr=0.1, step_size_up=2, mode="exp_range", gamma=0.97),
    schedules.LinearLR(start_factor=0.5, end_factor=0.1, total_iters=7),
    schedules.PolynomialLR(total_iters=9, power=2.0),
    schedules.ConstantLR(factor=0.25, total_iters=4),
    schedules.ReduceLROnPlateau(factor=0.3, patience=1, cooldown=1, min_lr=0.001),
]
METRICS = [2.0, 1.5, 1.6, 1.7, 1.8, 1.4, 1.5, 1.6, 1.7, 1.8, 1.9, 2.0]


def spec_id(spec: ScheduleSettings) -> str:
    changed = spec.model_dump(exclude_defaults=True, exclude={"name"})
    return f"{spec.name}-{'-'.join(str(value) for value in changed.values())}"


def torch_scheduler(
    spec: ScheduleSettings, optimizer: torch.optim.Optimizer, epochs: int = EPOCHS
) -> Any:
    """What a person would write for this schedule."""
    arguments = spec.model_dump(exclude={"name"})
    if spec.name == "OneCycleLR":
        arguments |= {"max_lr": LR, "total_steps": epochs * BATCHES}
    if isinstance(spec, schedules.CyclicLR):
        arguments |= {"base_lr": LR, "step_size_up": spec.step_size_up * BATCHES}
    if arguments.get("cycle_momentum") and isinstance(optimizer, torch.optim.Adagrad):
        arguments["cycle_momentum"] = False
    scheduler = getattr(lr_scheduler, spec.name)(optimizer, **arguments)
    optimizer.step()  # torch warns where a scheduler goes first
    return scheduler


def moved(optimizer: torch.optim.Optimizer) -> Moved:
    group = optimizer.param_groups[0]
    return group["lr"], group.get("momentum"), group.get("betas")


def by_torch(
    spec: ScheduleSettings,
    optimizer: torch.optim.Optimizer,
    epochs: int = EPOCHS,
    metrics: Sequence[float] = METRICS,
) -> Iterator[list[Moved]]:
    """(lr, momentum, betas) of every batch, epoch by epoch."""
    scheduler = torch_scheduler(spec, optimizer, epochs)
    for epoch in range(epochs):
        batches = []
        for batch in range(BATCHES):
            batches.append(moved(optimizer))
            if spec.name in PER_BATCH and (epoch, batch) != (epochs - 1, BATCHES - 1):
                scheduler.step()
        yield batches
        if spec.name == "ReduceLROnPlateau":
            scheduler.step(metrics[epoch])
        elif spec.name not in PER_BATCH:
            scheduler.step()


def by_schedule(
    run: RunConfig, metrics: Sequence[float] = METRICS
) -> Iterator[tuple[list[Moved], Decision]]:
    """The same, as the engine does it, with each epoch's decision."""
    schedule = Schedule(run, BATCHES)
    trained = optimizers.build(run.optimizer, weight(), run.lr)
    for epoch in range(run.epochs):
        batches = []
        for _ in range(BATCHES):
            schedule.apply(trained)
            batches.append(moved(trained))
            schedule.step_batch()
        yield batches, schedule.advance(metrics[epoch])


def run_of(spec: ScheduleSettings, optimizer: str = "SGD", **changes: Any) -> RunConfig:
    made = OPTIMIZERS[optimizer]()
    return RunConfig(schedule=spec, optimizer=made, lr=LR, epochs=EPOCHS, **changes)


def sequences() -> st.SearchStrategy[list[float]]:
    """Plateaus, spikes, falls, and the values that break naive code."""
    special = st.sampled_from([math.nan, math.inf, -math.inf, 0.0, -0.0, 1.0, -1.0, 0.5])
    value = st.one_of(st.floats(-10, 10), st.floats(0, 3), special)
    return st.lists(st.tuples(value, st.integers(1, 6)), min_size=1, max_size=12).map(
        lambda runs: [value for value, times in runs for _ in range(times)]
    )


def plateau_runs() -> st.SearchStrategy[RunConfig]:
    return st.builds(
        RunConfig,
        lr=st.floats(1e-4, 1),
        monitor=st.sampled_from(["val_loss", "train_loss", "val_accuracy"]),
        epochs=st.just(100),
        schedule=st.builds(
            schedules.ReduceLROnPlateau,
            factor=st.floats(0.01, 0.99),
            patience=st.integers(0, 5),
            threshold=st.one_of(st.sampled_from([0.0, 1e-4, 0.5]), st.floats(0, 0.9)),
            threshold_mode=st.sampled_from(["rel", "abs"]),
            cooldown=st.integers(0, 4),
            min_lr=st.sampled_from([0.0, 1e-4, 0.003, 0.05, 2.0]),
            eps=st.sampled_from([0.0, 1e-8, 1e-3, 0.1]),
        ),
    )


def torch_plateau(run: RunConfig) -> Any:
    optimizer = torch.optim.SGD(weight(), lr=run.lr)
    arguments = run.schedule.model_dump(exclude={"name"})
    mode: Literal["min", "max"] = "max" if run.monitor == "val_accuracy" else "min"
    return lr_scheduler.ReduceLROnPlateau(optimizer, mode=mode, **arguments)
