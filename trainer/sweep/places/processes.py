"""Places in processes of their own on this machine. torch-free: they load it, each for itself."""

import json
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ...cores import cores
from ...engine.control import Control
from ...execute import Place
from . import frames
from .remote import Line, LostError, place

PACKAGE = Path(__file__).parents[2]
# As this process has loaded the package: also beside another of that name, and as a part of
# `lrscope`. Unlike multiprocessing, it does not run the program that it is started from again.
PROGRAM = f"""
import json, sys
sys.path[:] = [{str(PACKAGE.parent)!r}, *json.loads(sys.argv[1])]
from importlib import import_module
serving = import_module({f"{__package__}.serving"!r})
del sys.path[0]
serving.main(int(sys.argv[2]))
"""


@contextmanager
def processes(count: int) -> Iterator[list[Place]]:
    """So many processes, which share this machine's cores and end with the block.

    They also end if this process is killed. One that ends too early is replaced.
    """
    started = _Processes(count)
    try:
        yield [place(started) for _ in range(count)]
    finally:
        started.close()


class _Processes:
    """As many as there are places, so that there is always one that is free."""

    def __init__(self, count: int) -> None:
        self._threads = max(1, cores() // count)
        self._lock = threading.Lock()
        self._free: deque[_Process] = deque()
        self._all: set[_Process] = set()
        self._closed = False
        try:
            for _ in range(count):
                self._free.append(self._started())
        except BaseException:
            self.close()
            raise

    def take(self, _control: Control) -> Line:
        with self._lock:
            return self._free.popleft()

    def give(self, line: Line, lost: bool) -> None:
        assert isinstance(line, _Process)
        with self._lock:
            if lost:
                line.end()
                self._all.remove(line)
            if not self._closed:
                self._free.append(self._started() if lost else line)

    def close(self) -> None:
        with self._lock:
            self._closed = True
            for process in self._all:
                process.end()

    def _started(self) -> "_Process":
        process = _Process(self._threads)
        self._all.add(process)
        return process


class _Process:
    """The way to a process of its own.

    Args:
        threads: torch's, where a run leaves them to it.
    """

    is_elsewhere = False

    def __init__(self, threads: int) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-c", PROGRAM, json.dumps(sys.path), str(threads)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def answer(self, message: bytes) -> bytes:
        messages, answers = self._process.stdin, self._process.stdout
        assert messages is not None
        assert answers is not None
        try:
            frames.write(messages, message)
            answer = frames.read(answers)
        except (OSError, ValueError):  # the latter where it was lost before
            answer = None
        if answer is None:
            self.end()
            code = self._process.returncode
            raise LostError(f"signal {-code}" if code < 0 else f"exit code {code}")
        return answer

    def end(self) -> None:
        """End it now: it has nothing that is not told."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                try:
                    pipe.close()
                except OSError:  # what was not yet written cannot be
                    continue
        self._process.kill()
        self._process.wait()
