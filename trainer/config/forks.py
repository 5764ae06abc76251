"""What a fork may change, and what it has to leave alone. torch-free."""

from collections.abc import Mapping
from typing import Any

from . import table as settings
from .run import RunConfig
from .table import SETTINGS, ConfigError, chosen, from_config

# By path: why the epochs before the fork hold it fast. Whatever is not named may change.
LOCKED: dict[str, str] = {
    "dataset": "The epochs before the fork were trained on this data.",
    "model": "The weights at the fork are this model's.",
    "optimizer": "The optimizer's state at the fork is that of its class; its parameters are free.",
    "optimizer.initial_accumulator_value": "It counts before the first step only.",
    "warmup": "The warm-up lies at the beginning of the run, before the fork.",
    "batch_size": "The schedule's steps and the order of the images are counted in these batches.",
    "seed": "It has drawn the weights, the split and the order of the epochs before the fork.",
    "device": "Another device rounds otherwise; the epochs before the fork would not be its own.",
}

LABELS = {setting.path: setting.label for setting in SETTINGS}

# Schedules whose LR is the learning rate of the settings times a formula of the epoch.
FORMULAS = {"OneCycleLR", "CyclicLR", "CosineAnnealingWarmRestarts", "LinearLR", "ConstantLR"}


def changed(parent: RunConfig, child: RunConfig) -> list[str]:
    """The paths of the settings in which they differ, in the order of the form."""
    before, after = from_config(parent), from_config(child)
    return [s.path for s in chosen(after) if before.get(s.key) != after[s.key]]


def locked(parent: RunConfig, child: RunConfig) -> dict[str, str]:
    """The paths that the child changes and must not, each with the reason."""
    return {path: LOCKED[path] for path in changed(parent, child) if path in LOCKED}


def changed_config(parent: RunConfig, epochs: int, values: Mapping[str, Any]) -> RunConfig:
    """The parent's config with these values, by key, in place of its own. Another schedule or
    optimizer begins with its defaults.

    Args:
        epochs: how many the parent has by now.

    Raises:
        ConfigError: as `trainer.config.table.to_config`.
    """
    return settings.changed(parent.model_copy(update={"epochs": epochs}), values)


def check(parent: RunConfig, child: RunConfig, epoch: int) -> None:
    """Refuse a fork that breaks its past.

    Raises:
        ConfigError: with a sentence for each setting at fault.
    """
    problems: dict[tuple[str, str | None], str] = {
        (path, None): f"{LABELS[path]} cannot change in a fork. {why}"
        for path, why in locked(parent, child).items()
    }
    if child.epochs <= epoch:
        problems["epochs", None] = f"Epochs must be above {epoch}, where the fork begins."
    if problems:
        raise ConfigError(problems)


def foretell(parent: RunConfig, child: RunConfig, epoch: int) -> list[str]:
    """What the changes mean at a fork from the end of `epoch`, a sentence each."""
    paths, schedule = changed(parent, child), child.schedule.name
    told = []
    if "schedule" in paths:
        begins = max(epoch, child.warmup)
        told.append(
            f"{'No schedule' if schedule == 'none' else schedule} begins anew after epoch "
            f"{begins}, at LR {child.lr:g}; its epochs count from there."
        )
    elif any(path.startswith("schedule.") for path in paths):
        told.append(f"{schedule} decides on epoch {epoch} again, with its new parameters.")
    if "monitor" in paths and schedule == "ReduceLROnPlateau":
        told.append("The plateau forgets its best and its bad epochs: it watches another value.")
    if "lr" in paths and "schedule" not in paths:
        if epoch < child.warmup:
            told.append("The warm-up goes on in the new ratio.")
        elif schedule in FORMULAS:
            told.append(f"{schedule} goes on at the same place of its course, for the new LR.")
        else:
            told.append(f"From epoch {epoch + 1} on the LR is {child.lr:g}, and moves from there.")
    if "epochs" in paths and schedule == "OneCycleLR" and "schedule" not in paths:
        told.append("OneCycleLR's length was fixed when it began; after it the LR stays lowest.")
    return told
