"""The list of runs, by SQL, against the same over all runs in plain Python."""

import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app import run_names
from tests.runs.many import fill
from tests.small import small
from tests.store.test_store import ended
from trainer.config.recipe import Recipe
from trainer.config.table import from_config, setting_of
from trainer.engine.events import Ended, Intervened
from trainer.schedule.epoch import Epoch
from trainer.store import deletion
from trainer.store.lineage import lineage
from trainer.store.listing import (
    Filter,
    Listing,
    Query,
    deleted,
    differing,
    order,
    runs_of,
)  # fmt: skip
from trainer.store.listing_columns import COLUMNS
from trainer.store.rows import Unreadable
from trainer.store.run import Elsewhere, Run
from trainer.store.sparklines import POINTS, sparklines
from trainer.store.store import Store

EVERY = 1_000


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> Iterator[Store]:
    """Runs of every kind, forks and imported ones among them."""
    with closing(Store(tmp_path_factory.mktemp("home"))) as store:
        fill(store, 40, 6)
        for parent, epochs in ((40, 8), (39, 9)):
            fork = store.add(small(epochs=epochs), parent=(parent, 4), claimed=True)
            store.record(fork, ended(5, 3.0))
            store.record(fork, Ended("stopped"))
        store.add_imported(
            Recipe(monitor='l"oss é'),
            "Ålesund.csv",
            [Epoch(n, 0.1 / n, 0.1 / n, {'l"oss é': 1 / n}, 0.0, None) for n in range(3, 300, 3)],
        )
        store.add(small(warmup=2))
        store.archive(7, True)
        store.archive(41, True)
        for run, more in ((3, 5), (5, 1), (5, 1)):
            add_epochs(store, run, more)
        store.delete([12])
        yield store


def add_epochs(store: Store, run: int, more: int) -> None:
    store.record(run, Intervened(7, 0, "epochs", more, 0.1, 0.1, ""))


@cache
def every(store: Store) -> list[Run]:
    runs = store.connection.execute("SELECT id FROM runs ORDER BY id DESC")
    found = runs_of(store, [run for (run,) in runs])
    assert all(isinstance(run, Run) for run in found)
    return [run for run in found if isinstance(run, Run)]


@cache
def own(store: Store, run: int) -> dict[str, Any]:
    """What a run has in each column, by its dataclass."""
    found = next(row for row in every(store) if row.id == run)
    return {column: _value(store, found, column) for column in COLUMNS}


def value(store: Store, run: Run, column: str) -> Any:
    return own(store, run.id)[column]


def _value(store: Store, run: Run, column: str) -> Any:
    """What a run has in a column, by its dataclass."""
    values = from_config(run.recipe)
    monitored = [epoch.metrics.get(run.recipe.monitor) for epoch in lineage(store, run.id)]
    measured = [m for m in monitored if m is not None]
    match column:
        case "id" | "starred" | "source" | "epoch" | "began" | "parent" | "note":
            return getattr(run, column)
        case "epochs":
            return run.epochs
        case "name":
            return run.name or plain(run_names.default_name(run))
        case "status":
            return run_names.status(run)[0]
        case "schedule":
            return plain(run_names.schedule(run))
        case "tags":
            return ", ".join(run.tags) or None
        case "seconds":
            return run.elapsed
        case "test-accuracy":
            return run.test_accuracy
        case "last":
            return monitored[-1] if monitored else None
        case "best":
            best = max if run.recipe.mode == "max" else min
            return best(measured) if measured else None
        case _:
            found = values.get(column)
            if isinstance(found, bool | int | float) or found is None:
                return found
            if isinstance(found, tuple):
                return json.dumps(found, separators=(",", ":"))
            words = setting_of(column).words if column in OF_RUN else {}
            return words.get(found, found)


OF_RUN = ("monitor", "dataset", "model", "device")


def plain(text: str) -> str:
    return text.replace("\u2068", "").replace("\u2069", "")


def listed(store: Store, query: Query) -> list[int]:
    """The ids of a query, in plain Python."""
    runs = [run for run in every(store) if query.archived or not run.archived]
    if query.states:
        runs = [run for run in runs if run_names.status(run)[0] in query.states]
    runs = [run for run in runs if all(has(store, run, word) for word in query.text.split())]
    runs = [run for run in runs if all(passes(store, run, f) for f in query.filters)]
    for column, falls in reversed(query.sort):
        known = [run for run in runs if value(store, run, column) is not None]
        missing = [run for run in runs if value(store, run, column) is None]

        def key(run: Run, column: str = column) -> Any:
            found = value(store, run, column)
            if column in ("best", "last") and run.recipe.mode == "max":
                return -found
            return found.casefold() if isinstance(found, str) else found

        runs = [*sorted(known, key=key, reverse=falls), *missing]
    return [run.id for run in runs]


