"""Where the plateau rules of Keras and fastai would have cut the LR on the same curve. torch-free.

Both fire one bad epoch earlier than torch's class: they compare `wait >= patience`, torch's class
`num_bad_epochs > patience`. Neither knows a relative threshold.
"""

import math
from collections.abc import Sequence
from typing import Literal

from trainer.config import ReduceLROnPlateau

KERAS_MIN_DELTA = 1e-4  # each class's own default, where the threshold is a relative one
FASTAI_MIN_DELTA = 0.0


def keras(
    metrics: Sequence[float | None],
    mode: Literal["min", "max"],
    spec: ReduceLROnPlateau,
    lr: float,
) -> list[int]:
    """The epochs after which keras.callbacks.ReduceLROnPlateau (Keras 3) reduces the LR.

    `min_delta` is the threshold where that is absolute, else Keras's default of 1e-4.
    """
    delta = spec.threshold if spec.threshold_mode == "abs" else KERAS_MIN_DELTA
    sign = 1 if mode == "min" else -1
    best: float | None = None
    wait, cooldown, cuts = 0, 0, []
    for epoch, metric in enumerate(metrics, 1):
        value = math.nan if metric is None else sign * metric
        if cooldown > 0:
            cooldown -= 1
            wait = 0
        if best is None or value + delta < best:  # the first value is the best, whatever it is
            best, wait = value, 0
        elif cooldown == 0:
            wait += 1
            if wait >= spec.patience and lr > spec.min_lr:
                lr = max(lr * spec.factor, spec.min_lr)
                cooldown, wait = spec.cooldown, 0
                cuts.append(epoch)
    return cuts


def fastai(
    metrics: Sequence[float | None],
    mode: Literal["min", "max"],
    spec: ReduceLROnPlateau,
    lr: float,
) -> list[int]:
    """The epochs after which fastai.callback.tracker.ReduceLROnPlateau reduces the LR.

    It has no cooldown, and counts every attempt; `min_delta` is the threshold where that is
    absolute, else fastai's default of 0.
    """
    delta = spec.threshold if spec.threshold_mode == "abs" else FASTAI_MIN_DELTA
    sign = 1 if mode == "min" else -1
    best, wait, cuts = math.inf, 0, []
    for epoch, metric in enumerate(metrics, 1):
        value = math.nan if metric is None else sign * metric
        if value + delta < best:
            best, wait = value, 0
            continue
        wait += 1
        if wait >= spec.patience:
            wait, reduced = 0, max(lr * spec.factor, spec.min_lr)
            if reduced < lr:
                cuts.append(epoch)
            lr = reduced
    return cuts
