"""Processes that are killed, stand still, or share a home: no epoch is lost or doubled."""

import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from pathlib import Path
from typing import IO

import pytest

from app.listening import free_port
from tests.bench.server import HOST, answers, command
from tests.bench.turns import until
from tests.conftest import LONG
from tests.execute.runs import rows, train, trained
from tests.forked import python
from tests.small import NOWHERE, load, small
from trainer.config.run import RunConfig
from trainer.config.schedules import ReduceLROnPlateau
from trainer.engine import datasets, models
from trainer.execute import execute
from trainer.store.store import Store, path_in
from trainer.worker import Worker

KILLS, IN_ONE_RUN = (100, 5) if LONG else (5, 5)
SETTINGS = small(
    epochs=200, schedule=ReduceLROnPlateau(patience=0, factor=0.7), monitor="train_loss"
)

# Trains the store's first run, new or resumed, and prints each epoch once it is recorded.
TRAIN = """
import sys
from pathlib import Path
from tests.small import NOWHERE, load
from trainer.config.run import RunConfig
from trainer.engine import datasets
from trainer.engine import loop as engine
from trainer.engine.events import EpochEnded
from trainer.store.store import Store, path_in
from trainer.execute import execute
datasets.load = load
engine.PROGRESS_SECONDS = -1
store = Store(Path(sys.argv[1]))
if store.run(1):
    store.resume(1, claimed=True)
else:
    store.add(RunConfig.model_validate_json(sys.argv[2]), claimed=True)
for event in execute(store, 1, NOWHERE):
    print(event.epoch if isinstance(event, EpochEnded) else 0, flush=True)
"""


@pytest.fixture
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets, "load", load)


@contextmanager
def training(home: Path) -> Iterator["subprocess.Popen[str]"]:
    settings = SETTINGS.model_dump_json()
    with python("-c", TRAIN, home, settings, stdout=subprocess.PIPE) as process:
        yield process


def events(process: "subprocess.Popen[str]", count: int) -> int:
    """Wait for that many events; returns the last epoch among them that was recorded."""
    assert process.stdout is not None
    return max([int(process.stdout.readline() or 0) for _ in range(count)], default=0)


