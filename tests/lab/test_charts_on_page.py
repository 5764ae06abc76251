"""The charts in a real Chromium: their colours, their traces, and what points into them."""

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Error, Page, expect

from app.charts import theme
from tests.charts.test_series import rows
from tests.lab.page import (
    NEEDS_CHROMIUM,
    all_drawn,
    choose_run,
    in_state,
    points,
    shows,
    start,
)  # fmt: skip
from tests.lab.test_live import record
from tests.lab.test_readout import STARTED
from tests.page import Served, opened
from tests.small import SCHEDULES
from trainer.config.run import RunConfig
from trainer.config.schedules import NoSchedule, ReduceLROnPlateau
from trainer.engine.events import Ended, EpochEnded, Event
from trainer.schedule.epoch import monitored

pytestmark = NEEDS_CHROMIUM

ASSETS = Path(__file__).parents[2] / "assets"


def test_divergence_is_shown_as_a_gap_and_a_marker(browser: BrowserContext, lab: Served) -> None:
    address = "?optimizer=SGD&lr=100&weight-decay=1&epochs=5&model=mlp"
    with opened(browser, lab.url + address) as page:
        start(page)
        in_state(page, "diverged")
        expect(page.locator("#notice")).to_contain_text("became not a number in epoch 1")
        expect(page.locator("#labels")).to_contain_text("diverged")
        assert points(page, "train loss", 1) == [None]


def test_light_and_dark_recolour_the_charts_and_keep_the_points(
    browser: BrowserContext, lab: Served
) -> None:
    run = lab.store.add(RunConfig(model="mlp", epochs=3))
    with opened(browser, lab.url, scheme="dark") as page:
        all_drawn(page, 3)
        colour = "() => getComputedStyle(document.querySelector('#chart .js-line')).stroke"
        dark = page.evaluate(colour)
        page.get_by_role("button", name="Light or dark").click()
        expect(page.locator("#chart .js-line").first).not_to_have_css("stroke", dark)
        assert len(points(page, "train loss", 3)) == 3
    assert lab.store.run(run)


def test_a_theme_that_changes_in_mid_run_recolours_the_charts_too(
    browser: BrowserContext, lab: Served
) -> None:
    with opened(browser, lab.url + "?model=mlp&epochs=10000") as page:
        start(page)
        all_drawn(page, 2)
        for shade in ("rgb(151, 117, 250)", "rgb(112, 72, 232)", "rgb(151, 117, 250)"):
            page.get_by_role("button", name="Light or dark").click()
            expect(page.locator("#chart .js-line").first).to_have_css("stroke", shade)
        page.get_by_role("button", name="Stop").click()
        in_state(page, "stopped")


@pytest.mark.parametrize("first", ["theme", "zoom"])
def test_a_zoom_keeps_the_colours_of_the_theme_and_a_theme_the_zoom(
    browser: BrowserContext, lab: Served, first: str
) -> None:
    run = finished(lab, RunConfig(lr=0.1, schedule=NoSchedule(), epochs=12))
    told = """() => {
      const { xaxis, font } = document.querySelector("#chart .js-plotly-plot")._fullLayout;
      return [xaxis.range[0] > 1 && xaxis.range[1] < 12, font.color, xaxis.gridcolor];
    }"""
    dark = [theme.COLOURS["dark"][name] for name in ("ink", "grid")]
    with opened(browser, lab.url) as page:
        shows(page, run)
        if first == "zoom":
            zoom(page)
        page.get_by_role("button", name="Light or dark").click()
        page.wait_for_function(f"(ink) => ({told})()[1] === ink", arg=dark[0])
        if first == "theme":
            zoom(page)
            page.wait_for_function(f"() => ({told})()[0]")
        settled = "() => new Promise((done) => requestAnimationFrame(() => setTimeout(done)))"
        page.evaluate(settled)
        page.evaluate(settled)
        assert page.evaluate(told) == [True, *dark]


def zoom(page: Page) -> None:
    """Drags over the middle of the loss chart."""
    box = page.locator("#chart .nsewdrag").first.bounding_box()
    assert box is not None
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] * 0.3, middle)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.6, middle, steps=5)
    page.mouse.up()


def finished(lab: Served, config: RunConfig, upto: int | None = None) -> int:
    """A run of this config, as if trained; not over if it is recorded up to an epoch only."""
    run = lab.store.add(config, claimed=True)
    lab.store.record(run, STARTED)
    losses = [0.8 + 0.4 / epoch for epoch in range(1, (upto or config.epochs) + 1)]
    for row in rows(losses, config):
        record(lab.store, run, row)
    if upto is None:
        lab.store.record(run, Ended("finished"))
    return run


def test_an_axis_that_was_drawn_without_points_follows_them_all_the_same(
    browser: BrowserContext, lab: Served
) -> None:
    config = RunConfig(epochs=4)
    run = finished(lab, config, upto=1)
    chart = "document.querySelector('#chart .js-plotly-plot')"
    axis = f"{chart}.layout.yaxis"
    with opened(browser, lab.url) as page:
        all_drawn(page, 1)
        page.evaluate(f"Plotly.relayout({chart}, 'yaxis.range', [-1, 4])")
        assert page.evaluate(f"{axis}.range[1]") == 4
        record(lab.store, run, rows([1.2, 1.0], config)[1])
        page.wait_for_function(f"() => {axis}.autorange && {axis}.range[1] < 1")
        lab.store.record(run, Ended("stopped"))
        in_state(page, "stopped")


