"""What was not trained, in a real Chromium: a run replayed, and a curve from elsewhere."""

from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Route, expect

from app import ids
from tests.charts.test_series import CONFIG, FLAT
from tests.lab.page import NEEDS_CHROMIUM, all_drawn, in_state, points
from tests.lab.test_live import record
from tests.lab.test_readout import STARTED
from tests.lab.test_unreadable import add, damage
from tests.page import Served, opened
from trainer.config.run import RunConfig
from trainer.config.schedules import CosineAnnealingWarmRestarts, ReduceLROnPlateau

pytestmark = NEEDS_CHROMIUM


def test_a_what_if_shows_where_the_run_would_have_been_cut(
    browser: BrowserContext, lab: Served
) -> None:
    from trainer.config.table import changed
    from trainer.replay.comparison import compare

    config = RunConfig(
        model="mlp", epochs=15, schedule=ReduceLROnPlateau(patience=0, threshold=0.2)
    )
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
        dashed = points(page, "learning rate, what if", 3 * len(steps))
        assert dashed == [lr for s in steps for lr in (s.lr, s.lr, s.lr_last)]
        expect(page.locator("#labels")).to_contain_text("differs from here")
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
        expect(panel.get_by_text("Factor must be a number above 0 and below 1.")).to_be_visible()
        page.get_by_text("Events", exact=True).click()
        expect(page.locator("#labels")).not_to_contain_text("differs from here")


CUT = RunConfig(model="mlp", epochs=15, schedule=ReduceLROnPlateau(patience=0, threshold=0.2))
IN_VIEW = """(id) => {
  const { top, bottom } = document.getElementById(id).getBoundingClientRect();
  const panel = document.getElementById(id).closest("[role=tabpanel]").getBoundingClientRect();
  return top >= panel.top && bottom <= panel.bottom + 1 ? top : null;
}"""


@pytest.mark.parametrize("height", [800, 900])
def test_the_answer_stays_in_its_place_while_a_slider_below_it_is_moved(
    browser: BrowserContext, lab: Served, height: int
) -> None:
    lab.store.add(CUT)
    with opened(browser, lab.url) as page:
        page.set_viewport_size({"width": 1280, "height": height})
        in_state(page, "finished")
        page.get_by_text("What if", exact=True).click()
        answer = page.locator("#answer")
        expect(answer).to_contain_text("No difference: in 15 epochs")
        place = page.evaluate(IN_VIEW, "answer")
        assert place is not None
        slider = page.locator(".what-if").get_by_role("slider", name="Patience")
        slider.focus()
        for key in ("ArrowRight", "ArrowRight", "ArrowRight"):
            page.keyboard.press(key)
        expect(answer).not_to_contain_text("No difference")
        expect(slider).to_be_focused()
        assert page.evaluate(IN_VIEW, "answer") == place
        covered = """(slider) => {
          const { left, width, top, height } = slider.getBoundingClientRect();
          const seen = document.elementFromPoint(left + width / 2, top + height / 2);
          return !(seen && slider.parentElement.contains(seen));
        }"""
        assert not slider.evaluate(covered)


def test_the_name_of_every_schedule_fits_its_box(browser: BrowserContext, lab: Served) -> None:
    schedule = CosineAnnealingWarmRestarts(T_0=5)
    lab.store.add(RunConfig(model="mlp", epochs=3, schedule=schedule))
    with opened(browser, lab.url) as page:
        in_state(page, "finished")
        page.get_by_text("What if", exact=True).click()
        panel = page.locator(".what-if-form")
        field = panel.get_by_role("combobox", name="Schedule").or_(
            panel.get_by_role("textbox", name="Schedule")
        ).first  # fmt: skip
        expect(field).to_have_value("CosineAnnealingWarmRestarts")
        assert field.evaluate("(box) => box.scrollWidth <= box.clientWidth")


