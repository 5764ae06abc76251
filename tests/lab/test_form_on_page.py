"""The form in a real Chromium: what is chosen, refused, filled in and drawn ahead."""

import re
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from app import address
from tests.charts.test_series import CONFIG, FLAT
from tests.lab.page import NEEDS_CHROMIUM, box, choose, in_state, shows, start
from tests.lab.test_live import record
from tests.lab.test_readout import STARTED
from tests.page import Served, opened
from trainer.config.optimizers import SGD
from trainer.config.recipe import Recipe
from trainer.config.run import RunConfig
from trainer.config.schedules import CosineAnnealingLR, ReduceLROnPlateau, StepLR
from trainer.engine.events import Ended
from trainer.schedule.epoch import Epoch
from trainer.schedule.schedule import Schedule

pytestmark = NEEDS_CHROMIUM


def test_what_was_chosen_in_the_page_is_what_trains(browser: BrowserContext, lab: Served) -> None:
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


def test_the_whole_form_is_in_sight_on_a_small_screen(browser: BrowserContext, lab: Served) -> None:
    with opened(browser, lab.url) as page:
        assert page.viewport_size == {"width": 1280, "height": 800}
        expect(page.get_by_text("More: monitor, warm-up, parameters")).to_be_visible()
        form = page.locator(".form")
        assert form.evaluate("(form) => form.scrollHeight <= form.clientHeight")


def test_a_box_and_its_slider_follow_each_other(browser: BrowserContext, lab: Served) -> None:
    with opened(browser, lab.url) as page:
        slider = page.get_by_role("slider", name="Learning rate")
        box(page, "Learning rate").fill("0.1")
        expect(slider).to_have_attribute("aria-valuenow", re.compile(r"^(-1|0\.1)"))
        slider.press("ArrowRight")
        expect(box(page, "Learning rate")).to_have_value("0.11")


TYPE_ON = """() => {
  const { set } = lrscope.page;
  window.written = [];
  lrscope.page.set = (id, props) => {
    set(id, props);
    if (id.type === "run-field") written.push(props.value);
    if (id.type !== "run-slider" || window.typedOn) return;
    window.typedOn = true;
    set({ ...id, type: "run-field" }, { value: "12" });
  };
}"""


def test_a_slider_that_follows_its_box_does_not_write_into_it(
    browser: BrowserContext, lab: Served
) -> None:
    with opened(browser, lab.url) as page:
        page.evaluate(TYPE_ON)  # on a busy machine a key comes before Dash reports the slider
        box(page, "Patience").fill("1")
        page.wait_for_url("**patience=12*")
        expect(page.get_by_role("slider", name="Patience")).to_have_attribute("aria-valuenow", "12")
        assert page.evaluate("() => written") == []
        expect(box(page, "Patience")).to_have_value("12")


def test_a_pasted_value_keeps_all_its_digits(browser: BrowserContext, lab: Served) -> None:
    with opened(browser, lab.url) as page:
        box(page, "Learning rate").fill("0.12345")
        slider = page.get_by_role("slider", name="Learning rate")
        expect(slider).to_have_attribute("aria-valuenow", re.compile(r"^(-0\.9|0\.12)"))
        page.wait_for_url("**lr=0.12*")
        assert "lr=0.12345" in page.url
        expect(box(page, "Learning rate")).to_have_value("0.12345")


def test_the_parameters_of_the_chosen_schedule_are_shown_and_no_others(
    browser: BrowserContext, lab: Served
) -> None:
    with opened(browser, lab.url) as page:
        expect(box(page, "Patience")).to_be_visible()
        choose(page, "Schedule", "StepLR")
        expect(box(page, "Step size")).to_be_visible()
        expect(box(page, "Patience")).to_be_hidden()


def test_a_cycle_that_torch_cannot_run_is_refused_beside_its_setting(
    browser: BrowserContext, lab: Served
) -> None:
    with opened(browser, lab.url + "?schedule=OneCycleLR&epochs=10") as page:
        box(page, "Rising share").fill("0.1")
        box(page, "Batch").fill("1077")
        said = page.get_by_text("Rising share 0.1 of 10 steps is a rise of one step")
        expect(said).to_be_visible()
        expect(page.get_by_role("button", name="Start")).to_be_disabled()
        box(page, "Epochs").fill("11")
        expect(said).to_be_hidden()
        expect(page.get_by_role("button", name="Start")).to_be_enabled()
    assert lab.store.newest() is None


