"""Charts at the ends of what they must show: any range of the LR, and many cuts."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import pytest
from playwright.sync_api import BrowserContext, Page

from tests.lab.page import NEEDS_CHROMIUM, choose_run, shows
from tests.page import Served, opened, served
from trainer.curves.csv import Curve
from trainer.curves.importing import import_curve

pytestmark = NEEDS_CHROMIUM

Losses = dict[str, tuple[float | None, ...]]
EPOCHS = 30
TICKS = """() => [...document.querySelectorAll("#chart .y2tick text")].map((tick) => {
  const { top, bottom } = tick.getBoundingClientRect();
  return [tick.textContent.replace("\\u2212", "-"), top, bottom];
})"""
RANGE = "() => document.querySelector('#chart .js-plotly-plot')._fullLayout.yaxis2.range"
READY = (
    "() => document.querySelector('#chart .js-plotly-plot')?.data?.some(({ x }) => x.length > 20)"
)


DECADES = [0.0, 0.4, 1.0, 1.5, 2.0, 8.0]


@dataclass(frozen=True)
class Curves:
    """The address of a page, one that is open, and the runs that they can show: by the decades of
    their LR, and by their epochs.
    """

    url: str
    page: Page
    falling: dict[float, int]
    cut: dict[int, int]


@pytest.fixture(scope="module")
def curves(chrome: BrowserContext, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Curves]:
    folder = tmp_path_factory.mktemp("curves")
    with served(folder / "home", folder / "datasets") as lab:
        falling = {decades: fall(lab, decades) for decades in DECADES}
        cut = {epochs: cut_often(lab, epochs) for epochs in (40, 600)}
        with opened(chrome, lab.url) as page:
            yield Curves(lab.url, page, falling, cut)


def fall(lab: Served, decades: float) -> int:
    """Import a curve whose LR falls by so many decades; returns the run id."""
    lrs = tuple(0.08 * 10 ** (-decades * i / (EPOCHS - 1)) for i in range(EPOCHS))
    losses: Losses = {"val_loss": tuple(1 / (i + 1) for i in range(EPOCHS))}
    curve = Curve("mine.csv", tuple(range(1, EPOCHS + 1)), losses, lrs)
    return import_curve(lab.store, curve, {})


def cut_often(lab: Served, epochs: int) -> int:
    """Import a flat curve, of which every epoch but the first is bad; returns the run id."""
    flat: Losses = {"val_loss": (1.0,) * epochs}
    curve = Curve("mine.csv", tuple(range(1, epochs + 1)), flat)
    return import_curve(lab.store, curve, {"patience": 0, "factor": 0.9, "lr": 0.1})


@pytest.mark.parametrize("decades", DECADES)
def test_the_ticks_of_the_lr_say_their_values_and_never_overlap(
    curves: Curves, decades: float
) -> None:
    page = curves.page
    choose_run(page, curves.falling[decades])
    shows(page, curves.falling[decades])
    page.wait_for_function(READY)
    page.wait_for_function(f"() => ({TICKS})().length > 0")
    ticks, (low, high) = page.evaluate(TICKS), page.evaluate(RANGE)
    if page.evaluate("lrscope.charts.gd()._fullLayout.yaxis2.type") == "log":
        low, high = 10**low, 10**high
    assert 2 <= len(ticks) <= 7
    for text, *_ in ticks:
        assert low - 0.01 * abs(low) <= float(text) <= high * 1.01
    edges = sorted((top, bottom) for _, top, bottom in ticks)
    assert all(above[1] <= below[0] + 1 for above, below in pairwise(edges))


@pytest.mark.parametrize(("epochs", "named"), [(40, True), (600, False)])
def test_cuts_are_named_where_there_is_room_for_a_name(
    browser: BrowserContext, curves: Curves, epochs: int, named: bool
) -> None:
    with opened(browser, f"{curves.url}?run={curves.cut[epochs]}") as page:
        page.wait_for_function(READY)
        page.wait_for_function("() => document.querySelectorAll('#labels .end').length > 0")
        assert (page.locator("#labels .mark-cut").count() >= 10) == named
        assert page.locator("#labels .mark-cut").count() <= 40
