"""A training step as one CUDA graph: a small model's step is otherwise spent launching kernels."""

from collections.abc import Callable

import torch
from torch import Tensor

from ..config.run import RunConfig

# Steps that are made as usual before the capture, on a stream of their own, as torch asks for.
WARMING_STEPS = 3
# Whose LR can be a tensor that the graph reads, and whose step needs no word from the host.
CAPTURABLE = {"SGD", "Adam", "AdamW", "RMSprop", "NAdam", "RAdam"}


def wanted(config: RunConfig, device: torch.device) -> bool:
    """Whether the run's steps are replayed as a graph: asked for, on CUDA, and only the LR moves
    from step to step.
    """
    return (
        config.cuda_graph
        and device.type == "cuda"
        and config.optimizer.name in CAPTURABLE
        and config.schedule.momentum_range is None
    )


class Graphed:
    """A step over the images at an index, replayed as a CUDA graph once it has been captured.

    Called with int64 [batch] on the device; returns the loss, which the next call overwrites.
    Batches of another size, as the last of an epoch, are made as usual.

    Args:
        step: the step as usual; all that it reads and writes stays where it is.
        batch: images in a whole batch.
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
            return self._aside(index)
        self._index.copy_(index)
        if self._graph is None:
            self._graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(self._graph):  # records the step, and does not make it
                self._loss = self._step(self._index)
        self._graph.replay()
        return self._loss

    def _aside(self, index: Tensor) -> Tensor:
        current, aside = torch.cuda.current_stream(), torch.cuda.Stream()
        aside.wait_stream(current)
        with torch.cuda.stream(aside):
            loss = self._step(index)
        current.wait_stream(aside)
        return loss
