"""Trains a setting again: with other seeds, with and without its schedule."""

from collections.abc import Sequence

from trainer.compare.repeats import (
    SEEDS,
    fresh,
    more_seeds,
    of_seeds,
    seeds_to_compare,
    with_and_without,
)
from trainer.config.run import RunConfig
from trainer.store.faults import CommandError
from trainer.store.run import Run
from trainer.store.selection import by_hand, seeds
from trainer.store.store import Store

MOST_QUEUED = 200  # runs that one click adds
SOURCES = {"imported": "was imported", "watched": "is trained elsewhere"}


def other_seeds(store: Store, run: int, count: int) -> list[int]:
    """Queue so many runs of a run's setting with seeds that it has not had; returns the setting's
    runs, this one first.

    Raises:
        CommandError: there is no such run, or it cannot be trained again.
    """
    config = _config(store, run)
    had = {**seeds(store, config), config.seed: run}
    new = [store.add(again) for again in of_seeds(config, fresh(had, count))]
    return list(dict.fromkeys([run, *(had[seed] for seed in sorted(had)), *new]))


def compared_with_constant(store: Store, run: int) -> list[int]:
    """Queue what is missing of a run's setting with its schedule and with a constant LR, for the
    seeds at hand or for five; returns the runs of both, pair by pair.

    Raises:
        CommandError: there is no such run, or it cannot be trained again.
        ConfigError: the config cannot have that schedule.
    """
    config = _config(store, run)
    own = {**seeds(store, config), config.seed: run}
    wanted = seeds_to_compare(config.seed, own)
    found = []
    for setting in with_and_without(config):
        have = own if setting == config else seeds(store, setting)
        for again in of_seeds(setting, wanted):
            number = have[again.seed] if again.seed in have else store.add(again)
            found.append((again.seed, number))
    return [number for _, number in sorted(found, key=lambda pair: wanted.index(pair[0]))]


def settings_again(store: Store, runs: Sequence[int], count: int | None) -> None:
    """Queue what `other_seeds` or, if `count` is None, `compared_with_constant` queues for each
    setting of these runs.

    Raises:
        CommandError: one of them cannot be trained again, or these would be more than MOST_QUEUED
            runs; none is queued then.
        ConfigError: a config cannot have its other schedule; none is queued then.
    """
    settings: dict[RunConfig, int] = {}
    for run in runs:
        settings.setdefault(_config(store, run).model_copy(update={"seed": 0}), run)
    if count is None:
        for setting in settings:
            with_and_without(setting)
    most = len(settings) * (count or 2 * SEEDS)
    if most > MOST_QUEUED:
        raise CommandError(
            f"That could be {most} runs: select fewer, for at most {MOST_QUEUED} at once."
        )
    for run in settings.values():
        if count is None:
            compared_with_constant(store, run)
        else:
            other_seeds(store, run, count)


def more_of_each(store: Store, settings: Sequence[Sequence[int]], count: int) -> list[int]:
    """Queue runs so that all these settings, each as its runs, have the same seeds and `count`
    more; returns the new runs.

    Raises:
        CommandError: a run cannot be trained again.
    """
    configs = [[_config(store, run) for run in runs] for runs in settings]
    had = [{config.seed for config in own} for own in configs]
    missing = more_seeds(had, count)
    pairs = zip(configs, missing, strict=True)
    new = [again for own, lacks in pairs for again in of_seeds(own[0], lacks)]
    return [store.add(config) for config in sorted(new, key=lambda config: config.seed)]


def left_out(store: Store, runs: Sequence[int]) -> str:
    """What these runs had that is not repeated when they are trained again, in a sentence; empty if
    there is nothing.
    """
    return not_repeated(sorted(by_hand(store, runs)))


def not_repeated(changed: Sequence[int]) -> str:
    """That the changes by hand of these runs are not repeated; empty if there are no such runs."""
    if not changed:
        return ""
    which = f"run {changed[0]}" if len(changed) == 1 else f"runs {', '.join(map(str, changed))}"
    return f"The changes by hand of {which} are not repeated."


def refusal(run: Run) -> str | None:
    """Why a run cannot be trained again with another seed or schedule; None if it can."""
    if run.config is None:
        return f"Run {run.id} {SOURCES[run.source]}: it cannot be trained here."
    if run.parent and not run.sweep:
        return (
            f"Run {run.id} is a fork: its first epochs are those of run {run.parent}, whatever its "
            "seed; run that one again."
        )
    return None


def config_of(store: Store, number: int) -> RunConfig:
    """The settings that a run was started with.

    Raises:
        CommandError: there is no such run, or its settings are not known.
    """
    run = _run(store, number)
    if run.config is None:
        raise CommandError(
            f"Run {run.id} {SOURCES[run.source]}: its data and network are not known here."
        )
    return run.config


def _config(store: Store, number: int) -> RunConfig:
    if reason := refusal(_run(store, number)):
        raise CommandError(reason)
    return config_of(store, number)


def _run(store: Store, number: int) -> Run:
    run = store.run(number)
    if run is None:
        raise CommandError(f"There is no run {number}.")
    return run
