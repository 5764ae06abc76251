"""The page in a real Chromium, over real trainings of the bundled digits."""

import re
import threading
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Error, Page, expect, sync_playwright

from tests.page import Served, chromium, launch, opened, served
from tests.small import metrics
from trainer.config.recipe import Recipe
from trainer.config.run import RunConfig
from trainer.config.schedules import CosineAnnealingLR, NoSchedule, ReduceLROnPlateau
from trainer.engine.events import EpochEnded, Event
from trainer.execute import execute
from trainer.schedule.epoch import Epoch, monitored
from trainer.store.store import Store

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(chromium() is None, reason="no Chromium on this machine"),
]

expect.set_options(timeout=30_000)

ASSETS = Path(__file__).parents[2] / "assets"


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


@pytest.mark.parametrize("size", ["desktop", "phone"])
def test_start_trains_and_draws_every_epoch_and_the_lr_steps_down_at_a_cut(
    browser: Browser, lab: Served, size: str
) -> None:
    with opened(browser, lab.url, size) as page:
        box(page, "Learning rate").fill("0.02")
        box(page, "Factor").fill("0.5")
        box(page, "Patience").fill("0")
        box(page, "Epochs").fill("9")
        page.get_by_text("max", exact=True).click()
        start(page)
        all_drawn(page, 9)
        in_state(page, "finished")
        rows = lab.store.epochs(1)
        assert points(page, "train loss", 9) == [row.metrics["train_loss"] for row in rows]
        assert points(page, "validation loss", 9) == [row.metrics["val_loss"] for row in rows]
        lrs = points(page, "learning rate", 18)
        assert lrs == [lr for row in rows for lr in (row.lr, row.lr)]
        assert lrs[-1] < 0.02
        cuts = [row for row in rows if row.decision and row.decision.kind == "cut"]
        assert len(points(page, "cut", len(cuts))) == len(cuts) > 0
        for row in cuts:
            assert row.decision is not None
            expect(page.locator("#log")).to_contain_text(row.decision.sentence)
        assert not page.evaluate(
            "() => document.documentElement.scrollWidth > document.documentElement.clientWidth"
        )


def test_what_was_chosen_in_the_page_is_what_trains(browser: Browser, lab: Served) -> None:
    with opened(browser, lab.url) as page:
        box(page, "Learning rate").fill("3e-3")
        page.get_by_role("slider", name="Patience").press("ArrowRight")
        expect(box(page, "Patience")).to_have_value("6")
        box(page, "Epochs").fill("1")
        box(page, "Seed").fill("7")
        start(page)
        in_state(page, "finished")
    run = lab.store.run(1)
    assert run is not None
    assert run.config == RunConfig(
        lr=3e-3, epochs=1, seed=7, schedule=ReduceLROnPlateau(patience=6)
    )


def test_a_box_and_its_slider_follow_each_other(browser: Browser, lab: Served) -> None:
    with opened(browser, lab.url) as page:
        slider = page.get_by_role("slider", name="Learning rate")
        box(page, "Learning rate").fill("0.1")
        expect(slider).to_have_attribute("aria-valuenow", re.compile(r"^(-1|0\.1)"))
        slider.press("ArrowRight")
        expect(box(page, "Learning rate")).to_have_value("0.11")


def test_the_parameters_of_the_chosen_schedule_are_shown_and_no_others(
    browser: Browser, lab: Served
) -> None:
    with opened(browser, lab.url) as page:
        expect(box(page, "Patience")).to_be_visible()
        choose(page, "Schedule", "StepLR")
        expect(box(page, "Step size")).to_be_visible()
        expect(box(page, "Patience")).to_be_hidden()


