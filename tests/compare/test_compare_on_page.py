"""The view Compare in a real browser."""

import math
import re
import statistics
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from app.charts import theme
from tests.compare.runs import recorded
from tests.lab.page import NEEDS_CHROMIUM
from tests.lab.test_access import violations
from tests.page import Served, opened, served
from trainer.config.table import to_config
from trainer.engine.control import Control
from trainer.store.store import Store

pytestmark = NEEDS_CHROMIUM
ALL = "compare?runs=1,2,3,4,5,6"


@pytest.fixture
def compared(pairs: Store, tmp_path: Path) -> Iterator[Served]:
    """A page over the runs of `pairs`."""
    pairs.close()
    with served(tmp_path / "home", tmp_path / "datasets") as lab:
        yield lab


def traces(page: Page) -> dict[str, Any]:
    """The points of each curve on show, by its key."""
    found: dict[str, Any] = page.evaluate(
        """() => Object.fromEntries(document.getElementById("compare-chart").data
          .filter(({ visible }) => visible !== false).map(({ meta, x, y }) => [meta, { x, y }]))"""
    )
    return found


def wait(page: Page, condition: str) -> None:
    """Waits until a condition on the chart, `gd`, holds."""
    page.wait_for_function(
        f"() => {{ const gd = document.getElementById('compare-chart'); "
        f"return gd && gd.data && ({condition}); }}"
    )


def has(key: str) -> str:
    return f"gd.data.some(({{ meta, visible }}) => meta === '{key}' && visible !== false)"


@pytest.mark.parametrize(("size", "scheme"), [("desktop", "light"), ("phone", "dark")])
def test_the_page_shows_the_band_the_verdict_and_what_differs(
    browser: BrowserContext, compared: Served, size: str, scheme: str
) -> None:
    with opened(browser, compared.url + ALL, size, scheme) as page:
        expect(page.locator("#compare-heading")).to_have_text("6 runs, 2 settings")
        losses = zip(
            *([row.metrics["val_loss"] for row in compared.store.epochs(run)] for run in (1, 3, 5)),
            strict=True,
        )
        median = [statistics.median(values) for values in losses]
        assert traces(page)["median:0"]["y"] == pytest.approx(median)
        assert {"plateau", "constant"} == set(
            page.locator("#compare-labels .end").all_text_contents()
        )
        verdict = page.get_by_role("complementary", name="What the runs show")
        expect(verdict.get_by_role("heading").first).to_contain_text(
            re.compile("No difference that 3 seeds can show|lower|higher")
        )
        expect(verdict.get_by_role("row", name="Patience 0")).to_be_visible()
        page.locator(".mantine-NumberInput-input").wait_for()
        assert violations(page) == []


def test_a_log_axis_within_a_decade_has_its_ticks(
    browser: BrowserContext, compared: Served
) -> None:
    with opened(browser, compared.url + ALL) as page:
        for low, high, ticks in [
            (0.01, 1, ["0.01", "0.02", "0.05", "0.1", "0.2", "0.5", "1"]),
            (0.045, 0.1, ["0.05", "0.06", "0.07", "0.08", "0.09", "0.1"]),
        ]:
            page.evaluate(
                """range => Plotly.relayout("compare-chart", { "yaxis.range": range })""",
                [math.log10(low), math.log10(high)],
            )
            shown = page.locator("#compare-chart .yaxislayer-above .ytick")
            expect(shown).to_have_text(ticks)


def test_the_address_brings_back_the_view_and_back_leads_to_the_one_before(
    browser: BrowserContext, compared: Served
) -> None:
    with opened(browser, compared.url + ALL + "&smooth=7&x=moon&zoom=1") as page:
        refused = page.locator("#compare-refused")
        expect(refused).to_contain_text("x must be one of epochs, batches, time, lr, not 'moon'.")
        expect(refused).to_contain_text("There is nothing called 'zoom' in a comparison.")
        page.goto(compared.url + ALL)
        page.locator(".ytick").first.wait_for()
        page.get_by_role("button", name="accuracy").click()
        wait(page, "gd.layout.uirevision === 'val_accuracy-epochs-log'")
        page.get_by_role("button", name="batches").click()
        wait(page, "gd.layout.uirevision === 'val_accuracy-batches-log'")
        page.get_by_role("button", name="linear").click()
        wait(page, "gd.layout.uirevision === 'val_accuracy-batches-linear'")
        before = traces(page)
        assert page.url.endswith("&metric=val_accuracy&x=batches&scale=linear")
        page.reload()
        wait(page, "gd.layout.uirevision === 'val_accuracy-batches-linear'")
        assert traces(page) == before
        expect(page.get_by_role("button", name="batches")).to_have_attribute("aria-pressed", "true")
        page.go_back()
        wait(page, "gd.layout.uirevision === 'val_accuracy-batches-log'")
        page.go_back()
        wait(page, "gd.layout.uirevision === 'val_accuracy-epochs-log'")
        expect(page.get_by_role("button", name="epochs", exact=True)).to_have_attribute(
            "aria-pressed", "true"
        )


