"""On the page every name is text, whatever is in it."""

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from app import run_picker
from tests.input.names import NAMES, imported
from tests.lab.page import NEEDS_CHROMIUM, all_drawn
from tests.page import Served, opened
from trainer.config.text import plain

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
    browser: Browser, lab: Served, tmp_path: Path
) -> None:
    runs = [imported(lab.store, tmp_path, name) for name in NAMES.values()]
    rows: list[Any] = [lab.store.run(run) for run in runs]
    with opened(browser, lab.url) as page:
        for row in rows:
            page.locator("#run").click()
            page.locator(f'[role=option][value="{row.id}"]').click()
            expect(page.locator("#run")).to_have_value(f"{row.id} · {run_picker.title(row)}")
            all_drawn(page, 3)
            expect(page.locator("#progress-left")).to_have_text(
                f"3 epochs of {run_picker.origin(row)}; nothing was trained here."
            )
            page.mouse.move(0, 0)
            page.locator("#chart .nsewdrag").first.hover()
            expect(page.locator("#chart .hoverlayer")).to_contain_text(row.recipe.monitor)
        page.get_by_text("Family", exact=True).click()
        for row in rows:
            expect(page.locator("#family")).to_contain_text(run_picker.title(row))
        page.get_by_text("What if", exact=True).click()
        expect(page.locator("#answer")).to_contain_text("No difference")
        assert page.locator(MARKUP).count() == 0
        assert page.evaluate("() => window.harmed") is None  # no script of a name has run
        assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("name", ["<b>bold<b>.csv", "x" * 10_000, "حرف.csv", "a\u202eb.csv"])
def test_a_file_of_any_name_is_imported_through_the_dialog(
    browser: Browser, lab: Served, name: str
) -> None:
    with opened(browser, lab.url) as page:
        page.get_by_role("button", name="Import a curve").click()
        page.locator("#import-file input").wait_for(state="attached")
        page.evaluate(DROP, name)
        expect(page.get_by_role("dialog")).to_be_hidden()
        all_drawn(page, 3)
        run: Any = lab.store.run(1)
        assert run.origin == plain(name, 200)
        expect(page.locator("#run")).to_have_value(f"1 · {run_picker.title(run)}")
