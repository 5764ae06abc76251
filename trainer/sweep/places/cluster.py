"""Places on a Ray cluster: an actor each, on whichever node has room for it.

Only what asks for it imports ray. Every answer is waited for, so nothing runs ahead, and nothing is
cancelled: a training is stopped by the next question. Ray repeats nothing by itself, since a
training that is begun again goes on from its own snapshot.
"""

import ctypes
import logging
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import ray
from ray.exceptions import RayError

from ...engine.control import Control
from ...execute import Place
from ...failures import first_line
from .remote import Line, LostError, PlaceError, place

SIGACTION_BYTES = 1024  # more than it has on any system
CONNECT_SECONDS = 10.0
ROOM_SECONDS = 30.0  # for which a cluster may have no node that is large enough
POLL_SECONDS = 0.05
MOST_FAILURES = 3  # of a start, one after another

log = logging.getLogger(__name__)


@contextmanager
def cluster(address: str, count: int, threads: int = 1, gpus: float = 0.0) -> Iterator[list[Place]]:
    """So many places on the cluster at this address (auto: that of this machine), or as many as it
    has room for if 0. They end with the block.

    Args:
        threads: CPUs of each.
        gpus: GPUs of each, also a part of one.

    Raises:
        PlaceError: there is no such cluster.
    """
    was_there = ray.is_initialized()
    if not was_there:
        _connect(address)
    actors = None
    try:
        count = count or max(1, sum(_fitting(node, threads, gpus) for node in ray.nodes()))
        actors = _Actors(count, threads, gpus)
        yield [place(actors) for _ in range(count)]
    finally:
        if actors is not None:
            actors.close()
        if not was_there:
            ray.shutdown()


def _connect(address: str) -> None:
    from ray._private import worker

    # Otherwise what Ray logs, here and on its nodes, comes between the lines of LRScope.
    if hasattr(worker, "print_to_stdstream"):
        worker.print_to_stdstream = lambda data, **_: log.debug("ray: %s", data.get("lines"))
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    try:
        host, _, port = address.rpartition(":")
        if host and port.isdecimal():  # Ray would try for minutes
            socket.create_connection((host.strip("[]"), int(port)), CONNECT_SECONDS).close()
        # Ray's core says there which level it logs, and would take SIGTERM for a fault.
        with _without_stderr(), _sigterm_kept():
            ray.init(address=address, log_to_driver=False, logging_level=logging.CRITICAL)
    except Exception as error:  # of many kinds
        raise PlaceError(
            f"No Ray cluster answers at {address} ({first_line(error)}): start one with "
            "ray start --head, or give its address."
        ) from error


@contextmanager
def _sigterm_kept() -> Iterator[None]:
    """Restore what SIGTERM does at the end of the block: in Python and, from any thread, below."""
    before = signal.getsignal(signal.SIGTERM)
    action = ctypes.create_string_buffer(SIGACTION_BYTES)
    system = ctypes.CDLL(None) if os.name == "posix" else None
    if system:
        system.sigaction(signal.SIGTERM, None, action)
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, before)
        if system:
            system.sigaction(signal.SIGTERM, action, None)


@contextmanager
def _without_stderr() -> Iterator[None]:
    """Lose what this process writes on its error stream during the block, also where C does it."""
    sys.stderr.flush()
    kept, nothing = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nothing)


def _fitting(node: dict[str, Any], threads: int, gpus: float) -> int:
    """How many actors a node has room for when it does nothing else."""
    has = node["Resources"] if node["Alive"] else {}
    rooms = has.get("CPU", 0) // threads
    return int(min(rooms, has.get("GPU", 0) // gpus) if gpus else rooms)


class _Actors:
    """The actors of all places. One that is lost is started anew, as soon as a node has room."""

    def __init__(self, count: int, threads: int, gpus: float) -> None:
        from .host import Host

        self._size = threads, gpus
        options = {"num_cpus": threads, "num_gpus": gpus, "max_restarts": 0, "max_task_retries": 0}
        self._host = ray.remote(**options)(Host)
        self._changed = threading.Condition()
        self._starting: dict[Any, _Actor] = {}  # by the answer to its first question
        self._free: list[_Actor] = []
        self._all: set[_Actor] = set()
        self._used = 0
        self._failures = 0
        self._closed = False
        for _ in range(count):
            self._start()

    def take(self, control: Control) -> Line | None:
        roomless_since: float | None = None
        with self._changed:
            while True:
                self._look()
                if self._free:
                    self._used += 1
                    return self._free.pop()
                if control.stopping:
                    return None
                if self._used or any(_fitting(node, *self._size) for node in ray.nodes()):
                    roomless_since = None
                else:
                    roomless_since = roomless_since or time.monotonic()
                    if time.monotonic() - roomless_since > ROOM_SECONDS:
                        threads, gpus = self._size
                        wanted = f"{threads} CPUs" + (f" and {gpus:g} GPUs" if gpus else "")
                        raise PlaceError(
                            f"No node of the Ray cluster has {wanted}, which this run needs: add "
                            "one, or use fewer threads."
                        )
                self._changed.wait(POLL_SECONDS)

    def give(self, line: Line, lost: bool) -> None:
        assert isinstance(line, _Actor)
        with self._changed:
            self._used -= 1
            if lost:
                line.end()
            if not self._closed:
                if lost:
                    self._start()
                else:
                    self._free.append(line)
            self._changed.notify()

    def close(self) -> None:
        """End all of them: an actor keeps its CPUs until then."""
        with self._changed:
            self._closed = True
            for actor in self._all:
                actor.end()

    def _start(self) -> None:
        actor = _Actor(self._host.remote())
        self._all.add(actor)
        self._starting[actor.first] = actor

    def _look(self) -> None:
        """Take those that have started among the free ones."""
        if not self._starting:
            return
        answered, _ = ray.wait([*self._starting], num_returns=len(self._starting), timeout=0)
        for answer in answered:
            actor = self._starting.pop(answer)
            try:
                ray.get(answer)
            except RayError as error:
                actor.end()
                self._failures += 1
                if self._failures >= MOST_FAILURES:
                    raise PlaceError(
                        "LRScope does not start on the Ray cluster "
                        f"({_last_line(error)}): install the same LRScope on each of its nodes."
                    ) from error
                self._start()
            else:
                self._failures = 0
                self._free.append(actor)


class _Actor:
    """The way to an actor."""

    is_elsewhere = True

    def __init__(self, handle: Any) -> None:
        self._handle = handle
        self.first = handle.__ray_ready__.remote()
        self._ended = False

    def answer(self, message: bytes) -> bytes:
        if self._ended:  # ray would connect again to tell it so
            raise LostError("it was ended")
        try:
            answer: bytes = ray.get(self._handle.answer.remote(message))
        except RayError as error:
            raise LostError(first_line(error)) from error
        return answer

    def end(self) -> None:
        if self._ended:
            return
        self._ended = True
        with suppress(RayError, ValueError):  # it, or the cluster, may be gone
            ray.kill(self._handle, no_restart=True)


def _last_line(error: BaseException) -> str:
    return [*str(error).splitlines(), ""][-1] or first_line(error)
