"""Other runs behind the displayed one, in a real Chromium."""

import re
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.compare.runs import recorded
from tests.lab.page import NEEDS_CHROMIUM, all_drawn, in_state, shows, start
from tests.lab.test_access import violations
from tests.page import Served, opened
from trainer.config.table import to_config

pytestmark = NEEDS_CHROMIUM


# The range of the epoch axis, once what was asked for is drawn.
DRAWN_AGAIN = """() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(
  () => done(document.querySelector("#chart .js-plotly-plot").layout.xaxis.range))))"""


def behind(page: Page) -> dict[str, Any]:
    """The traces before the run's own, by key."""
    found: dict[str, Any] = page.evaluate(
        """() => {
          const { data } = document.querySelector("#chart .js-plotly-plot");
          const own = data.findIndex(({ meta }) => !meta.startsWith("other"));
          return Object.fromEntries(data.slice(0, own).map(({ meta, x, y }) => [meta, { x, y }]));
        }"""
    )
    return found


def wait(page: Page, condition: str) -> None:
    """Waits until a condition on the chart, `gd`, and its traces by key, `at`, holds."""
    page.wait_for_function(
        "() => { const gd = document.querySelector('#chart .js-plotly-plot');"
        "if (!gd || !gd._fullLayout || !gd.data) return false;"
        "const at = Object.fromEntries(gd.data.map((trace) => [trace.meta, trace]));"
        f"return {condition}; }}"
    )


def chosen(page: Page, *runs: int) -> None:
    """Waits until exactly these runs are drawn behind."""
    keys = [f"other:{run}" for run in runs]
    wait(page, f"{keys}.join() === Object.keys(at).filter((k) => k.startsWith('other:')).join()")


def choose(page: Page, run: int) -> None:
    page.get_by_role("textbox", name="Compare with").click()
    page.get_by_role("option", name=f"#{run} ").click()


def test_runs_laid_behind_stay_while_the_run_trains_and_so_does_a_zoom(
    browser: BrowserContext, lab: Served
) -> None:
    for lr in (0.01, 0.1):
        recorded(lab.store, epochs=4, lr=lr)
    with opened(browser, lab.url + "?model=mlp&epochs=10000") as page:
        start(page)
        all_drawn(page, 2)
        page.locator("#again summary").click()
        choose(page, 1)
        chosen(page, 1)
        choose(page, 2)
        chosen(page, 1, 2)
        page.keyboard.press("Escape")
        page.keyboard.press("Escape")
        page.evaluate(
            "() => window.Plotly.relayout(document.querySelector('#chart .js-plotly-plot'), "
            "{ 'xaxis.range': [1, 9], 'yaxis.range': [-1, 1] })"
        )
        before = page.evaluate("() => window.lrscope.live.epoch()")
        all_drawn(page, before + 8)
        page.get_by_role("button", name="Take run 1 away").click()
        chosen(page, 2)
        assert page.evaluate(
            "() => { const { xaxis, yaxis } = document.querySelector("
            "'#chart .js-plotly-plot')._fullLayout; return [xaxis.range, yaxis.range]; }"
        ) == [[1, 9], [-1, 1]]
        all_drawn(page, before + 12)
        page.get_by_role("button", name="Stop").click()
        in_state(page, "stopped")
        assert behind(page)["other:2"]["y"] == [
            row.metrics["val_loss"] for row in lab.store.epochs(2)
        ]
        run = lab.store.run(3)
        assert run is not None
        all_drawn(page, run.epoch)
        wait(page, f"at['metric:val_loss'].x.length === {run.epoch}")
        own = page.evaluate(
            "() => document.querySelector('#chart .js-plotly-plot').data"
            ".find(({ meta }) => meta === 'metric:val_loss').y"
        )
        assert own == [row.metrics["val_loss"] for row in lab.store.epochs(3)]


