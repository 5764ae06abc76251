"""A training that is watched goes on whatever happens to its record, and says so once."""

import errno
import json
import os
import random
import signal
import subprocess
import sys
import time
import warnings
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import torch
from filelock import FileLock, Timeout
from torch.optim import lr_scheduler

from tests.conftest import LONG
from tests.faults.disks import can_mount, disk, fill
from tests.forked import python
from tests.watch.spools import line, lines, spool
from trainer.watch import Scope, WatchWarning, watch
from trainer.watch import spool as spool_module

KILLS = 60 if LONG else 6


def optimizer_of_its_own() -> torch.optim.Optimizer:
    return torch.optim.SGD([torch.nn.Parameter(torch.ones(1))], lr=0.1)


def loop(scope: Scope, scheduler: lr_scheduler.LRScheduler, epochs: int = 3) -> int:
    """A loop that is watched; how many epochs it trained."""
    trained = 0
    for _ in scope.epochs(epochs):
        for _ in range(2):
            scheduler.optimizer.step()
            scope.batch(torch.ones(()))
        scheduler.step()
        scope.log(seen=1)
        scope.epoch(loss=1.0)
        trained += 1
    return trained


def scheduler_of_its_own() -> lr_scheduler.LRScheduler:
    return lr_scheduler.StepLR(optimizer_of_its_own(), 2)


