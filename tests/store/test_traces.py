"""Traces are kept with their run, small, and only as long as they are what was trained."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.input.names import ACTING, NAMES
from tests.small import metrics
from trainer.config.run import RunConfig
from trainer.engine.events import Diverged, EpochEnded, Intervened, Progress
from trainer.schedule.schedule import Schedule
from trainer.schedule.trace import POINTS, Trace
from trainer.store import rows, traces
from trainer.store.faults import CommandError
from trainer.store.store import Store

HALF, WHOLE = Trace((2.0, 1.5), (0.1, 0.2)), Trace((2.0, 1.5, None, 1.0), (0.1, 0.2, 0.3, 0.4))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(Store(tmp_path)) as store:
        yield store


@pytest.fixture
def run(store: Store) -> int:
    return store.add(RunConfig(), claimed=True)


def ended(epoch: int, trace: Trace = WHOLE) -> EpochEnded:
    decision = Schedule(RunConfig(), 1).advance(1.0)
    return EpochEnded(epoch, 0.1, 0.1, metrics(1.0, 1.0, 0.5), 1.0, decision, trace)


def intervened(epoch: int, batch: int, repeated: bool = False) -> Intervened:
    return Intervened(epoch, batch, "scale", 0.5, 0.1, 0.05, "Halved.", repeated)


def test_a_trace_grows_as_its_epoch_trains_and_is_whole_at_its_end(store, run):
    assert store.traces(run) == {}
    store.record(run, Progress(1, 2, 4, HALF))
    assert store.traces(run) == {1: HALF}
    store.record(run, ended(1))
    store.record(run, Progress(2, 2, 4, HALF))
    assert store.traces(run) == {1: WHOLE, 2: HALF}
    assert store.traces(run, after=1) == {2: HALF}
    assert store.traces(run, after=2) == store.traces(run + 1) == {}


def test_an_epoch_that_is_trained_again_has_its_new_trace(store, run):
    for epoch in (1, 2, 3):
        store.record(run, ended(epoch))
    other = Trace((9.0,) * 4)
    store.record(run, Progress(2, 2, 4, HALF))
    assert store.traces(run) == {1: WHOLE, 2: HALF, 3: WHOLE}
    store.record(run, ended(2, other))
    assert store.traces(run) == {1: WHOLE, 2: other, 3: WHOLE}


def test_a_run_that_goes_back_has_no_trace_of_the_epoch_that_it_begins_again(store, run):
    store.record(run, ended(1))
    store.record(run, Progress(2, 2, 4, HALF))
    store.record(run, Progress(2, 0, 4))
    assert store.traces(run) == {1: WHOLE}


@pytest.mark.parametrize(("batch", "left"), [(0, {1}), (2, {1, 2})])
def test_a_change_by_hand_deletes_what_was_trained_without_it(store, run, batch, left):
    for epoch in (1, 2, 3):
        store.record(run, ended(epoch))
    store.record(run, intervened(2, batch, repeated=True))
    assert store.traces(run).keys() == {1, 2, 3}
    store.record(run, intervened(2, batch))
    assert store.traces(run).keys() == left


def test_the_epoch_that_diverged_has_its_trace_and_is_the_last(store, run):
    for epoch in (1, 2, 3):
        store.record(run, ended(epoch))
    last = Trace((3.0, None))
    nothing = metrics(None, None, 0.1)
    store.record(run, Diverged(2, 0.1, 0.1, nothing, 1.0, None, "It diverged.", last))
    assert store.traces(run) == {1: WHOLE, 2: last}


finite = st.floats(allow_nan=False, allow_infinity=False, width=32)
some = st.lists(finite | st.none(), min_size=1, max_size=POINTS).map(tuple)


@given(losses=some, lrs=st.lists(finite, max_size=POINTS).map(tuple))
def test_a_trace_is_stored_to_four_digits_in_two_kilobytes(losses, lrs):
    text = traces.text(Trace(losses, lrs))
    assert len(text.encode()) <= 2048
    _, read = rows.trace(1, (1, text))
    for stored, value in zip([*read.losses, *read.lrs], [*losses, *lrs], strict=True):
        assert stored == (None if value is None else float(f"{value:.4g}"))


def test_the_longest_trace_fits():
    text = traces.text(Trace((-1.2345e-300,) * POINTS, (-1.2345e-300,) * POINTS))
    assert len(text.encode()) <= 2048


def test_reading_epochs_reads_no_trace(store, run):
    store.record(run, ended(1))
    asked: list[str] = []
    store._database.connection.set_trace_callback(asked.append)
    store.epochs(run)
    store.best(run, "val_loss")
    assert asked
    assert not any("traces" in statement for statement in asked)


# Names


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("  baseline ", "baseline"),
        ("two\nlines\tand a tab", "two lines and a tab"),
        ("", None),
        (" \n ", None),
        (None, None),
        ("x" * 80, "x" * 80),
        ("x" * 81, "x" * 79 + "…"),
        (" " * 100 + "y", "y"),
    ],
)
def test_a_run_is_called_what_it_was_named(store, run, given, kept):
    assert store.run(run).name is None
    store.rename(run, "before")
    store.rename(run, given)
    assert store.run(run).name == kept
    assert [row.name for row in store.runs(9)] == [kept]


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_no_name_acts_on_the_text_around_it(store, run, name):
    store.rename(run, name)
    kept = store.run(run).name
    assert len(kept) <= 80
    assert not ACTING & set(kept)


def test_a_run_that_there_is_not_cannot_be_named(store):
    with pytest.raises(CommandError, match="There is no run 7"):
        store.rename(7, "seven")
