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
from trainer.store.store import Store

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows ends a process without a signal")

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
        assert process.stderr.read() == ""
    assert list((tmp_path / "owners").iterdir()) == []
    with closing(Store(tmp_path)) as store:
        assert store.run(1).status == "interrupted"
        store.resume(1)


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
