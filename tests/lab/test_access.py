"""Who cannot see the page or has no mouse can use it: axe-core finds nothing, keys suffice."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, Page, expect

from tests.lab.page import NEEDS_CHROMIUM, all_drawn, box, in_state, start
from tests.page import Served, opened

pytestmark = NEEDS_CHROMIUM


# Nothing fades in, whose colours are not yet its own. What moves for ever is no matter.
STILL = """() => {
  const ends = (animation) => animation.effect.getComputedTiming().endTime !== Infinity;
  const moving = document.getAnimations().filter((a) => a.playState === "running" && ends(a));
  const shown = (element) => element.checkVisibility();
  const dialogs = [...document.querySelectorAll("[role=dialog]")].filter(shown);
  return !moving.length && dialogs.every((dialog) => getComputedStyle(dialog).opacity === "1");
}"""


def violations(page: Page) -> list[str]:
    """What axe-core finds wrong on the page, of any level, once it is still."""
    page.wait_for_function(STILL)
    found = Axe().run(page).response["violations"]
    return [f"{v['id']}: {node['html'][:200]}" for v in found for node in v["nodes"]]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_in_any_tab_or_dialog_before_during_and_after_a_run(
    browser: BrowserContext, lab: Served, scheme: str
) -> None:
    with opened(browser, lab.url + "?model=mlp&epochs=8&patience=0", scheme=scheme) as page:
        page.locator("#preview-text").get_by_text("first cut").wait_for()
        assert violations(page) == []
        start(page)
        all_drawn(page, 2)
        assert violations(page) == []
        in_state(page, "finished")
        for tab in ("What if", "Family", "Events"):
            page.get_by_role("tab", name=tab).click()
            page.get_by_role("tabpanel", name=tab).wait_for()
            assert violations(page) == []
        page.get_by_role("button", name="table").click()
        page.get_by_role("region", name="The numbers of the charts").wait_for()
        assert violations(page) == []
        page.get_by_role("button", name="table").click()
        page.get_by_role("button", name="Import a curve").click()
        page.get_by_label("File to import").first.wait_for()
        assert violations(page) == []


@pytest.mark.parametrize("size", ["phone"])
def test_axe_finds_nothing_on_a_phone(browser: BrowserContext, lab: Served, size: str) -> None:
    with opened(browser, lab.url + "?model=mlp&epochs=2", size) as page:
        assert violations(page) == []
        start(page)
        in_state(page, "finished")
        assert violations(page) == []


def tab_to(page: Page, name: str) -> None:
    """Press Tab until the control of that name has the focus."""
    for _ in range(150):
        page.keyboard.press("Tab")
        if page.evaluate(
            "() => (e => e.getAttribute('aria-label') || e.textContent || '')"
            "(document.activeElement)"
        ) == name or page.evaluate(
            "n => [...(document.activeElement.labels || [])].some(l => l.textContent === n)", name
        ):
            return
    raise AssertionError(f"{name} cannot be reached with Tab")


def test_a_run_is_set_up_started_and_forked_by_keyboard_alone(
    browser: BrowserContext, lab: Served
) -> None:
    with opened(browser, lab.url + "?model=mlp") as page:
        tab_to(page, "Patience")
        page.keyboard.press("Control+A")
        page.keyboard.type("0")
        tab_to(page, "Epochs")
        page.keyboard.press("Control+A")
        page.keyboard.type("6")
        tab_to(page, "Start")
        page.keyboard.press("Enter")
        in_state(page, "finished")
        all_drawn(page, 6)
        page.get_by_role("button", name="Fork after 6").wait_for()
        tab_to(page, "Fork after 6")
        page.keyboard.press("Enter")
        expect(page.locator("#fork-title")).to_have_text("Fork of run 1 after epoch 6")
        tab_to(page, "Start the fork")
        page.keyboard.press("Enter")
        page.locator('#status[data-state="finished"]').wait_for()
        all_drawn(page, 12)
    assert len(lab.store.runs(9)) == 2


def test_a_what_if_is_asked_and_forked_by_keyboard_alone(
    browser: BrowserContext, lab: Served
) -> None:
    with opened(browser, lab.url + "?model=mlp&epochs=8&patience=1&threshold=0.9") as page:
        tab_to(page, "Start")
        page.keyboard.press("Enter")
        in_state(page, "finished")
        tab_to(page, "Events")
        page.keyboard.press("ArrowRight")
        patience = page.locator(".what-if").get_by_role("textbox", name="Patience")
        patience.wait_for()
        tab_to(page, "Patience")
        page.keyboard.press("Control+A")
        page.keyboard.type("7")
        expect(patience).to_have_value("7")
        measure = page.locator("#measure")
        expect(measure).to_be_visible()
        tab_to(page, str(measure.text_content()))
        page.keyboard.press("Enter")
        expect(page.locator("#fork-title")).to_contain_text("Fork of run 1 after epoch")
        expect(box(page, "Patience").first).to_have_value("7")


@pytest.mark.parametrize("key", ["Space", "Enter"])
def test_a_key_after_start_does_not_start_another_run(
    browser: BrowserContext, lab: Served, key: str
) -> None:
    with opened(browser, lab.url + "?model=mlp&epochs=10000") as page:
        start(page)
        in_state(page, "training")
        page.keyboard.press(key)
        page.keyboard.press(key)  # Space may leave the run paused
        page.get_by_role("button", name="Stop").click()
        in_state(page, "stopped")
    assert len(lab.store.runs(9)) == 1


def test_the_numbers_of_the_charts_are_a_table_on_demand(
    browser: BrowserContext, lab: Served
) -> None:
    with opened(browser, lab.url + "?model=mlp&epochs=3") as page:
        start(page)
        in_state(page, "finished")
        all_drawn(page, 3)
        page.get_by_role("button", name="table").click()
        rows = page.locator("#table tbody tr")
        expect(rows).to_have_count(3)
        row = lab.store.epochs(1)[-1]
        assert row.decision is not None
        expect(rows.first).to_contain_text(f"{row.metrics['val_loss']:.3g}")
        expect(rows.first).to_contain_text(row.decision.sentence)
        expect(box(page, "Patience")).to_be_visible()
