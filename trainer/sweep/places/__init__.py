"""Where the stages of a sweep are trained: here, in processes of this machine, on a Ray cluster."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from ...execute import Place
from ...store.sweeps import Sweep
from .processes import processes
from .remote import PlaceError

__all__ = ["PlaceError", "of", "of_sweep"]


@contextmanager
def of(
    workers: int, ray: str | None = None, threads: int = 1, gpus: float = 0.0
) -> Iterator[Sequence[Place] | None]:
    """The places for so many stages at a time; None for this process alone.

    Args:
        workers: on a Ray cluster 0 is as many as it has room for.
        ray: the address of a Ray cluster, or auto for that of this machine; None for processes.
        threads: CPUs that a place takes of the cluster: the most threads of a cell.
        gpus: GPUs that a place takes of the cluster, also a part of one.

    Raises:
        PlaceError: ray is not installed, or there is no such cluster.
    """
    if ray is not None:
        try:
            from .cluster import cluster
        except ImportError as error:
            raise PlaceError("Ray is not installed: pip install 'lrscope[ray]'.") from error
        with cluster(ray, workers, threads, gpus) as places:
            yield places
    elif workers == 1:
        yield None
    else:
        with processes(workers) as places:
            yield places


@contextmanager
def of_sweep(
    sweep: Sweep, workers: int | None = None, ray: str | None = None, gpus: float = 0.0
) -> Iterator[Sequence[Place] | None]:
    """As `of`, for a sweep: as many workers as it was added with or, on a Ray cluster, as it has
    room for, unless another number is given.
    """
    threads = sweep.config.threads or 1
    there = (workers or sweep.workers,) if ray is None else (workers or 0, ray, threads, gpus)
    with of(*there) as places:
        yield places
