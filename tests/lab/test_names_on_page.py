"""On the page every name is text, whatever is in it."""

import re
from pathlib import Path
from typing import Any

from playwright.sync_api import BrowserContext, expect

from app import run_names
from app.run_picker import LISTED_RUNS
from tests.input.names import NAMES, imported
from tests.lab.page import NEEDS_CHROMIUM, all_drawn, in_state, shows
from tests.page import Served, opened
from trainer.config.recipe import Recipe
from trainer.config.run import RunConfig
from trainer.config.table import to_config
from trainer.config.text import plain
from trainer.schedule.epoch import Epoch

pytestmark = NEEDS_CHROMIUM

# A file that was dropped: a name that no disk could hold cannot be chosen from one.
DROP = """name => {
  const input = document.querySelector('#import-file input');
  const files = new DataTransfer();
  files.items.add(new File(['loss\\n3\\n2\\n1\\n'], name));
  input.files = files.files;
  input.dispatchEvent(new Event('change', { bubbles: true }));
}"""
MARKUP = "#family :is(b, img), #run-panel :is(b, img), [role=option] :is(b, img), .hoverlayer a"


def test_every_name_is_text_wherever_the_page_shows_it(
    browser: BrowserContext, lab: Served, tmp_path: Path
) -> None:
    runs = [imported(lab.store, tmp_path, name) for name in NAMES.values()]
    rows: list[Any] = [lab.store.run(run) for run in runs]
    with opened(browser, lab.url) as page:
        for row in rows:
            page.locator("#run").click()
            page.locator(f'[role=option][value="{row.id}"]').click()
            expect(page.locator("#run")).to_have_value(f"#{row.id} {run_names.name(row)}")
            all_drawn(page, 3)
            expect(page.locator("#progress-left")).to_have_text(
                f"3 epochs of {run_names.origin(row)}; nothing was trained here."
            )
            page.mouse.move(0, 0)
            page.locator("#chart .nsewdrag").first.hover()
            expect(page.locator("#chart .hoverlayer")).to_contain_text(row.recipe.monitor)
        page.get_by_text("Family", exact=True).click()
        for row in rows:
            expect(page.locator("#family")).to_contain_text(run_names.name(row))
        page.get_by_text("What if", exact=True).click()
        expect(page.locator("#answer")).to_contain_text("No difference")
        assert page.locator(MARKUP).count() == 0
        assert page.evaluate("() => window.harmed") is None  # no script of a name has run
        assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")


def test_a_file_of_any_name_is_imported_through_the_dialog(
    browser: BrowserContext, lab: Served
) -> None:
    names = ["<b>bold<b>.csv", "x" * 10_000, "حرف.csv", "a\u202eb.csv"]
    with opened(browser, lab.url) as page:
        for number, name in enumerate(names, 1):
            page.get_by_role("button", name="Import a curve").click()
            page.locator("#import-file input").wait_for(state="attached")
            page.evaluate(DROP, name)
            expect(page.get_by_role("dialog")).to_be_hidden()
            shows(page, number)
            all_drawn(page, 3)
            run: Any = lab.store.run(number)
            assert run.origin == plain(name, 200)
            expect(page.locator("#run")).to_have_value(f"#{number} {run_names.name(run)}")


def test_a_run_is_renamed_in_place_in_every_tab_and_its_first_name_comes_back(
    browser: BrowserContext, lab: Served
) -> None:
    run = lab.store.add(RunConfig(epochs=1))
    first = f"#{run} plateau ÷10, patience 5"
    with opened(browser, lab.url) as page, opened(browser, lab.url) as other:
        box = page.get_by_role("textbox", name="Name of this run")
        rename = page.get_by_role("button", name="Rename this run")
        expect(page.locator("#run")).to_have_value(first)
        expect(page.locator("#run-details")).to_have_text("CNN · Digits · Adam 0.01")
        rename.click()
        expect(box).to_be_focused()
        box.fill("not this")
        box.press("Escape")
        expect(page.locator("#run")).to_have_value(first)
        expect(rename).to_be_focused()
        page.keyboard.press("Enter")
        expect(box).to_be_focused()
        box.fill("<b>mine</b> " + "x" * 90)
        box.press("Enter")
        expect(page.locator("#run")).to_have_value(f"#{run} <b>mine</b> " + "x" * 68)
        expect(box).to_be_hidden()
        expect(page.locator("#run-details")).to_contain_text("plateau ÷10, patience 5 · CNN")
        other.locator("#run").click()
        expect(other.locator(".run-choice")).to_contain_text("<b>mine</b>")
        expect(other.locator("#run")).to_have_value(re.compile("<b>mine</b>"))
        assert page.locator(MARKUP).count() == 0
        rename.click()
        box.fill("")
        box.press("Enter")
        expect(page.locator("#run")).to_have_value(first)
        assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")


