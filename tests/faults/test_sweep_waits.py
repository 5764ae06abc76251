"""A store that cannot be written for a while costs a sweep nothing, whatever it was to record."""

from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest

from tests.bench.turns import until
from tests.faults.conftest import Disk, locked
from tests.faults.test_store_unusable import working
from tests.small import NOWHERE, load, small
from tests.sweep.sweeps import added, assert_as_alone, least
from trainer.engine import datasets
from trainer.engine.events import Waiting
from trainer.store.store import Store
from trainer.sweep import batches
from trainer.sweep.sweeping import execute_sweep

VALUES: dict[str, Any] = {"lr": [0.01, 0.1], "factor": [0.1, 0.5], "patience": [0, 1]}
WRITES = ["catch_up", "claim", "share", "part", "share_end", "stop_cells", "end_sweep", "record"]


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets, "load", load)
    monkeypatch.setattr(batches, "batches", lambda _: 3)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(Store(tmp_path)) as store:
        yield store


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("name", WRITES)
def test_whatever_is_to_be_recorded_waits_until_it_can_be(store: Store, name: str) -> None:
    mode = "halving" if name == "stop_cells" else "grid"
    sweep = added(store, small(epochs=6), VALUES, mode=mode)
    write, lock, said = getattr(store, name), ExitStack(), list[str]()
    locks = list[None]()

    with pytest.MonkeyPatch.context() as patched, lock:

        def locked_at_first(*arguments: Any) -> Any:
            if not locks:
                locks.append(lock.enter_context(locked(store.path)))
            return write(*arguments)

        patched.setattr(store, name, locked_at_first)
        for event in execute_sweep(store, sweep, NOWHERE):
            if isinstance(event.event, Waiting):
                said.append(event.event.sentence)
                lock.close()
    assert len(said) == 1
    assert "waits, and continues by itself as soon as it can. Another program has locked" in said[0]
    assert store.sweep(sweep).status == "finished"
    assert store.epochs_of(sweep).trained == least(store, sweep)
    if mode == "grid":
        assert_as_alone(store, sweep)


def test_a_full_disk_makes_a_sweep_wait_until_there_is_room(disk: Disk) -> None:
    with closing(Store(disk.folder)) as store, working(store) as worker:
        sweep = added(store, small(epochs=200), {"factor": [0.5, 0.9], "patience": [0, 5]})
        store.end_sweep(sweep, "interrupted")
        store.resume_sweep(sweep)
        cells = [cell.id for cell in store.cells(sweep)]
        until(lambda: store.epochs_of(sweep).trained > 20)
        disk.fill()
        until(lambda: any(map(worker.trouble, cells)))
        assert store.sweep(sweep).status == "training"
        disk.free()
        until(lambda: store.sweep(sweep).over)
        assert store.sweep(sweep).status == "finished"
        assert not any(map(worker.trouble, cells))
        assert store.epochs_of(sweep).trained == least(store, sweep)
        assert_as_alone(store, sweep)
