"""The view Sweep in a real browser."""

import re
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from app.sweep.changing import Change, change
from tests.bench.turns import until
from tests.lab.page import NEEDS_CHROMIUM, box, choose, start
from tests.lab.test_access import violations
from tests.own.made import network
from tests.page import Served, opened
from trainer.config.grid import cells, grid
from trainer.config.table import to_config

pytestmark = NEEDS_CHROMIUM
READY = "#sweep-cost:not(:empty)"
SETUP = "sweep?model=mlp&epochs=3&batch-size=512&device=cpu&over-lr=0.001,0.1&over-patience=0,2"
BASE = {"model": "mlp", "epochs": 3, "batch-size": 512, "device": "cpu"}
GRID: dict[str, list[Any]] = {"lr": ["0.001", "0.1"], "patience": ["0", "2"]}
MAP = "#sweep-heat"
# Of each cell of the map the element, and what is written in it now.
KEEP = (
    "() => (window.kept = [...document.querySelectorAll('.sweep-cell')]).map((c) => c.textContent)"
)
SPANS = """(texts) => texts.map((text) => text.getBoundingClientRect()).map(({ left, right }) => [
  left, right,
])"""
SEEN = """(seen) => {
  Object.defineProperty(document, "hidden", { get: () => !seen, configurable: true });
  document.dispatchEvent(new Event("visibilitychange"));
}"""
NOTE_ASKED = """() => {
  const { fetch } = window;
  Object.assign(window, { asked: 0, answered: 0 });
  window.fetch = (...request) => {
    window.asked += 1;
    return fetch(...request).finally(() => (window.answered += 1));
  };
}"""


def train(page: Page) -> None:
    page.get_by_role("button", name="Train the grid").click()
    page.wait_for_url(re.compile(r"/sweep\?sweep=\d+$"))


def ended(page: Page, state: str = "finished") -> None:
    page.locator(f'#sweep-status[data-state="{state}"]').wait_for()


def numbers(page: Page) -> list[str]:
    """The numbers written in the map."""
    page.locator(".sweep-cell").first.wait_for()
    return page.locator(".sweep-cell text").all_text_contents()


def recorded(served: Served, values: dict[str, list[Any]] = GRID, **settings: Any) -> int:
    """A sweep that waits for nobody: of a server whose worker trains it."""
    base = to_config({**BASE, **settings})
    made = grid(base, values)
    configs = [cell.config for cell in cells(base, made)]
    return served.store.add_sweep("grid", base, made.model_dump(mode="json"), configs)


@pytest.mark.parametrize(("size", "scheme"), [("desktop", "light"), ("phone", "dark")])
def test_a_sweep_is_set_up_started_and_watched_to_its_end(
    browser: BrowserContext, lab: Served, size: str, scheme: str
) -> None:
    with opened(browser, lab.url + SETUP, size, scheme, READY) as page:
        expect(page.locator("#sweep-cost")).to_contain_text("4 cells, 12 epochs at most.")
        train(page)
        ended(page)
        epochs = lab.store.epochs_of(1)
        expect(page.locator("#sweep-counts")).to_have_text(
            re.compile(f"^12 epochs asked, {epochs.trained} trained, .* times fewer$")
        )
        written = numbers(page)
        assert len(written) == 4
        assert all(written)
        expect(page.locator("#sweep-progress")).to_have_js_property("value", 100)
        assert violations(page) == []


def test_the_cells_are_reached_by_keyboard_and_lead_to_their_runs(
    browser: BrowserContext, lab: Served
) -> None:
    sweep = recorded(lab)
    with opened(browser, f"{lab.url}sweep?sweep={sweep}", ready=READY) as page:
        ended(page)
        tip = page.locator("#sweep-tip")
        page.locator(".sweep-cell").last.hover()
        expect(tip).to_contain_text("LR 0.001, patience 2")
        page.locator("#sweep-note").hover()
        expect(tip).to_be_hidden()
        cursor = page.locator("#sweep-cursor")
        cursor.focus()
        page.locator(".sweep-cell").last.hover()
        expect(tip).to_be_visible()
        page.keyboard.press("ArrowRight")
        expect(tip).to_be_hidden()  # it tells of another cell than the one that is chosen
        said = set()
        for key in ("ArrowRight", "ArrowDown", "ArrowLeft", "ArrowUp"):
            said.add(cursor.get_attribute("aria-label"))
            page.keyboard.press(key)
        assert len(said) == 4
        panel = page.locator("#sweep-cell")
        expect(panel.locator("path.metric")).to_have_count(1)
        run = re.sub(r"\D", "", panel.locator("a").first.inner_text())
        page.keyboard.press("Enter")
        page.wait_for_url(f"**/?run={run}")


