"""The page in two browsers, and in one: what it costs the training, and how soon it shows it."""

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

from playwright.sync_api import Browser, Page, sync_playwright

from app import ids
from app.server import create_app
from tests.bench.server import HOST, answers, command, finish, started
from tests.bench.sides import TUTORIAL
from tests.bench.storage import answer, long_run, noisy
from tests.bench.table import Figure, Plan, Report, Row, Target, longer
from tests.bench.turns import in_turns, seconds, until
from tests.page import Served, chromium, launch, opened, served
from trainer.config.run import RunConfig
from trainer.engine.events import Ended, EpochEnded, Event, Intervened, Progress
from trainer.store.store import Store
from trainer.worker import Worker

NO_CHROMIUM = "There is no Chromium here; install one, or name it in LRSCOPE_CHROMIUM."
BROWSERS = 2
SHORT, LONG = 100, 10_000
DRAWN_EPOCHS = 10  # a round, at the default 5 epochs a second

# Notes when the drawn curve changes: extendTraces draws before the browser's next timer.
WATCH_CHART = """() => {
  window.drawn = [];
  let last = null;
  setInterval(() => {
    const gd = document.querySelector('#chart .js-plotly-plot');
    const curve = gd && gd._fullLayout && gd.data && gd.data.find((t) => t.name === 'train loss');
    if (!curve) return;
    const now = `${gd.layout.meta.view} ${curve.x.length}`;
    if (now === last) return;
    last = now;
    const run = Number(gd.layout.meta.view.split('-')[0]);
    window.drawn.push([Date.now() / 1e3, run, curve.x.length]);
  }, 5);
}"""
CLICK = "(id) => { const now = Date.now() / 1e3; document.getElementById(id).click(); return now; }"


@contextmanager
def chrome() -> Iterator[Browser]:
    with sync_playwright() as playwright, closing(launch(playwright)) as browser:
        yield browser


@contextmanager
def serving(root: Path) -> Iterator[Served]:
    """LRScope over a home of its own, in this process."""
    with tempfile.TemporaryDirectory() as home, served(Path(home), root) as lab:
        yield lab


@contextmanager
def noted() -> Iterator[list[tuple[float, int, Event]]]:
    """When each event was recorded, of which run, as it comes."""
    notes: list[tuple[float, int, Event]] = []
    record = Store.record

    def noting(store: Store, run: int, event: Event, *more: Any) -> None:
        record(store, run, event, *more)
        notes.append((time.time(), run, event))

    with mock.patch.object(Store, "record", noting):
        yield notes


def watched(plan: Plan) -> Report:
    """Seconds for an epoch of MNIST while two browsers show it, against nobody looking."""
    title = "Watched by two browsers"
    if chromium() is None:
        return Report(title, NO_CHROMIUM)
    with (
        tempfile.TemporaryDirectory() as home,
        closing(Store(Path(home))) as store,
        started([*command(Path(home)), "--datasets", str(plan.root)], "--port") as (process, port),
        chrome() as browser,
    ):
        until(lambda: answers(process, port), every=0.001)
        run = store.add(TUTORIAL)

        def passed(seen: int) -> bool:
            return epochs_of(store, run) > seen

        def an_epoch() -> float:
            """A whole one that begins after now, from its predecessor's end to its own."""
            ends = []
            for _ in range(2):
                seen = epochs_of(store, run)
                until(partial(passed, seen), every=0.02)
                ends.append(time.perf_counter())
            return ends[1] - ends[0]

        def looked_at() -> float:
            with ExitStack() as pages:
                for _ in range(BROWSERS):
                    pages.enter_context(opened(browser, f"http://{HOST}:{port}/"))
                return an_epoch()

        ours, alone = in_turns(looked_at, an_epoch, rounds=plan.rounds)
    return Report(
        title,
        f"A whole MNIST epoch from end to end in a process of lrscope, with {BROWSERS} headless "
        "Chromium pages on the same cores, which draw it, and without.",
        [longer("an epoch", Figure("watched", "s", ours), Figure("headless", "s", alone), 1.03)],
    )


def epochs_of(store: Store, run: int) -> int:
    row = store.run(run)
    return row.epoch if row else 0


def load(plan: Plan) -> Report:
    """Seconds from navigation to the drawn chart, and what the server does for it."""
    title = f"A page with a run of {LONG:,} epochs"
    if chromium() is None:
        return Report(title, NO_CHROMIUM)
    with chrome() as browser, serving(plan.root) as long, serving(plan.root) as short:
        runs = [(lab, long_run(lab.store, noisy(n))) for lab, n in ((long, LONG), (short, SHORT))]
        pages = in_turns(*[_opens(browser, lab) for lab, _ in runs], rounds=plan.rounds)
        views = [_view(lab.store, run) for lab, run in runs]
        answered = in_turns(
            *[lambda view=view: 1e3 * seconds(view) for view in views], rounds=plan.rounds
        )
        sizes = [len(view()) / 1e3 for view in views]
    against = f"{SHORT} epochs"
    return Report(
        title,
        "Navigation to the chart's axes, drawn with the curves; the answer of the callback that "
        "brings the whole run.",
        [
            longer(
                "page load", Figure("LRScope", "s", pages[0]), Figure(against, "s", pages[1]), 2.0
            ),
            longer(
                "the server's part",
                Figure("LRScope", "ms", answered[0]),
                Figure(against, "ms", answered[1]),
            ),
            longer(
                "its bytes",
                Figure("LRScope", "kB", (sizes[0],)),
                Figure(against, "kB", (sizes[1],)),
                reads="as large",
            ),
        ],
    )


