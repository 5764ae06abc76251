"""What a fork may change, and what it may not. torch-free."""

from collections.abc import Mapping
from typing import Any, TypeVar

from . import table
from .recipe import Recipe
from .run import RunConfig
from .table import SETTINGS, ConfigError, check_steps, chosen, from_config

R = TypeVar("R", bound=Recipe)

# By path: why the setting is locked. Any other setting may change.
LOCKED: dict[str, str] = {
    "dataset": "The epochs before the fork were trained on this data.",
    "model": "The weights at the fork belong to this model.",
    "image_size": "The epochs before the fork were trained on images of this size.",
    "target": "The epochs before the fork were trained to predict this column.",
    "optimizer": "The optimizer's state at the fork belongs to its class; its parameters are free.",
    "optimizer.initial_accumulator_value": "It has an effect only before the first step.",
    "warmup": "The warm-up is at the start of the run, before the fork.",
    "batch_size": "The schedule's steps and the order of the images depend on the batch size.",
    "seed": "It determined the weights, the split and the image order before the fork.",
    "threads": "Another number of threads rounds differently: the epochs before the fork would "
    "not match it.",
    "device": "Another device rounds differently: the epochs before the fork would not match it.",
}

LABELS = {setting.path: setting.label for setting in SETTINGS}


def changed(parent: Recipe, child: Recipe) -> list[str]:
    """The paths of the settings that differ, in the order of the form."""
    before, after = from_config(parent), from_config(child)
    return [s.path for s in chosen(after, type(child)) if before.get(s.key) != after[s.key]]


def locked(parent: Recipe, child: Recipe) -> dict[str, str]:
    """The paths that the child changes but must not, each with a sentence."""
    return {
        path: f"{LABELS[path]} cannot change in a fork. {LOCKED[path]}"
        for path in changed(parent, child)
        if path in LOCKED
    }


def changed_config(parent: R, epochs: int, values: Mapping[str, Any]) -> R:
    """The parent's config with these values, by key. Another schedule or optimizer starts with its
    defaults.

    Args:
        epochs: the parent's number of epochs by now.

    Raises:
        ConfigError: as `trainer.config.table.to_config`.
    """
    return table.changed(parent.model_copy(update={"epochs": epochs}), values)


def check(
    parent: RunConfig,
    child: RunConfig,
    epoch: int,
    length: int | None = None,
    batches: int | None = None,
) -> None:
    """Refuse a fork that changes what its past depends on, or that torch's class cannot run.

    Args:
        length: the epochs for which its schedule runs, if that is to be checked.
        batches: its batches per epoch, where its config does not say.

    Raises:
        ConfigError: with a sentence for each setting at fault.
    """
    problems: dict[tuple[str, str | None], str] = {
        (path, None): sentence for path, sentence in locked(parent, child).items()
    }
    if child.epochs <= epoch:
        problems["epochs", None] = f"Epochs must be above {epoch}, where the fork starts."
    if problems:
        raise ConfigError(problems)
    batches = child.batches or batches
    if length is not None and batches:
        check_steps(child, length, batches)


def consequences(parent: RunConfig, child: RunConfig, epoch: int) -> list[str]:
    """What the changes mean for a fork after `epoch`, one sentence each."""
    paths, schedule = changed(parent, child), child.schedule
    name, traits = schedule.name, schedule.traits
    sentences = []
    if "schedule" in paths:
        start = max(epoch, child.warmup)
        sentences.append(
            f"{'No schedule' if name == 'none' else name} starts fresh after epoch "
            f"{start}, at LR {child.lr:g}; its epochs count from there."
        )
    elif any(path.startswith("schedule.") for path in paths):
        sentences.append(f"{name} decides on epoch {epoch} again, with its new parameters.")
    if "monitor" in paths and traits.watches_monitor:
        sentences.append(
            "The plateau rule forgets its best and its bad epochs, since it watches another metric."
        )
    if "lr" in paths and "schedule" not in paths:
        if epoch < child.warmup:
            sentences.append("The warm-up continues, scaled to the new LR.")
        elif traits.formula:
            sentences.append(f"{name} continues from the same step, with the new LR.")
        else:
            sentences.append(
                f"From epoch {epoch + 1} on, the LR is {child.lr:g} and changes from there."
            )
    if "epochs" in paths and traits.fixed_length and "schedule" not in paths:
        sentences.append(
            f"{name}'s length was fixed when it started; after it the LR stays at its lowest."
        )
    return sentences
