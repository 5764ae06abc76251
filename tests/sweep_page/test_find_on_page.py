"""Find a learning rate from the view Sweep, in a real browser."""

import re

from playwright.sync_api import BrowserContext, expect

from tests.lab.page import NEEDS_CHROMIUM, box
from tests.lab.test_access import violations
from tests.page import Served, opened

pytestmark = NEEDS_CHROMIUM
BASE = "model=mlp&epochs=3&batch-size=512&device=cpu"
FOUND = "() => document.getElementById('sweep-found')?._fullLayout"


def test_an_lr_is_looked_for_and_its_answer_used_and_checked(
    browser: BrowserContext, lab: Served
) -> None:
    with opened(browser, f"{lab.url}sweep?{BASE}", ready="#sweep-cost:not(:empty)") as page:
        empty = page.locator("#sweep-empty")
        expect(empty.get_by_text("trains every combination")).to_be_visible()
        page.get_by_text("Find a learning rate", exact=True).click()
        expect(empty.get_by_text("trains every combination")).to_be_hidden()
        expect(empty.get_by_text("Short trainings")).to_be_visible()
        probe = page.locator('.find-fields[data-way="which"]').get_by_label("Epochs each")
        probe.fill("0")
        expect(page.locator(".find-form")).to_contain_text("Epochs each must be")
        expect(page.get_by_role("button", name="Look for it")).to_be_disabled()
        probe.fill("1")
        expect(page.locator("#find-cost")).to_contain_text("7 LRs, 28 epochs.")
        expect(page.locator("#find-cost")).to_contain_text("How long that takes is not known")
        box(page, "Workers").last.fill("2")
        expect(page).to_have_url(re.compile("workers=2"))
        box(page, "Workers").last.fill("1")
        expect(page).to_have_url(re.compile("mode=which&find-epochs=1$"))
        page.get_by_role("button", name="Look for it").click()
        page.wait_for_url(re.compile(r"/sweep\?sweep=1$"))
        page.locator('#sweep-status[data-state="finished"]').wait_for()
        page.wait_for_function(FOUND)
        expect(page.locator(".sweep-heat-panel")).to_be_hidden()
        expect(page.locator("#find-cost")).to_contain_text("at most, as fast as earlier runs.")
        expect(page.locator("#sweep-statement")).to_contain_text("Of 14 runs on 2 seeds")
        expect(page.locator("#sweep-found-numbers tbody tr")).to_have_count(7)
        expect(page.locator('#sweep-found-numbers a[href="/?run=1"]')).to_be_visible()
        table, card = (
            page.locator(each).bounding_box()
            for each in ("#sweep-found-numbers", ".sweep-numbers .sweep-found-panel")
        )
        assert table is not None
        assert card is not None
        assert table["x"] + table["width"] < card["x"] + card["width"] - 10
        assert violations(page) == []
        link = page.get_by_role("link", name=re.compile("^Use LR .* in the Lab$"))
        expect(link).to_have_attribute("href", re.compile("model=mlp"))
        page.get_by_role("button", name=re.compile("^Check: 3 seeds each of LR ")).click()
        page.wait_for_url(re.compile(r"/sweep\?sweep=2$"))
        page.locator('#sweep-status[data-state="finished"]').wait_for()
        expect(page.locator("#sweep-statement")).to_contain_text("3 seeds")
        assert len(lab.store.cells(2)) == 6