@pytest.mark.usefixtures("_small")
@pytest.mark.parametrize("seed", range(KILLS // IN_ONE_RUN))
def test_a_run_that_is_killed_again_and_again_loses_and_doubles_no_epoch(
    tmp_path, seed, record_property
):
    moments, kills, last = random.Random(seed), 0, 0
    for _ in range(IN_ONE_RUN):
        with training(tmp_path) as process:
            told = events(process, moments.randrange(3, 40))
            process.kill()
        kills += 1
        with closing(Store(tmp_path)) as store:
            assert store.run(1).status == "interrupted"
            recorded = [row.epoch for row in store.epochs(1)]
        assert recorded == list(range(1, len(recorded) + 1))
        assert len(recorded) >= max(told, last)
        last = len(recorded)
    with closing(Store(tmp_path)) as store:
        if store.run(1).status != "finished":
            store.resume(1, claimed=True)
            train(store, 1)
        whole = trained(store, SETTINGS)
        assert rows(store, 1) == rows(store, whole)
        assert store.run(1).test_loss == store.run(whole).test_loss
    record_property("kills", kills)


def stand_still(process: "subprocess.Popen[str]", home: Path) -> None:
    """Stop the process where it does not write to its store, for which all others would wait."""
    while True:
        process.send_signal(signal.SIGSTOP)
        os.waitpid(process.pid, os.WUNTRACED)
        with closing(sqlite3.connect(path_in(home), timeout=0)) as store:
            try:
                store.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError:  # it is writing
                process.send_signal(signal.SIGCONT)
                events(process, 1)
            else:
                return


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="this system cannot stop a process")
@pytest.mark.usefixtures("_small")
def test_a_process_that_stands_still_for_a_while_keeps_its_run(tmp_path):
    with training(tmp_path) as process:
        events(process, 20)
        stand_still(process, tmp_path)
        with closing(Store(tmp_path)) as other:  # looks for runs of processes that have died
            assert other.run(1).status == "training"
            other.interrupt_orphans()
            assert other.run(1).status == "training"
        process.send_signal(signal.SIGCONT)
        assert process.stdout is not None
        process.stdout.read()
        assert process.wait() == 0
    with closing(Store(tmp_path)) as store:
        assert store.run(1).status == "finished"
        assert rows(store, 1) == rows(store, trained(store, SETTINGS))


@contextmanager
def serving(home: Path, printed: IO[str]) -> Iterator[tuple["subprocess.Popen[str]", int]]:
    """A server's process that was just started, and its port."""
    port = free_port(HOST)
    _, *arguments = command(home)
    with python(*arguments, "--port", str(port), stdout=printed, stderr=printed) as process:
        try:
            yield process, port
        finally:
            process.kill()


def test_two_servers_and_three_trainings_share_a_home(tmp_path, record_property):
    config = RunConfig(model="mlp", epochs=3, batch_size=512, device="cpu")
    arguments = ["--model", "mlp", "--epochs", "3", "--batch-size", "512", "--json"]
    training = ["-m", "app", "train", *arguments, "--home", str(tmp_path)]
    with closing(Store(tmp_path)) as store, ExitStack() as stack:
        printed = stack.enter_context(tempfile.TemporaryFile("w"))
        servers = [stack.enter_context(serving(tmp_path, printed)) for _ in range(2)]
        processes = [
            stack.enter_context(python(*training, stdout=printed, stderr=subprocess.PIPE))
            for _ in range(3)
        ]
        for server, port in servers:
            until(partial(answers, server, port))
        queued = [store.add(config) for _ in range(4)]
        for process in processes:
            assert process.stderr is not None
            assert (process.stderr.read(), process.wait()) == ("", 0)
        until(lambda: all(store.run(run).over for run in queued))
        runs = [store.run(run) for run in range(1, 8)]
        assert [run.status for run in runs] == ["finished"] * 7
        losses = {tuple(tuple(row.metrics.items()) for row in store.epochs(r.id)) for r in runs}
        assert len(losses) == 1
        assert all(len(store.epochs(run.id)) == 3 for run in runs)
        record_property("runs", len(runs))


@pytest.mark.parametrize(("module", "name"), [(datasets, "load"), (models, "built")])
def test_a_loader_or_a_model_that_raises_fails_its_run_and_no_other(
    tmp_path, monkeypatch, module, name
):
    def raises(*_):
        raise OSError("libgomp.so.1 is not there\nand more lines")

    with closing(Store(tmp_path)) as store:
        run, after = store.add(small()), store.add(small())
        with monkeypatch.context() as patched:
            patched.setattr(module, name, raises)
            assert store.claim() == run
            for _ in execute(store, run, NOWHERE):
                pass
        assert store.run(run).status == "failed"
        assert store.run(run).reason == "OSError: libgomp.so.1 is not there"
        monkeypatch.setattr(datasets, "load", load)
        worker = Worker(store, NOWHERE)
        worker.start()
        until(lambda: store.run(after).over)
        worker.stop()
        assert store.run(after).status == "finished"


LITTLE_MEMORY = """
import resource, sys
from app.cli.main import main
from functools import partial
from pathlib import Path
from trainer.engine import datasets, loop
datasets.load("digits", Path(), 0)
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + 300_000_000, -1))
sys.argv = ["lrscope", "train", "--model", "resnet18", "--batch-size", "1000", "--epochs", "1"]
main()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="memory is limited by Linux's own means")
def test_a_run_without_memory_ends_in_a_sentence(tmp_path):
    with python(
        *["-c", LITTLE_MEMORY],
        environment={"LRSCOPE_HOME": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        printed, said = process.stdout.read(), process.stderr.read()
        assert process.wait() == 1, printed + said
    assert "does not have enough memory" in printed
    assert "Traceback" not in printed + said
    with closing(Store(tmp_path)) as store:
        assert store.run(1).status == "failed"
        assert "choose a smaller batch" in str(store.run(1).reason)
