"""What people note of a run is kept; what they delete can be brought back for a minute."""

import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.store.test_store import ended, training
from trainer.config.run import RunConfig
from trainer.engine.events import Ended
from trainer.store import deletion
from trainer.store.faults import CommandError
from trainer.store.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(Store(tmp_path)) as store:
        yield store


def finished(store: Store, parent: tuple[int, int] | None = None) -> int:
    run = store.add(RunConfig(epochs=3), parent=parent)
    assert store.claim(run) == run
    for epoch in range((parent or (0, 0))[1] + 1, 4):
        store.record(run, ended(epoch, 1 / epoch))
    store.record(run, Ended("finished", 0.1, 0.9))
    return run


def passed(seconds: float, monkeypatch: pytest.MonkeyPatch) -> None:
    later = time.time() + seconds
    monkeypatch.setattr(time, "time", lambda: later)


def test_what_is_noted_of_a_run_is_read_back_and_taken_away_again(store):
    run = store.add(RunConfig())
    row = store.run(run)
    assert (row.starred, row.tags, row.note, row.archived) == (False, (), None, False)
    store.star(run, True)
    store.tag(run, ["baseline", " two  words ", "baseline", ""])
    store.annotate(run, " the first\nthat learned ")
    row = store.run(run)
    assert (row.starred, row.tags) == (True, ("baseline", "two words"))
    assert row.note == "the first\nthat learned"
    store.star(run, False)
    store.tag(run, [])
    store.annotate(run, "  ")
    row = store.run(run)
    assert (row.starred, row.tags, row.note) == (False, (), None)


@pytest.mark.parametrize(
    "note",
    [
        lambda store, run: store.star(run, True),
        lambda store, run: store.tag(run, ["a"]),
        lambda store, run: store.annotate(run, "a"),
        lambda store, run: store.archive(run, True),
        lambda store, run: store.rename(run, "a"),
        lambda store, run: store.delete([run]),
    ],
)
def test_nothing_is_noted_of_a_run_that_there_is_not(store, note):
    store.delete([finished(store)])
    for run in (1, 2):
        with pytest.raises(CommandError, match=f"There is no run {run}"):
            note(store, run)


def test_an_archived_run_is_not_listed_and_can_be_displayed(store):
    kept, archived = finished(store), finished(store)
    store.archive(archived, True)
    assert [run.id for run in store.runs(10)] == [kept]
    assert store.newest() == kept
    assert store.run(archived).archived
    store.archive(archived, False)
    assert [run.id for run in store.runs(10)] == [archived, kept]


def test_a_deleted_run_is_gone_and_comes_back_whole(store):
    kept, run = finished(store), finished(store)
    before = (store.run(run), store.epochs(run))
    store.delete([run])
    assert (store.run(run), store.has(run), store.newest()) == (None, False, kept)
    assert [row.id for row in store.runs(10)] == [kept]
    with pytest.raises(CommandError, match="has not trained epoch 2"):
        store.add(RunConfig(), parent=(run, 2))
    assert store.purge() == []
    store.restore([run])
    assert (store.run(run), store.epochs(run)) == before


def test_a_minute_later_nothing_of_it_is_left_and_its_number_is_not_given_again(store, monkeypatch):
    kept, run = finished(store), finished(store)
    fork = finished(store, (run, 2))
    store.delete([run, fork])
    passed(deletion.UNDO_SECONDS + 1, monkeypatch)
    assert sorted(store.purge()) == [run, fork]
    store.restore([run, fork])
    assert [row.id for row in store.runs(10)] == [kept]
    assert (store.epochs(run), store.best(run, "val_loss")) == ([], None)
    assert len(store.epochs(kept)) == 3
    assert store.add(RunConfig()) == fork + 1


def test_a_run_whose_fork_stays_is_not_deleted(store):
    run = finished(store)
    fork = finished(store, (run, 2))
    with pytest.raises(CommandError, match=f"Run {fork} is a fork of run {run} and needs"):
        store.delete([run])
    assert store.has(run)
    store.delete([fork, run])
    assert store.runs(10) == []


def test_a_run_that_trains_or_waits_is_not_deleted(store):
    done, trains, waits = finished(store), training(store), store.add(RunConfig())
    for run, state in ((trains, "has not ended"), (waits, "is queued")):
        with pytest.raises(CommandError, match=f"Run {run} {state}: stop it before"):
            store.delete([done, run])
    assert store.has(done)
