"""A run again, with one thing changed: what shows whether that one thing matters."""

from .run import RunConfig
from .table import changed

CONSTANT = "none"  # the schedule that leaves the LR as it is
MOST_SEEDS = 50


def other_seeds(config: RunConfig, count: int) -> list[RunConfig]:
    """The same with so many other seeds: the lowest but its own.

    Raises:
        ValueError: the count is not in 1 to MOST_SEEDS.
    """
    if not 1 <= count <= MOST_SEEDS:
        raise ValueError(f"The number of seeds must be from 1 to {MOST_SEEDS}.")
    seeds = [seed for seed in range(count + 1) if seed != config.seed]
    return [changed(config, {"seed": seed}) for seed in seeds[:count]]


def with_and_without(config: RunConfig) -> list[RunConfig]:
    """The same with its schedule, the default one if it has none, and with a constant LR."""
    kept = config
    if config.schedule.name == CONSTANT:
        kept = changed(config, {"schedule": RunConfig().schedule.name})
    return [kept, changed(config, {"schedule": CONSTANT})]
