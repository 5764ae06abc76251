"""Runs that train elsewhere: whose they are, what they obey, and that each line counts once."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.store.test_store import ended
from trainer.config.recipe import Recipe
from trainer.engine.events import Ended
from trainer.store.faults import CommandError, StoreError
from trainer.store.recording import Happened
from trainer.store.run import Elsewhere, Known
from trainer.store.store import Store

SPOOL = "5" * 32


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(Store(tmp_path)) as store:
        yield store


def watched(store: Store, *controls: str) -> int:
    return store.add_live(Recipe(), "watched", "train.py", "mine", controls=controls, spool=SPOOL)  # type: ignore[arg-type]


def test_a_watched_run_outlives_the_page_that_shows_it(tmp_path):
    with closing(Store(tmp_path)) as page:
        run = watched(page)
    with closing(Store(tmp_path)) as store:
        assert store.run(run).status == "training"


def test_a_file_that_is_followed_is_interrupted_when_its_process_dies(tmp_path):
    with closing(Store(tmp_path)) as page:
        run = page.add_live(Recipe(), "imported", "log.csv", None)
    with closing(Store(tmp_path)) as store:
        assert store.run(run).status == "interrupted"


def test_lines_are_taken_in_all_together_or_not_at_all(store):
    run = watched(store)
    broken = Happened(2.0, ended(2, 1e400))  # infinite: SQLite has no such number in JSON
    with pytest.raises((StoreError, ValueError)):
        store.take_in(run, [Happened(1.0, ended(1, 0.5)), broken], SPOOL, 100)
    assert (store.epochs(run), store.spools()) == ([], {SPOOL: (run, 0)})
    store.take_in(run, [Happened(1.0, ended(1, 0.5))], SPOOL, 50)
    assert (len(store.epochs(run)), store.spools()) == (1, {SPOOL: (run, 50)})


def test_what_is_known_of_it_may_change(store):
    run = watched(store)
    elsewhere = Elsewhere("train.py", batches=12, optimizer="Lion")
    store.take_in(run, [Known(Recipe(epochs=7), elsewhere, ("stop",))], SPOOL, 10)
    row = store.run(run)
    assert (row.recipe.epochs, row.elsewhere, row.controls) == (7, elsewhere, ("stop",))
    assert row.batches == 12
    store.revise(run, Recipe(epochs=9))
    assert (store.run(run).epochs, store.run(run).elsewhere) == (9, elsewhere)


def test_a_run_that_trains_elsewhere_is_asked_only_for_what_it_obeys(store):
    run = watched(store, "stop", "pause")
    store.ask(run, "pause")
    with pytest.raises(CommandError, match=r"does not obey scale: pass control=True to watch\(\)"):
        store.ask(run, "scale", 0.5)
    followed = store.add_live(Recipe(), "imported", "log.csv", None)
    with pytest.raises(CommandError, match=r"follows log\.csv: it cannot be changed from here"):
        store.ask(followed, "stop")


def test_when_it_began_and_how_long_it_took_are_its_own_times(store):
    run = store.add_live(Recipe(), "watched", None, None, began=1000.0, spool=SPOOL)
    store.take_in(run, [Happened(1060.0, Ended("finished"), elapsed=50.0)], SPOOL, 10)
    row = store.run(run)
    assert (row.elapsed, row.ended, row.status) == (50.0, 1060.0, "finished")


def test_a_watched_run_that_has_ended_stays_as_it_ended(store):
    run = watched(store)
    store.take_in(run, [Happened(1.0, Ended("stopped"))], SPOOL, 10)
    store.interrupt(run, "gone")
    assert (store.run(run).status, store.run(run).resumable) == ("stopped", False)
    with pytest.raises(CommandError, match="was watched: it has no weights to continue from"):
        store.resume(run)
