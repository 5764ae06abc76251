"""Where the plateau rules of Keras and fastai would have cut the LR on the same curve. torch-free.

Both cut one bad epoch earlier than torch's class: they test `wait >= patience`, torch's class
`num_bad_epochs > patience`. Neither has a relative threshold.

Sources: `keras/src/callbacks/reduce_lr_on_plateau.py` with `monitor_callback.py` (Keras 3.15),
`fastai/callback/tracker.py` (fastai 2.8).
"""

import math
from collections.abc import Sequence
from ctypes import c_float
from typing import Literal

from ..config.schedules import ReduceLROnPlateau

KERAS_MIN_DELTA = 1e-4  # each class's default, used if the threshold is relative
FASTAI_MIN_DELTA = 0.0


def keras(
    metrics: Sequence[float | None],
    mode: Literal["min", "max"],
    spec: ReduceLROnPlateau,
    lr: float,
) -> list[int]:
    """The epochs after which keras.callbacks.ReduceLROnPlateau (Keras 3) reduces the LR.

    `min_delta` is the threshold if that is absolute, else Keras's default of 1e-4. Keras stores
    and compares the LR in float32: in float64, 0.1 cut three times by 0.1 is still above a min_lr
    of 1e-4, which would give one more cut.
    """
    delta = spec.threshold if spec.threshold_mode == "abs" else KERAS_MIN_DELTA
    sign = 1 if mode == "min" else -1
    best: float | None = None
    lr, min_lr = _float32(lr), _float32(spec.min_lr)
    wait, cooldown, cuts = 0, 0, []
    for epoch, metric in enumerate(metrics, 1):
        value = math.nan if metric is None else sign * metric
        if cooldown > 0:
            cooldown -= 1
            wait = 0
        # The first value becomes the best, whatever it is.
        if best is None or _float32(value + delta) < _float32(best):
            best, wait = value, 0
        elif cooldown == 0:
            wait += 1
            if wait >= spec.patience and lr > min_lr:
                lr = _float32(max(lr * spec.factor, spec.min_lr))
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

    It has no cooldown, restarts its count after an attempt without effect too, and divides the LR:
    its factor is `1 / spec.factor`. `min_delta` is the threshold if that is absolute, else
    fastai's default of 0.
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
            wait, reduced = 0, max(lr / (1 / spec.factor), spec.min_lr)
            if reduced < lr:
                cuts.append(epoch)
            lr = reduced
    return cuts


def _float32(value: float) -> float:
    return c_float(value).value
