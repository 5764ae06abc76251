"""What a page with a sweep is told: at first all of it, then what has changed."""

import copy
import itertools
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app import ids
from app.sweep import live, view
from app.sweep.address import ROWS
from app.sweep.changing import Change, change
from app.sweep.delta import changes
from app.sweep.live import News, Seen
from tests.small import small
from tests.sweep.conftest import _small
from tests.sweep.sweeps import added, trained
from trainer.config.grid import grid
from trainer.engine.events import Ended, EpochEnded
from trainer.store.store import Store

__all__ = ["_small"]  # a fixture: a data set of a moment
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.floats(0, 1) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=2), inner),
    max_leaves=12,
)


def applied(made: list[list[Any]], value: Any) -> Any:
    """A value with these changes, as the browser makes them."""
    root = {"": copy.deepcopy(value)}
    for path, *values in made:
        place: Any = root
        for key in ["", *path][:-1]:
            place = place[key]
        if values:
            place[["", *path][-1]] = values[0]
        else:
            del place[path[-1]]
    return root[""]


@given(JSON, JSON)
def test_the_changes_turn_one_value_into_the_other(before, after):
    assert repr(applied(changes(before, after), before)) == repr(after) or (
        applied(changes(before, after), before) == after  # keys may come in another order
    )


def test_what_has_not_changed_is_not_sent():
    before = {"z": [[0.1, None, 0.3], [0.4, 0.5, 0.6]], "note": "x"}
    after = {"z": [[0.1, 0.2, 0.3], [0.4, 0.5, 0.6]], "note": "x"}
    assert changes(before, after) == [[["z", 0, 1], 0.2]]


@pytest.fixture
def swept(store: Store) -> int:
    """Two LRs by two patiences, of which the first epochs are trained."""
    sweep = added(store, small(epochs=3), {"lr": [0.01, 0.05], "patience": [0, 1]})
    trained(store, sweep, lambda each: isinstance(each.event, EpochEnded))
    return sweep


def seen(sweep: int, version: int | None = None, query: str = "", width: int = 700) -> Seen:
    return Seen(sweep=sweep, query=query, width=width, version=version)


def test_a_page_is_told_all_then_nothing_then_only_what_is_new(store: Store, swept: int):
    news = News(store)
    first = news.of(seen(swept))
    [[path, whole]] = first["changes"]
    assert path == []
    assert (
        whole["head"]["counts"] == "12 epochs asked, 2 reached, 1 trained, 2.00 times fewer so far"
    )
    assert "changes" not in news.of(seen(swept, first["version"]))
    store.resume_sweep(swept, claimed=True)
    trained(store, swept)
    then = news.of(seen(swept, first["version"]))
    assert then["changes"]
    assert all(path for path, *_ in then["changes"])
    [[_, fresh]] = News(store).of(seen(swept))["changes"]
    assert applied(then["changes"], whole) == fresh
    assert fresh["head"]["status"] == ["finished", "finished"]


def test_only_a_sweep_with_cells_that_would_train_can_be_gone_on_with(store: Store):
    values = {"lr": [0.001, 0.01, 0.1], "patience": [0, 2]}
    sweep = added(store, small(epochs=9), values, mode="halving", first=2, keep=3)
    trained(store, sweep, lambda each: isinstance(each.event, EpochEnded))
    [[_, whole]] = News(store).of(seen(sweep))["changes"]
    assert "resume" in whole["head"]["controls"]
    store.resume_sweep(sweep, claimed=True)
    trained(store, sweep)
    [[_, whole]] = News(store).of(seen(sweep))["changes"]
    assert whole["head"]["percent"] == 100  # some were stopped: each is resumed by itself
    assert whole["head"]["controls"] == ["archive", "delete"]
    store.archive_sweep(sweep, True)
    [[_, whole]] = News(store).of(seen(sweep))["changes"]
    assert whole["head"]["controls"] == ["unarchive", "delete"]


def test_a_page_of_another_server_is_told_all_again(store: Store, swept: int):
    first = News(store).of(seen(swept))
    again = News(store).of(seen(swept, first["version"] - 1))
    assert [path for path, *_ in again["changes"]] == [[]]


def test_a_page_that_is_not_laid_out_gets_the_map_of_the_newest_sweep_first(
    store: Store, swept: int
):
    news = News(store)
    first = news.of(Seen(query=""))
    assert (first["sweep"], first["wait"]) == (swept, 0)
    [[_, parts]] = first["changes"]
    assert parts.keys() == {"head", "look", "heat"}
    then = news.of(seen(swept, first["version"]))
    [[_, whole]] = News(store).of(seen(swept))["changes"]
    assert applied(then["changes"], parts) == whole
    assert not any(path[:1] == ["heat"] for path, *_ in then["changes"])