def test_bad_input_is_refused_beside_its_field_before_anything_starts(
    browser: BrowserContext, lab: Served
) -> None:
    with opened(browser, lab.url) as page:
        box(page, "Learning rate").fill("0")
        box(page, "Factor").fill("1.5")
        expect(
            page.get_by_text("Learning rate must be a number above 0 and at most 100.")
        ).to_be_visible()
        expect(page.get_by_text("Factor must be a number above 0 and below 1.")).to_be_visible()
        expect(page.get_by_role("button", name="Start")).to_be_disabled()
        box(page, "Learning rate").fill("0.1")
        box(page, "Factor").fill("0.3")
        expect(page.get_by_text("must be a number above 0 and at most")).to_have_count(0)
        expect(page.get_by_text("must be a number above 0 and below")).to_have_count(0)
        expect(page.get_by_role("button", name="Start")).to_be_enabled()
    assert lab.store.runs(9) == []


def test_a_preset_fills_the_form_and_a_change_takes_its_name_away(
    browser: BrowserContext, lab: Served
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
    browser: BrowserContext, lab: Served
) -> None:
    with opened(browser, lab.url + "?factor=7") as page:
        expect(page.get_by_text("Factor must be a number above 0 and below 1.")).to_be_visible()
        expect(box(page, "Factor")).to_have_value("0.1")


def test_the_run_on_show_fills_the_form_with_exactly_its_settings(
    browser: BrowserContext, lab: Served
) -> None:
    config = RunConfig(
        model="mlp", batch_size=32, epochs=3, seed=7, threads=1, lr=0.0123, warmup=1,
        optimizer=SGD(momentum=0.8), schedule=StepLR(step_size=2, gamma=0.3),
    )  # fmt: skip
    lab.store.add(config, claimed=True)
    lab.store.add(RunConfig(), claimed=True)
    with opened(browser, lab.url + "?run=1&lr=0.5&patience=3") as page:
        shows(page, 1)
        page.get_by_role("button", name="Use this run's settings").click()
        page.wait_for_url("**seed=7*")
        assert address.read(urlsplit(page.url).query).config == config
        expect(box(page, "Seed")).to_have_value("7")
        expect(box(page, "Step size")).to_have_value("2")
        expect(page.locator("#preset")).to_have_value("")
        assert lab.store.newest() == 2
        box(page, "Seed").fill("8")
        start(page)
        expect(page.locator("#run")).to_have_value(re.compile("^#3 "))
    started = lab.store.run(3)
    assert started is not None
    assert started.config == config.model_copy(update={"seed": 8})


def test_a_run_without_settings_fills_nothing_and_says_so(
    browser: BrowserContext, lab: Served
) -> None:
    with opened(browser, lab.url + "?lr=0.5") as page:
        use, said = page.get_by_role("button", name="Use this run's settings"), "#start-refused"
        use.click()
        expect(page.locator(said)).to_have_text("There is no run yet.")
        epoch = Epoch(1, 0.01, 0.01, {"loss": 1.0}, 0.0, None)
        lab.store.add_imported(Recipe(monitor="loss"), "curve.csv", [epoch])
        page.goto(lab.url + "?lr=0.5")
        shows(page, 1)
        use.click()
        expect(page.locator(said)).to_have_text(
            "Run 1 was imported: its data and network are not known here."
        )
        expect(box(page, "Learning rate")).to_have_value("0.5")


@pytest.mark.parametrize(("run", "named"), [("999", "999"), ("abc", "'abc'")])
def test_an_address_of_no_run_says_so_and_shows_the_newest(
    browser: BrowserContext, lab: Served, run: str, named: str
) -> None:
    lab.store.add(RunConfig(), claimed=True)
    with opened(browser, f"{lab.url}?run={run}&lr=0.5") as page:
        shows(page, 1)
        expect(page.locator("#start-refused")).to_contain_text(f"There is no run {named}.")
        expect(box(page, "Learning rate")).to_have_value("0.5")