def test_what_cannot_be_is_said_beside_its_row_and_not_started(
    browser: BrowserContext, lab: Served
) -> None:
    with opened(browser, lab.url + SETUP, ready=READY) as page:
        box(page, "Values 1").fill("0.001, fast")
        expect(page.locator(".sweep-row").first).to_contain_text(
            "Learning rate must be a number above 0 and at most 100."
        )
        expect(page.locator(".sweep-row:has(.mantine-InputWrapper-error)")).to_have_count(1)
        expect(page.get_by_role("button", name="Train the grid")).to_be_disabled()
        box(page, "Values 1").fill("0.001, 0.002, 0.003")
        expect(page.locator("#sweep-cost")).to_contain_text("6 cells")
        expect(page).to_have_url(re.compile("over-lr=0.001,%20?0.002|over-lr=0.001,\\+0.002"))


def test_a_long_list_of_values_is_taken_and_only_the_address_has_it_not(
    browser: BrowserContext, lab: Served
) -> None:
    with opened(browser, f"{lab.url}sweep?model=mlp&over-lr=0.01", ready=READY) as page:
        box(page, "Values 1").fill(", ".join(f"{n / 1000:.20f}" for n in range(1, 400)))
        expect(page.locator("#sweep-cost")).to_contain_text("399 cells")
        expect(page).to_have_url(re.compile(r"/sweep\?model=mlp$"))
        expect(page.get_by_role("button", name="Train the grid")).to_be_enabled()


def test_a_setting_brings_values_to_begin_with(browser: BrowserContext, lab: Served) -> None:
    with opened(browser, lab.url + SETUP, ready=READY) as page:
        choose(page, "Setting 3", "Factor")
        expect(box(page, "Values 3")).to_have_value("0.1, 0.3, 0.5")
        expect(page.locator("#sweep-cost")).to_contain_text("12 cells, 36 epochs at most.")
        expect(box(page, "Setting 4")).to_be_visible()


def test_the_form_and_a_run_lead_to_a_sweep_of_their_settings(
    browser: BrowserContext, lab: Served
) -> None:
    with opened(browser, f"{lab.url}?model=mlp&lr=0.02&epochs=1&batch-size=512") as page:
        link = page.get_by_role("link", name="Sweep these settings")
        expect(link).to_have_attribute("href", re.compile("lr=0.02"))
        start(page)
        page.locator('#status[data-state="finished"]').wait_for()
        link.click()
        page.locator(READY).wait_for()
        expect(page.locator("#sweep-base-text")).to_contain_text("Adam 0.02")
        page.goto(f"{lab.url}sweep?from=1")
        page.locator(READY).wait_for()
        expect(page.locator("#sweep-base-text")).to_contain_text("MLP · Digits · Adam 0.02")
        expect(box(page, "Epochs")).to_have_value("1")


def test_a_sweep_is_paused_gone_on_with_and_renamed(browser: BrowserContext, lab: Served) -> None:
    sweep = recorded(lab, epochs=400)
    with opened(browser, f"{lab.url}sweep?sweep={sweep}", ready=READY) as page:
        ended(page, "training")
        expect(page.locator("#sweep-counts")).to_contain_text(re.compile("[1-9] reached"))
        page.get_by_role("button", name="Pause").click()
        ended(page, "paused")
        expect(page.get_by_role("button", name="Stop")).to_be_visible()
        expect(page.locator("#sweep-cost")).to_contain_text("at most, as fast as earlier runs.")
        page.get_by_role("button", name="Go on").click()
        ended(page, "training")
        page.get_by_role("button", name="Stop").click()
        ended(page, "stopped")
        page.get_by_role("button", name="Rename the sweep").click()
        page.get_by_label("Name of the sweep").fill("no")
        page.keyboard.press("Escape")
        expect(page.get_by_label("Name of the sweep")).to_have_count(0)
        page.get_by_role("button", name="Rename the sweep").click()
        page.get_by_label("Name of the sweep").fill("over night")
        page.keyboard.press("Enter")
        expect(page.locator("#sweep-choice")).to_have_value(f"#{sweep} over night")


