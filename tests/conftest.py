"""How hard the tests look for a counterexample: in short, and in the long version. The figures
that tests report. And a Chromium.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:  # what a process without a browser test need not load
    from playwright.sync_api import BrowserContext

LONG = bool(os.environ.get("LRSCOPE_LONG"))
HAVE_LONG_VERSIONS = [Path(__file__).parent / folder for folder in ("faults", "input", "load")]

# A core has a process of tests already: a thread more would wait for it.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")

# Tests that a shell starts in the background ignore Ctrl-C, and so would the processes that they
# start: a test that interrupts one would wait for ever.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# No test may fail because the machine is busy.
patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("short", patient, max_examples=250)
settings.register_profile("long", patient, max_examples=20_000)
settings.load_profile("long" if LONG else "short")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The files that take long come first, so that no process has one left when the others have
    ended: those with a Chromium, and those that have a long version.
    """
    for item in items:
        if any(item.path.is_relative_to(folder) for folder in HAVE_LONG_VERSIONS):
            item.add_marker(pytest.mark.long)
    take_long = {item.path for item in items if item.get_closest_marker("browser")}
    take_long |= {item.path for item in items if item.get_closest_marker("long")}
    items.sort(key=lambda item: item.path not in take_long)


@pytest.fixture(scope="session")
def chrome(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrowserContext]:
    """The one Chromium of a process, for `browser`."""
    from playwright.sync_api import sync_playwright

    from tests.page import launch_with_profile

    with sync_playwright() as playwright:
        context = launch_with_profile(playwright, tmp_path_factory.mktemp("profile"))
        yield context
        context.close()


@pytest.fixture
def browser(chrome: BrowserContext) -> Iterator[BrowserContext]:
    """A Chromium without a page of another test, a cookie or a chosen colour scheme."""
    before = chrome.pages
    yield chrome
    for page in chrome.pages:
        if page not in before:
            page.close()
    everything = {"origin": "*", "storageTypes": "cookies,local_storage"}
    chrome.new_cdp_session(before[0]).send("Storage.clearDataForOrigin", everything)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What the tests reported with `record_property(what, figure)`: the sums of the counts, as of
    kills, inputs, polls and runs, and each test's figures.
    """
    reports = [
        report
        for kind in ("passed", "failed")
        for report in terminalreporter.stats.get(kind, [])
        if report.when == "call" and report.user_properties
    ]
    if not reports:
        return
    counts: dict[str, int] = {}
    terminalreporter.section("figures")
    for report in reports:
        terminalreporter.write_line(f"{report.nodeid}: {report.outcome} in {report.duration:.1f} s")
        for what, figure in report.user_properties:
            terminalreporter.write_line(f"    {what}: {_text(figure)}")
            if isinstance(figure, int):
                counts[what] = counts.get(what, 0) + figure
    totals = ", ".join(f"{what} {_text(total)}" for what, total in counts.items())
    seconds = sum(report.duration for report in reports)
    terminalreporter.write_line(f"together in {seconds / 60:.1f} min: {totals}")


def _text(figure: object) -> str:
    return f"{figure:,}" if isinstance(figure, int) else str(figure)
