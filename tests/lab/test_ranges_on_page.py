"""Charts at the ends of what they must show: any range of the LR, and many cuts."""

from itertools import pairwise

import pytest
from playwright.sync_api import BrowserContext

from tests.lab.page import NEEDS_CHROMIUM
from tests.page import Served, opened
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


@pytest.mark.parametrize("decades", [0.0, 0.4, 1.0, 1.5, 2.0, 8.0])
def test_the_ticks_of_the_lr_say_their_values_and_never_overlap(
    browser: BrowserContext, lab: Served, decades: float
) -> None:
    lrs = tuple(0.08 * 10 ** (-decades * i / (EPOCHS - 1)) for i in range(EPOCHS))
    losses: Losses = {"val_loss": tuple(1 / (i + 1) for i in range(EPOCHS))}
    import_curve(lab.store, Curve("mine.csv", tuple(range(1, EPOCHS + 1)), losses, lrs), {})
    with opened(browser, lab.url) as page:
        page.wait_for_function(READY)
        page.wait_for_function(f"() => ({TICKS})().length > 0")
        ticks, (low, high) = page.evaluate(TICKS), page.evaluate(RANGE)
        assert 2 <= len(ticks) <= 7
        for text, *_ in ticks:
            assert 10**low * 0.99 <= float(text) <= 10**high * 1.01
        edges = sorted((top, bottom) for _, top, bottom in ticks)
        assert all(above[1] <= below[0] + 1 for above, below in pairwise(edges))


@pytest.mark.parametrize(("epochs", "named"), [(40, True), (600, False)])
def test_cuts_are_named_where_there_is_room_for_a_name(
    browser: BrowserContext, lab: Served, epochs: int, named: bool
) -> None:
    flat: Losses = {"val_loss": (1.0,) * epochs}
    curve = Curve("mine.csv", tuple(range(1, epochs + 1)), flat)
    import_curve(lab.store, curve, {"patience": 0, "factor": 0.9, "lr": 0.1})
    with opened(browser, lab.url) as page:
        page.wait_for_function(READY)
        page.wait_for_function("() => document.querySelectorAll('#labels .end').length > 0")
        assert (page.locator("#labels .mark-cut").count() >= 10) == named
        assert page.locator("#labels .mark-cut").count() <= 40