def quietly_but_for_one(home: Path, match: str) -> None:
    """A whole loop over a home where nothing can be recorded: one warning, and it trains."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        with watch("mine", scheduler := scheduler_of_its_own(), home=home) as scope:
            assert loop(scope, scheduler) == 3
    (warning,) = said
    assert warning.category is WatchWarning
    assert match in str(warning.message)
    assert warning.filename == __file__


def test_a_home_that_cannot_be_made(tmp_path):
    (tmp_path / "file").touch()
    quietly_but_for_one(tmp_path / "file" / "home", "cannot write its record: Not a directory")


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere"
)
def test_a_home_that_may_not_be_written(tmp_path):
    tmp_path.chmod(0o500)
    quietly_but_for_one(tmp_path / "home", "Permission denied")


@pytest.mark.skipif(not can_mount(), reason="no disk can be mounted here")
def test_a_full_disk_costs_what_it_has_no_room_for_until_there_is_room(tmp_path):
    with disk(tmp_path / "disk", 200_000) as home:
        scheduler = scheduler_of_its_own()
        scope = watch("mine", scheduler, home=home)
        loop(scope, scheduler)
        ballast = fill(home)
        with pytest.warns(WatchWarning, match="No space left on device") as said:
            loop(scope, scheduler, 50)
        assert len(said) == 1
        for text in spool(home).read_bytes().split(b"\n")[:-1]:
            json.loads(text)
        ballast.unlink()
        loop(scope, scheduler, 2)
        scope.close()
        epochs = [epoch["epoch"] for epoch in lines(home, "epoch")]
        assert epochs == list(range(1, 56))
        assert line(home, "end")["status"] == "finished"


def test_a_disk_that_stays_full_does_not_fill_the_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(spool_module, "MOST_UNWRITTEN", 10_000)
    scheduler = scheduler_of_its_own()
    scope = watch("mine", scheduler, home=tmp_path)

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as broken:
        broken.setattr(os, "write", full)
        with pytest.warns(WatchWarning) as said:
            loop(scope, scheduler, 100)
    assert len(said) == 1
    assert scope._training is None
    scope.close()


def test_a_line_that_is_written_in_parts_is_whole_in_the_end(tmp_path, monkeypatch):
    write = os.write
    monkeypatch.setattr(os, "write", lambda file, data: write(file, bytes(data[:7])))
    scheduler = scheduler_of_its_own()
    with watch("mine", scheduler, home=tmp_path) as scope:
        loop(scope, scheduler)
    assert [epoch["epoch"] for epoch in lines(tmp_path, "epoch")] == [1, 2, 3]


def test_a_home_that_vanishes(tmp_path):
    scheduler = scheduler_of_its_own()
    with watch("mine", scheduler, home=tmp_path) as scope:
        loop(scope, scheduler)
        for path in (tmp_path / "watched").iterdir():
            path.unlink()
        (tmp_path / "watched").rmdir()
        with pytest.warns(WatchWarning, match="deleted") as said:
            loop(scope, scheduler)
        assert len(said) == 1
    assert "step" not in vars(lr_scheduler.StepLR)


@pytest.mark.skipif(sys.platform == "win32", reason="another call locks there")
def test_a_disk_that_cannot_lock_is_told(tmp_path, monkeypatch):
    def no_locks(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr("fcntl.flock", no_locks)
    with watch("mine", optimizer=optimizer_of_its_own(), home=tmp_path) as scope:
        scope.epoch()
    assert not line(tmp_path, "start")["locked"]
    assert line(tmp_path, "epoch")


def test_where_warnings_are_errors_nothing_is_raised(tmp_path, capfd):
    (tmp_path / "file").touch()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scheduler = scheduler_of_its_own()
        with watch("mine", scheduler, home=tmp_path / "file") as scope:
            loop(scope, scheduler)
    assert capfd.readouterr().err.count("LRScope: ") == 1


def test_metrics_of_any_kind_are_numbers_or_left_out(tmp_path):
    with watch("mine", optimizer=optimizer_of_its_own(), home=tmp_path) as scope:
        scope.epoch(
            tensor=torch.tensor(1.5),
            graph=torch.tensor([2.5], requires_grad=True) * 1,
            half=torch.tensor(0.5, dtype=torch.float16),
            numpy=np.float32(0.25),
            array=np.array(3),
            whole=7,
            yes=True,
            none=None,
        )
        with pytest.warns(WatchWarning, match="text is str, no number"):
            scope.epoch(text="0.5", many=torch.ones(3), thing=object(), loss=1.0)
        scope.epoch(text="0.5", loss=2.0)  # a second warning would be an error here
    assert [epoch["metrics"] for epoch in lines(tmp_path, "epoch")] == [
        {"tensor": 1.5, "graph": 2.5, "half": 0.5, "numpy": 0.25, "array": 3, "whole": 7, "yes": 1},
        {"loss": 1.0},
        {"loss": 2.0},
    ]


def test_a_loss_that_is_no_number_costs_one_warning(tmp_path):
    with watch("mine", optimizer=optimizer_of_its_own(), home=tmp_path) as scope:
        with pytest.warns(WatchWarning):
            scope.batch(torch.ones(3))
        for _ in range(3):
            scope.epoch(loss=1.0)
            scope.batch("loss")
    assert [epoch["batches"] for epoch in lines(tmp_path, "epoch")] == [1, 1, 1]


class Strange(lr_scheduler.LRScheduler):
    """A scheduler with what cannot be copied, compared, shown or written."""

    def __init__(self, optimizer: torch.optim.Optimizer) -> None:
        self.itself = self
        self.lock = __import__("threading").Lock()
        self.deep: list[object] = []
        self.deep.append(self.deep)
        self.array = np.ones(3)
        self.made = (n for n in range(3))
        super().__init__(optimizer)

    def get_lr(self) -> list[float | torch.Tensor]:
        return [group["lr"] * 0.5 for group in self.optimizer.param_groups]

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("compared")

    def __bool__(self) -> bool:
        raise RuntimeError("asked whether it is true")

    def __repr__(self) -> str:
        raise RuntimeError("shown")


def test_a_scheduler_of_strange_things_is_recorded_as_far_as_it_can_be(tmp_path):
    scheduler = Strange(optimizer_of_its_own())
    with watch("mine", scheduler, home=tmp_path) as scope:
        loop(scope, scheduler)
    state = lines(tmp_path, "epoch")[-1]["step"]["after"]["state"]
    assert state["last_epoch"] == 3
    assert not {"itself", "lock", "deep", "array", "made"} & state.keys()


def locked(home: Path) -> bool:
    try:
        with FileLock(spool(home).with_suffix(".lock"), blocking=False):
            return False
    except Timeout:
        return True


def test_the_lock_is_held_while_it_is_watched(tmp_path):
    with watch("mine", optimizer=optimizer_of_its_own(), home=tmp_path):
        assert locked(tmp_path)
    assert not locked(tmp_path)


TRAINS = """
import itertools, sys, torch
from trainer.watch import watch
optimizer = torch.optim.SGD([torch.nn.Parameter(torch.ones(1))], lr=0.1)
scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer)
with watch("mine", scheduler, home=sys.argv[1]) as scope:
    for epoch in itertools.count():
        optimizer.step()
        scope.batch(1.0)
        scheduler.step(1.0)
        scope.epoch(loss=1.0)
        print(epoch + 1, flush=True)
