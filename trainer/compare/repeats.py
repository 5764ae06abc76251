"""The runs that answer whether a difference is more than noise: other seeds, and no schedule.
torch-free.
"""

from collections.abc import Collection, Sequence

from ..config.run import RunConfig
from ..config.schedules import NoSchedule
from ..config.table import changed

SEEDS = 5  # of a setting that has only one so far
MOST_SEEDS = 50  # that are asked for at once


def more_seeds(had: Sequence[Collection[int]], count: int) -> list[list[int]]:
    """The seeds to train of each setting, so that all have the same ones and `count` more.

    Args:
        had: the seeds of each setting so far.
    """
    every = {seed for seeds in had for seed in seeds}
    wanted = sorted({*every, *fresh(every, count)})
    return [[seed for seed in wanted if seed not in seeds] for seeds in had]


def fresh(had: Collection[int], count: int) -> list[int]:
    """The first seeds that are not among these."""
    return [seed for seed in range(len(had) + count) if seed not in had][:count]


def with_and_without(config: RunConfig) -> tuple[RunConfig, RunConfig]:
    """The config with its schedule, and with a constant LR; of one whose LR is constant, the first
    has the default schedule.

    Raises:
        ConfigError: the config cannot have that schedule.
    """
    constant = isinstance(config.schedule, NoSchedule)
    scheduled = RunConfig().schedule.name
    return (
        changed(config, {"schedule": scheduled}) if constant else config,
        config if constant else changed(config, {"schedule": NoSchedule().name}),
    )


def seeds_to_compare(seed: int, had: Collection[int]) -> list[int]:
    """The seeds at hand, if there are several; else five with the run's own."""
    if len(had) > 1:
        return sorted({seed, *had})
    return [seed, *fresh([seed], SEEDS - 1)]


def of_seeds(config: RunConfig, seeds: Collection[int]) -> list[RunConfig]:
    """The config with each of these seeds."""
    return [config.model_copy(update={"seed": seed}) for seed in seeds]