def _opens(browser: Browser, lab: Served) -> Callable[[], float]:
    def once() -> float:
        began = time.perf_counter()
        with opened(browser, lab.url):
            return time.perf_counter() - began

    return once


def _view(store: Store, run: int) -> Callable[[], bytes]:
    app = create_app(store, Worker(store, store.home))
    return lambda: answer(app, ids.VIEW, ids.RUN, str(run), {ids.BEGUN: run})


def latency(plan: Plan) -> Report:
    """Seconds from a wish to its sight: Start, an epoch's end, a change by hand, Stop."""
    title = "How soon it is seen"
    if chromium() is None:
        return Report(title, NO_CHROMIUM)
    took: dict[str, list[float]] = {}
    with chrome() as browser, serving(plan.root) as lab, noted() as notes:
        for _ in range(plan.rounds + 1):
            with opened(browser, lab.url) as page:
                _digits(page, lab, notes, took)
        with opened(browser, lab.url) as page:
            for _ in range(plan.rounds + 1):
                _mnist(page, lab, notes, took)
    bounds: dict[str, Target | None] = {
        "Start to first point, digits": Target("at most", 1.0),
        "epoch's end to its point, digits": Target("at most", 0.5, "p95"),
        "Stop to stopped, digits": Target("at most", 0.2),
        "Stop to stopped, MNIST": Target("at most", 0.2),
        "LR asked to changed, MNIST": None,
    }
    # The first round warms up.
    counted = {what: values[len(values) // (plan.rounds + 1) :] for what, values in took.items()}
    return Report(
        title,
        "In one Chromium on the same cores, at the default 5 epochs a second, torch loaded; a "
        "stopped run has written the snapshot from which it can go on.",
        [
            Row(what, Figure("LRScope", "s", tuple(counted[what])), target=bound)
            for what, bound in bounds.items()
        ],
    )


def _digits(page: Page, lab: Served, notes: Any, took: dict[str, list[float]]) -> None:
    """Start the default run on the page, see its first epochs, and stop it there."""
    page.evaluate(WATCH_CHART)
    before = lab.store.newest() or 0
    started = page.evaluate(CLICK, ids.START)
    drawn: list[tuple[float, int, int]] = []
    while not any(run > before and n >= DRAWN_EPOCHS for _, run, n in drawn):
        page.wait_for_timeout(200)
        drawn = page.evaluate("() => window.drawn")
    run = lab.store.newest() or 0
    points = [(at, n) for at, shown, n in drawn if shown == run and n > 0]
    ends = {e.epoch: at for at, r, e in notes if r == run and isinstance(e, EpochEnded)}
    took.setdefault("Start to first point, digits", []).append(points[0][0] - started)
    # A point may bring several epochs: each waited until then.
    took.setdefault("epoch's end to its point, digits", []).extend(
        next(at for at, n in points if n >= epoch) - ends[epoch]
        for epoch in range(1, DRAWN_EPOCHS + 1)
    )
    took.setdefault("Stop to stopped, digits", []).append(_stop(page, lab, run, notes))


def _mnist(page: Page, lab: Served, notes: Any, took: dict[str, list[float]]) -> None:
    """In the middle of an epoch of MNIST: change the LR, then stop."""
    seen = len(notes)
    run = lab.store.add(RunConfig(dataset="mnist", device="cpu"))

    def after(kind: type[Event]) -> list[float]:
        return [at for at, r, event in notes[seen:] if r == run and isinstance(event, kind)]

    until(lambda: len(after(Progress)) > 5, every=0.01)
    asked = time.time()
    lab.store.ask(run, "scale", 0.5)
    until(lambda: bool(after(Intervened)), every=0.01)
    took.setdefault("LR asked to changed, MNIST", []).append(after(Intervened)[0] - asked)
    page.locator(f'#{ids.STATUS}[data-state="training"]').wait_for()
    took.setdefault("Stop to stopped, MNIST", []).append(_stop(page, lab, run, notes))


def _stop(page: Page, lab: Served, run: int, notes: Any) -> float:
    """Press Stop on the page; seconds until the run is recorded as stopped."""
    page.locator(f"#{ids.STOP}:not([disabled])").wait_for()
    pressed: float = page.evaluate(CLICK, ids.STOP)
    finish(lab.store, run)
    ended: float = next(at for at, r, e in notes if r == run and isinstance(e, Ended))
    return ended - pressed