def has(store: Store, run: Run, word: str) -> bool:
    number = word.removeprefix("#")
    if number.isdigit() and int(number) == run.id:
        return True
    if number.isdigit() and number != word:
        return False
    columns = ("name", "tags", "note", "schedule", "dataset", "model")
    texts = [value(store, run, column) or "" for column in columns]
    return word.casefold() in " ".join([*texts, run.recipe.schedule.name]).casefold()


def passes(store: Store, run: Run, asked: Filter) -> bool:
    found: Any = value(store, run, asked.column)
    wanted: Any = asked.value
    match asked.operator:
        case "contains":
            return found is not None and wanted.casefold() in found.casefold()
        case "lacks":
            return wanted.casefold() not in (found or "").casefold()
        case "less":
            return found is not None and found < wanted
        case "greater":
            return found is not None and found > wanted
        case "between":
            return found is not None and wanted <= found <= asked.to
        case "blank":
            return found in (None, "")
        case _:
            return found not in (None, "")


TEXTS = sorted(column for column in COLUMNS if COLUMNS[column].kind == "text")
NUMBERS = sorted(column for column in COLUMNS if COLUMNS[column].kind == "number")
WORDS = st.sampled_from(
    ["adam", "ÖMER", "été", "5", "#5", "cos", "plateau", "lr", "MNIST", "fork", "e", "÷", "%", "'"]
)
FILTERS = st.one_of(
    st.builds(Filter, st.sampled_from(TEXTS), st.sampled_from(["contains", "lacks"]), WORDS),
    st.builds(Filter, st.sampled_from([*TEXTS, *NUMBERS]), st.sampled_from(["blank", "given"])),
    st.builds(
        Filter,
        st.sampled_from(NUMBERS),
        st.sampled_from(["less", "greater", "between"]),
        st.sampled_from([0.0, 0.005, 0.5, 3.0, 20.0, 1.700002e9]),
        st.sampled_from([0.1, 4.0, 1.7e9]),
    ),
)
SORTS = st.tuples(st.sampled_from(list(COLUMNS)), st.booleans())
QUERIES = st.builds(
    Query,
    text=st.lists(WORDS, max_size=2).map(" ".join),
    states=st.sampled_from([(), ("finished",), ("stopped", "imported", "queued")]),
    archived=st.booleans(),
    filters=st.lists(FILTERS, max_size=2).map(tuple),
    sort=st.lists(SORTS, max_size=2, unique_by=lambda sort: sort[0]).map(tuple),
)


@given(query=QUERIES)
def test_a_query_lists_what_plain_python_lists_in_the_same_order(store, query):
    assert order(store, query) == listed(store, query)


@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize("falls", [False, True])
def test_every_column_sorts(store, column, falls):
    query = Query(sort=((column, falls),))
    assert order(store, query) == listed(store, query)


def test_a_run_that_cannot_be_read_is_listed_and_stops_no_query(tmp_path):
    with closing(Store(tmp_path)) as store:
        for _ in range(6):
            store.add(small())
        with closing(sqlite3.connect(store.path)) as damaged, damaged:
            damaged.execute("UPDATE runs SET config = '{\"lr\": ' WHERE id = 1")
            damaged.execute("UPDATE runs SET tags = 'x' WHERE id = 2")
            damaged.execute("UPDATE runs SET config = x'00ff' WHERE id = 3")
            damaged.execute("UPDATE runs SET config = '[]', tags = '{}' WHERE id = 4")
            damaged.execute("UPDATE runs SET config = '{\"schedule\": 3}' WHERE id = 5")
        for column in COLUMNS:
            assert set(order(store, Query(sort=((column, False),)))) == {1, 2, 3, 4, 5, 6}
        found = runs_of(store, order(store, Query()))
        assert [run.id for run in found if isinstance(run, Unreadable)] == [5, 4, 3, 2, 1]
        assert order(store, Query(text="plateau #6")) == [6]
        assert differing(store) == set()


def test_an_order_is_read_again_after_a_change_of_another_process(tmp_path):
    with closing(Store(tmp_path)) as store, closing(Store(tmp_path)) as other:
        first = store.add(small())
        listing = Listing(store)
        assert listing.ids(Query()) == [first]
        second = other.add(small())
        listing.forget()
        assert listing.ids(Query()) == [second, first]


def test_the_version_is_another_after_each_commit_and_only_then(tmp_path):
    with closing(Store(tmp_path)) as store, closing(Store(tmp_path)) as other:
        versions = [store.version(), store.version()]
        run = store.add(small())
        versions.append(store.version())
        other.star(run, True)
        versions += [store.version(), store.version()]
        assert versions[0] == versions[1]
        assert versions[3] == versions[4]
        assert len(set(versions)) == 3


