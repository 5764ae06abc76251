"""The server's process: how soon it answers, and how large it grows."""

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from pathlib import Path
from shutil import which
from typing import Any

from app.listening import free_port
from tests.bench.table import Figure, Plan, Report, longer
from tests.bench.turns import TIMEOUT, in_turns, until
from trainer.config.run import RunConfig
from trainer.store.store import Store

HOST = "127.0.0.1"
EMPTY_PAGE = """
import sys
import dash_mantine_components as dmc, waitress
from dash import Dash
app = Dash("empty", assets_folder="no-assets")
app.layout = dmc.MantineProvider(dmc.Text("empty"))
waitress.serve(app.server, host="127.0.0.1", port=int(sys.argv[1]), threads=8)
"""
FEW_RUNS, MANY_RUNS = 10, 200
SMALL_RUN = RunConfig(model="mlp", epochs=1, batch_size=1024, device="cpu")


def start(plan: Plan) -> Report:
    """Seconds from the start of a process to its first answered GET /."""
    with tempfile.TemporaryDirectory() as folder:

        def lrscope() -> float:
            return first_answer(command(Path(folder)), "--port")

        def tensorboard() -> float:
            options = ["--logdir", folder, "--host", HOST]
            return first_answer([sys.executable, "-m", "tensorboard.main", *options], "--port")

        def empty() -> float:
            return first_answer([sys.executable, "-c", EMPTY_PAGE])

        ours, theirs, least = in_turns(lrscope, tensorboard, empty, rounds=plan.rounds)
    figure = Figure("LRScope", "s", ours)
    return Report(
        "The page is up",
        "Each a fresh process, until GET / is answered. The empty app is Dash, DMC and waitress "
        "with one line of text: what LRScope is built on needs that long.",
        [
            longer("command to first page", figure, Figure("tensorboard", "s", theirs), 1.0),
            longer("command to first page", figure, Figure("empty app", "s", least)),
        ],
    )


def command(home: Path) -> list[str]:
    """lrscope over this home, without a browser."""
    return [sys.executable, "-m", "app", "--no-open", "--no-example", "--home", str(home)]


@contextmanager
def started(
    command: list[str], port_option: str = ""
) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """A server's process that was just started, and its port; it is ended with the block."""
    port = free_port(HOST)
    arguments = [*command, *([port_option] if port_option else []), str(port)]
    process = subprocess.Popen(
        arguments,
        cwd=Path(__file__).parents[2],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process, port
    finally:
        process.kill()
        process.wait()


def first_answer(command: list[str], port_option: str = "") -> float:
    """Seconds from the start of the process to its first answer of 200."""
    began = time.perf_counter()
    with started(command, port_option) as (process, port):
        until(lambda: answers(process, port), every=0.001)
        return time.perf_counter() - began


def answers(process: subprocess.Popen[Any], port: int, path: str = "/") -> bool:
    """Whether the process serves its page yet."""
    if process.poll() is not None:
        raise RuntimeError(f"the server ended with {process.returncode}")
    with closing(HTTPConnection(HOST, port, timeout=TIMEOUT)) as connection:
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            response.read()
        except ConnectionRefusedError:
            return False
    if response.status != 200:
        raise RuntimeError(f"GET {path} was answered with {response.status}")
    return True


def memory(plan: Plan) -> Report:
    """The server's resident memory after many runs against after few."""
    title = "Memory of the server"
    if which("ps") is None:
        return Report(title, "Resident memory is read with ps, which is not here.")
    counted: dict[int, list[float]] = {FEW_RUNS: [], MANY_RUNS: []}
    with (
        tempfile.TemporaryDirectory() as folder,
        closing(Store(Path(folder))) as store,
        started(command(Path(folder)), "--port") as (process, port),
    ):
        until(lambda: answers(process, port), every=0.001)
        for number in range(1, MANY_RUNS + 1):
            finish(store, store.add(SMALL_RUN))
            for last, values in counted.items():
                if last - plan.rounds < number <= last:
                    answers(process, port, "/_dash-layout")
                    values.append(resident(process.pid))
    few, many = (tuple(values) for values in counted.values())
    return Report(
        title,
        "Resident memory of one process that serves and trains, read after each of the last runs "
        f"of {FEW_RUNS} and of {MANY_RUNS}: an epoch of an MLP on digits each.",
        [
            longer(
                f"after {MANY_RUNS} runs",
                Figure("LRScope", "MB", many),
                Figure(f"after {FEW_RUNS}", "MB", few),
                1.1,
                "as large",
            )
        ],
    )


def resident(pid: int) -> float:
    """Megabytes that a process holds in memory."""
    asked = subprocess.run(["ps", "-o", "rss=", "-p", str(pid)], capture_output=True, check=True)
    return int(asked.stdout) / 1e3


def finish(store: Store, run: int) -> None:
    """Wait until the run is over."""
    until(lambda: (row := store.run(run)) is not None and row.over, every=0.005)
