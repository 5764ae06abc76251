"""Which of several processes that train together this one is."""

import os
import sys
from typing import NamedTuple

# The variables of torchrun and Lightning, Slurm and Open MPI.
_RANKS = (
    ("RANK", "WORLD_SIZE"),
    ("SLURM_PROCID", "SLURM_NTASKS"),
    ("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"),
)


class Place(NamedTuple):
    """The first of the processes has rank 0; `size` is how many there are."""

    rank: int
    size: int


def place() -> Place:
    """As torch.distributed says, else as the environment does."""
    distributed = sys.modules.get("torch.distributed")
    if distributed is not None and distributed.is_available() and distributed.is_initialized():
        return Place(distributed.get_rank(), distributed.get_world_size())
    for rank, size in _RANKS:
        if rank in os.environ and _number(size) > 1:
            return Place(_number(rank), _number(size))
    size_here = max(_number("WORLD_SIZE"), _number("LOCAL_WORLD_SIZE"))
    if "LOCAL_RANK" in os.environ and size_here > 1:
        return Place(_number("LOCAL_RANK") + _number("NODE_RANK"), size_here)
    return Place(0, 1)


def _number(name: str) -> int:
    text = os.environ.get(name, "")
    return int(text) if text.isdecimal() else 0
