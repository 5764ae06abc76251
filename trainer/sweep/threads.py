"""The CPU threads of a sweep's cells. torch-free.

A sweep leaves none of them to the machine: the last bits of a result depend on them, and what cells
share must be the same wherever it is trained.
"""

import math
import os

import psutil

from ..config.run import (
    MNIST_IMAGE,
    ONE_THREAD_BELOW,
    TRAIN_IMAGES,
    RunConfig,
    is_known_data,
    shape,
)
from ..own import survey


def fixed(config: RunConfig, workers: int = 1) -> RunConfig:
    """The config of a cell, with a number of threads: its own, one for small data, or as many as
    each of so many workers has cores.

    Raises:
        OwnError: its data is one's own, and cannot be trained on.
    """
    if config.threads:
        return config
    is_small = _numbers(config) // MNIST_IMAGE < ONE_THREAD_BELOW
    return config.model_copy(update={"threads": 1 if is_small else max(1, cores() // workers)})


def cores() -> int:
    """The cores that this process may use, of which two threads may be one."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return min(allowed or 1, psutil.cpu_count(logical=False) or allowed or 1)


def _numbers(config: RunConfig) -> int:
    """How many numbers the training samples have in all."""
    if is_known_data(config.dataset):
        return TRAIN_IMAGES[config.dataset] * math.prod(shape(config.dataset))
    found = survey.survey(config)
    return found.train * math.prod(found.shape)
