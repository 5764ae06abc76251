"""A sweep of 1,000 cells that trains: how soon the page has it, how often its map is drawn anew,
and what that costs the training.
"""

import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from pathlib import Path
from statistics import fmean

from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from app import ids
from app.paths import SWEEP
from tests.bench.page import NO_CHROMIUM
from tests.bench.server import EMPTY_PAGE, HOST, answers, command, started
from tests.bench.table import Figure, Plan, Report, Row, Target, longer
from tests.bench.turns import in_turns, until
from tests.page import chromium, launch, launch_with_profile, opened
from trainer.config.grid import grid
from trainer.config.run import RunConfig
from trainer.config.table import changed
from trainer.store.store import Store
from trainer.sweep.adding import add

BASE = changed(RunConfig(dataset="digits", model="cnn", device="cpu"), {"epochs": 50})
VALUES: dict[str, list[float]] = {
    "lr": [0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1],
    "factor": [0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8],
    "patience": [0, 1, 2, 3, 4, 5, 6, 8, 10, 12],
}
UNDER_WAY = 100  # epochs
# Seconds until a page has drawn all, and of training that are counted then; turns in a round.
SETTLED, WINDOW, TURNS = 3.0, 8.0, 3

# What is seen of a page once it is up.
MAP = f"#{ids.SWEEP_HEAT} .sweep-cell"
FORM = ".sweep-row"
TEXT = ".mantine-Text-root"

# Seconds from navigation to the first frame that has the element of a selector.
UP = "(selector) => document.querySelector(selector) && performance.now() / 1e3"
COUNT = """() => {
  const { draw } = lrscope.heat;
  window.drawn = 0;
  lrscope.heat.draw = (...told) => {
    draw(...told);
    window.drawn += 1;
  };
}"""


def cells(plan: Plan) -> Report:
    """The view Sweep over 1,000 cells of digits while they train."""
    title = "A sweep of 1,000 cells, under way"
    if chromium() is None:
        return Report(title, NO_CHROMIUM)
    with ExitStack() as stack:
        home, empty_home, profile = (
            Path(stack.enter_context(tempfile.TemporaryDirectory())) for _ in range(3)
        )
        ours = stack.enter_context(_page(command(home), "--port")) + SWEEP
        empty = stack.enter_context(_page(command(empty_home), "--port")) + SWEEP
        least = stack.enter_context(_page([sys.executable, "-c", EMPTY_PAGE]))
        store = stack.enter_context(closing(Store(home)))
        playwright = stack.enter_context(sync_playwright())
        known = stack.enter_context(closing(launch_with_profile(playwright, profile)))
        fresh = stack.enter_context(closing(launch(playwright)))
        sweep = add(store, BASE, grid(BASE, VALUES))
        drawn: list[float] = []

        def has_trained(epochs: int) -> bool:
            return store.epochs_of(sweep).trained >= epochs

        def watched() -> float:
            with opened(known, ours, ready=MAP) as page:
                page.wait_for_timeout(1000 * SETTLED)
                page.evaluate(COUNT)
                rate = _rate(store, sweep, page)
                drawn.append(page.evaluate("window.drawn") / WINDOW)
            return rate

        for epochs in range(10, UNDER_WAY + 1, 10):
            until(partial(has_trained, epochs), every=0.5)
        sides = watched, partial(_rate, store, sweep)
        with_page, without = map(_rounds, in_turns(*sides, rounds=plan.rounds * TURNS))
        pages = [(ours, MAP), (empty, FORM), (least, TEXT)]
        ups = in_turns(
            *[
                partial(_up, browser, url, seen)
                for browser in (known, fresh)
                for url, seen in pages
            ],
            rounds=plan.rounds,
        )
        row = store.sweep(sweep)
        assert row is not None
        assert not row.over, "it ended before all was measured"
    rows = []
    for who, (own, view, app) in (("known to the browser", ups[:3]), ("not known", ups[3:])):
        figure = Figure("LRScope", "s", own)
        rows.append(Row(f"up, its scripts {who}", figure, target=Target("at most", 1.0)))
        rows.append(longer("the same", figure, Figure("the view without a sweep", "s", view)))
        rows.append(longer("the same", figure, Figure("Dash's empty app", "s", app)))
    rows.append(
        Row(
            "updates of the map",
            Figure("LRScope", "a second", _rounds(drawn[1:])),
            target=Target("at least", 2.0),
        )
    )
    rows.append(
        Row(
            "epochs trained",
            Figure("watched", "a second", with_page),
            Figure("without a page", "a second", without),
            tuple(a / b for a, b in zip(with_page, without, strict=True)),
            "as fast",
            Target("at least", 0.97),
        )
    )
    return Report(
        title,
        "A process of lrscope that trains 10 LR x 10 factors x 10 patiences of the CNN on digits, "
        "and a headless Chromium on the same cores. A page is up with the first frame that has the "
        "heat map; the browser has kept its scripts, or is in a context of its own. Updates are "
        "drawings of what is new in the map; they and epochs are counted for "
        f"{TURNS} times {WINDOW:g} s a round, with the page, from {SETTLED:g} s after it opened, "
        "and without in turns.",
        rows,
    )


@contextmanager
def _page(command: list[str], port_option: str = "") -> Iterator[str]:
    """A server's process, once it answers; its address."""
    with started(command, port_option) as (process, port):
        until(lambda: answers(process, port))
        yield f"http://{HOST}:{port}"


def _rate(store: Store, sweep: int, page: Page | None = None) -> float:
    """Epochs trained a second, in a while from now on."""
    began, before = time.perf_counter(), store.epochs_of(sweep).trained
    page.wait_for_timeout(1000 * WINDOW) if page else time.sleep(WINDOW)
    return (store.epochs_of(sweep).trained - before) / (time.perf_counter() - began)


def _rounds(turns: Sequence[float]) -> tuple[float, ...]:
    """The mean of the turns of each round."""
    return tuple(fmean(turns[i : i + TURNS]) for i in range(0, len(turns), TURNS))


def _up(browser: Browser | BrowserContext, url: str, seen: str) -> float:
    """Seconds from navigation until it is seen."""
    with opened(browser, url, ready="body") as page:
        return float(page.wait_for_function(UP, arg=seen, polling="raf").json_value())
