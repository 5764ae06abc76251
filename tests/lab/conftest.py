"""A Chromium, and an LRScope for it to look at."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from tests.page import Served, launch, served

expect.set_options(timeout=30_000)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = launch(playwright)
        yield browser
        browser.close()


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Served]:
    with served(tmp_path / "home", tmp_path / "datasets") as lab:
        yield lab