def test_a_run_is_hidden_and_taken_out_and_the_band_follows(
    browser: BrowserContext, compared: Served
) -> None:
    with opened(browser, compared.url + ALL) as page:
        whole = traces(page)["median:0"]["y"]
        page.get_by_role("button", name="Draw run 1").press("Enter")
        wait(page, f"!{has('run:1')}")
        assert page.url.endswith("&off=1")
        losses = zip(
            *([row.metrics["val_loss"] for row in compared.store.epochs(run)] for run in (3, 5)),
            strict=True,
        )
        median = [statistics.median(values) for values in losses]
        assert traces(page)["median:0"]["y"] == pytest.approx(median)
        assert median != whole
        page.get_by_role("button", name="Draw run 1").press("Enter")
        wait(page, has("run:1"))
        assert traces(page)["median:0"]["y"] == pytest.approx(whole)
        page.get_by_role("button", name="Take run 6 out of the comparison").press("Enter")
        wait(page, "!gd.data.some(({ meta }) => meta === 'run:6')")
        assert page.url.endswith("compare?runs=1,2,3,4,5")
        expect(page.locator("#compare-heading")).to_have_text("5 runs, 2 settings")


def test_new_epochs_are_drawn_as_they_are_trained_and_a_zoom_stays(
    browser: BrowserContext, lab: Served
) -> None:
    recorded(lab.store, epochs=4)
    run = lab.store.add(to_config({"model": "mlp", "epochs": 10_000, "batch-size": 512}), pace=20)
    with opened(browser, f"{lab.url}compare?runs=1,{run}") as page:
        drawn = f"gd.data.find(({{ meta }}) => meta === 'run:{run}').x.length"
        wait(page, f"{drawn} > 2")
        page.evaluate(
            "() => window.Plotly.relayout('compare-chart', "
            "{ 'xaxis.range': [2, 30], 'yaxis.range': [-1, 1] })"
        )
        before = len(traces(page)[f"run:{run}"]["x"])
        wait(page, f"{drawn} > {before + 10}")
        assert page.evaluate(
            "() => { const { xaxis, yaxis } = document.getElementById('compare-chart')._fullLayout;"
            "return [xaxis.range, yaxis.range]; }"
        ) == [[2, 30], [-1, 1]]
        found = traces(page)[f"run:{run}"]
        rows = lab.store.epochs(run)[: len(found["x"])]
        assert found["y"] == pytest.approx([row.metrics["val_loss"] for row in rows], rel=1e-4)
        lab.store.stop(run)
        expect(page.get_by_text("stopped", exact=False).first).to_be_visible()


def test_another_theme_has_its_colours_in_a_zoomed_picture_too(
    browser: BrowserContext, compared: Served
) -> None:
    with opened(browser, compared.url + ALL) as page:
        wait(page, has("run:1"))
        colours = "document.getElementById('compare-chart')._fullLayout.font.color"
        assert page.evaluate(colours) == theme.COLOURS["light"]["ink"]
        page.evaluate(
            "() => window.Plotly.relayout('compare-chart', "
            "{ 'xaxis.range': [2, 5], 'yaxis.range': [-1, 1] })"
        )
        page.get_by_role("button", name="Light or dark").click()
        wait(page, f"{colours} === '{theme.COLOURS['dark']['ink']}'")
        assert page.evaluate(
            "() => document.getElementById('compare-chart')._fullLayout.xaxis.range"
        ) == [2, 5]


def test_from_the_lab_a_run_is_compared_and_trained_again_with_and_without_its_schedule(
    browser: BrowserContext, lab: Served
) -> None:
    recorded(lab.store, epochs=2)
    recorded(lab.store, epochs=2, lr=0.1)
    with opened(browser, lab.url + "?run=1") as page:
        page.locator("#again summary").press("Enter")
        page.get_by_role("textbox", name="Compare with").click()
        page.get_by_role("option", name="#2").click()
        page.get_by_role("button", name="Open in Compare").click()
        page.wait_for_url("**/compare?runs=1,2")
        expect(page.locator("#compare-heading")).to_have_text("2 runs, 2 settings")
        page.go_back()
        page.locator("#chart .ytick").first.wait_for()
        page.locator("#again summary").press("Enter")
        page.get_by_role("button", name="With and without the schedule").wait_for()
        assert violations(page) == []
        page.get_by_role("button", name="With and without the schedule").click()
        page.wait_for_url("**/compare?runs=*")
        expect(page.locator("#compare-heading")).to_have_text("10 runs, 2 settings")
        wait(page, has("run:10"))
        configs = [run.config for run in reversed(lab.store.runs(99))]
        assert [config.schedule.name for config in configs].count("none") == 5
        assert {config.seed for config in configs} == {0, 1, 2, 3, 4}
        expect(page.get_by_text("Not counted, since not finished")).to_have_count(0)
        page.get_by_role("textbox", name="More seeds").fill("1")
        page.get_by_role("button", name="Train more of each").click()
        expect(page.locator("#compare-heading")).to_have_text("12 runs, 2 settings")


def test_the_menu_says_that_changes_by_hand_are_not_repeated(
    browser: BrowserContext, lab: Served
) -> None:
    control = Control()
    control.ask("scale", 0.5)
    recorded(lab.store, control, epochs=2)
    with opened(browser, lab.url + "?run=1") as page:
        page.locator("#again summary").press("Enter")
        expect(page.locator("#again-left-out")).to_have_text(
            "The changes by hand of run 1 are not repeated."
        )
