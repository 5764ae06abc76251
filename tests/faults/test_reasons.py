"""Why nothing is recorded of a run is said on that run's page, and on no other; also of a run that
trains in another process, which can say nothing while it waits.
"""

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from app import ids
from app.lab.live import news
from app.lab.received import Cursor
from app.lab.trouble import Trouble
from app.lab.whole import view_of
from tests.bench.turns import until
from tests.faults.conftest import Disk, locked
from tests.faults.test_store_unusable import LONG, working
from tests.forked import python
from tests.small import NOWHERE, load, small
from trainer.engine import datasets
from trainer.store.store import Store
from trainer.worker import Worker


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets, "load", load)


class Page:
    """A server's page of one run, and the server's clock, which is set by hand."""

    def __init__(self, store: Store, run: int | None, worker: Worker) -> None:
        self.now = 0.0
        self._store, self._run = store, run
        self._why = Trouble(store, worker, lambda: self.now).of

    @property
    def notice(self) -> str:
        """What the page says: where it is opened now, and where it was open before."""
        version = None
        while version != self._store.version():  # the other process may write between the two
            version = self._store.version()
            view = view_of(self._store, self._run, self._store.newest() or 0, self._why)
            cursor = Cursor(**view["cursor"]).model_copy(update={"token": None})
            said = view["readout"][ids.NOTICE]
            told = news(self._store, cursor, self._why)["readout"][ids.NOTICE]
        assert told == said
        return str(said)

    def after(self, seconds: float) -> str:
        """What it says when it has seen the run, and looks again after so many seconds."""
        assert self.notice == ""
        self.now += seconds
        return self.notice


def pages(store: Store, worker: Worker, *runs: int | None) -> list[str]:
    return [Page(store, run, worker).notice for run in runs]


@pytest.mark.usefixtures("impatient")
def test_a_reason_that_concerns_one_run_is_said_of_no_other(tmp_path: Path) -> None:
    with closing(Store(tmp_path)) as store, working(store) as worker:
        before = store.add(small(epochs=1))
        until(lambda: store.run(before).over)
        run = store.add(LONG, pace=200)
        after = store.add(small())
        until(lambda: len(store.epochs(run)) > 5)
        with locked(store.path):
            until(lambda: worker.trouble(run) is not None)
            said, *others = pages(store, worker, run, before, after, None)
            assert said.startswith(f"Run {run} waits, and continues by itself")
            assert others == ["", "", ""]
        until(lambda: store.run(after).over)
        assert pages(store, worker, run, before, after, None) == [""] * 4


@pytest.mark.usefixtures("impatient")
def test_a_failure_that_cannot_be_recorded_is_said_of_its_run_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = Store.record

    def raises(store: Store, run: int, *event: Any) -> None:
        if run == broken:
            raise OSError("the disk is gone")
        record(store, run, *event)

    with closing(Store(tmp_path)) as store:
        broken, after = store.add(small()), store.add(small())
        monkeypatch.setattr(Store, "record", raises)
        with working(store) as worker:
            until(lambda: store.run(after).over)
            said, *others = pages(store, worker, broken, after, None)
        assert said.startswith(f"Run {broken} has failed: OSError: the disk is gone")
        assert others == ["", ""]


@pytest.mark.usefixtures("impatient")
def test_what_concerns_every_run_is_said_of_each(tmp_path: Path) -> None:
    with closing(Store(tmp_path)) as store:
        runs = [store.add(small()) for _ in range(2)]
        idle = Worker(store, NOWHERE)
        stands = "No run is trained here: LRScope's worker is not running. Restart LRScope."
        assert pages(store, idle, *runs, None) == [stands] * 3
        with locked(store.path), working(store) as worker:
            until(lambda: worker.trouble() is not None)
            said = pages(store, worker, *runs, None)
            assert [text.split(":")[0] for text in said] == ["No run can be started now"] * 3


# Of a run that another process trains

