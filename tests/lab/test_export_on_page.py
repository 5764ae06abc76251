"""The menu Export, in a real Chromium: the displayed run as a download, or why it cannot be."""

from pathlib import Path

from playwright.sync_api import BrowserContext, expect

from tests.lab.page import NEEDS_CHROMIUM
from tests.lab.test_access import violations
from tests.page import Served, opened
from trainer.curves.csv import read
from trainer.curves.importing import import_curve
from trainer.export import tables

pytestmark = NEEDS_CHROMIUM


def imported(lab: Served, tmp_path: Path) -> int:
    file = tmp_path / "curve.csv"
    file.write_text("loss\n3\n2\n2\n1\n")
    return import_curve(lab.store, read(file), {})


def test_the_displayed_run_is_downloaded(
    browser: BrowserContext, lab: Served, tmp_path: Path
) -> None:
    first, second = imported(lab, tmp_path), imported(lab, tmp_path)
    lab.store.rename(second, "the other")
    with opened(browser, f"{lab.url}?run={first}") as page:
        menu = page.locator("#export")
        for run in (first, second):
            if run == second:
                page.get_by_role("combobox", name="Displayed run").or_(
                    page.get_by_role("textbox", name="Displayed run")
                ).first.click()
                page.get_by_role("option", name="the other").click()
                expect(menu.locator("a", has_text="CSV")).to_have_attribute(
                    "href", f"/export?run={second}&format=csv"
                )
            menu.locator("summary").click()
            assert violations(page) == []
            with page.expect_download() as downloading:
                menu.get_by_role("link", name="CSV").click()
            assert downloading.value.suggested_filename == f"lrscope-run-{run}.csv"
            assert downloading.value.path().read_text() == tables.csv(lab.store, [run])
            expect(menu.get_by_role("link", name="CSV")).to_be_hidden()


def test_a_refusal_is_said_in_the_menu_which_keys_open_and_close(
    browser: BrowserContext, lab: Served, tmp_path: Path
) -> None:
    imported(lab, tmp_path)
    page = browser.new_page()  # not `opened`: Chromium reports an answer of 400 as an error
    page.goto(lab.url)
    summary, script = page.locator("#export summary"), page.get_by_role("link", name="PyTorch")
    summary.press("Enter")
    expect(script).to_be_visible()
    page.keyboard.press("Tab")
    expect(script).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#export").get_by_role("alert")).to_contain_text("Run 1 was imported")
    assert page.url.startswith(lab.url)
    page.keyboard.press("Escape")
    expect(script).to_be_hidden()
    expect(summary).to_be_focused()
    page.close()


def test_without_a_run_there_is_no_menu(browser: BrowserContext, lab: Served) -> None:
    with opened(browser, lab.url) as page:
        expect(page.locator("#export")).to_be_hidden()
