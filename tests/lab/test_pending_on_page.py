"""What is asked for in a pause: shown at once, taken back one by one, made when the run goes on."""

import re

import pytest
from playwright.sync_api import BrowserContext, Page, Response, Route, expect

from tests.lab.page import NEEDS_CHROMIUM, all_drawn, in_state, start
from tests.page import Served, opened

pytestmark = NEEDS_CHROMIUM

AXIS = "() => document.querySelector('#chart .js-plotly-plot').layout.xaxis.range[1]"
AHEAD = """() => {
  const { data } = document.querySelector("#chart .js-plotly-plot");
  return data.filter(({ meta }) => ["ahead:lr", "ahead:low"].includes(meta)).flatMap(({ y }) => y);
}"""
HIGHEST = """() => {
  const { data } = document.querySelector("#chart .js-plotly-plot");
  return Math.max(...data.find(({ meta }) => meta === "lr").y);
}"""


def click(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def set_lr(page: Page, lr: str) -> None:
    page.get_by_label("Learning rate to set").fill(lr)
    click(page, "Set")


def pause_after_two_epochs(page: Page) -> None:
    start(page)
    all_drawn(page, 2)
    click(page, "Pause")
    in_state(page, "paused")


def pending(page: Page, words: str, lr: str | None = None) -> None:
    """The sentence, the card and the dashed curve say this."""
    sentence, card = page.locator("#pending"), page.locator("#card-lr-value")
    expect(sentence).to_have_text(
        re.compile(f"^{re.escape(words)}, when it continues") if words else ""
    )
    if lr is None:
        expect(card).not_to_have_attribute("data-pending", re.compile(""))
    else:
        expect(card).to_have_attribute("data-pending", lr)
        page.wait_for_function(f"() => ({AHEAD})().includes({lr})")


def test_changes_in_a_pause_add_up_and_are_undone_one_by_one(
    browser: BrowserContext, lab: Served
) -> None:
    with opened(browser, lab.url + "?lr=0.02&schedule=none&epochs=900&model=mlp") as page:
        pause_after_two_epochs(page)
        click(page, "÷2")
        pending(page, "÷2", "0.01")
        click(page, "÷10")
        pending(page, "÷2, ÷10", "0.001")
        set_lr(page, "7")
        pending(page, "÷2, ÷10, = 7", "7")
        set_lr(page, "0.003")
        pending(page, "÷2, ÷10, = 7, = 0.003", "0.003")
        click(page, "+10 epochs")
        pending(page, "÷2, ÷10, = 7, = 0.003, +10 epochs", "0.003")
        assert page.evaluate(AXIS) == 900.5
        for left, lr in (
            ("÷2, ÷10, = 7, = 0.003", "0.003"), ("÷2, ÷10, = 7", "7"), ("÷2, ÷10", "0.001"),
            ("÷2", "0.01"), ("", None),
        ):  # fmt: skip
            click(page, "Undo")
            pending(page, left, lr)
        set_lr(page, "7")
        pending(page, "= 7", "7")
        set_lr(page, "0.003")
        pending(page, "= 7, = 0.003", "0.003")
        click(page, "+10 epochs")
        pending(page, "= 7, = 0.003, +10 epochs", "0.003")
        click(page, "Continue")
        page.wait_for_function(f"() => ({AXIS})() === 910.5")
        pending(page, "")
        run = lab.store.run(1)
        assert run is not None
        made = lab.store.interventions(1)
        assert [i.name for i in made if i.by_hand] == ["lr", "lr", "epochs"]
        all_drawn(page, run.epoch + 2)
        assert page.evaluate(HIGHEST) == 0.02
        click(page, "Pause")
        in_state(page, "paused")
        click(page, "÷2")
        pending(page, "÷2", "0.0015")
        click(page, "Stop")
        in_state(page, "stopped")
        pending(page, "")


def test_a_pending_cut_is_shown_after_what_was_asked_for_before(
    browser: BrowserContext, lab: Served
) -> None:
    with opened(browser, lab.url + "?lr=0.02&factor=0.1&patience=9&epochs=900&model=mlp") as page:
        pause_after_two_epochs(page)
        keep = page.get_by_text("To keep 0.02, ")  # what is pending ends that
        expect(keep).to_be_visible()
        click(page, "÷2")
        pending(page, "÷2", "0.01")
        expect(keep).to_be_hidden()
        click(page, "cut now")
        pending(page, "÷2, cut", "0.001")
        click(page, "Undo")
        click(page, "Undo")
        expect(keep).to_be_visible()
        click(page, "÷2")
        click(page, "Stop")
        in_state(page, "stopped")
        pending(page, "")


OVERLAPPED = """() => {
  const said = document.getElementById("refused").getBoundingClientRect();
  const texts = [...document.querySelectorAll("#chart [class$=tick] text, #labels > span")];
  const hit = ({ left, right, top, bottom }) =>
    left < said.right && said.left < right && top < said.bottom && said.top < bottom;
  return texts.filter((text) => hit(text.getBoundingClientRect())).map((text) => text.textContent);
}"""


@pytest.mark.parametrize("size", ["desktop", "phone"])
def test_a_refused_lr_covers_no_axis_and_no_label(
    browser: BrowserContext, lab: Served, size: str
) -> None:
    address = "?lr=0.02&schedule=none&epochs=900&model=mlp"
    with opened(browser, lab.url + address, size) as page:
        pause_after_two_epochs(page)
        set_lr(page, "-1")
        expect(page.locator("#refused")).to_contain_text("must be a number above 0")
        assert page.evaluate(OVERLAPPED) == []
        click(page, "Stop")
        in_state(page, "stopped")


def answers_to_pause(response: Response) -> bool:
    return '"changedPropIds":["pause.n_clicks"]' in (response.request.post_data or "")


def test_two_quick_presses_of_space_do_what_the_page_said_at_each(
    browser: BrowserContext, lab: Served
) -> None:
    with opened(browser, lab.url + "?epochs=900&model=mlp") as page:
        start(page)
        all_drawn(page, 2)
        held: list[Route] = []  # so that the page hears of nothing meanwhile
        holding = True
        page.route("**/live", lambda route: held.append(route) if holding else route.continue_())
        for _ in range(2):
            with page.expect_response(answers_to_pause):
                page.keyboard.press("Space")
        assert [command.name for command in lab.store.commands(1)] == ["pause", "pause"]
        holding = False
        for route in held:
            route.continue_()
        in_state(page, "paused")
        expect(page.locator("#pause")).to_have_text("Continue")
        page.keyboard.press("Space")
        in_state(page, "training")
        click(page, "Stop")
        in_state(page, "stopped")