"""


@pytest.mark.parametrize("seed", range(KILLS))
def test_a_kill_loses_at_most_the_epoch_under_way_and_frees_the_lock(
    tmp_path, seed, record_property
):
    with python("-c", TRAINS, tmp_path, stdout=subprocess.PIPE) as process:
        for _ in range(random.Random(seed).randrange(1, 200)):
            told = int(process.stdout.readline())
        assert locked(tmp_path)
        process.kill()
        told = max([told, *map(int, process.stdout.read().split("\n")[:-1])])
    assert not locked(tmp_path)
    *whole, rest = spool(tmp_path).read_bytes().split(b"\n")
    epochs = [found["epoch"] for found in map(json.loads, whole) if found["kind"] == "epoch"]
    assert epochs == list(range(1, len(epochs) + 1))
    assert len(epochs) >= told
    assert rest == b""
    record_property("kills", 1)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_a_forked_child_writes_nothing_and_does_not_hold_the_lock(tmp_path):
    scheduler = scheduler_of_its_own()
    scope = watch("mine", scheduler, home=tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of threads in a process that forks
        child = os.fork()
    if not child:
        with suppress(BaseException):
            assert loop(scope, scheduler) == 3
            scope.close("failed")
            assert not scheduler.optimizer._optimizer_step_pre_hooks
            signal.pause()
        os._exit(1)
    try:
        loop(scope, scheduler, 1)
        scope.close()
        assert not locked(tmp_path)
    finally:
        os.kill(child, signal.SIGKILL)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    assert [epoch["epoch"] for epoch in lines(tmp_path, "epoch")] == [1]
    assert line(tmp_path, "end")["status"] == "finished"


WORKERS = """
import sys, torch
from torch.utils.data import DataLoader
from trainer.watch import watch
optimizer = torch.optim.SGD([torch.nn.Parameter(torch.ones(1))], lr=0.1)
with watch("mine", optimizer=optimizer, home=sys.argv[1]) as scope:
    class Data(torch.utils.data.Dataset):
        def __len__(self):
            return 8
        def __getitem__(self, row):
            scope.epoch(row=row)
            return row
    for epoch in scope.epochs(2):
        list(DataLoader(Data(), num_workers=2, multiprocessing_context="fork"))
        scope.epoch(loss=1.0)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_the_workers_of_a_data_loader_write_nothing(tmp_path):
    with python("-c", WORKERS, tmp_path, stderr=subprocess.PIPE) as process:
        assert process.wait() == 0, process.stderr.read()
    assert [epoch["metrics"] for epoch in lines(tmp_path, "epoch")] == [{"loss": 1.0}] * 2
    assert line(tmp_path, "end")["status"] == "finished"


@pytest.mark.parametrize(
    ("environment", "watches"),
    [
        ({"RANK": "1", "WORLD_SIZE": "2"}, False),
        ({"RANK": "0", "WORLD_SIZE": "2"}, True),
        ({"RANK": "1", "WORLD_SIZE": "1"}, True),
        ({"RANK": "1"}, True),
        ({"LOCAL_RANK": "1", "NODE_RANK": "0", "WORLD_SIZE": "2"}, False),
        ({"LOCAL_RANK": "0", "NODE_RANK": "1", "WORLD_SIZE": "2"}, False),
        ({"LOCAL_RANK": "0", "NODE_RANK": "0", "WORLD_SIZE": "2"}, True),
        ({"SLURM_PROCID": "3", "SLURM_NTASKS": "4"}, False),
        ({"SLURM_PROCID": "0", "SLURM_NTASKS": "4"}, True),
        ({"SLURM_PROCID": "0", "SLURM_NTASKS": "1"}, True),
    ],
)
def test_of_processes_that_train_together_the_first_alone_writes(
    tmp_path, monkeypatch, environment, watches
):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    scheduler = scheduler_of_its_own()
    with watch("mine", scheduler, home=tmp_path) as scope:
        assert loop(scope, scheduler) == 3
    assert (tmp_path / "watched").exists() == watches