def test_the_address_brings_back_the_runs_behind_and_back_undoes_a_choice(
    browser: BrowserContext, lab: Served
) -> None:
    for lr in (0.01, 0.05, 0.1):
        recorded(lab.store, epochs=2, lr=lr)
    with opened(browser, lab.url + "?run=3&with=2,77,x,1") as page:
        chosen(page, 2, 1)
        expect(page.get_by_text("There is no run 77.")).to_be_visible()
        expect(page.get_by_text("There is no run 'x'.")).to_be_visible()
        page.wait_for_url("**/?run=3&with=2,1")
        page.get_by_role("button", name="Take run 2 away").press("Enter")
        expect(page.get_by_role("button", name="Take run 1 away")).to_be_focused()
        chosen(page, 1)
        page.wait_for_url("**/?run=3&with=1")
        page.go_back()
        chosen(page, 2, 1)
        page.reload()
        chosen(page, 2, 1)
        page.locator("#run").click()
        page.get_by_role("option", name="#2 ").click()  # which is not drawn behind itself
        shows(page, 2)
        chosen(page, 1)
        page.wait_for_url("**/?run=2&with=2,1")
        page.go_back()
        shows(page, 3)
        chosen(page, 2, 1)
        page.get_by_role("button", name="Take run 2 away").click()
        page.get_by_role("button", name="Take run 1 away").click()
        chosen(page)
        expect(page.locator("#again summary")).to_be_focused()
        page.wait_for_url("**/?run=3")


def test_a_run_behind_that_trains_grows_and_the_axis_with_it(
    browser: BrowserContext, lab: Served
) -> None:
    shown = recorded(lab.store, epochs=3)
    trains = lab.store.add(
        to_config({"model": "mlp", "epochs": 10_000, "batch-size": 512}), pace=10
    )
    asked: list[str] = []
    with opened(browser, f"{lab.url}?run={shown}&with={trains}") as page:
        page.on("request", lambda request: asked.append(request.url))
        wait(page, f"at['other:{trains}'] && at['other:{trains}'].x.length > 3")
        expect(page.locator("#others")).to_contain_text("training")
        before = len(behind(page)[f"other:{trains}"]["x"])
        wait(page, f"at['other:{trains}'].x.length > {before}")
        wait(page, f"gd.layout.xaxis.range[1] === at['other:{trains}'].x.length + 0.5")
        wait(page, f"at['other:{trains}'].x.length > 25")
        assert 2 <= page.locator("#chart .xaxislayer-above .xtick").count() <= 15
        lab.store.stop(trains)
        expect(page.locator("#others")).not_to_contain_text("training")
        # Nothing trains: the page asks only for the displayed run.
        asked.clear()
        with page.expect_request("**/live"):
            pass
        with page.expect_request("**/live"):
            pass
        assert not [url for url in asked if url.endswith("/live/others")]
        rows = lab.store.epochs(trains)
        wait(page, f"at['other:{trains}'].x.length === {len(rows)}")
        assert behind(page)[f"other:{trains}"]["y"] == pytest.approx(
            [row.metrics["val_loss"] for row in rows]
        )


def test_a_zoom_by_mouse_stays_and_a_double_click_shows_all_epochs_of_the_longest_run(
    browser: BrowserContext, lab: Served
) -> None:
    for epochs in (2, 5, 7):
        recorded(lab.store, epochs=epochs)
    with opened(browser, lab.url + "?run=1") as page:
        page.locator("#again summary").press("Enter")
        choose(page, 2)
        wait(page, "String(gd.layout.xaxis.range) === '0.5,5.5'")
        page.keyboard.press("Escape")
        page.keyboard.press("Escape")
        frame = page.locator("#chart .nsewdrag").first.bounding_box()
        assert frame is not None
        x, y = frame["x"], frame["y"] + 60
        page.mouse.move(x + 100, y)
        page.mouse.down()
        page.mouse.move(x + 220, y + 80, steps=5)
        page.mouse.up()
        wait(page, "gd.layout.xaxis.range[1] < 5")
        ranges = (
            "() => { const { xaxis, yaxis } = document.querySelector("
            "'#chart .js-plotly-plot')._fullLayout; return [xaxis.range, yaxis.range]; }"
        )
        zoomed = page.evaluate(ranges)
        page.locator("#again summary").press("Enter")
        choose(page, 3)
        chosen(page, 2, 3)
        assert page.evaluate(ranges) == zoomed
        page.keyboard.press("Escape")
        page.keyboard.press("Escape")
        for _ in range(
            20
        ):  # on a busy machine two clicks may be too far apart for one double click
            page.mouse.dblclick(x + 300, y)
            if page.evaluate(DRAWN_AGAIN) == [0.5, 7.5]:
                break
        wait(page, "String(gd.layout.xaxis.range) === '0.5,7.5'")