TRAIN = """
import sys
from pathlib import Path
from tests.small import NOWHERE, load, small
from trainer.engine import datasets
from trainer.engine.events import Waiting
from trainer.execute import execute
from trainer.store import database
from trainer.store.store import Store
database.BUSY_MS = 50
datasets.load = load
store = Store(Path(sys.argv[1]))
run = store.add(small(epochs=10_000), pace=200, claimed=True)
for event in execute(store, run, NOWHERE, budget_mb=0.1):
    if isinstance(event, Waiting):
        print("waits", flush=True)
"""


@contextmanager
def training(store: Store) -> Iterator["subprocess.Popen[str]"]:
    """Another process that trains the store's first run, and has recorded some epochs."""
    with python("-c", TRAIN, store.home, stdout=subprocess.PIPE) as process:
        try:
            until(lambda: len(store.epochs(1)) > 5)
            yield process
        finally:
            process.kill()


def records(store: Store) -> None:
    """Return when the run has recorded another epoch."""
    done = len(store.epochs(1))
    until(lambda: len(store.epochs(1)) > done)


def stop(process: "subprocess.Popen[str]", store: Store) -> None:
    """Let it stand still, but not while it writes to the store."""
    while True:
        process.send_signal(signal.SIGSTOP)
        os.waitpid(process.pid, os.WUNTRACED)
        if store.refusal() is None:
            return
        process.send_signal(signal.SIGCONT)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(Store(tmp_path)) as store:
        yield store


@contextmanager
def full(disk: Disk) -> Iterator[None]:
    disk.fill()
    yield
    disk.free()


NOTHING = "Run 1 has recorded nothing for more than"


def waits_and_says(store: Store, unusable: Any, reason: Callable[[Path], str]) -> None:
    with working(store) as worker, training(store) as process:
        other = store.add(small(epochs=1))
        until(lambda: store.run(other).over)
        page, others = Page(store, 1, worker), Page(store, other, worker)
        assert page.notice == ""
        records(store)
        page.now += 1000
        assert page.notice == ""
        with unusable:
            assert process.stdout is not None
            assert process.stdout.readline() == "waits\n"
            # It may have recorded before that its snapshots cannot be written either.
            assert NOTHING not in page.notice
            page.now += 9
            assert NOTHING not in page.notice
            page.now += 2
            assert page.notice.startswith(f"{NOTHING} 10 s. {reason(store.path)}")
            assert others.after(1000) == ""
            page.now += 50
            assert page.notice.startswith(f"{NOTHING} a minute. {reason(store.path)}")
        records(store)
        assert NOTHING not in page.notice


def test_a_run_of_another_process_that_waits_for_a_lock_has_its_reason(store: Store) -> None:
    waits_and_says(
        store,
        locked(store.path),
        lambda path: f"Another program has locked {path} for too long: end it, or try again.",
    )


def test_a_run_of_another_process_that_waits_for_room_has_its_reason(disk: Disk) -> None:
    with closing(Store(disk.folder)) as store:
        waits_and_says(
            store,
            full(disk),
            lambda path: (
                f"The disk of {path} is full: free some space, or choose another folder with "
                "--home; what was recorded is kept."
            ),
        )


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="this system cannot stop a process")
def test_a_process_that_stands_still_is_told_on_its_runs_page(store: Store) -> None:
    with working(store) as worker, training(store) as process:
        page = Page(store, 1, worker)
        stop(process, store)
        assert page.after(59) == ""
        page.now += 2
        assert page.notice == (
            f"{NOTHING} a minute, and its store can be written: its process is in a long step, or "
            "stands still. Look where it was started."
        )
        assert store.run(1).status == "training"
        process.send_signal(signal.SIGCONT)
        records(store)
        assert page.notice == ""


def test_a_run_of_another_process_that_is_paused_is_not_said_to_stand_still(store: Store) -> None:
    with working(store) as worker, training(store):
        store.ask(1, "pause")
        assert Page(store, 1, worker).after(100_000) == ""