def test_settings_differ_where_two_runs_that_have_them_do(tmp_path):
    with closing(Store(tmp_path)) as store:
        store.add(small(lr=0.1))
        assert differing(store) == set()
        store.add(small(lr=0.1, seed=3))
        store.add(small(lr=0.1, schedule={"name": "StepLR"}))
        assert differing(store) == {"seed", "schedule"}


def test_a_sparkline_has_the_ends_of_a_curve_and_no_more_points_than_it_may(store):
    imported = next(run.id for run in every(store) if run.source == "imported")
    short = 5
    lines = sparklines(store, {imported: 'l"oss é', short: "val_loss"})
    epochs = store.epochs(short)
    assert lines[short].metric == [epoch.metrics["val_loss"] for epoch in epochs]
    assert lines[short].lr == [epoch.lr for epoch in epochs]
    sampled = lines[imported]
    assert POINTS // 2 < len(sampled.lr) <= POINTS
    assert (sampled.metric[0], sampled.metric[-1]) == (1 / 3, 1 / 297)
    assert sampled.lr == sorted(sampled.lr, reverse=True)


def test_a_forks_sparkline_begins_with_the_epochs_that_it_shares_with_its_ancestors(tmp_path):
    with closing(Store(tmp_path)) as store:
        parent, after = None, 0
        for upto, next_after in ((9, 6), (12, 8), (11, 0)):
            fork = None if parent is None else (parent, after)
            run = store.add(small(epochs=upto), parent=fork, claimed=True)
            for epoch in range(after + 1, upto + 1):
                store.record(run, ended(epoch, 10.0 * run + epoch))
            parent, after = run, next_after
        queued = store.add(small(epochs=300), parent=(run, 10))
        long = store.add(small(epochs=300), parent=(run, 10), claimed=True)
        for epoch in range(11, 301):
            store.record(long, ended(epoch, 1000.0 + epoch))
        lines = sparklines(store, dict.fromkeys((1, 2, run, queued, long), "val_loss"))
        for each in (1, 2, run, queued):
            shown = [epoch.metrics["val_loss"] for epoch in lineage(store, each)]
            assert lines[each].metric == (shown[:10] if each == queued else shown)
        whole = [epoch.metrics["val_loss"] for epoch in lineage(store, long)]
        assert len(lines[long].metric) == POINTS
        assert (lines[long].metric[0], lines[long].metric[-1]) == (whole[0], whole[-1])
        assert [value for value in whole if value in lines[long].metric] == lines[long].metric


def test_what_was_deleted_is_told_until_it_can_no_more_be_brought_back(tmp_path, monkeypatch):
    with closing(Store(tmp_path)) as store:
        for _ in range(3):
            store.stop(store.add(small()))
        store.delete([1, 2])
        assert list(deleted(store)) == [1, 2]
        assert all(0 < left <= deletion.UNDO_SECONDS for left in deleted(store).values())
        store.restore([1])
        assert list(deleted(store)) == [2]
        later = time.time() + deletion.UNDO_SECONDS
        monkeypatch.setattr("trainer.store.listing.time", lambda: later)
        assert deleted(store) == {}


def test_the_best_run_comes_first_also_where_a_higher_value_is_better(tmp_path):
    with closing(Store(tmp_path)) as store:
        for accuracy in (0.5, 0.9, None, 0.7):
            run = store.add(small(monitor="val_accuracy"), claimed=True)
            if accuracy is not None:
                store.record(run, replace(ended(1, 1.0), metrics={"val_accuracy": accuracy}))
        for column in ("best", "last"):
            assert order(store, Query(sort=((column, False),))) == [2, 4, 1, 3]
            assert order(store, Query(sort=((column, True),))) == [1, 4, 2, 3]


def test_what_lrscope_does_not_know_of_a_watched_run_is_found_by_its_name(tmp_path):
    with closing(Store(tmp_path)) as store:
        unknown = Elsewhere("train.py", optimizer="Lion", schedule="Warm")
        store.add_live(Recipe(), "watched", "train.py", None, elsewhere=unknown, spool="a" * 32)
        store.add_live(Recipe(), "watched", "train.py", None, elsewhere=Elsewhere(), spool="b" * 32)
        assert order(store, Query(text="warm")) == [1]
        assert order(store, Query(text="plateau")) == [2]
        for column, value, found in (("optimizer", "lion", [1]), ("optimizer", "adam", [2])):
            assert order(store, Query(filters=(Filter(column, "contains", value),))) == found
        assert order(store, Query(filters=(Filter("beta1", "given"),))) == [2]
