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
    "acc",
    "accuracy",
    "auc",
    "f1",
    "precision",
    "recall",
    "score",
    "iou",
    "map",
    "r2",
    "bleu",
}


def mode(name: str) -> Mode:
    """The direction in which the metric of that name gets better.

    What is called an accuracy or a score rises, all else falls: the rule that Keras calls "auto".
    """
    words = set(re.findall(r"[a-z0-9]+", name.lower()))
    return "max" if words & RISING and "loss" not in words else "min"


def label(name: str) -> str:
    """What a person calls the metric of that name: its own name, where it is not the engine's."""
    return TRAINED.get(name, name)