def test_a_decimal_comma_is_a_number_to_its_box_and_its_slider(
    browser: BrowserContext, lab: Served
) -> None:
    with opened(browser, lab.url) as page:
        box(page, "Learning rate").fill("0,1")
        slider = page.get_by_role("slider", name="Learning rate")
        expect(slider).to_have_attribute("aria-valuenow", re.compile(r"^(-1|0\.1)"))
        page.wait_for_url("**lr=0.1*")
        expect(box(page, "Learning rate")).to_have_value("0,1")
        expect(page.get_by_role("button", name="Start")).to_be_enabled()


def test_an_error_takes_the_place_of_the_help_and_hides_nothing_else(
    browser: BrowserContext, lab: Served
) -> None:
    with opened(browser, lab.url) as page:
        below = page.get_by_role("slider", name="Learning rate")
        before = below.bounding_box()
        box(page, "Learning rate").fill("x")
        said = page.get_by_text("Learning rate must be a number")
        expect(said).to_be_visible()
        where, after = said.bounding_box(), below.bounding_box()
        assert before is not None
        assert where is not None
        assert after is not None
        assert where["y"] + where["height"] <= after["y"]
        assert after["y"] - before["y"] <= where["height"] / 2


def planned(page: Page, key: str) -> list[float]:
    """The LR of a curve of the next run, as it is drawn."""
    lrs: list[float] = page.evaluate(
        "key => (document.querySelector('#chart .js-plotly-plot').data || [])"
        ".find(({meta}) => meta === key)?.y || []",
        key,
    )
    return lrs


def test_the_lr_ahead_is_drawn_as_the_form_changes_and_its_cautions_are_shown(
    browser: BrowserContext, lab: Served
) -> None:
    with opened(browser, lab.url) as page:
        text, cautions = page.locator("#preview-text"), page.locator("#cautions")
        expect(text).to_contain_text("first cut possible after epoch 7;")
        assert set(planned(page, "plan:high")) == {0.01}
        assert planned(page, "plan:low")[0] == 0.01
        assert planned(page, "plan:low")[-1] < 1e-7
        expect(cautions).to_be_empty()
        page.get_by_role("slider", name="Patience").press("ArrowRight")
        expect(text).to_contain_text("first cut possible after epoch 8;")
        box(page, "Patience").fill("60")
        expect(cautions).to_contain_text("the first could come after epoch 62")
        choose(page, "Schedule", "CosineAnnealingLR")
        box(page, "T max").fill("20")
        expect(cautions).to_contain_text("After epoch 20 the LR rises again")
        expect(text).to_contain_text("from 0.01 to 0.005")
        schedule = Schedule(RunConfig(schedule=CosineAnnealingLR(T_max=20)), 1)
        lrs = []
        for _ in range(50):
            lrs += [schedule.lr] * 2
            schedule.step_epoch(1.0)
        assert planned(page, "plan:lr") == pytest.approx(lrs)
        assert planned(page, "plan:low") == planned(page, "plan:high") == []


HAS = """([key, drawn]) => {
  const { data } = document.querySelector("#chart .js-plotly-plot");
  return data.find(({ meta }) => meta === key).y.length > 0 === drawn;
}"""


def test_beside_a_runs_own_future_the_next_run_is_drawn_only_while_someone_is_at_the_form(
    browser: BrowserContext, lab: Served
) -> None:
    run = lab.store.add(CONFIG, claimed=True)
    lab.store.record(run, STARTED)
    record(lab.store, run, FLAT[0])
    with opened(browser, lab.url) as page:
        page.wait_for_function(HAS, arg=["ahead:low", True])
        names = page.locator("#labels .end")
        page.get_by_role("slider", name="Patience").press("ArrowRight")
        page.wait_for_function(HAS, arg=["plan:low", True])
        expect(names.get_by_text("next run")).to_be_visible()
        page.locator("#log").focus()
        page.wait_for_function(HAS, arg=["plan:low", False])
        expect(names.get_by_text("next run")).to_be_hidden()
        box(page, "Patience").focus()
        page.wait_for_function(HAS, arg=["plan:low", True])
        page.locator("#log").focus()
        page.wait_for_function(HAS, arg=["plan:low", False])
        lab.store.record(run, Ended("finished"))  # it has no future any more
        page.wait_for_function(HAS, arg=["ahead:low", False])
        page.wait_for_function(HAS, arg=["plan:low", True])
