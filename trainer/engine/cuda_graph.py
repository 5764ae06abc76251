"""A training step as one CUDA graph: small models otherwise spend their steps launching kernels."""

from collections.abc import Callable

import torch
from torch import Tensor

from ..config.run import RunConfig, is_known_model

# Normal steps before the capture, on a separate stream, as torch requires.
WARMING_STEPS = 3
# Optimizers that can read the LR from a tensor and step without host input.
CAPTURABLE = {"SGD", "Adam", "AdamW", "RMSprop", "NAdam", "RAdam"}


def uses_graph(config: RunConfig, device: torch.device) -> bool:
    """Whether the run's steps are replayed as a graph: enabled, on CUDA, and only the LR changes
    from step to step. What a network that is not LRScope's does in a step is not known.
    """
    return (
        config.cuda_graph
        and is_known_model(config.model)
        and device.type == "cuda"
        and config.optimizer.name in CAPTURABLE
        and config.schedule.momentum_range is None
    )


class Graphed:
    """A step over the images at an index, replayed as a CUDA graph once captured.

    Called with int64 [batch] on the device; returns the loss, which the next call overwrites.
    Batches of another size, such as the last of an epoch, run as normal steps.

    Args:
        step: the normal step; the tensors that it reads and writes must stay in place.
        batch: images in a full batch.
        device: the CUDA device.
    """

    def __init__(self, step: Callable[[Tensor], Tensor], batch: int, device: torch.device) -> None:
        self._step = step
        self._index = torch.zeros(batch, dtype=torch.int64, device=device)
        self._graph: torch.cuda.CUDAGraph | None = None
        self._loss = torch.empty(())
        self._warmed = 0

    def __call__(self, index: Tensor) -> Tensor:
        if len(index) != len(self._index):
            return self._step(index)
        if self._warmed < WARMING_STEPS:
            self._warmed += 1
            return self._step_on_side_stream(index)
        self._index.copy_(index)
        if self._graph is None:
            self._graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(self._graph):  # records the step without running it
                self._loss = self._step(self._index)
        self._graph.replay()
        return self._loss

    def _step_on_side_stream(self, index: Tensor) -> Tensor:
        current, side = torch.cuda.current_stream(), torch.cuda.Stream()
        side.wait_stream(current)
        with torch.cuda.stream(side):
            loss = self._step(index)
        current.wait_stream(side)
        return loss
