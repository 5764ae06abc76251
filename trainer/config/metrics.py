"""Metrics by name: what each is called, and in which direction it gets better."""

import re
from typing import Literal

Mode = Literal["min", "max"]  # torch's words for the direction

# What the built-in engine measures after each epoch, and what a person calls it.
TRAINED = {
    "val_loss": "validation loss",
    "train_loss": "train loss",
    "val_accuracy": "validation accuracy",
}
RISING = {
    "acc", "accuracy", "auc", "bleu", "f1", "iou", "map", "precision", "r2", "recall", "score",
}  # fmt: skip


def rises(name: str) -> bool:
    """Whether the metric of that name gets better upwards.

    What is called an accuracy or a score does, all else does not: the rule that Keras calls "auto".
    """
    words = set(re.findall(r"[a-z0-9]+", name.lower()))
    return bool(words & RISING) and "loss" not in words


def mode(name: str) -> Mode:
    """The direction in which the metric of that name gets better, in torch's words."""
    return "max" if rises(name) else "min"


def label(name: str) -> str:
    """What a person calls the metric of that name: its own name, where it is not the engine's."""
    return TRAINED.get(name, name)