def test_a_fork_that_is_given_up_leaves_no_mark_of_the_what_if_that_it_was_to_measure(
    browser: BrowserContext, lab: Served
) -> None:
    lab.store.add(CUT)
    with opened(browser, lab.url) as page:
        in_state(page, "finished")
        page.get_by_text("What if", exact=True).click()
        patience = page.locator(".what-if").get_by_role("textbox", name="Patience")
        patience.fill("2")
        expect(page.locator("#labels")).to_contain_text("differs from here")
        page.locator("#measure").click()
        expect(page.locator("#fork-banner")).to_be_visible()
        page.get_by_role("button", name="Cancel").click()
        expect(page.locator("#fork-banner")).to_be_hidden()
        expect(page.locator("#labels")).not_to_contain_text("differs from here")
        expect(page.locator("#answer")).to_contain_text("No difference")
        expect(patience).to_have_value("0")


NOTE_QUESTIONS = """() => {
  window.questions = 0;
  const { set } = lrscope.page;
  lrscope.page.set = (id, props) => { questions += id === "what-if-epoch"; set(id, props); };
}"""


def test_the_answer_follows_a_run_one_question_at_a_time(
    browser: BrowserContext, lab: Served
) -> None:
    """On a long run an answer takes seconds: asked for at each epoch they would pile up."""
    run = lab.store.add(CONFIG, claimed=True)
    lab.store.record(run, STARTED)
    record(lab.store, run, FLAT[0])
    held: list[Route] = []
    with opened(browser, lab.url) as page:
        page.get_by_text("What if", exact=True).click()
        expect(page.locator("#answer")).to_contain_text("in 1 epoch")
        page.evaluate(NOTE_QUESTIONS)
        page.route("**/_dash-update-component*", lambda route: held.append(route))
        for row in FLAT[1:]:
            record(lab.store, run, row)
            page.locator(f'#log [data-epoch="{row.epoch}"]').wait_for(state="attached")
        assert page.evaluate("() => questions") <= 1
        page.unroute("**/_dash-update-component*")  # the browser sends what was held
        expect(page.locator("#answer")).to_contain_text(f"in {len(FLAT)} epochs")


def test_what_is_typed_while_answers_are_slow_stays(browser: BrowserContext, lab: Served) -> None:
    run = lab.store.add(CONFIG, claimed=True)
    lab.store.record(run, STARTED)
    record(lab.store, run, FLAT[0])
    held: list[Route] = []

    def hold(route: Route) -> None:
        asked = route.request.post_data_json or {}
        late = asked["output"].startswith(ids.WHAT_IF_OWNED)
        held.append(route) if late else route.continue_()

    with opened(browser, lab.url) as page:
        page.route("**/_dash-update-component*", hold)
        page.get_by_text("What if", exact=True).click()
        expect(page.locator("#answer")).to_contain_text("in 1 epoch")
        patience = page.locator(".what-if").get_by_role("textbox", name="Patience")
        patience.fill("17")
        page.unroute("**/_dash-update-component*")  # the browser sends what was held
        record(lab.store, run, FLAT[1])
        expect(page.locator("#answer")).to_contain_text("in 2 epochs")
        expect(patience).to_have_value("17")


def test_what_is_typed_before_there_is_an_answer_stays_when_the_panel_is_left(
    browser: BrowserContext, lab: Served
) -> None:
    run = lab.store.add(CONFIG, claimed=True)
    lab.store.record(run, STARTED)
    with opened(browser, lab.url) as page:
        page.get_by_text("What if", exact=True).click()
        patience = page.locator(".what-if").get_by_role("textbox", name="Patience")
        patience.fill("17")
        page.get_by_role("tab", name="Events").click()
        with page.expect_response(lambda r: ids.WHAT_IF_FORM in (r.request.post_data or "")):
            page.get_by_text("What if", exact=True).click()
        record(lab.store, run, FLAT[0])
        expect(page.locator("#answer")).to_contain_text("in 1 epoch")
        expect(patience).to_have_value("17")