def test_a_sweep_is_archived_and_deleted_and_brought_back(
    browser: BrowserContext, lab: Served
) -> None:
    sweep = recorded(lab)
    with opened(browser, f"{lab.url}sweep?sweep={sweep}", ready=READY) as page:
        ended(page)
        page.get_by_role("button", name="Archive", exact=True).click()
        page.get_by_role("button", name="Unarchive", exact=True).wait_for()
        assert lab.store.sweeps() == []
        page.get_by_role("button", name="Unarchive", exact=True).click()
        page.get_by_role("button", name="Archive", exact=True).wait_for()
        page.get_by_role("button", name="Delete", exact=True).click()
        page.wait_for_url(re.compile("/sweep$"))
        expect(page.locator("#sweep-deleted")).to_contain_text(f"Deleted sweep #{sweep}.")
        assert lab.store.sweep(sweep) is None
        assert violations(page) == []
        page.get_by_role("button", name="Undo").click()
        page.wait_for_url(re.compile(rf"/sweep\?sweep={sweep}$"))
        ended(page)
        expect(page.locator("#sweep-deleted")).to_be_empty()
        assert len(lab.store.cells(sweep)) == 4


def test_what_is_done_to_a_sweep_elsewhere_is_shown(browser: BrowserContext, lab: Served) -> None:
    sweep = recorded(lab)
    with opened(browser, f"{lab.url}sweep?sweep={sweep}", ready=READY) as page:
        ended(page)
        archive, unarchive = (
            page.get_by_role("button", name=name, exact=True) for name in ("Archive", "Unarchive")
        )
        lab.store.archive_sweep(sweep, True)
        unarchive.wait_for()
        expect(archive).to_be_hidden()
        lab.store.archive_sweep(sweep, False)
        archive.wait_for()
        lab.store.rename_sweep(sweep, "mine")
        expect(page.locator("#sweep-choice")).to_have_value(f"#{sweep} mine")
        lab.store.delete_sweep(sweep)
        expect(page.locator("#sweep-deleted")).to_have_text(f"Sweep {sweep} was deleted.")
        for gone in (".sweep-controls", MAP, ".sweep-told", "#sweep-ranked", "#sweep-add"):
            expect(page.locator(gone)).to_be_hidden()
        expect(page.locator("#sweep-empty")).to_be_visible()
        expect(page.locator("#sweep-choice")).to_have_value("")
        assert violations(page) == []


def test_a_network_that_is_typed_is_ticked_and_one_of_an_address_is_not(
    browser: BrowserContext, lab: Served, tmp_path: Path
) -> None:
    names = f"cnn, {network(tmp_path)}"
    setup = f"{lab.url}sweep?epochs=1&batch-size=512&device=cpu&over-model="
    ticked = "Run the code in this file"
    with opened(browser, setup + quote(names), ready=READY) as page:
        box(page, "Values 1").focus()
        page.keyboard.press("Control+End")
        page.keyboard.type(", mlp")
        expect(page.locator("#sweep-cost")).to_contain_text("3 cells")
        expect(page.get_by_label(ticked)).not_to_be_checked()
        page.get_by_role("button", name="Train the grid").click()
        refused = page.locator("#sweep-refused")
        expect(refused).to_contain_text(f'Tick "{ticked}" first')
        page.get_by_label(ticked).check()
        expect(refused).to_have_text("")
    with opened(browser, setup + "cnn", ready=READY) as page:
        box(page, "Values 1").fill("")
        page.keyboard.type(names)
        expect(page.get_by_label(ticked)).to_be_visible()
        expect(page.get_by_label(ticked)).to_be_checked()
        train(page)


