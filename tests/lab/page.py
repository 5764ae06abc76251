"""How a person uses the Lab, and what they see in it."""

from typing import Any

import pytest
from playwright.sync_api import Page

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


def drawn(page: Page) -> list[dict[str, Any]]:
    """The traces as the browser has drawn them."""
    traces: list[dict[str, Any]] = page.evaluate(
        "() => document.querySelector('#chart .js-plotly-plot').data"
        ".map(({name, x, y}) => ({name, x, y}))"
    )
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


def all_drawn(page: Page, epochs: int) -> None:
    page.locator(f'#log li[data-epoch="{epochs}"]').first.wait_for()
