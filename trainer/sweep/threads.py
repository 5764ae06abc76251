"""The CPU threads of a sweep's cells. torch-free.

A sweep leaves none of them to the machine: the last bits of a result depend on them, and what cells
share must be the same wherever it is trained.
"""

import math

from ..config.run import (
    MNIST_IMAGE,
    ONE_THREAD_BELOW,
    TRAIN_IMAGES,
    RunConfig,
    is_known_data,
    shape,
)
from ..cores import cores, threads_that_fit
from ..own import survey


def fixed(config: RunConfig, workers: int = 1) -> RunConfig:
    """The config of a cell, with a number of threads: its own, one for small data, or as many as
    each of so many workers has cores, without those that other programs use now.

    Raises:
        OwnError: its data is one's own, and cannot be trained on.
    """
    if config.threads:
        return config
    is_small = _numbers(config) // MNIST_IMAGE < ONE_THREAD_BELOW
    threads = 1 if is_small else threads_that_fit(max(1, cores() // workers), workers)
    return config.model_copy(update={"threads": threads})


def _numbers(config: RunConfig) -> int:
    """How many numbers the training samples have in all."""
    if is_known_data(config.dataset):
        return TRAIN_IMAGES[config.dataset] * math.prod(shape(config.dataset))
    found = survey.survey(config)
    return found.train * math.prod(found.shape)