# Each pair of texts in the charts that cover each other.
COVERED = """() => {
  const ticks = "#chart :is(.xtick, .ytick, .y2tick) text";
  const texts = [...document.querySelectorAll(`#labels > span, ${ticks}`)];
  const boxes = texts.filter((text) => text.textContent).map((text) => {
    const range = document.createRange();
    range.selectNodeContents(text);
    return [text.textContent, range.getBoundingClientRect()];
  });
  const meet = (a, b, low, high) => a[low] < b[high] - 0.5 && b[low] < a[high] - 0.5;
  const covers = (a, b) => meet(a, b, "left", "right") && meet(a, b, "top", "bottom");
  return boxes.flatMap(([text, box], i) => boxes.slice(i + 1)
    .filter(([, other]) => covers(box, other)).map(([other]) => `${text} | ${other}`));
}"""


def test_no_label_of_the_charts_covers_another(browser: BrowserContext, lab: Served) -> None:
    """Of runs of several schedules, finished and with a future, beside the next run."""
    schedules = [SCHEDULES[name] for name in ("none", "plateau", "StepLR")]
    runs = [
        finished(lab, RunConfig(lr=0.1, epochs=20, schedule=schedule), upto)
        for schedule in schedules
        for upto in (None, 12)
    ]
    slow = ReduceLROnPlateau(factor=0.3, patience=3, threshold=0.05)
    runs += [finished(lab, RunConfig(epochs=epochs, schedule=slow)) for epochs in (19, 200)]
    with opened(browser, lab.url) as page:
        page.get_by_role("slider", name="Patience").press("ArrowRight")
        scale = page.get_by_role("button", name="Scale of the LR axis")
        for run in reversed(runs):
            choose_run(page, run)
            shows(page, run)
            for _ in range(2):  # on either axis, as what is low crowds at the end of a linear one
                for width, height in ((1440, 900), (390, 844), (1280, 800)):
                    page.set_viewport_size({"width": width, "height": height})
                    page.wait_for_function(f"() => !({COVERED})().length", timeout=5000)
                before = str(scale.text_content())
                scale.click()
                expect(scale).not_to_have_text(before)


def test_a_metric_that_the_charts_did_not_expect_is_drawn_from_its_first_epoch_on(
    browser: BrowserContext, lab: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = lab.store.record

    def with_another(run: int, event: Event, *more: Any) -> None:
        if isinstance(event, EpochEnded):
            rate: dict[str, float | None] = {"word/error rate": 2.0 * event.epoch}
            event = replace(event, metrics=event.metrics | rate)
        record(run, event, *more)

    with opened(browser, lab.url + "?model=mlp&epochs=10000") as page:
        start(page)
        all_drawn(page, 2)
        monkeypatch.setattr(lab.store, "record", with_another)
        page.wait_for_function(
            "() => document.querySelector('#chart .js-plotly-plot').data"
            ".some(({name}) => name === 'word/error rate')"
        )
        page.get_by_role("button", name="Stop").click()
        in_state(page, "stopped")
        run = lab.store.run(1)
        assert run is not None
        all_drawn(page, run.epoch)
        every = points(page, "word/error rate", run.epoch)
        assert every == monitored("word/error rate", lab.store.epochs(1))
        assert every[-1] == 2.0 * run.epoch
        assert len(points(page, "train loss", run.epoch)) == run.epoch


def test_the_scripts_can_load_in_any_order(browser: BrowserContext) -> None:
    def note(wrong: list[str], error: Error) -> None:
        wrong.append(str(error))

    # Those of an exported page are one script, in one order.
    scripts = sorted(path for path in ASSETS.rglob("*.js") if path.parent.name != "export")
    for order in (scripts, scripts[::-1]):
        page = browser.new_page()
        wrong: list[str] = []
        page.on("pageerror", partial(note, wrong))
        for script in order:
            page.add_script_tag(path=script)
        assert page.evaluate("() => Object.keys(window.lrscope).length") >= 5
        assert wrong == []
        page.close()


def pointed(page: Page) -> list[float]:
    shapes: list[dict[str, Any]] = page.evaluate(
        "() => document.querySelector('#chart .js-plotly-plot').layout.shapes"
    )
    return [shape["x0"] + 0.5 for shape in shapes if shape.get("name") == "pointer"]


def test_a_sentence_points_at_its_epoch_in_the_charts_and_the_other_way_round(
    browser: BrowserContext, lab: Served
) -> None:
    lab.store.add(RunConfig(model="mlp", epochs=12))
    with opened(browser, lab.url) as page:
        all_drawn(page, 12)
        points(page, "train loss", 12)
        page.get_by_role("button", name="all epochs").click()
        page.locator('#log li[data-epoch="3"]').click()
        assert pointed(page) == [3]
        page.locator("#log").press("ArrowUp")
        assert pointed(page) == [4]
        frame = page.locator("#chart .nsewdrag").first.bounding_box()
        assert frame is not None
        page.mouse.move(frame["x"] + frame["width"] * 8.5 / 12 - 5, frame["y"] + 60)
        page.mouse.move(frame["x"] + frame["width"] * 8.5 / 12, frame["y"] + 60)
        page.locator("#chart .hoverlayer .legend, #chart .hoverlayer .hovertext").first.wait_for()
        page.mouse.down()
        page.mouse.up()
        expect(page.locator('#log li[data-epoch="9"]')).to_have_attribute("aria-selected", "true")
        expect(page.locator('#log li[aria-selected="true"]')).to_have_count(1)
        assert pointed(page) == [9]