def test_without_a_sweep_there_is_nothing_to_tell(store: Store):
    assert News(store).of(Seen(query="")).keys() == {"wait"}


def test_what_one_page_got_is_not_made_again_for_another(
    store: Store, swept: int, monkeypatch: pytest.MonkeyPatch
):
    news = News(store)
    first = news.of(seen(swept))
    monkeypatch.delattr(live, "scene")
    assert news.of(seen(swept)) == first


def test_a_map_that_takes_long_is_asked_for_less_often(
    store: Store, swept: int, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(live, "MANY", 3)
    clock = itertools.count()
    monkeypatch.setattr(time, "thread_time", lambda: 0.05 * next(clock))
    store.resume_sweep(swept, claimed=True)
    news = News(store)
    first = news.of(seen(swept))
    trained(store, swept, lambda each: isinstance(each.event, EpochEnded))
    store.resume_sweep(swept, claimed=True)  # it goes on
    assert news.of(seen(swept, first["version"]))["wait"] == pytest.approx(2000)


def test_another_look_is_drawn_at_once(store: Store, swept: int):
    news = News(store)
    first = news.of(seen(swept))
    turned = news.of(seen(swept, first["version"], "?y=patience&x=lr&metric=val_accuracy"))
    [[_, whole]] = first["changes"]
    look = applied(turned["changes"], whole)["look"]["chosen"]
    assert look == {"metric": "val_accuracy", "y": "patience", "x": "lr", "by": "", "tree": "best"}


def test_a_sweep_that_was_deleted_is_said_in_a_sentence(store: Store):
    assert News(store).of(seen(7))["gone"] == "Sweep 7 was deleted."


def test_a_sweep_is_paused_gone_on_with_and_renamed(store: Store):
    sweep = added(store, small(), {"lr": [0.01, 0.05]})
    assert change(store, Change(sweep=sweep, what="pause")) == ""
    assert store.sweep_asked(sweep) == "pause"
    store.end_sweep(sweep, "paused")
    assert change(store, Change(sweep=sweep, what="resume")) == ""
    assert store.sweep(sweep).status == "queued"
    assert "already" in change(store, Change(sweep=sweep, what="resume"))
    assert change(store, Change(sweep=sweep, what="rename", value=" night ")) == ""
    assert store.sweep(sweep).name == "night"
    assert change(store, Change(sweep=sweep, what="pause")) == ""
    assert store.sweep(sweep).status == "paused"
    assert "is over (paused)" in change(store, Change(sweep=sweep, what="pause"))
    assert change(store, Change(sweep=sweep, what="stop")) == ""
    assert store.sweep(sweep).status == "stopped"
    assert change(store, Change(sweep=99, what="stop")) == "There is no sweep 99."


def test_of_many_cells_the_map_is_told_at_once_and_the_rest_in_the_end(
    store: Store, swept: int, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(live, "MANY", 3)
    news = News(store)
    store.resume_sweep(swept, claimed=True)
    first = news.of(seen(swept))
    trained(store, swept, lambda each: isinstance(each.event, EpochEnded))
    store.resume_sweep(swept, claimed=True)  # it goes on
    then = news.of(seen(swept, first["version"]))
    assert {path[0] for path, *_ in then["changes"]} <= {"head", "heat"}
    trained(store, swept)
    last = news.of(seen(swept, then["version"]))
    [[_, whole]] = first["changes"]
    [[_, fresh]] = News(store).of(seen(swept))["changes"]
    assert applied(last["changes"], applied(then["changes"], whole)) == fresh


def test_a_sweep_that_waits_says_for_what(store: Store):
    run = store.add(small(), claimed=True)
    plan = grid(small(epochs=2), {"lr": [0.01, 0.05]}).model_dump(mode="json")
    sweep = store.add_sweep("grid", small(epochs=2), plan, [small(epochs=2)])

    def word() -> Any:
        return News(store).of(seen(sweep))["changes"][0][1]["head"]["status"]

    assert word() == ["queued", f"waiting for run #{run}"]
    store.record(run, Ended("stopped"))
    assert word() == ["queued", "waiting"]


def test_a_sweep_of_one_run_has_no_axes_to_choose_and_its_form_no_values(store: Store):
    sweep = added(store, small(epochs=2), {})
    (_, parts), *_ = News(store).of(seen(sweep))["changes"]
    assert [part for part, _ in parts["look"]["choices"]] == ["metric", "tree"]
    assert parts["tree"]["figure"]["layout"]["xaxis"]["dtick"] == 1  # no half epochs
    page = view.layout(store, f"?sweep={sweep}")
    assert {page[ids.sweep_row("values", row)].value for row in range(ROWS)} == {""}