def test_a_run_is_found_by_the_words_of_its_choice(browser: BrowserContext, lab: Served) -> None:
    for settings in ({"schedule": "OneCycleLR"}, {"model": "mlp"}, {}):
        lab.store.add(to_config({"epochs": 1, **settings}))
    with opened(browser, lab.url) as page:
        expect(page.locator("#run")).to_have_value(re.compile("^#3 "))
        in_state(page, "finished")  # to go on to another run would take away what is typed
        options = page.locator(".run-choice")
        page.locator("#run").focus()
        page.keyboard.type("cycle one")
        expect(options).to_have_count(1)
        expect(options).to_contain_text("#1 one cycle to 0.01")
        expect(options).to_contain_text("CNN · Digits · Adam 0.01")
        page.locator("#run").fill("mlp")
        expect(options).to_have_count(1)
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Enter")
        expect(page.locator("#run")).to_have_value(re.compile("^#2 "))
        expect(page.locator("#run-details")).to_have_text("MLP · Digits · Adam 0.01")


def test_an_older_run_than_those_that_are_listed_is_in_the_box(
    browser: BrowserContext, lab: Served
) -> None:
    rows = [Epoch(1, 0.01, 0.01, {"loss": 1.0}, 0.0, None)]
    for number in range(1, LISTED_RUNS + 5):
        lab.store.add_imported(Recipe(epochs=1, monitor="loss"), f"{number}.csv", rows)
    with opened(browser, lab.url + "?run=3") as page:
        expect(page.locator("#run")).to_have_value("#3 3.csv")
        expect(page.locator("#status")).to_have_text("imported")
        page.locator("#run").click()
        expect(page.locator(".run-choice")).to_have_count(LISTED_RUNS + 1)
        page.locator('[role=option][value="54"]').click()
        expect(page.locator("#run")).to_have_value("#54 54.csv")
        page.locator("#run").click()
        expect(page.locator(".run-choice")).to_have_count(LISTED_RUNS)
        page.go_back()
        expect(page.locator("#run")).to_have_value("#3 3.csv")


def test_an_older_run_than_those_that_are_listed_is_found_as_one_types(
    browser: BrowserContext, lab: Served
) -> None:
    rows = [Epoch(1, 0.01, 0.01, {"loss": 1.0}, 0.0, None)]
    for number in range(1, LISTED_RUNS + 15):
        lab.store.add_imported(Recipe(epochs=1, monitor="loss"), f"{number}.csv", rows)
    lab.store.rename(2, "Long ago")
    lab.store.rename(60, "long ago, once more")
    lab.store.tag(3, ["long ago"])
    options = ".run-choice:visible"
    with opened(browser, lab.url) as page:
        page.locator("#run").focus()
        page.keyboard.type("ago long")
        expect(page.locator(options)).to_have_count(3)
        page.locator(options).filter(has_text="#2 Long ago").click()
        expect(page.locator("#run")).to_have_value("#2 Long ago")
        shows(page, 2)
        page.locator("#again summary").click()
        page.locator("#again-with").focus()
        page.keyboard.type("ago long")
        expect(page.locator(options)).to_have_count(2)  # all but the displayed one
        page.locator(options).filter(has_text="#3").click()
        page.get_by_role("button", name="Open in Compare").click()
        page.locator("#compare-add").focus()
        expect(page.locator(".chosen-run")).to_contain_text(["#2 Long ago", "#3 3.csv"])
        page.keyboard.type("7.csv")
        page.locator(options).filter(has_text="#7 7.csv").click()
        expect(page.locator(".chosen-run").last).to_contain_text("#7 7.csv")
        expect(page.locator('.member-run[data-run="7"]')).to_be_visible()
        page.locator("#compare-add").fill("csv")
        expect(page.locator(options)).to_have_count(LISTED_RUNS)