def test_an_epoch_that_only_a_run_behind_has_cannot_be_selected(
    browser: BrowserContext, lab: Served
) -> None:
    recorded(lab.store, epochs=9)
    recorded(lab.store, epochs=3)
    with opened(browser, lab.url + "?run=2&with=1") as page:
        chosen(page, 1)
        click = "epoch => window.dash_clientside.charts.point({ points: [{ x: epoch }] })"
        page.evaluate(click, 2)
        expect(page.locator("#fork")).to_have_text("Fork after 2")
        page.evaluate(click, 9)
        expect(page.locator("#fork")).to_have_text("Fork after 2")


def test_a_run_that_starts_is_not_followed_while_the_choices_for_another_are_open(
    browser: BrowserContext, lab: Served
) -> None:
    recorded(lab.store, epochs=2)
    with opened(browser, lab.url) as page:
        shows(page, 1)
        page.locator("#again summary").click()
        recorded(lab.store, epochs=2)
        page.get_by_role("textbox", name="Compare with").click()
        expect(page.get_by_role("option", name="#2 ")).to_be_visible()
        shows(page, 1)


def test_more_than_eight_are_chosen_and_eight_are_drawn(
    browser: BrowserContext, lab: Served
) -> None:
    for seed in range(11):
        recorded(lab.store, epochs=1, seed=seed)
    with opened(browser, lab.url + "?run=11&with=" + ",".join(map(str, range(1, 11)))) as page:
        chosen(page, *range(1, 9))
        expect(page.locator("#others-note")).to_have_text(
            "At most 8 runs are drawn behind this one: 2 of those that are chosen are left out."
        )
        page.get_by_role("button", name="Take run 1 away").click()
        chosen(page, *range(2, 10))
        page.locator("#again summary").press("Enter")
        page.get_by_role("button", name="Open in Compare").click()
        page.wait_for_url("**/compare?runs=11,2,3,4,5,6,7,8,9,10")


@pytest.mark.parametrize(("size", "scheme"), [("desktop", "dark"), ("phone", "light")])
def test_the_runs_behind_have_their_colours_in_both_themes_and_axe_finds_nothing(
    browser: BrowserContext, lab: Served, size: str, scheme: str
) -> None:
    diverging: dict[str, Any] = {"optimizer": "SGD", "lr": 100, "weight-decay": 1}
    recorded(lab.store, epochs=3, **diverging)
    recorded(lab.store, epochs=3)
    recorded(lab.store, epochs=3)
    with opened(browser, lab.url + "?run=3&with=1,2", size, scheme) as page:
        chosen(page, 1, 2)
        expect(page.locator("#labels")).to_contain_text("#2")
        assert violations(page) == []
        line = page.locator("#chart .js-line").first
        before = line.evaluate("(e) => getComputedStyle(e).stroke")
        own = (
            "(key) => document.querySelector('#chart .js-plotly-plot')._fullData"
            ".find(({ meta }) => meta === key).line.color"
        )
        page.get_by_role("button", name="Light or dark").click()
        expect(line).not_to_have_css("stroke", before)
        marked = page.locator("#others-list li").nth(1)
        mark = marked.evaluate("(e) => getComputedStyle(e).getPropertyValue('--mark').trim()")
        expect(marked.locator("strong")).to_have_text(re.compile("#2"))
        assert page.evaluate(own, "other:2").lower() == mark.lower()
        assert violations(page) == []
        page.get_by_role("button", name="Scale of the LR axis").click()
        wait(page, "gd.layout.yaxis2.type === 'linear' || gd.layout.yaxis2.type === 'log'")
        chosen(page, 1, 2)
