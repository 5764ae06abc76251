"""What a fork may change, and what it has to leave alone. torch-free."""

from collections.abc import Mapping
from typing import Any, TypeVar

from . import table
from .recipe import Recipe
from .run import RunConfig
from .table import SETTINGS, ConfigError, chosen, from_config

R = TypeVar("R", bound=Recipe)

# By path: why the epochs before the fork hold it fast. Whatever is not named may change.
LOCKED: dict[str, str] = {
    "dataset": "The epochs before the fork were trained on this data.",
    "model": "The weights at the fork are this model's.",
    "optimizer": "The optimizer's state at the fork is that of its class; its parameters are free.",
    "optimizer.initial_accumulator_value": "It counts before the first step only.",
    "warmup": "The warm-up lies at the beginning of the run, before the fork.",
    "batch_size": "The schedule's steps and the order of the images are counted in these batches.",
    "seed": "It has drawn the weights, the split and the order of the epochs before the fork.",
    "device": "Another device rounds differently; the epochs before the fork would not be its own.",
}

LABELS = {setting.path: setting.label for setting in SETTINGS}


def changed(parent: Recipe, child: Recipe) -> list[str]:
    """The paths of the settings in which they differ, in the order of the form."""
    before, after = from_config(parent), from_config(child)
    return [s.path for s in chosen(after, type(child)) if before.get(s.key) != after[s.key]]


def locked(parent: Recipe, child: Recipe) -> dict[str, str]:
    """The paths that the child changes and must not, each with the reason."""
    return {path: LOCKED[path] for path in changed(parent, child) if path in LOCKED}


def changed_config(parent: R, epochs: int, values: Mapping[str, Any]) -> R:
    """The parent's config with these values, by key, in place of its own. Another schedule or
    optimizer begins with its defaults.

    Args:
        epochs: how many the parent has by now.

    Raises:
        ConfigError: as `trainer.config.table.to_config`.
    """
    return table.changed(parent.model_copy(update={"epochs": epochs}), values)


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


def consequences(parent: RunConfig, child: RunConfig, epoch: int) -> list[str]:
    """What the changes mean at a fork from the end of `epoch`, a sentence each."""
    paths, schedule = changed(parent, child), child.schedule
    name, traits = schedule.name, schedule.traits
    sentences = []
    if "schedule" in paths:
        begins = max(epoch, child.warmup)
        sentences.append(
            f"{'No schedule' if name == 'none' else name} begins anew after epoch "
            f"{begins}, at LR {child.lr:g}; its epochs count from there."
        )
    elif any(path.startswith("schedule.") for path in paths):
        sentences.append(f"{name} decides on epoch {epoch} again, with its new parameters.")
    if "monitor" in paths and traits.watches_monitor:
        sentences.append(
            "The plateau forgets its best and its bad epochs: it watches another value."
        )
    if "lr" in paths and "schedule" not in paths:
        if epoch < child.warmup:
            sentences.append("The warm-up goes on in the new ratio.")
        elif traits.formula:
            sentences.append(f"{name} goes on at the same place of its course, for the new LR.")
        else:
            sentences.append(
                f"From epoch {epoch + 1} on the LR is {child.lr:g}, and moves from there."
            )
    if "epochs" in paths and traits.fixed_length and "schedule" not in paths:
        sentences.append(f"{name}'s length was fixed when it began; after it the LR stays lowest.")
    return sentences
