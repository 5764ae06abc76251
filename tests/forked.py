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
import tempfile
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import IO, Any, cast

ROOT = Path(__file__).parents[1]
LOADED = [
    "app.cli.main", "app.cli.terminal", "app.listening", "app.server", "dash.backends._flask",
    "sklearn.datasets", "sklearn.datasets.data", "tests.small",
    "trainer.curves.importing", "trainer.execute", "trainer.replay.comparison",
    "trainer.snapshots.restore", "trainer.sweep.sweeping", "trainer.watched.taker",
]  # fmt: skip
ADOPT_ORPHANS = 36  # Linux's PR_SET_CHILD_SUBREAPER


def python(
    *arguments: str | Path,
    environment: dict[str, str] | None = None,
    stdin: Any = None,
    stdout: Any = None,
    stderr: Any = None,
    text: bool = True,
) -> subprocess.Popen[Any]:
    """Start `python -m MODULE ...` or `python -c CODE ...` in the current folder. It is a child of
    this process, with the methods and attributes of `Popen` that `_Forked` has.
    """
    words, environ = [*map(str, arguments)], os.environ | (environment or {})
    streams = stdin, stdout, stderr
    if sys.platform == "linux":
        return cast("subprocess.Popen[Any]", _Forked(words, environ, text, *streams))
    environ["PYTHONPATH"] = str(ROOT)
    line = [sys.executable, *words]
    return subprocess.Popen(line, -1, None, *streams, env=environ, text=text)


def finished(
    *arguments: str | Path, environment: dict[str, str], stdout: IO[str] | None = None
) -> subprocess.CompletedProcess[str]:
    """The same run to its end, and what it printed."""
    with tempfile.TemporaryFile("w+") as said, tempfile.TemporaryFile("w+") as printed:
        with python(
            *arguments, environment=environment, stdout=stdout or printed, stderr=said
        ) as process:
            process.wait(300)
        for file in (printed, said):
            file.seek(0)
        return subprocess.CompletedProcess(
            arguments, process.returncode, printed.read(), said.read()
        )


class _Forked:
    def __init__(self, words: list[str], environ: dict[str, str], text: bool, *given: Any) -> None:
        self.returncode: int | None = None
        request = json.dumps([words, str(Path.cwd()), environ]).encode()
        pairs = [_opened(own, stream, text) for own, stream in enumerate(given)]
        ours, theirs = zip(*pairs, strict=True)
        self.stdin, self.stdout, self.stderr = ours
        server, adopt = _server(), ctypes.CDLL(None).prctl
        adopt(ADOPT_ORPHANS, 1, 0, 0, 0)
        socket.send_fds(server, [request], theirs)
        self.pid = int(server.recv(100))
        assert server.recv(100) == b"orphaned"
        adopt(ADOPT_ORPHANS, 0, 0, 0, 0)
        for stream, asked in zip(theirs, given, strict=True):
            if asked == subprocess.PIPE:
                os.close(stream)

    def __enter__(self) -> "_Forked":
        return self

    def __exit__(self, *_: object) -> None:
        for stream in (self.stdin, self.stdout, self.stderr):
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


def _opened(own: int, given: Any, text: bool) -> tuple[IO[Any] | None, int]:
    """This process's end of a standard stream, if it is a pipe, and the other's."""
    if given == subprocess.PIPE:
        ours, theirs = os.pipe()[:: 1 if own else -1]
        mode = ("r" if own else "w") + ("" if text else "b")
        return open(ours, mode, encoding="utf-8" if text else None), theirs  # noqa: PTH123
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
            codes.append(0)
            return
        if not (between := os.fork()):
            if forked := os.fork():
                connection.send(str(forked).encode())
                os._exit(0)
            connection.close()
            codes.append(1)  # of an error
            try:
                _run(streams, *json.loads(request))
                codes[0] = 0
            except SystemExit as end:
                codes[0] = end.code if isinstance(end.code, int) else int(end.code is not None)
                raise
            except KeyboardInterrupt:
                codes[0] = -signal.SIGINT
                raise
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
    """End after all else that is to be done then, without freeing each object that was forked."""
    sys.stdout.flush()
    sys.stderr.flush()
    (code,) = codes
    if code < 0:
        signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    os._exit(code)


if __name__ == "__main__":
    gc.disable()
    import_module("app.environment").quiet_torch()
    for module in LOADED:
        import_module(module)
    torch = sys.modules["torch"]
    torch.optim.SGD([torch.zeros(1)])  # loads what torch loads only then
    gc.freeze()  # a fork shares what it does not touch
    gc.enable()
    atexit._clear()  # what torch does at the end takes longer than a fork
    ends: list[int] = []
    atexit.register(_leave, ends)  # the first one is called last
    _serve(socket.socket(fileno=int(sys.argv[1])), ends)
