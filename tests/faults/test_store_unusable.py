"""A store that cannot be written for a while costs a run nothing, and it says why it waits."""

import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from app import ids
from app.lab.trouble import Trouble
from app.lab.whole import view_of
from app.server import create_app
from tests.bench.turns import until
from tests.execute.runs import rows
from tests.faults.conftest import Disk, locked
from tests.forked import python
from tests.small import NOWHERE, load, small
from trainer.engine import datasets
from trainer.engine.events import Ended, Warned
from trainer.execute import execute
from trainer.store.store import Store
from trainer.worker import Worker

LONG = small(epochs=400)


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets, "load", load)


@contextmanager
def working(store: Store) -> Iterator[Worker]:
    worker = Worker(store, NOWHERE, budget_mb=0.1)
    worker.start()
    try:
        yield worker
    finally:
        worker.stop()


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    """The rows of a run that nothing disturbed."""
    home = tmp_path_factory.mktemp("whole")
    with pytest.MonkeyPatch.context() as patch, closing(Store(home)) as store:
        patch.setattr(datasets, "load", load)
        run = store.add(LONG, claimed=True)
        for _ in execute(store, run, NOWHERE, budget_mb=0.01):
            pass
        return rows(store, run)


def notice(store: Store, run: int, worker: Worker) -> str:
    view = view_of(store, run, store.newest_started(), Trouble(store, worker).of)
    return str(view["readout"][ids.NOTICE])


def test_a_full_disk_makes_the_run_wait_until_there_is_room(disk: Disk, whole: list[Any]) -> None:
    with closing(Store(disk.folder)) as store, working(store) as worker:
        run = store.add(LONG, pace=200)
        until(lambda: len(store.epochs(run)) > 5)
        disk.fill()
        until(lambda: worker.trouble(run) is not None)
        assert f"The disk of {store.path} is full" in notice(store, run, worker)
        assert store.run(run).status == "training"
        disk.free()
        until(lambda: store.run(run).over)
        assert (store.run(run).status, worker.trouble(run)) == ("finished", None)
        assert rows(store, run) == whole


@pytest.mark.usefixtures("impatient")
def test_a_locked_store_makes_the_run_wait_until_it_is_free(
    tmp_path: Path, whole: list[Any]
) -> None:
    with closing(Store(tmp_path / "home")) as store, working(store) as worker:
        run = store.add(LONG, pace=200)
        until(lambda: len(store.epochs(run)) > 5)
        with locked(store.path):
            until(lambda: worker.trouble(run) is not None)
            assert f"Another program has locked {store.path}" in notice(store, run, worker)
        until(lambda: store.run(run).over)
        assert (store.run(run).status, worker.trouble(run)) == ("finished", None)
        assert rows(store, run) == whole


@pytest.mark.usefixtures("impatient")
def test_stop_works_where_the_store_cannot_take_it(tmp_path: Path) -> None:
    with closing(Store(tmp_path / "home")) as store, working(store) as worker:
        run = store.add(LONG.model_copy(update={"epochs": 10_000}))
        until(lambda: len(store.epochs(run)) > 5)
        client = create_app(store, worker).server.test_client()
        with locked(store.path):
            until(lambda: worker.trouble(run) is not None)
            pressed = {
                "output": f"{ids.STOP}.loading",
                "outputs": {"id": ids.STOP, "property": "loading"},
                "inputs": [{"id": ids.STOP, "property": "n_clicks", "value": 1}],
                "changedPropIds": [f"{ids.STOP}.n_clicks"],
                "state": [{"id": ids.RUN, "property": "value", "value": str(run)}],
            }
            assert client.post("/_dash-update-component", json=pressed).status_code == 200
        until(lambda: store.run(run).over)
        assert store.run(run).status == "stopped"
        after = store.add(small())
        until(lambda: store.run(after).over)
        assert store.run(after).status == "finished"


@pytest.mark.usefixtures("impatient")
def test_a_run_that_is_to_end_while_it_waits_can_be_resumed(
    tmp_path: Path, whole: list[Any]
) -> None:
    with closing(Store(tmp_path / "home")) as store:
        run = store.add(LONG)
        with working(store) as worker:
            until(lambda: len(store.epochs(run)) > 5)
            with locked(store.path):
                until(lambda: worker.trouble(run) is not None)
                worker.stop()
        done = len(store.epochs(run))
    with closing(Store(tmp_path / "home")) as store:
        assert store.run(run).status == "interrupted"
        assert len(store.epochs(run)) == done
        store.resume(run, claimed=True)
        *_, last = execute(store, run, NOWHERE)
        assert isinstance(last, Ended)
        assert rows(store, run) == whole


@pytest.mark.usefixtures("impatient")
def test_a_queue_that_cannot_be_read_is_said_and_goes_on(tmp_path: Path) -> None:
    with closing(Store(tmp_path)) as store:
        run = store.add(small())
        with ExitStack() as until_stopped:
            with locked(store.path):
                worker = until_stopped.enter_context(working(store))
                until(lambda: worker.trouble() is not None)
                assert worker.trouble() == (
                    f"No run can be started now: Another program has locked {store.path} for too "
                    "long: end it, or try again."
                )
            until(lambda: store.run(run).over)


def test_snapshots_that_find_no_room_are_told_and_leave_no_file_behind(disk: Disk) -> None:
    with closing(Store(disk.folder)) as store:
        run = store.add(small(model="resnet18", epochs=1), claimed=True)
        disk.fill(but=200_000)
        events = list(execute(store, run, NOWHERE))
        (warned,) = [event for event in events if isinstance(event, Warned)]
        assert "Snapshots cannot be written" in str(warned.sentence)
        assert store.run(run).warning == warned.sentence
        assert store.run(run).status == "finished"
        assert list(disk.folder.glob("runs/*/*")) == []


def test_in_the_terminal_a_full_disk_is_said_and_ctrl_c_ends_the_wait(disk: Disk) -> None:
    options = ["--model", "mlp", "--epochs", "60", "--batch-size", "256", "--seed", "3"]
    command = ["-m", "trainer.watch", "train", "--json", *options]
    with python(
        *[*command, "--home", str(disk.folder), "--snapshot-budget", "0.1"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline()
        disk.fill()
        said = process.stderr.readline()
        assert said.startswith("lrscope: Run 1 waits") or "Snapshots cannot be written" in said
        while "waits" not in said:
            said = process.stderr.readline()
            assert said
        process.send_signal(signal.SIGINT)
        rest = process.stderr.read()
    assert process.returncode == 128 + signal.SIGINT
    assert "Traceback" not in rest
    assert "can be resumed" in rest
    disk.free()
    with closing(Store(disk.folder)) as store:
        assert store.run(1).status == "interrupted"
        assert [row.epoch for row in store.epochs(1)] == list(range(1, len(store.epochs(1)) + 1))
