"""Processes that begin with everything loaded: each is a fork of one that has imported torch, and
takes milliseconds to start where a fresh interpreter takes seconds. Elsewhere than on Linux it is a
fresh interpreter.

What modules read from the environment while they load, the one that is forked has read. Where that
matters, and once for each command, a test starts a fresh interpreter.
"""

import atexit
import ctypes
import gc
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import IO, Any, cast

ROOT = Path(__file__).parents[1]
LOADED = [
    "app.cli.terminal", "app.listening", "app.server", "sklearn.datasets", "tests.small",
    "trainer.curves.importing", "trainer.execute", "trainer.replay.comparison",
]  # fmt: skip
ADOPT_ORPHANS = 36  # Linux's PR_SET_CHILD_SUBREAPER


def python(
    *arguments: str | Path,
    environment: dict[str, str] | None = None,
    stdout: Any = None,
    stderr: Any = None,
) -> subprocess.Popen[str]:
    """Start `python -m MODULE ...` or `python -c CODE ...` in the current folder. It is a child of
    this process, with the methods and attributes of `Popen` that `_Forked` has.
    """
    words, environ = [*map(str, arguments)], os.environ | (environment or {})
    if sys.platform == "linux":
        return cast("subprocess.Popen[str]", _Forked(words, environ, stdout, stderr))
    environ["PYTHONPATH"] = str(ROOT)
    line = [sys.executable, *words]
    return subprocess.Popen(line, env=environ, stdout=stdout, stderr=stderr, text=True)


class _Forked:
    def __init__(self, words: list[str], environ: dict[str, str], *streams: Any) -> None:
        self.returncode: int | None = None
        request = json.dumps([words, str(Path.cwd()), environ]).encode()
        ours, theirs = zip(*map(_opened, (1, 2), streams), strict=True)
        self.stdout, self.stderr = ours
        server, adopt = _server(), ctypes.CDLL(None).prctl
        adopt(ADOPT_ORPHANS, 1, 0, 0, 0)
        socket.send_fds(server, [request], [0, *theirs])
        self.pid = int(server.recv(100))
        assert server.recv(100) == b"orphaned"
        adopt(ADOPT_ORPHANS, 0, 0, 0, 0)
        for stream, given in zip(theirs, streams, strict=True):
            if given == subprocess.PIPE:
                os.close(stream)

    def __enter__(self) -> "_Forked":
        return self

    def __exit__(self, *_: object) -> None:
        for stream in (self.stdout, self.stderr):
            if stream is not None:
                stream.close()
        self.wait()

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def poll(self) -> int | None:
        if self.returncode is None:
            ended, status = os.waitpid(self.pid, os.WNOHANG)
            self.returncode = os.waitstatus_to_exitcode(status) if ended else None
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        if self.returncode is None:
            ending = os.pidfd_open(self.pid)
            ready, _, _ = select.select([ending], [], [], timeout)
            os.close(ending)
            if not ready:
                raise subprocess.TimeoutExpired(str(self.pid), timeout or 0.0)
        return cast(int, self.poll())


def _opened(own: int, given: Any) -> tuple[IO[str] | None, int]:
    """This process's end of a standard stream, if it is a pipe, and the other's."""
    if given == subprocess.PIPE:
        ours, theirs = os.pipe()
        return open(ours, encoding="utf-8"), theirs  # noqa: PTH123
    return None, own if given is None else given.fileno()


@cache
def _server() -> socket.socket:
    """The connection to the process that is forked; it ends when the connection does."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.forked", str(theirs.fileno())],
        cwd=ROOT,
        env=os.environ | {"OPENBLAS_NUM_THREADS": "1"},  # a fork takes no threads along
        pass_fds=[theirs.fileno()],
        stdout=subprocess.DEVNULL,
    )
    theirs.close()
    atexit.register(process.wait)
    atexit.register(ours.close)
    return ours


def _serve(connection: socket.socket, codes: list[int]) -> None:
    """Fork for each request. Returns in the fork, when what was asked for has ended; and when
    nobody asks any more.
    """
    while True:
        request, streams, _, _ = socket.recv_fds(connection, 1_000_000, 3)
        if not request:
            return
        if not (between := os.fork()):
            if forked := os.fork():
                connection.send(str(forked).encode())
                os._exit(0)
            connection.close()
            try:
                _run(streams, *json.loads(request))
            except SystemExit as end:
                if isinstance(end.code, int):
                    codes.append(end.code)
                raise
            codes.append(0)
            return
        for stream in streams:
            os.close(stream)
        os.waitpid(between, 0)
        connection.send(b"orphaned")


def _run(streams: list[int], words: list[str], folder: str, environ: dict[str, str]) -> None:
    """Be `python WORDS` with these standard streams, in this folder and environment."""
    for own, stream in enumerate(streams):
        os.dup2(stream, own)
        os.close(stream)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environ)
    option, what, *arguments = words
    sys.argv = [option, *arguments]
    if option == "-m":
        runpy.run_module(what, run_name="__main__", alter_sys=True)
    else:
        exec(what, {"__name__": "__main__"})


def _leave(codes: list[int]) -> None:
    """End a fork that ends by itself, after all else that is to be done at its end, without freeing
    each object that was forked.
    """
    if codes:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(codes[0])


if __name__ == "__main__":
    ends: list[int] = []
    atexit.register(_leave, ends)  # the first one is called last
    gc.disable()
    import_module("app.environment").quiet_torch()
    for module in LOADED:
        import_module(module)
    torch = sys.modules["torch"]
    torch.optim.SGD([torch.zeros(1)])  # loads what torch loads only then
    gc.freeze()  # a fork shares what it does not touch
    gc.enable()
    _serve(socket.socket(fileno=int(sys.argv[1])), ends)
