"""A page that nobody sees."""

from playwright.sync_api import BrowserContext

from tests.charts.test_series import CONFIG, FLAT
from tests.lab.page import NEEDS_CHROMIUM, all_drawn
from tests.lab.test_live import record
from tests.lab.test_readout import STARTED
from tests.page import Served, opened

pytestmark = NEEDS_CHROMIUM

SEEN = "(seen) => { hidden = !seen; document.dispatchEvent(new Event('visibilitychange')); }"
NOTE_WAITS = """() => {
  window.hidden = true;
  window.waits = [];
  Object.defineProperty(document, "hidden", { get: () => window.hidden });
  const { setTimeout } = window;
  window.setTimeout = (action, ms) => {
    if (action.name === "ask") window.waits.push(ms);
    return setTimeout(action, ms);
  };
}"""


def test_a_hidden_page_asks_seldom_and_catches_up_when_it_is_seen(
    browser: BrowserContext, lab: Served
) -> None:
    run = lab.store.add(CONFIG, claimed=True)
    lab.store.record(run, STARTED)
    with opened(browser, lab.url) as page:
        record(lab.store, run, FLAT[0])
        all_drawn(page, 1)
        page.evaluate(NOTE_WAITS)
        page.wait_for_function("() => waits.length > 0")
        assert min(page.evaluate("() => waits")) >= 10_000
        for row in FLAT[1:]:
            record(lab.store, run, row)
        page.evaluate(SEEN, True)
        all_drawn(page, FLAT[-1].epoch)
        drawn = page.locator("#log li").evaluate_all("rows => rows.map((row) => row.dataset.epoch)")
    assert drawn == [str(row.epoch) for row in reversed(FLAT)]
