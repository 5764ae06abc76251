"""Ctrl-C: the first lets the batch end, the second ends at once, and neither leaves a mess."""

import os
import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tests.bench.turns import until
from tests.forked import python
from tests.own.made import network
from trainer.store.store import Store

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows ends a process without a signal")
INTERRUPTED = "run 1 is recorded as interrupted, and lrscope resume 1 continues it."

# LRScope with a batch that takes for ever, in code that Python cannot interrupt.
ENDLESS = """
import sys, threading
from torch import nn
from trainer.engine import models
class Endless(nn.Module):
    def forward(self, x):
        print("in the batch", flush=True)
        threading.Event().wait()
models.built = lambda *_: models.Built(nn.Sequential(Endless(), nn.Linear(1, 1)))
from app.cli.main import main
main()
"""


@pytest.mark.parametrize("command", ["train", "serve"])
def test_a_second_ctrl_c_in_a_batch_ends_at_once_and_the_run_can_be_resumed(
    tmp_path: Path, command: str
) -> None:
    options = ["--json"] if command == "train" else ["--no-open", "--port", "0"]
    if command == "serve":
        with closing(Store(tmp_path)) as store:
            from trainer.config.run import RunConfig

            store.add(RunConfig(device="cpu"))
    with python(
        *["-c", ENDLESS, command, *options, "--home", str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        while "in the batch" not in (line := process.stdout.readline()):
            assert line
        process.send_signal(signal.SIGINT)
        assert process.stderr.readline().startswith("Stopping: waiting for the batch.")
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 128 + signal.SIGINT
        told = f"lrscope: It ended at once: {INTERRUPTED}\n" if command == "train" else ""
        assert process.stderr.read() == told
    assert list((tmp_path / "owners").iterdir()) == []
    with closing(Store(tmp_path)) as store:
        assert store.run(1).status == "interrupted"
        store.resume(1)


# A network's file that hangs where the file `hangs` says that it does.
HANGING = """
from pathlib import Path
from torch import nn

def hang():
    Path(__file__).with_name("hangs").touch()
    while True:
        pass

class Built(nn.Module):
    def __init__(self):
        super().__init__()
        hang()

class Trained(nn.Module):
    def __init__(self, channels, size, classes):
        super().__init__()
        self.last = nn.Linear(channels * size * size, classes)

    def forward(self, x):
        if self.training:
            hang()
        return self.last(x.flatten(1))
"""


@pytest.mark.parametrize(("name", "signals"), [("Built", 1), ("Built", 2), ("Trained", 2)])
def test_code_that_never_returns_is_left_by_its_line_and_the_run_is_interrupted(
    tmp_path: Path, name: str, signals: int
) -> None:
    model, home = network(tmp_path, HANGING, name), tmp_path / "home"
    options = ["--model", model, "--device", "cpu", "--home", str(home)]
    with python(
        *["-m", "app", "train", *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stderr is not None
        try:
            until(lambda: process.poll() is not None or (tmp_path / "hangs").exists())
            process.send_signal(signal.SIGINT)
            assert process.stderr.readline().startswith("Stopping: waiting for the batch.")
            if signals == 2:
                process.send_signal(signal.SIGINT)
            assert process.wait(60) == 128 + signal.SIGINT
        finally:
            process.kill()  # which would wait for ever
        told = process.stderr.read()
    file = tmp_path / "model.py"
    assert told in {
        f"lrscope: It was still in {file}, line {line}: {INTERRUPTED}\n" for line in (6, 7, 8)
    }
    with closing(Store(home)) as store:
        assert store.run(1).status == "interrupted"


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="this system has no pseudoterminals")
def test_a_terminal_has_its_cursor_again_after_a_second_ctrl_c(tmp_path: Path) -> None:
    model = network(tmp_path, HANGING, "Built")
    ours, theirs = os.openpty()
    with (
        open(theirs, "w") as terminal,  # noqa: PTH123
        python(
            *["-m", "app", "train", "--model", model, "--home", str(tmp_path / "home")],
            environment={"TERM": "xterm"},
            stdout=terminal,
            stderr=terminal,
        ) as process,
    ):
        terminal.close()
        until(lambda: process.poll() is not None or (tmp_path / "hangs").exists())
        process.send_signal(signal.SIGINT)
        shown = b""
        while b"Stopping" not in shown:
            shown += os.read(ours, 4096)
        process.send_signal(signal.SIGINT)
        while more := _read(ours):
            shown += more
        assert process.wait(60) == 128 + signal.SIGINT
    os.close(ours)
    assert shown.rindex(b"\x1b[?25h") > shown.rindex(b"\x1b[?25l")


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 4096)
    except OSError:  # as Linux ends it
        return b""


def test_a_start_that_is_interrupted_leaves_no_lock(tmp_path: Path) -> None:
    serve = ["serve", "--no-open", "--port", "0", "--home", str(tmp_path)]
    with subprocess.Popen(
        [sys.executable, "-m", "trainer.watch", *serve], stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        until(lambda: process.poll() is not None or any(tmp_path.glob("owners/*.lock")))
        assert process.poll() is None
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 128 + signal.SIGINT
        assert process.stderr.read() == ""
    assert list((tmp_path / "owners").iterdir()) == []