def test_the_cells_are_rows_of_the_table_of_runs(browser: BrowserContext, lab: Served) -> None:
    sweep = recorded(lab)
    lab.store.add(to_config({**BASE, "epochs": 1}))
    with opened(browser, f"{lab.url}runs?sweep={sweep}", ready=".ag-row") as page:
        expect(page.locator("#runs-count")).to_have_text("4 runs")
        expect(page.locator(f'.ag-row a[href="/sweep?sweep={sweep}"]').first).to_be_attached()


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("?sweep=9", "There is no sweep 9."),
        (f"?sweep={10**22}", f"There is no sweep '{10**22}'."),
        ("?from=9", "There is no run 9."),
        ("?sweep=9&lr=0.1", "The address is followed except for this. There is no sweep 9."),
    ],
)
def test_an_address_of_nothing_is_answered_in_a_sentence(
    browser: BrowserContext, lab: Served, query: str, sentence: str
) -> None:
    with opened(browser, f"{lab.url}sweep{query}", ready=READY) as page:
        expect(page.locator("#sweep-refused")).to_have_text(sentence)
        expect(page.locator("#sweep-empty")).to_be_visible()


def test_an_address_of_no_sweep_stays_until_the_form_is_changed(
    browser: BrowserContext, lab: Served
) -> None:
    with opened(browser, f"{lab.url}sweep?sweep=9", ready=READY) as page:
        expect(page.locator("#find-cost")).not_to_have_text("")
        expect(page).to_have_url(re.compile(r"/sweep\?sweep=9$"))
        box(page, "Values 1").fill("0.1")
        expect(page).to_have_url(re.compile(r"/sweep\?over-lr=0.1&"))


def test_values_are_added_to_a_sweep_that_has_ended(browser: BrowserContext, lab: Served) -> None:
    sweep = recorded(lab)
    with opened(browser, f"{lab.url}sweep?sweep={sweep}", ready=READY) as page:
        ended(page)
        add = page.get_by_role("button", name=f"Add to sweep {sweep}")
        why = page.locator("#sweep-add-why")
        expect(add).to_be_disabled()
        expect(why).to_have_text(f"Sweep {sweep} has all of these values already.")
        box(page, "Epochs").fill("4")
        expect(why).to_have_text(
            f"Sweep {sweep} has other settings in common (epochs): train this as a new one."
        )
        box(page, "Epochs").fill("3")
        box(page, "Values 1").fill("0.001, 0.01, 0.1")
        expect(page.locator("#sweep-cost")).to_contain_text("6 cells")
        add.click()
        expect(page.locator("#sweep-counts")).to_have_text(re.compile("^18 epochs asked"))
        ended(page)
        expect(page.locator("#sweep-choice")).to_have_value(re.compile("3 LR .* 2 patience$"))
        expect(page.locator(f"{MAP} .row")).to_have_count(3)
        assert len(lab.store.cells(sweep)) == 6
        expect(add).to_be_disabled()
        expect(why).to_have_text(f"Sweep {sweep} has all of these values already.")


@pytest.mark.parametrize("size", ["desktop", "phone"])
def test_a_map_lies_within_its_panel_and_only_what_changes_is_drawn_again(
    browser: BrowserContext, lab: Served, size: str
) -> None:
    sweep = recorded(lab, epochs=4000, factor=0.2)
    with opened(browser, f"{lab.url}sweep?sweep={sweep}", size, ready=".sweep-cell") as page:
        panel = page.locator(MAP).bounding_box()
        assert panel is not None
        for cell in page.locator(".sweep-cell").all():
            box = cell.bounding_box()
            assert box is not None
            assert box["x"] > panel["x"]
            assert box["x"] + box["width"] <= panel["x"] + panel["width"]
            assert box["y"] + box["height"] <= panel["y"] + panel["height"]
        before = page.evaluate(KEEP)
        page.wait_for_function(
            "(old) => kept.some((cell, i) => cell.isConnected && cell.textContent !== old[i])",
            arg=before,
        )
        page.get_by_role("button", name="Stop").click()
        ended(page, "stopped")


