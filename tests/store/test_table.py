"""The best and the last of many runs at once are those of their epochs, read one by one."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.small import small
from trainer.config.metrics import rises
from trainer.engine.events import Ended, EpochEnded
from trainer.schedule.decisions import Decision
from trainer.store import table
from trainer.store.lineage import lineage
from trainer.store.rows import Unreadable
from trainer.store.store import Store

VALUES = st.none() | st.sampled_from([0.5, 1.0, 2.0]) | st.floats(-10, 10)
METRICS = ["val_loss", 'top-1 "accuracy"', "naïve $.score"]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(Store(tmp_path)) as opened:
        yield opened


def record(store: Store, run: int, epoch: int, values: list[float | None]) -> None:
    decision = Decision(kind="kept", epoch=epoch, lr=0.1, next_lr=0.1, schedule="none")
    measured = dict(zip(METRICS, values, strict=True))
    store.record(run, EpochEnded(epoch, 0.1, 0.1, measured, 1.0, decision))


@st.composite
def families(draw: st.DrawFn) -> list[tuple[int | None, int, list[list[float | None]]]]:
    """Runs: the one that each was forked from, the epoch, and the values of its own epochs."""
    made: list[tuple[int | None, int, list[list[float | None]]]] = []
    for _ in range(draw(st.integers(1, 6))):
        owners = [n for n, (_, _, own) in enumerate(made) if own]
        parent = draw(st.sampled_from([None, *owners]))
        after = 0
        if parent is not None:
            first = made[parent][1]
            after = draw(st.integers(first + 1, first + len(made[parent][2])))
        own = draw(st.lists(st.lists(VALUES, min_size=3, max_size=3), max_size=5))
        made.append((parent, after, own))
    return made


@settings(max_examples=settings.default.max_examples // 5)  # an example writes a store
@given(family=families(), metric=st.sampled_from(METRICS))
def test_the_results_are_those_of_the_epochs(tmp_path_factory, family, metric):
    with closing(Store(tmp_path_factory.mktemp("home"))) as store:
        for parent, after, own in family:
            origin = None if parent is None else (parent + 1, after)
            run = store.add(small(epochs=100), parent=origin, claimed=True)
            for epoch, values in enumerate(own, after + 1):
                record(store, run, epoch, values)
        found = table.results(store, dict.fromkeys(table.ids(store), metric))
        for run, result in found.items():
            rows = lineage(store, run)
            values = {row.epoch: row.metrics[metric] for row in rows}
            measured = {n: value for n, value in values.items() if value is not None}
            best = (max if rises(metric) else min)(measured.values(), default=None)
            first = min((n for n, value in measured.items() if value == best), default=None)
            assert (result.best, result.epoch) == (best, first)
            assert result.last == (rows[-1].metrics[metric] if rows else None)


def test_as_many_queries_are_made_for_many_runs_as_for_one(store: Store) -> None:
    def queries(runs: list[int]) -> int:
        made: list[str] = []
        store.connection.set_trace_callback(made.append)
        table.results(store, dict.fromkeys(runs, "val_loss"))
        store.connection.set_trace_callback(None)
        return len(made)

    parent = store.add(small(), claimed=True)
    for epoch, loss in enumerate([1.0, 2.0, 0.5], 1):
        record(store, parent, epoch, [loss, None, None])
    forks = [store.add(small(), parent=(parent, 2)) for _ in range(30)]
    assert queries(forks[:1]) == queries(forks) == 2


def test_the_newest_that_are_accepted_are_found_beyond_the_first_batch(store: Store) -> None:
    runs = [store.add(small(seed=n % 300)) for n in range(450)]
    accepted = table.newest(store, 2, lambda run: run.config.seed == 7)
    assert [run.id for run in accepted] == [runs[307], runs[7]]
    assert [run.id for run in table.newest(store)] == runs[::-1]
    assert [run.id for run in table.newest(store, 3)] == runs[:-4:-1]


def test_a_run_or_an_epoch_that_cannot_be_read_stops_no_other(store: Store) -> None:
    good, bad, worse = (store.add(small(), claimed=True) for _ in range(3))
    for run in (good, bad, worse):
        record(store, run, 1, [1.0, None, None])
        store.record(run, Ended("finished"))
    store.connection.execute("UPDATE epochs SET metrics = '{' WHERE run = ?", (bad,))
    store.connection.execute("UPDATE runs SET config = '{' WHERE id = ?", (worse,))
    found = table.results(store, dict.fromkeys([good, bad, worse], "val_loss"))
    assert found[good] == found[worse] == table.Result(1.0, 1, 1.0)
    assert found[bad].last is None
    assert [isinstance(run, Unreadable) for run in table.newest(store)] == [True, False, False]