def test_bad_input_is_refused_beside_its_field_before_anything_starts(
    browser: Browser, lab: Served
) -> None:
    with opened(browser, lab.url) as page:
        box(page, "Learning rate").fill("0")
        box(page, "Factor").fill("1.5")
        expect(page.get_by_text("Learning rate must be above 0.")).to_be_visible()
        expect(page.get_by_text("Factor must be below 1.")).to_be_visible()
        expect(page.get_by_role("button", name="Start")).to_be_disabled()
        box(page, "Learning rate").fill("0.1")
        box(page, "Factor").fill("0.3")
        expect(page.get_by_text("must be above 0.")).to_have_count(0)
        expect(page.get_by_text("must be below 1.")).to_have_count(0)
        expect(page.get_by_role("button", name="Start")).to_be_enabled()
    assert lab.store.runs(9) == []


def test_stop_stops_and_keeps_what_was_trained(browser: Browser, lab: Served) -> None:
    with opened(browser, lab.url + "?epochs=10000") as page:
        start(page)
        all_drawn(page, 2)
        page.get_by_role("button", name="Stop").click()
        in_state(page, "stopped")
        run = lab.store.run(1)
        assert run is not None
        all_drawn(page, run.epoch)
        assert len(points(page, "train loss", run.epoch)) == run.epoch >= 2
        expect(page.get_by_role("button", name="Stop")).to_be_disabled()


def test_a_reload_and_a_second_tab_show_everything_and_change_nothing(
    browser: Browser, lab: Served
) -> None:
    with opened(browser, lab.url + "?lr=0.02&patience=1&epochs=10000") as page:
        start(page)
        all_drawn(page, 3)
        page.reload()
        all_drawn(page, 3)
        expect(box(page, "Learning rate")).to_have_value("0.02")
        expect(box(page, "Patience")).to_have_value("1")
        with opened(browser, lab.url) as other:
            all_drawn(other, 4)
            all_drawn(page, 4)
            other.get_by_role("button", name="Stop").click()
            in_state(other, "stopped")
        in_state(page, "stopped")
        run = lab.store.run(1)
        assert run is not None
        all_drawn(page, run.epoch)
        page.reload()
        in_state(page, "stopped")
        all_drawn(page, run.epoch)
        rows = lab.store.epochs(1)
        assert points(page, "validation loss", len(rows)) == [
            row.metrics["val_loss"] for row in rows
        ]
    assert len(lab.store.runs(9)) == 1


def test_closing_the_browser_does_not_end_the_run(browser: Browser, lab: Served) -> None:
    with opened(browser, lab.url + "?epochs=4") as page:
        start(page)
        all_drawn(page, 1)
    with opened(browser, lab.url) as page:
        in_state(page, "finished")
        assert len(points(page, "train loss", 4)) == 4


def test_a_run_of_another_process_appears_in_an_open_page(browser: Browser, lab: Served) -> None:
    with opened(browser, lab.url) as page:
        other = Store(lab.store.home)
        run = other.add(RunConfig(epochs=3))
        # The page's own worker may be quicker to take it: either way the page must follow.
        if other.claim(run) is not None:
            events = execute(other, run, Path("unused"))
            thread = threading.Thread(target=lambda: list(events))
            thread.start()
        all_drawn(page, 3)
        in_state(page, "finished")
        expect(page.locator("#run")).to_have_value(re.compile(rf"^{run} "))
        thread.join()
        other.close()


def test_a_page_whose_server_went_says_so_and_goes_on_when_it_is_back(
    browser: Browser, lab: Served
) -> None:
    lab.store.add(RunConfig(epochs=80), pace=10)
    with opened(browser, lab.url) as page:
        in_state(page, "training")
        page.route("**/live", lambda route: route.fulfill(body="nobody is here"))
        expect(page.locator("#notice")).to_contain_text("does not answer")
        page.unroute("**/live")
        in_state(page, "finished")
        expect(page.locator("#notice")).to_have_text("")
        assert len(points(page, "train loss", 80)) == 80


