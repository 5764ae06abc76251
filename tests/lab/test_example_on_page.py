"""A first visitor finds a finished run to look at, and nobody who has runs does."""

import threading
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, expect

from app import example
from app.example import NAME, Example
from tests.lab.page import NEEDS_CHROMIUM, all_drawn, in_state, start
from tests.page import opened, served
from trainer.config.run import RunConfig
from trainer.store.store import Store

pytestmark = NEEDS_CHROMIUM
SAID = "here, so that there is something to look at. Change a setting and press Start."


@pytest.fixture
def epochs(monkeypatch: pytest.MonkeyPatch) -> int:
    """So many has the example here."""
    monkeypatch.setattr(example, "CONFIG", example.CONFIG.model_copy(update={"epochs": 5}))
    return 5


def test_a_first_visitor_sees_one_example_trained_and_finished_in_every_tab(
    browser: BrowserContext, tmp_path: Path, epochs: int
) -> None:
    with served(tmp_path / "home", tmp_path / "datasets", example=True) as lab:
        assert lab.store.newest() is None
        with opened(browser, lab.url) as page, opened(browser, lab.url) as other:
            for tab in (page, other):
                expect(tab.locator("#run")).to_have_value(f"#1 {NAME}")
                in_state(tab, "finished")
                all_drawn(tab, epochs)
                expect(tab.locator("#notice")).to_have_text(f"This example was trained {SAID}")
                expect(tab.locator("#pace input:checked")).to_have_value("5")
            start(page)
            expect(page.locator("#run")).to_have_value("#2 plateau ÷10, patience 5")
            expect(page.locator("#notice")).to_be_empty()
            in_state(page, "training")
            page.get_by_role("button", name="Stop").click()
            in_state(page, "stopped")
        assert len(lab.store.runs(9)) == 2


@pytest.mark.usefixtures("epochs")
def test_a_start_at_once_is_trained_after_the_example_or_instead_of_it(
    browser: BrowserContext, tmp_path: Path
) -> None:
    with (
        served(tmp_path / "home", tmp_path / "datasets", example=True) as lab,
        opened(browser, lab.url + "?epochs=2") as page,
    ):
        start(page)
        all_drawn(page, 2)
        in_state(page, "finished")
        expect(page.locator("#progress-left")).to_have_text("epoch 2 of 2")


def test_two_who_ask_at_once_get_one_example_and_an_owner_of_runs_none(tmp_path: Path) -> None:
    store = Store(tmp_path / "home")
    both = threading.Barrier(2)

    def ask() -> None:
        both.wait()
        Example(store).queue()

    askers = [threading.Thread(target=ask) for _ in range(2)]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join()
    run: Any = store.run(1)
    assert (len(store.runs(9)), run.name, run.pace) == (1, NAME, None)
    store.close()
    store = Store(tmp_path / "other")
    store.add(RunConfig())
    Example(store).queue()
    assert len(store.runs(9)) == 1
    store.close()
