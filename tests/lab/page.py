"""How a person uses the Lab, and what they see in it."""

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.page import chromium

NEEDS_CHROMIUM = [
    pytest.mark.browser,
    pytest.mark.skipif(chromium() is None, reason="no Chromium on this machine"),
]


def box(page: Page, label: str) -> Any:
    return page.get_by_role("textbox", name=label, exact=True)


def choose(page: Page, label: str, option: str) -> None:
    page.get_by_role("combobox", name=label).or_(
        page.get_by_role("textbox", name=label)
    ).first.click()
    page.get_by_role("option", name=option, exact=True).click()


def start(page: Page) -> None:
    page.get_by_role("button", name="Start").click()


def in_state(page: Page, state: str) -> None:
    page.locator(f'#status[data-state="{state}"]').wait_for()


IS_OF_RUN = """(run) => {
  const { meta } = document.querySelector("#chart .js-plotly-plot")?.layout || {};
  return meta?.view.startsWith(`${run}-`);
}"""


def shows(page: Page, run: int) -> None:
    """Waits until the page has drawn this run: its texts come before its chart."""
    page.wait_for_function(IS_OF_RUN, arg=run)


def choose_run(page: Page, run: int) -> None:
    page.locator("#run").click()
    page.locator(f'[role=option][value="{run}"]').click()
    expect(page.locator("#run")).to_have_value(re.compile(f"^#{run} "))


def drawn(page: Page) -> list[dict[str, Any]]:
    """The traces as the browser has drawn them."""
    found = page.wait_for_function(  # after a reload the chart may be made once more
        "() => document.querySelector('#chart .js-plotly-plot')?.data"
        "?.map(({name, x, y}) => ({name, x, y}))"
    )
    traces: list[dict[str, Any]] = found.json_value()
    return traces


def points(page: Page, name: str, count: int) -> list[float]:
    """A curve's points, once it has so many: the texts of a view come before its chart is drawn."""
    found: list[float] = []
    for _ in range(600):
        found = next((trace["y"] for trace in drawn(page) if trace["name"] == name), [])
        if len(found) == count:
            break
        page.wait_for_timeout(50)
    return found


EN_DASH = "\N{EN DASH}"
NEWEST = """(epochs) => {
  const row = document.querySelector("#log li:not([data-kind=hand], [data-kind=threads])");
  return row && row.checkVisibility() && row.dataset.epoch >= epochs;
}"""


def all_drawn(page: Page, epochs: int) -> None:
    """Waits until the list of events has so many epochs, or more."""
    page.wait_for_function(NEWEST, arg=epochs)


def lines(page: Page) -> list[tuple[str, str]]:
    """The rows of the list of events, newest first: their epochs (13-17), and what they say."""
    rows = page.locator("#log [role=option]").evaluate_all(
        """rows => rows.map((row) => {
          const [epochs, said] = row.cloneNode(true).children;
          said.querySelectorAll(".unseen, .log-best").forEach((note) => note.remove());
          return [epochs.textContent, said.textContent];
        })"""
    )
    return [(epochs.replace(EN_DASH, "-"), said) for epochs, said in rows]
