"""A run on the page in a real Chromium, over real trainings of the bundled digits."""

import re
import threading
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.charts.test_series import CONFIG, FLAT
from tests.lab.page import NEEDS_CHROMIUM, all_drawn, box, in_state, points, start
from tests.lab.test_live import record
from tests.lab.test_readout import STARTED
from tests.page import Served, opened
from tests.small import metrics
from trainer.config.recipe import Recipe
from trainer.config.run import RunConfig
from trainer.config.schedules import NoSchedule
from trainer.engine.events import Ended
from trainer.execute import execute
from trainer.schedule.epoch import Epoch
from trainer.store.store import Store

pytestmark = NEEDS_CHROMIUM


@pytest.mark.parametrize("size", ["desktop", "phone"])
def test_start_trains_and_draws_every_epoch_and_the_lr_steps_down_at_a_cut(
    browser: BrowserContext, lab: Served, size: str
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
        cuts = [
            row for row in rows if row.decision and row.decision.kind == "cut" and row.epoch < 9
        ]
        assert len(points(page, "cut", 4 * len(cuts))) == 4 * len(cuts) > 0
        for row in cuts:
            assert row.decision is not None
            expect(page.locator("#log")).to_contain_text(row.decision.told(9))
        assert not page.evaluate(
            "() => document.documentElement.scrollWidth > document.documentElement.clientWidth"
        )


def test_stop_stops_and_keeps_what_was_trained(browser: BrowserContext, lab: Served) -> None:
    with opened(browser, lab.url + "?model=mlp&epochs=10000") as page:
        start(page)
        all_drawn(page, 2)
        page.get_by_role("button", name="Stop").click()
        in_state(page, "stopped")
        run = lab.store.run(1)
        assert run is not None
        all_drawn(page, run.epoch)
        assert len(points(page, "train loss", run.epoch)) == run.epoch >= 2
        expect(page.get_by_role("button", name="Stop")).to_be_disabled()


def test_the_pace_of_every_tab_is_the_runs_also_while_it_is_paused(
    browser: BrowserContext, lab: Served
) -> None:
    def paces(page: Page, pace: str) -> None:
        expect(page.locator("#pace input:checked")).to_have_value(pace)

    with opened(browser, lab.url + "?model=mlp&epochs=10000") as page:
        start(page)
        all_drawn(page, 1)
        with opened(browser, lab.url) as other:
            all_drawn(other, 1)
            page.get_by_role("button", name="Pause").click()
            in_state(other, "paused")
            page.get_by_text("1/s", exact=True).click()
            paces(other, "1")
            other.get_by_text("max", exact=True).click()
            paces(page, "max")
            run = lab.store.run(1)
            assert run is not None
            assert run.pace is None
            other.get_by_text("1/s", exact=True).click()
            other.get_by_text("5/s", exact=True).click()
            paces(page, "5")
            paces(other, "5")
            page.get_by_role("button", name="Stop").click()
            in_state(other, "stopped")
            paces(other, "5")


def test_a_reload_and_a_second_tab_show_everything_and_change_nothing(
    browser: BrowserContext, lab: Served
) -> None:
    with opened(browser, lab.url + "?model=mlp&lr=0.02&patience=1&epochs=10000") as page:
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


def test_closing_the_browser_does_not_end_the_run(browser: BrowserContext, lab: Served) -> None:
    with opened(browser, lab.url + "?model=mlp&epochs=4") as page:
        start(page)
        all_drawn(page, 1)
    with opened(browser, lab.url) as page:
        in_state(page, "finished")
        assert len(points(page, "train loss", 4)) == 4


def test_a_run_of_another_process_appears_in_an_open_page(
    browser: BrowserContext, lab: Served
) -> None:
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
        expect(page.locator("#run")).to_have_value(re.compile(rf"^#{run} "))
        thread.join()
        other.close()


def test_a_page_whose_server_went_says_so_and_goes_on_when_it_is_back(
    browser: BrowserContext, lab: Served
) -> None:
    run = lab.store.add(CONFIG, claimed=True)
    lab.store.record(run, STARTED)
    record(lab.store, run, FLAT[0])
    with opened(browser, lab.url) as page:
        in_state(page, "training")
        all_drawn(page, 1)
        page.route("**/live", lambda route: route.fulfill(body="nobody is here"))
        expect(page.locator("#notice")).to_contain_text("does not answer")
        for row in FLAT[1:]:
            record(lab.store, run, row)
        lab.store.record(run, Ended("finished"))
        page.unroute("**/live")
        in_state(page, "finished")
        expect(page.locator("#notice")).to_have_text("")
        assert len(points(page, "train loss", len(FLAT))) == len(FLAT)


def test_a_run_that_learns_nothing_says_so_and_what_to_try(
    browser: BrowserContext, lab: Served
) -> None:
    with opened(browser, lab.url + "?lr=0.1&epochs=5") as page:
        start(page)
        in_state(page, "finished")
        verdict = page.locator("#verdict")
        expect(verdict).to_contain_text("never did better than guessing")
        expect(page.locator("#status")).to_have_attribute("data-unlearned", "")
        verdict.get_by_role("button", name="New run at LR 0.01").click()
        expect(page.locator("#verdict")).not_to_contain_text("guessing")
        in_state(page, "finished")
    found = lab.store.run(2)
    assert found is not None
    assert found.config is not None
    assert (found.config.lr, found.config.epochs) == (0.01, 5)


def test_two_statements_on_a_run_are_read_without_scrolling(
    browser: BrowserContext, lab: Served
) -> None:
    with opened(browser, lab.url) as page:
        hidden = page.evaluate(
            """() => {
              const advice = { label: "New run with weight decay 0.001" };
              const statements = [
                ["overfitting", `Overfitting since epoch 12: validation loss did not improve any
                more (0.0612 then, 0.0659 at the end), while train loss fell from 0.0128 to
                0.00304.`,
                [12, 40], advice],
                ["cuts", `The 6 cuts from epoch 16 to 36 brought nothing: the median of validation
                loss fell by at most 3.26e-4; from epoch to epoch it moved by 0.00196 anyway.`,
                [16, 36]],
              ];
              lrscope.verdict.show({ learned: true, statements });
              const { scrollHeight, clientHeight } = document.getElementById("verdict");
              return scrollHeight - clientHeight;
            }"""
        )
        assert hidden <= 0


def test_the_data_that_cannot_be_had_is_one_sentence_with_a_way_on(
    browser: BrowserContext, lab: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    from torchvision.datasets import MNIST

    monkeypatch.setattr(MNIST, "mirrors", ["http://127.0.0.1:9/"])
    with opened(browser, lab.url + "?dataset=mnist") as page:
        start(page)
        in_state(page, "failed")
        expect(page.locator("#notice")).to_contain_text("digits")


def test_an_earlier_run_can_be_chosen_again(browser: BrowserContext, lab: Served) -> None:
    lab.store.add(RunConfig(epochs=2, schedule=NoSchedule()))
    lab.store.add(RunConfig(epochs=3))
    with opened(browser, lab.url) as page:
        all_drawn(page, 3)
        in_state(page, "finished")
        page.locator("#run").click()
        page.get_by_role("option", name=re.compile("^#1 ")).click()
        expect(page.locator("#progress-left")).to_have_text("epoch 2 of 2")
        assert len(points(page, "train loss", 2)) == 2


def test_the_pace_of_a_run_can_be_changed_while_it_trains(
    browser: BrowserContext, lab: Served
) -> None:
    with opened(browser, lab.url + "?model=mlp&epochs=10000") as page:
        start(page)
        all_drawn(page, 1)
        page.get_by_text("1/s", exact=True).click()
        expect(page.locator("#pace input:checked")).to_have_value("1")
        page.get_by_role("button", name="Stop").click()
        in_state(page, "stopped")
    assert [c.name for c in lab.store.commands(1)] == ["pace", "stop"]


def test_a_run_is_paused_stepped_and_its_lr_changed_by_hand(
    browser: BrowserContext, lab: Served
) -> None:
    with opened(browser, lab.url + "?model=mlp&epochs=10000&schedule=none&lr=0.004") as page:
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
        expect(page.locator("#refused")).to_have_text(
            "Learning rate must be a number above 0 and at most 100."
        )
        page.evaluate("() => document.activeElement.blur()")
        page.keyboard.press("Space")
        expect(page.locator("#log")).to_contain_text(
            "By hand: LR divided by 2, from 0.004 to 0.002."
        )
        expect(page.locator("#labels")).to_contain_text("÷2")
        expect(page.locator("#card-lr-value")).to_have_text("0.002")
        page.get_by_role("button", name="Stop").click()
        in_state(page, "stopped")
    (change,) = lab.store.interventions(1)
    assert (change.lr_before, change.lr_after) == (0.004, 0.002)


def test_a_stopped_run_goes_on_and_a_fork_of_it_is_measured_against_it(
    browser: BrowserContext, lab: Served
) -> None:
    with opened(browser, lab.url + "?model=mlp&epochs=12&patience=0&threshold=0.2") as page:
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
        page.get_by_role("button", name=f"Measure it: fork after {cut}").click()
        expect(page.locator("#fork-title")).to_have_text(f"Fork of run 1 after epoch {cut}")
        expect(page.locator("#fork-effects")).to_contain_text("decides on epoch")
        expect(box(page, "Seed")).to_be_disabled()
        box(page, "Epochs").fill(str(cut))
        expect(page.get_by_text(f"Epochs must be above {cut}")).to_be_visible()
        box(page, "Epochs").fill("12")
        page.get_by_role("button", name="Start the fork").click()
        expect(page.locator("#run")).to_have_value(re.compile("^#2 fork of #1 after"))
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
        expect(page.locator("#run")).to_have_value(re.compile("^#1 "))
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