TOGETHER = """
import sys, torch
from trainer.watch import watch
rank = int(sys.argv[2])
torch.distributed.init_process_group(
    "gloo", init_method="file://" + sys.argv[1] + "/meeting", rank=rank, world_size=2
)
optimizer = torch.optim.SGD([torch.nn.Parameter(torch.ones(1))], lr=0.1)
with watch(str(rank), optimizer=optimizer, home=sys.argv[1]) as scope:
    scope.epoch()
torch.distributed.destroy_process_group()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="gloo over files is tried on Linux")
def test_of_torchs_own_ranks_the_first_alone_writes(tmp_path):
    both = [python("-c", TOGETHER, tmp_path, str(rank)) for rank in range(2)]
    assert [process.wait() for process in both] == [0, 0]
    assert line(tmp_path, "start")["name"] == "0"


def test_trainings_at_once_lose_nothing(tmp_path):
    trains = TRAINS.replace("itertools.count()", "range(50)")
    with Path(os.devnull).open("w") as nothing:
        many = [python("-c", trains, tmp_path, stdout=nothing) for _ in range(8)]
    assert [process.wait() for process in many] == [0] * 8
    spools = sorted((tmp_path / "watched").glob("*.jsonl"))
    assert len(spools) == 8
    for path in spools:
        read = [json.loads(text) for text in path.read_text().splitlines()]
        assert [found["epoch"] for found in read if found["kind"] == "epoch"] == [*range(1, 51)]
        assert read[-1]["status"] == "finished"


def test_an_interrupt_in_a_pause_reaches_the_loop(tmp_path):
    paused = """
import json, sys, torch
from pathlib import Path
from trainer.watch import watch
optimizer = torch.optim.SGD([torch.nn.Parameter(torch.ones(1))], lr=0.1)
try:
    with watch("mine", optimizer=optimizer, home=sys.argv[1], control=True) as scope:
        (spool,) = Path(sys.argv[1], "watched").glob("*.jsonl")
        spool.with_suffix(".commands.jsonl").write_text('{"id": 1, "name": "pause"}\\n')
        scope.batch()
except KeyboardInterrupt:
    print("interrupted")
"""
    with python("-c", paused, tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert "is paused" in process.stderr.readline()
        process.send_signal(signal.SIGINT)
        assert process.stdout.read() == "interrupted\n"
    kinds = [found["kind"] for found in lines(tmp_path)]
    assert kinds[-3:] == ["paused", "unpaused", "end"]
    assert line(tmp_path, "end")["status"] == "stopped"


def test_a_clock_that_jumps_does_not_matter(tmp_path, monkeypatch):
    monkeypatch.setattr(time, "time", lambda: -1e9)
    with watch("mine", optimizer=optimizer_of_its_own(), home=tmp_path) as scope:
        scope.epoch()
    assert 0 <= line(tmp_path, "epoch")["seconds"] < 60


def test_an_interrupt_just_after_a_write_doubles_nothing(tmp_path, monkeypatch):
    write = os.write

    def interrupted(file: int, data: bytes) -> int:
        write(file, data)
        raise KeyboardInterrupt

    scope = watch("mine", optimizer=optimizer_of_its_own(), home=tmp_path)
    with monkeypatch.context() as broken:
        broken.setattr(os, "write", interrupted)
        with pytest.raises(KeyboardInterrupt):
            scope.epoch(loss=1.0)
    scope.close()
    assert [found["kind"] for found in lines(tmp_path)] == ["start", "epoch", "end"]
