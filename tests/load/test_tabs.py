"""Many pages on one run: each draws all of it, and together they cost the training little."""

import os
import tempfile
import threading
import time
from contextlib import closing
from pathlib import Path
from statistics import median

from tests.bench.server import HOST, answers, command, started
from tests.bench.turns import until
from tests.conftest import LONG
from tests.load.tabs import Tab, Watch, watching
from tests.page import served
from trainer.config.run import RunConfig
from trainer.store.store import Store

TABS = 20

MNIST = os.environ.get("LRSCOPE_TEST_MNIST")
WINDOW = 30  # seconds with the tabs, and as many without
ROUNDS = 20  # ten minutes with the tabs


def complete(tab: Tab) -> bool:
    return tab.drawn == list(range(1, len(tab.drawn) + 1))


def test_each_of_many_tabs_draws_every_epoch_once_and_in_order(
    tmp_path, caplog, record_property
) -> None:
    epochs = 200
    with served(tmp_path, tmp_path) as lab:
        run = lab.store.add(
            RunConfig(model="mlp", batch_size=1077, epochs=epochs, device="cpu"), pace=100
        )
        until(lambda: bool(lab.store.epochs(run)))
        with watching(lab.url, run, TABS) as (tabs, _):
            until(lambda: all(len(tab.drawn) >= epochs or tab.refused for tab in tabs), every=0.02)
    assert [tab.refused for tab in tabs] == [[]] * TABS
    assert all(complete(tab) and len(tab.drawn) == epochs for tab in tabs)
    assert caplog.records == []
    record_property("polls", sum(len(tab.took) for tab in tabs))


def rate(store: Store, run: int, watch: Watch, asking: bool) -> float:
    """Batches a second over a window, while the tabs ask or while they do not."""

    def batches() -> int:
        row = store.run(run)
        assert row is not None
        return row.epoch * row.batches + row.batch

    (watch.asking.set if asking else watch.asking.clear)()
    before, began = batches(), time.monotonic()
    threading.Event().wait(WINDOW)
    return (batches() - before) / (time.monotonic() - began)


if LONG:

    def test_ten_minutes_with_many_tabs(record_property) -> None:
        """A run in a process of its own trains in turns: while the tabs ask, while they do not."""
        config = RunConfig(dataset="mnist" if MNIST else "digits", epochs=10_000, device="cpu")
        root = ["--datasets", MNIST] if MNIST else []
        rates: dict[bool, list[float]] = {True: [], False: []}
        with (
            tempfile.TemporaryDirectory() as home,
            closing(Store(Path(home))) as store,
            started([*command(Path(home)), *root], "--port") as (process, port),
        ):
            until(lambda: answers(process, port))
            run = store.add(config)
            until(lambda: bool(store.epochs(run)))
            with watching(f"http://{HOST}:{port}/", run, TABS) as (tabs, watch):
                until(lambda: all(tab.took for tab in tabs))
                for _ in range(ROUNDS):
                    for asking in (False, True):
                        rates[asking].append(rate(store, run, watch, asking))
                recorded = store.epochs(run)[-1].epoch
                until(lambda: all(len(tab.drawn) >= recorded or tab.refused for tab in tabs))
        assert [tab.refused for tab in tabs] == [[]] * TABS
        assert all(complete(tab) for tab in tabs)
        slower = median(
            1 - watched / alone for watched, alone in zip(rates[True], rates[False], strict=True)
        )
        took = sorted(seconds for tab in tabs for seconds in tab.took)
        record_property("polls", len(took))
        record_property("epochs at each tab", min(len(tab.drawn) for tab in tabs))
        record_property("training slower by", f"{slower:.1%} ({TABS} tabs, {config.dataset})")
        record_property("a poll, median", f"{1e3 * median(took):.1f} ms")