def test_a_run_that_learns_nothing_says_so_and_what_to_try(browser: Browser, lab: Served) -> None:
    with opened(browser, lab.url + "?lr=0.1&epochs=5") as page:
        start(page)
        in_state(page, "finished")
        expect(page.locator("#notice")).to_contain_text("no better than guessing")
        expect(page.locator("#notice")).to_contain_text("try 0.01")


def test_divergence_is_shown_as_a_gap_and_a_marker(browser: Browser, lab: Served) -> None:
    address = "?optimizer=SGD&lr=100&weight-decay=1&epochs=5&model=mlp"
    with opened(browser, lab.url + address) as page:
        start(page)
        in_state(page, "diverged")
        expect(page.locator("#notice")).to_contain_text("became not a number in epoch 1")
        expect(page.locator("#chart")).to_contain_text("diverged")
        assert points(page, "train loss", 1) == [None]


def test_the_data_that_cannot_be_had_is_one_sentence_with_a_way_on(
    browser: Browser, lab: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    from torchvision.datasets import MNIST

    monkeypatch.setattr(MNIST, "mirrors", ["http://127.0.0.1:9/"])
    with opened(browser, lab.url + "?dataset=mnist") as page:
        start(page)
        in_state(page, "failed")
        expect(page.locator("#notice")).to_contain_text("digits")


def test_light_and_dark_recolour_the_charts_and_keep_the_points(
    browser: Browser, lab: Served
) -> None:
    run = lab.store.add(RunConfig(epochs=3))
    with opened(browser, lab.url, scheme="dark") as page:
        all_drawn(page, 3)
        colour = "() => getComputedStyle(document.querySelector('#chart .js-line')).stroke"
        dark = page.evaluate(colour)
        page.get_by_role("button", name="Light or dark").click()
        expect(page.locator("#chart .js-line").first).not_to_have_css("stroke", dark)
        assert len(points(page, "train loss", 3)) == 3
    assert lab.store.run(run)


def test_a_theme_that_changes_in_mid_run_recolours_the_charts_too(
    browser: Browser, lab: Served
) -> None:
    with opened(browser, lab.url + "?epochs=10000") as page:
        start(page)
        all_drawn(page, 2)
        for shade in ("rgb(151, 117, 250)", "rgb(112, 72, 232)", "rgb(151, 117, 250)"):
            page.get_by_role("button", name="Light or dark").click()
            expect(page.locator("#chart .js-line").first).to_have_css("stroke", shade)
        page.get_by_role("button", name="Stop").click()
        in_state(page, "stopped")


def test_a_metric_that_the_charts_did_not_expect_is_drawn_from_its_first_epoch_on(
    browser: Browser, lab: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = lab.store.record

    def with_another(run: int, event: Event) -> None:
        if isinstance(event, EpochEnded):
            rate: dict[str, float | None] = {"word/error rate": 2.0 * event.epoch}
            event = replace(event, metrics=event.metrics | rate)
        record(run, event)

    with opened(browser, lab.url + "?epochs=10000") as page:
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


def test_the_scripts_can_load_in_any_order(browser: Browser) -> None:
    def note(wrong: list[str], error: Error) -> None:
        wrong.append(str(error))

    scripts = sorted(ASSETS.rglob("*.js"))
    for order in (scripts, scripts[::-1]):
        page = browser.new_page()
        wrong: list[str] = []
        page.on("pageerror", partial(note, wrong))
        for script in order:
            page.add_script_tag(path=script)
        assert page.evaluate("() => Object.keys(window.lrscope).length") >= 5
        assert wrong == []
        page.close()


def test_an_earlier_run_can_be_chosen_again(browser: Browser, lab: Served) -> None:
    lab.store.add(RunConfig(epochs=2, schedule=NoSchedule()))
    lab.store.add(RunConfig(epochs=3))
    with opened(browser, lab.url) as page:
        all_drawn(page, 3)
        in_state(page, "finished")
        page.locator("#run").click()
        page.get_by_role("option", name=re.compile("^1 · ")).click()
        expect(page.locator("#progress-left")).to_have_text("epoch 2 of 2")
        assert len(points(page, "train loss", 2)) == 2


def test_a_preset_fills_the_form_and_a_change_takes_its_name_away(
    browser: Browser, lab: Served
) -> None:
    with opened(browser, lab.url) as page:
        page.locator("#preset").click()
        page.get_by_role("option", name="One cycle: up, then down").click()
        expect(box(page, "Epochs")).to_have_value("30")
        expect(box(page, "Rising share")).to_be_visible()
        box(page, "Epochs").fill("31")
        expect(page.locator("#preset")).to_have_value("")
        expect(box(page, "Epochs")).to_have_value("31")
        page.wait_for_url("**/*epochs=31*")


def test_an_address_that_cannot_be_is_explained_and_the_defaults_are_shown(
    browser: Browser, lab: Served
) -> None:
    with opened(browser, lab.url + "?factor=7") as page:
        expect(page.get_by_text("Factor must be below 1.")).to_be_visible()
        expect(box(page, "Factor")).to_have_value("0.1")


def test_the_pace_of_a_run_can_be_changed_while_it_trains(browser: Browser, lab: Served) -> None:
    with opened(browser, lab.url + "?epochs=10000") as page:
        start(page)
        all_drawn(page, 1)
        page.get_by_text("1/s", exact=True).click()
        expect(page.locator("#pace input:checked")).to_have_value("1")
        page.get_by_role("button", name="Stop").click()
        in_state(page, "stopped")
    assert [c.name for c in lab.store.commands(1)] == ["pace", "stop"]


def pointed(page: Page) -> list[float]:
    shapes: list[dict[str, Any]] = page.evaluate(
        "() => document.querySelector('#chart .js-plotly-plot').layout.shapes"
    )
    return [shape["x0"] + 0.5 for shape in shapes if shape.get("name") == "pointer"]


def test_a_sentence_points_at_its_epoch_in_the_charts_and_the_other_way_round(
    browser: Browser, lab: Served
) -> None:
    lab.store.add(RunConfig(epochs=12))
    with opened(browser, lab.url) as page:
        all_drawn(page, 12)
        points(page, "train loss", 12)
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


def ahead(page: Page) -> list[list[float]]:
    curves: list[list[float]] = page.evaluate(
        "() => (document.querySelector('#preview-chart .js-plotly-plot')?.data || []).map(t => t.y)"
    )
    return curves


def test_the_lr_ahead_is_drawn_as_the_form_changes_and_its_cautions_are_shown(
    browser: Browser, lab: Served
) -> None:
    from trainer.replay.replay import preview

    with opened(browser, lab.url) as page:
        text, cautions = page.locator("#preview-text"), page.locator("#cautions")
        expect(text).to_have_text("First cut possible after epoch 7.")
        expect(cautions).to_be_empty()
        page.get_by_role("slider", name="Patience").press("ArrowRight")
        expect(text).to_have_text("First cut possible after epoch 8.")
        box(page, "Patience").fill("60")
        expect(cautions).to_contain_text("the first could come after epoch 62")
        choose(page, "Schedule", "CosineAnnealingLR")
        box(page, "T max").fill("20")
        expect(cautions).to_contain_text("After epoch 20 the LR rises again")
        config = RunConfig(schedule=CosineAnnealingLR(T_max=20))
        steps = preview(config, config.batches).steps
        assert ahead(page) == [[lr for step in steps for lr in (step.lr, step.lr_last)]]


def test_a_what_if_shows_where_the_run_would_have_been_cut(browser: Browser, lab: Served) -> None:
    from trainer.config.table import changed
    from trainer.replay.comparison import compare

    config = RunConfig(epochs=15, schedule=ReduceLROnPlateau(patience=0, threshold=0.2))
    lab.store.add(config)
    with opened(browser, lab.url) as page:
        all_drawn(page, 15)
        in_state(page, "finished")
        page.get_by_text("What if", exact=True).click()
        panel = page.locator(".what-if")
        expect(panel).to_contain_text("No difference: in 15 epochs")
        panel.get_by_role("textbox", name="Patience").fill("2")
        rows = lab.store.epochs(1)
        run = lab.store.run(1)
        assert run is not None
        assert run.started is not None
        patient = compare(config, rows, changed(config, {"patience": 2}), run.started.batches)
        assert patient.first is not None
        expect(page.locator("#answer")).to_contain_text(patient.sentence)
        steps = [s for s in patient.steps if s.epoch >= patient.first]
        dashed = points(page, "learning rate, what if", 2 * len(steps))
        assert dashed == [lr for s in steps for lr in (s.lr, s.lr_last)]
        expect(page.locator("#chart")).to_contain_text("differs from here")
        page.locator("#map .js-plotly-plot").scroll_into_view_if_needed()
        page.locator("#map .nsewdrag").click(position={"x": 130, "y": 60})
        expect(panel.get_by_role("textbox", name="Patience")).not_to_have_value("2")
        expect(panel.get_by_role("textbox", name="Factor")).not_to_have_value("0.1")
        chosen = {
            key: panel.get_by_role("textbox", name=label).input_value()
            for key, label in (("patience", "Patience"), ("factor", "Factor"))
        }
        clicked = compare(config, rows, changed(config, chosen), run.started.batches)
        expect(page.locator("#answer")).to_contain_text(clicked.sentence)
        panel.get_by_role("textbox", name="Factor").fill("7")
        expect(panel.get_by_text("Factor must be below 1.")).to_be_visible()
        page.get_by_text("Decisions", exact=True).click()
        expect(page.locator("#chart")).not_to_contain_text("differs from here")


def test_a_curve_from_elsewhere_is_imported_explained_and_replayed(
    browser: Browser, lab: Served, tmp_path: Path
) -> None:
    good, bad = tmp_path / "elsewhere.csv", tmp_path / "bad.csv"
    losses = [1.0, 0.9, 0.95, 0.92, 0.91, 0.93, 0.94, 0.95]
    good.write_text("epoch,loss\n" + "".join(f"{i},{v}\n" for i, v in enumerate(losses)))
    bad.write_text("epoch,loss\n1,2\n2,x\n")
    with opened(browser, lab.url) as page:
        page.get_by_role("button", name="Import a curve").click()
        dialog = page.get_by_role("dialog")
        page.locator("#import-file input").set_input_files(bad)
        expect(dialog).to_contain_text("bad.csv line 3: loss is 'x', not a number")
        assert lab.store.newest() is None
        dialog.get_by_role("textbox", name="Learning rate").fill("0.1")
        page.locator("#import-file input").set_input_files(good)
        expect(dialog).to_be_hidden()
        all_drawn(page, 8)
        assert points(page, "validation loss", 8) == losses
        expect(page.locator("#progress-left")).to_have_text(
            "8 epochs of elsewhere.csv; nothing was trained here."
        )
        expect(page.locator("#log")).to_contain_text("6 bad epochs, patience is 5: LR cut")
        page.get_by_text("What if", exact=True).click()
        page.locator(".what-if").get_by_role("textbox", name="Patience").fill("1")
        expect(page.locator("#answer")).to_contain_text("Exact up to epoch 4")


def test_a_run_is_paused_stepped_and_its_lr_changed_by_hand(browser: Browser, lab: Served) -> None:
    with opened(browser, lab.url + "?epochs=10000&schedule=none&lr=0.004") as page:
        start(page)
        all_drawn(page, 2)
        page.get_by_role("button", name="Pause").click()
        in_state(page, "paused")
        paused = lab.store.run(1)
        assert paused is not None
        page.get_by_role("button", name="Step").click()
        all_drawn(page, paused.epoch + 1)
        in_state(page, "paused")
        page.get_by_role("button", name="÷2").click()
        page.get_by_role("textbox", name="Learning rate to set").fill("-1")
        page.get_by_role("button", name="Set", exact=True).click()
        expect(page.locator("#refused")).to_have_text("The learning rate must stay above 0.")
        page.evaluate("() => document.activeElement.blur()")
        page.keyboard.press("Space")
        expect(page.locator("#log")).to_contain_text(
            "By hand: LR divided by 2, from 0.004 to 0.002."
        )
        expect(page.locator("#chart")).to_contain_text("by hand")
        expect(page.locator("#card-lr-value")).to_have_text("0.002")
        page.get_by_role("button", name="Stop").click()
        in_state(page, "stopped")
    (change,) = lab.store.interventions(1)
    assert (change.lr_before, change.lr_after) == (0.004, 0.002)


def test_a_stopped_run_goes_on_and_a_fork_of_it_is_measured_against_it(
    browser: Browser, lab: Served
) -> None:
    with opened(browser, lab.url + "?epochs=12&patience=0&threshold=0.2") as page:
        start(page)
        all_drawn(page, 3)
        page.get_by_role("button", name="Stop").click()
        in_state(page, "stopped")
        page.get_by_role("button", name="Resume").click()
        page.get_by_text("max", exact=True).click()
        in_state(page, "finished")
        all_drawn(page, 12)
        cut = next(r.epoch for r in lab.store.epochs(1) if r.decision and r.decision.kind == "cut")
        page.get_by_text("What if", exact=True).click()
        expect(page.locator("#answer")).to_contain_text("differ")
        page.locator(".what-if").get_by_role("textbox", name="Patience").fill("3")
        page.get_by_role("button", name=f"Measure it: fork after epoch {cut}").click()
        expect(page.locator("#fork-title")).to_have_text(f"Fork of run 1 after epoch {cut}")
        expect(page.locator("#fork-effects")).to_contain_text("decides on epoch")
        expect(box(page, "Seed")).to_be_disabled()
        box(page, "Epochs").fill(str(cut))
        expect(page.get_by_text(f"Epochs must be above {cut}")).to_be_visible()
        box(page, "Epochs").fill("12")
        page.get_by_role("button", name="Start the fork").click()
        expect(page.locator("#run")).to_have_value(re.compile("^2 · fork of 1"))
        page.locator("#log li[data-past]").first.wait_for(state="attached")
        in_state(page, "finished")
        page.get_by_text("Family", exact=True).click()
        expect(page.locator(".member")).to_have_count(2)
        expect(page.locator(".member[aria-current=true]")).to_contain_text(
            f"after epoch {cut}: Patience 3"
        )
        theirs = [row.metrics["val_loss"] for row in lab.store.epochs(1)]
        assert points(page, "validation loss of the parent", 12) == theirs
        own = [row.metrics["val_loss"] for row in lab.store.epochs(2)]
        assert points(page, "validation loss", 13 - cut) == [theirs[cut - 1], *own]
        assert own[0] != theirs[cut]
        page.locator(".member").first.click()
        expect(page.locator("#run")).to_have_value(re.compile("^1 · "))
        expect(box(page, "Seed")).to_be_enabled()


def test_the_oldest_sentence_of_a_long_run_is_there_when_it_is_asked_for(browser, lab):
    rows = [Epoch(e, 0.01, 0.01, metrics(1 / e, 1 / e, 0.5), 0.0, None) for e in range(1, 1201)]
    lab.store.add_imported(Recipe(epochs=1200), "long.csv", rows)
    with opened(browser, lab.url) as page:
        log = page.locator("#log [data-epoch]")
        expect(log).to_have_count(500)
        expect(log.first).to_have_attribute("data-epoch", "1200")
        log.last.scroll_into_view_if_needed()
        expect(page.locator('#log [data-epoch="201"]')).to_have_count(1)
        page.evaluate("() => document.querySelector('#log').scrollTo(0, 1e9)")
        expect(page.locator('#log [data-epoch="1"]')).to_have_count(1)
        expect(log).to_have_count(1200)