def test_an_open_panel_answers_for_a_run_that_starts_after_its_first_epoch(
    browser: BrowserContext, lab: Served
) -> None:
    with opened(browser, lab.url) as page:
        page.get_by_text("What if", exact=True).click()
        run = lab.store.add(CONFIG, claimed=True)
        lab.store.record(run, STARTED)
        expect(page.locator("#answer")).to_contain_text("nothing to replay before the first epoch")
        record(lab.store, run, FLAT[0])
        expect(page.locator("#answer")).to_contain_text("in 1 epoch")


def test_a_what_if_that_does_not_suit_the_run_is_refused_beside_its_setting(
    browser: BrowserContext, lab: Served
) -> None:
    lab.store.add(RunConfig(model="mlp", lr=0.1, epochs=10, batch_size=1077))
    with opened(browser, lab.url) as page:
        in_state(page, "finished")
        page.get_by_text("What if", exact=True).click()
        panel = page.locator(".what-if")
        expect(panel).to_contain_text("No difference: in 10 epochs")
        schedule = panel.get_by_role("combobox", name="Schedule").or_(
            panel.get_by_role("textbox", name="Schedule")
        )
        schedule.first.click()
        page.get_by_role("option", name="CyclicLR", exact=True).click()
        expect(panel.get_by_text("Max LR must be above the learning rate, 0.1.")).to_be_visible()
        schedule.first.click()
        page.get_by_role("option", name="OneCycleLR", exact=True).click()
        expect(page.locator("#answer")).to_contain_text("Different from the start")
        panel.get_by_role("textbox", name="Rising share").fill("0.1")
        expect(panel.get_by_text("Rising share 0.1 of 10 steps")).to_be_visible()


def test_a_curve_from_elsewhere_is_imported_explained_and_replayed(
    browser: BrowserContext, lab: Served, tmp_path: Path
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
        expect(page.locator("#log")).to_contain_text(
            "6 bad epochs, patience is 5: one more epoch would have LR"
        )
        page.get_by_text("What if", exact=True).click()
        page.locator(".what-if").get_by_role("textbox", name="Patience").fill("1")
        expect(page.locator("#answer")).to_contain_text("Exact up to epoch 4")


def test_the_open_family_follows_a_parent_that_trains_elsewhere(
    browser: BrowserContext, lab: Served
) -> None:
    parent = lab.store.add(CONFIG, claimed=True)
    lab.store.record(parent, STARTED)
    record(lab.store, parent, FLAT[0])
    lab.store.add_imported(CONFIG, "other.csv", FLAT)
    with opened(browser, f"{lab.url}?run=2") as page:
        page.get_by_text("Family", exact=True).click()
        expect(page.locator("#family")).to_contain_text("best 1.00, epoch 1")
        record(lab.store, parent, FLAT[3])
        expect(page.locator("#family")).to_contain_text("best 0.500, epoch 4")


def test_a_run_that_cannot_be_read_has_its_reason_in_the_what_if(
    browser: BrowserContext, lab: Served
) -> None:
    damage(lab.store.path, add(lab.store, "two.csv"))
    with opened(browser, lab.url) as page:
        page.get_by_text("What if", exact=True).click()
        expect(page.locator("#answer")).to_contain_text("Run 1 cannot be read: There is no setting")


def test_a_caution_is_mended_by_its_button_and_moves_nothing(
    browser: BrowserContext, lab: Served
) -> None:
    with opened(browser, f"{lab.url}?schedule=CosineAnnealingLR&epochs=30&t-max=30") as page:
        start, chart = (page.locator(name) for name in ("#start", "#chart"))
        expect(page.locator("#preview-text")).to_contain_text("from 0.01")
        before = start.bounding_box(), chart.bounding_box()
        page.get_by_role("textbox", name="T max").first.fill("20")
        expect(page.locator("#cautions")).to_contain_text("After epoch 20 the LR rises again")
        assert (start.bounding_box(), chart.bounding_box()) == before
        page.get_by_role("button", name="T max = 30").click()
        expect(page.get_by_role("textbox", name="T max").first).to_have_value("30")
        expect(page.locator("#cautions")).to_be_empty()
        assert (start.bounding_box(), chart.bounding_box()) == before
