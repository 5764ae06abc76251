"""Metrics by name: their labels, and which direction is better."""

import re
from functools import lru_cache
from typing import Literal

Mode = Literal["min", "max"]  # torch's words for the direction

# What the built-in engine measures after each epoch, with labels.
TRAINED = {
    "val_loss": "validation loss",
    "train_loss": "train loss",
    "val_accuracy": "validation accuracy",
}
# The store keeps each run's best by these words: to change them takes a migration of its best.
RISING = {
    "acc", "accuracy", "auc", "bleu", "dice", "f1", "iou", "map", "ndcg", "precision", "psnr", "r2",
    "recall", "reward", "score", "ssim",
}  # fmt: skip
FALLING = {"loss", "error"}
# What a name ends in where it says by itself which direction is better.
SAYS: dict[Mode, str] = {"max": " (higher is better)", "min": " (lower is better)"}
# How the LRs of a watched run's other parameter groups begin, which are kept as metrics.
OF_GROUP = "lr, group "
# What names say of the part of the data: train_mse and val_mse have the same scale.
PARTS = {"train", "training", "val", "valid", "validation", "dev", "eval", "test"}


@lru_cache(maxsize=1024)  # asked for each metric of each epoch
def rises(name: str) -> bool:
    """Whether a higher value of this metric is better.

    True if its name is that of an accuracy or a score, as in Keras's mode "auto", or says so.
    """
    if name.endswith((SAYS["max"], SAYS["min"])):
        return name.endswith(SAYS["max"])
    own = words(name)
    return bool(own & RISING) and not own & FALLING


def is_loss(name: str, monitor: str) -> bool:
    """Whether a metric belongs beside the losses, by its name: it has "loss" in it, or it is the
    monitor on another part of the data. Never a score, but for the monitor itself.
    """
    if name == monitor:
        return True
    return not rises(name) and ("loss" in name.lower() or _measure(name) == _measure(monitor))


def _measure(name: str) -> set[str]:
    return words(name.split(" (")[0]) - PARTS


def is_known(name: str) -> bool:
    """Whether a metric's name says which direction is better."""
    return rises(name) or bool(words(name) & FALLING)


def words(name: str) -> set[str]:
    """The words of a metric's name, in lower case."""
    return set(re.findall(r"[a-z0-9]+", name.lower()))


def mode(name: str) -> Mode:
    """Which direction is better for this metric, in torch's words."""
    return "max" if rises(name) else "min"


def label(name: str) -> str:
    """The metric's label: its own name unless it is one of the engine's."""
    return TRAINED.get(name, name)
