"""A run of many epochs on the page: drawn, read and asked about like any other."""

from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import BrowserContext, Page, expect

from app.lab import cut_map
from tests.bench.storage import noisy
from tests.conftest import LONG
from tests.lab.page import NEEDS_CHROMIUM, points
from tests.page import opened, served
from tests.small import metrics
from trainer.config.recipe import Recipe
from trainer.config.table import changed
from trainer.replay.comparison import compare
from trainer.replay.replay import replay
from trainer.schedule.epoch import Epoch

pytestmark = NEEDS_CHROMIUM

EPOCHS = 20_000 if LONG else 3_000
MOST_MARKERS = 2_500  # elements that the chart may have for them
PATIENCE_MS = 300_000  # on a busy machine
DRAWN = """(epochs) => {
  const { data } = document.querySelector("#chart .js-plotly-plot");
  return data.some(({ name, x }) => name === "validation loss" && x.length === epochs);
}"""
MAP = "document.querySelector('#map .js-plotly-plot')"
IN_VIEW = """() => {
  const row = document.querySelector("#log [aria-selected=true]");
  const [inner, outer] = [row, row.parentNode].map((element) => element.getBoundingClientRect());
  return inner.top >= outer.top - 1 && inner.bottom <= outer.bottom + 1;
}"""


def recorded() -> list[Epoch]:
    """A run that is cut until no cut has an effect, and then waits for each next one."""
    losses = noisy(EPOCHS)
    return [
        Epoch(s.epoch, s.lr, s.lr_last, metrics(loss * 0.9, loss, None), 0.1, s.decision)
        for s, loss in zip(replay(losses, Recipe()), losses, strict=True)
    ]


def test_a_run_of_many_epochs_is_drawn_read_and_asked_about(
    browser: BrowserContext, tmp_path: Path, record_property: Callable[[str, int], None]
) -> None:
    rows = recorded()
    with served(tmp_path, tmp_path) as lab:
        lab.store.add_imported(Recipe(), "elsewhere.csv", rows)
        with opened(browser, lab.url) as page:
            look_through(page, rows)
    record_property("epochs of one run", EPOCHS)


def look_through(page: Page, rows: list[Epoch]) -> None:
    page.set_default_timeout(PATIENCE_MS)
    page.wait_for_function(DRAWN, arg=EPOCHS)
    drawn = points(page, "validation loss", EPOCHS)
    assert drawn == [row.metrics["val_loss"] for row in rows]
    assert page.locator("#chart .points path").count() <= MOST_MARKERS

    every = page.get_by_role("button", name="all epochs")
    every.click()
    page.locator("#log").evaluate("(log) => { log.scrollTop = log.scrollHeight; }")
    page.wait_for_function("() => document.querySelectorAll('#log li').length > 500")
    every.click()
    page.wait_for_function("() => document.querySelectorAll('#log li').length <= 500")
    for epoch in (1, EPOCHS // 2):
        page.evaluate("(epoch) => lrscope.pointing.pointAt(epoch)", epoch)
        row = page.locator("#log [aria-selected=true]")
        expect(row).to_have_attribute("data-epoch", str(epoch), timeout=PATIENCE_MS)
        page.wait_for_function(IN_VIEW)

    page.get_by_text("What if", exact=True).click()
    panel = page.locator(".what-if")
    panel.get_by_role("textbox", name="Patience").fill("3")
    impatient = compare(Recipe(), rows, changed(Recipe(), {"patience": 3}), 1)
    expect(page.locator("#answer")).to_contain_text(impatient.sentence, timeout=PATIENCE_MS)
    page.wait_for_function(f"() => {MAP}.data?.length")
    cells = page.evaluate(f"() => {MAP}.data[0].z")
    assert len(cells) * len(cells[0]) * EPOCHS <= max(
        cut_map.MOST_REPLAYED, cut_map.LEAST_VALUES**2 * EPOCHS
    )