@pytest.mark.parametrize("size", ["desktop", "phone"])
def test_no_name_over_the_columns_covers_another(
    browser: BrowserContext, lab: Served, size: str
) -> None:
    names = ["none", "StepLR", "ReduceLROnPlateau", "CosineAnnealingLR", "OneCycleLR"]
    sweep = recorded(lab, {"schedule": names, "lr": ["0.001", "0.1"]})
    with opened(browser, f"{lab.url}sweep?sweep={sweep}", size, ready=".sweep-cell") as page:
        page.get_by_role("combobox", name="Across").select_option("schedule")
        labels = page.locator(".sweep-label:not(.beside)")
        expect(labels).to_have_count(len(names) + 1)
        spans = sorted(labels.evaluate_all(SPANS)[: len(names)])
        for (_, ends), (begins, _) in pairwise(spans):
            assert ends <= begins


def test_a_hidden_page_asks_for_nothing_and_catches_up_when_it_is_seen(
    browser: BrowserContext, lab: Served
) -> None:
    sweep = recorded(lab, epochs=4000)
    with opened(browser, f"{lab.url}sweep?sweep={sweep}", ready=".sweep-cell") as page:
        ended(page, "training")
        page.evaluate(NOTE_ASKED)
        page.wait_for_function("() => asked > 0")
        page.evaluate(SEEN, False)
        page.wait_for_function("() => answered === asked")
        before = page.evaluate("asked")
        assert change(lab.store, Change(sweep=sweep, what="stop")) == ""
        until(lambda: bool((row := lab.store.sweep(sweep)) and row.over))
        assert page.evaluate("asked") == before
        expect(page.locator("#sweep-status")).to_have_attribute("data-state", "training")
        page.evaluate(SEEN, True)
        ended(page, "stopped")


def test_a_page_whose_server_went_says_so_and_takes_it_back(
    browser: BrowserContext, lab: Served
) -> None:
    sweep = recorded(lab, epochs=4000)
    with opened(browser, f"{lab.url}sweep?sweep={sweep}", ready=".sweep-cell") as page:
        ended(page, "training")
        page.route("**/sweep/live", lambda route: route.fulfill(body="nobody is here"))
        expect(page.locator("#sweep-status")).to_have_text("no answer")
        expect(page.locator("#sweep-reason")).to_have_text(
            "LRScope does not answer. Restart it, and this page will continue from here."
        )
        expect(page.get_by_role("button", name="Stop")).to_be_hidden()
        page.unroute("**/sweep/live")
        ended(page, "training")
        expect(page.locator("#sweep-reason")).to_have_text("")
        page.get_by_role("button", name="Stop").click()
        ended(page, "stopped")


def test_the_table_is_sorted_and_a_row_leads_to_its_cell(
    browser: BrowserContext, lab: Served
) -> None:
    sweep = recorded(lab)
    with opened(browser, f"{lab.url}sweep?sweep={sweep}", ready=READY) as page:
        ended(page)
        table = page.locator("#sweep-ranked")
        expect(table.locator("tbody tr")).to_have_count(4)
        best = table.locator('tr[data-mark="best"]')
        expect(best.locator("td").first).to_have_text("1")
        table.get_by_role("button", name="LR").click()
        expect(table.locator("tbody tr").first).to_contain_text("0.001")
        table.get_by_role("button", name="LR").click()
        expect(table.locator("tbody tr").first).to_contain_text("0.1")
        best.locator("td").first.click()
        run = best.locator("a").get_attribute("href") or ""
        expect(page.locator(f'#sweep-cell a[href="{run}"]')).to_be_visible()
        expect(best).to_have_attribute("data-chosen", "")


def test_the_axes_are_chosen_and_stay_in_the_address(browser: BrowserContext, lab: Served) -> None:
    sweep = recorded(lab)
    with opened(browser, f"{lab.url}sweep?sweep={sweep}", ready=READY) as page:
        ended(page)
        down, across = (page.get_by_role("combobox", name=name) for name in ("Down", "Across"))
        down.select_option("patience")  # they change places
        turned = page.locator(f"{MAP} .row")
        expect(turned).to_have_text(["2", "0"])
        expect(across).to_have_value("lr")
        page.reload()
        expect(turned).to_have_text(["2", "0"])
        expect(down).to_have_value("patience")
