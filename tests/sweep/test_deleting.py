"""A sweep is archived and deleted with its cells, and brought back."""

import time

import pytest

from tests.small import small
from tests.sweep.sweeps import added
from trainer.store import deletion
from trainer.store.faults import CommandError
from trainer.store.store import Store


@pytest.fixture
def ended(store: Store) -> int:
    """Two cells of a sweep that was ended early."""
    sweep = added(store, small(), {"lr": [0.01, 0.05]})
    store.end_sweep(sweep, "stopped")
    return sweep


def later(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the time to undo pass."""
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + deletion.UNDO_SECONDS + 1)


def rows(store: Store, table: str) -> int:
    (count,) = store.connection.execute(f"SELECT count(*) FROM {table}").fetchone()
    return int(count)


def test_a_deleted_sweep_and_its_cells_are_brought_back(store: Store, ended: int) -> None:
    before = store.sweep(ended)
    store.delete([1])  # before, and by itself
    store.delete_sweep(ended)
    assert store.sweep(ended) is None
    assert store.sweeps() == []
    assert store.cells(ended) == []
    assert not store.has(2)
    assert [*store.deleted_sweeps()] == [ended]
    with pytest.raises(CommandError, match=f"There is no sweep {ended}"):
        store.delete_sweep(ended)
    with pytest.raises(CommandError, match=f"There is no sweep {ended}"):
        store.resume_sweep(ended)
    store.restore_sweep(ended)
    again = store.sweep(ended)
    assert before is not None
    assert again is not None
    assert (again.status, again.plan, again.asked) == (before.status, before.plan, None)
    assert [run.id for run in store.cells(ended)] == [2]
    assert store.deleted_sweeps() == {}


def test_a_cell_that_is_brought_back_brings_its_sweep(store: Store, ended: int) -> None:
    store.delete_sweep(ended)
    assert store.restore([2]) == [2]
    assert [sweep.id for sweep in store.sweeps()] == [ended]


def test_after_a_minute_nothing_is_left_of_it(
    store: Store, ended: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    tested = store.add_sweep("range", small(), {}, [], claimed=True)
    kept = store.add_sweep("range", small(), {}, [])
    store.end_sweep(tested, "finished")
    store.delete_sweep(ended)
    store.delete_sweep(tested)
    store.purge()
    assert rows(store, "sweeps") == 3
    later(monkeypatch)
    assert sorted(store.purge()) == [1, 2]
    assert [sweep.id for sweep in store.sweeps()] == [kept]
    assert rows(store, "sweeps") == 1
    with pytest.raises(CommandError, match="is gone"):
        store.restore_sweep(ended)


def test_a_sweep_goes_with_the_last_of_its_cells(
    store: Store, ended: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.delete([run.id for run in store.cells(ended)])
    later(monkeypatch)
    store.purge()
    assert rows(store, "sweeps") == 0


def test_what_cannot_be_deleted_is_left_as_it_is(store: Store, ended: int) -> None:
    fork = store.add(small(lr=0.2), parent=(2, 0))
    with pytest.raises(CommandError, match=f"Run {fork} is a fork of run 2"):
        store.delete_sweep(ended)
    assert len(store.cells(ended)) == 2
    store.resume_sweep(ended)
    with pytest.raises(CommandError, match="stop it before you delete it"):
        store.delete_sweep(ended)


def test_an_archived_sweep_is_listed_no_more_and_is_there(store: Store, ended: int) -> None:
    store.archive_sweep(ended, True)
    assert store.sweeps() == []
    assert store.sweep(ended) is not None
    assert store.is_archived(ended)
    assert store.runs(9) == []
    store.archive(1, False)
    assert not store.is_archived(ended)
    store.archive_sweep(ended, False)
    assert [sweep.id for sweep in store.sweeps()] == [ended]
    assert len(store.runs(9)) == 2
    with pytest.raises(CommandError, match="has no runs to archive"):
        store.archive_sweep(store.add_sweep("range", small(), {}, []), True)
