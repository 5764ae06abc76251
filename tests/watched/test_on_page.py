"""A watched training in the page: it appears by itself, is explained, and obeys what it can."""

import re
import time
from pathlib import Path
from typing import Any

import torch
from playwright.sync_api import BrowserContext, Page, expect
from torch.optim import lr_scheduler

from tests.lab.page import NEEDS_CHROMIUM, all_drawn, in_state, points
from tests.page import Served, opened
from tests.schedule.by_torch import weight
from tests.watched.spools import Loop, SpoolWriter
from tests.watched.test_taker import ALL, END, begin

pytestmark = NEEDS_CHROMIUM

LOSSES = [1.0, 0.8, 0.9, 0.85, 0.95, 0.7]


def plateau(**told: Any) -> Loop:
    optimizer = torch.optim.Adam(weight(), lr=0.1)
    scheduler = lr_scheduler.ReduceLROnPlateau(optimizer, patience=1, factor=0.5)
    return Loop(optimizer, scheduler, 5, False, name="my resnet", **told)


def home_of(lab: Served) -> Path:
    return lab.store.home


def watch(lab: Served, loop: Loop) -> SpoolWriter:
    return SpoolWriter(home_of(lab), [loop.started | {"at": time.time()}])


def line(loop: Loop, loss: float) -> dict[str, Any]:
    return loop.epoch(val_loss=loss) | {"at": time.time()}


def button(page: Page, label: str) -> Any:
    return page.get_by_role("button", name=label, exact=True)


def test_a_watched_training_appears_by_itself_with_every_explanation(
    browser: BrowserContext, lab: Served
) -> None:
    with opened(browser, lab.url) as page:
        loop = plateau(epochs=9, controls=ALL)
        spool = watch(lab, loop)
        in_state(page, "training")
        expect(page.locator("#run")).to_have_value(re.compile("my resnet"))
        for done, loss in enumerate(LOSSES, 1):
            spool.write(line(loop, loss))
            all_drawn(page, done)
        expect(page.locator("#progress-left")).to_have_text("epoch 6 of 9 · watched")
        assert points(page, "validation loss", 6) == LOSSES
        expect(page.locator("#log")).to_contain_text("2 bad epochs, patience is 1: LR cut from 0.1")
        expect(page.locator("#schedule-panel")).to_contain_text("0 of 1 bad epoch")
        spool.write(END | {"at": time.time()})
        in_state(page, "finished")
        for label in ("Resume", "Fork"):
            expect(button(page, label)).to_be_hidden()


def test_what_is_asked_in_the_page_reaches_the_training_and_is_recorded(
    browser: BrowserContext, lab: Served
) -> None:
    loop = plateau(epochs=9, controls=ALL)
    spool = watch(lab, loop)
    spool.write(line(loop, 1.0))
    with opened(browser, lab.url) as page:
        all_drawn(page, 1)
        button(page, "÷2").click()
        while not spool.asked():
            page.wait_for_timeout(20)
        (asked,) = spool.asked()
        assert (asked["name"], asked["value"]) == ("scale", 0.5)
        made = {"epoch": 2, "batch": 0, "name": "scale", "value": 0.5, "lr_before": 0.1}
        spool.write({"kind": "intervened", "command": asked["id"], "lr_after": 0.05, **made})
        told = "By hand: LR divided by 2, from 0.1 to 0.05."
        expect(page.locator("#log")).to_contain_text(told)
        button(page, "Pause").click()
        while len(spool.asked()) < 2:
            page.wait_for_timeout(20)
        spool.write({"kind": "obeyed", "command": spool.asked()[1]["id"]}, {"kind": "paused"})
        expect(button(page, "Continue")).to_be_visible()
        button(page, f"+{10} epochs").click()
        while len(spool.asked()) < 3:
            page.wait_for_timeout(20)
        refused = {"kind": "refused", "reason": "Its loop cannot be made longer."}
        spool.write(refused | {"command": spool.asked()[2]["id"]})
        expect(page.locator("#notice")).to_have_text("Its loop cannot be made longer.")


def test_what_the_training_does_not_obey_is_disabled_and_says_why(
    browser: BrowserContext, lab: Served
) -> None:
    loop = plateau(epochs=9, controls=["stop"])
    spool = watch(lab, loop)
    spool.write(line(loop, 1.0))
    with opened(browser, lab.url) as page:
        all_drawn(page, 1)
        expect(button(page, "÷2")).to_be_disabled()
        expect(button(page, "Pause")).to_be_disabled()
        expect(button(page, "Stop")).to_be_enabled()
        why = "Run 1 trains elsewhere and does not obey scale: pass control=True to watch()."
        place = page.locator("[data-command=scale]").first
        expect(place).to_have_attribute("title", why)
        expect(page.locator("#pace input").first).to_be_disabled()
        keeps = "Run 1 trains elsewhere and does not obey pace: it keeps its own pace."
        expect(page.locator("[data-command=pace]")).to_have_attribute("title", keeps)
        spool.write(END | {"at": time.time()})  # from here on it is the next run's
        expect(page.locator("#pace input").first).to_be_enabled()


def test_a_training_that_is_killed_is_shown_as_interrupted(
    browser: BrowserContext, lab: Served
) -> None:
    loop = plateau(epochs=9)
    spool = watch(lab, loop)
    spool.write(line(loop, 1.0))
    with opened(browser, lab.url) as page:
        all_drawn(page, 1)
        spool.die()
        in_state(page, "interrupted")
        expect(page.locator("#notice")).to_contain_text("The training ended without saying so")


def test_without_a_schedule_the_what_if_says_what_a_plateau_rule_would_have_done(
    browser: BrowserContext, lab: Served
) -> None:
    optimizer = torch.optim.SGD(weight(), lr=0.1)
    loop = Loop(optimizer, None, 5, False, epochs=12)
    spool = watch(lab, loop)
    spool.write(*(line(loop, loss) for loss in [1.0, *[1.1] * 9]))
    with opened(browser, lab.url) as page:
        all_drawn(page, 10)
        expect(page.locator("#schedule-panel")).to_contain_text("Constant learning rate")
        page.get_by_text("What if", exact=True).click()
        answer = page.locator("#answer")
        expect(answer).to_contain_text("Exact up to epoch 7")
        expect(page.locator(".cuts-table")).to_contain_text("7")


def test_what_lrscope_does_not_know_is_named_and_not_explained(
    browser: BrowserContext, lab: Served
) -> None:
    optimizer = torch.optim.SGD(
        [{"params": weight(), "lr": 0.1}, {"params": weight(), "lr": 0.01}], lr=1.0
    )
    scheduler = lr_scheduler.LambdaLR(optimizer, lambda done: 1 / (1 + done))
    loop = Loop(optimizer, scheduler, 5, False, epochs=12)
    loop.started["optimizer"] |= {"class": "Lion", "module": "lion"}
    watch(lab, loop).write(line(loop, 1.0), line(loop, 0.9))
    with opened(browser, lab.url) as page:
        all_drawn(page, 2)
        panel = page.locator("#schedule-panel")
        expect(panel).to_contain_text("LambdaLR: LR goes down from 0.05 to 0.0333.")
        expect(panel).to_contain_text("LRScope does not know its rule")
        expect(panel).to_contain_text("Optimizer: Lion (not one that LRScope knows).")
        expect(panel).to_contain_text("Of its 2 parameter groups this is the first one's LR.")
        page.get_by_role("button", name="Use this run's settings").click()
        refused = "Run 1 is trained elsewhere: its data and network are not known here."
        expect(page.get_by_role("alert").filter(has_text="Run 1")).to_have_text(refused)
        page.goto(f"{lab.url}runs")
        expect(page.locator("#runs-table")).to_contain_text("mine")


def told(page: Page, words: str, epoch: int, of: int) -> None:
    """Points at an epoch of a chart until it says this of it."""
    box = page.locator("#chart .nsewdrag").first.bounding_box()
    assert box
    place = box["x"] + box["width"] * (epoch - 0.5) / of
    while words not in " ".join(page.locator("#chart .hoverlayer text").all_text_contents()):
        page.mouse.move(place - 3, box["y"] + 40)
        page.mouse.move(place, box["y"] + 40)
        page.wait_for_timeout(50)


def test_the_lrs_of_other_groups_and_metrics_of_another_size_leave_the_losses_their_axis(
    browser: BrowserContext, lab: Served
) -> None:
    optimizer = torch.optim.SGD([{"params": weight(), "lr": lr} for lr in (0.1, 0.01, 0.1)], lr=1.0)
    scheduler = lr_scheduler.StepLR(optimizer, 2)
    loop = Loop(optimizer, scheduler, 5, False, epochs=9)
    spool = watch(lab, loop)
    with opened(browser, lab.url) as page:
        for done, loss in enumerate(LOSSES[:4], 1):  # live, each epoch by itself
            norm = {"train_loss": loss / 2, "grad_norm": 1200.0}
            spool.write(loop.epoch(val_loss=loss, **norm) | {"at": time.time()})
            all_drawn(page, done)
        lrs = [0.01] * 4 + [0.001] * 4
        assert points(page, "learning rate, group 2", 8) == lrs
        expect(page.locator("#labels .end").filter(has_text="group")).to_have_text(
            ["group 2", "groups 1, 3"]  # from below
        )
        axis = "() => document.querySelector('#chart .js-plotly-plot').layout.yaxis.range"
        assert max(page.evaluate(axis)) < 1  # as a power of ten
        told(page, "grad_norm : 1200", 3, 9)
        told(page, "lr, group 2 : 0.001", 3, 9)
        page.get_by_role("button", name="table", exact=True).click()
        expect(page.locator("#table th")).to_contain_text(["epoch", "grad_norm", "lr, group 2"])


def test_a_spool_before_the_page_is_there_when_it_opens(
    browser: BrowserContext, lab: Served
) -> None:
    SpoolWriter(home_of(lab), [begin("before")])
    with opened(browser, lab.url) as page:
        expect(page.locator("#run")).to_have_value(re.compile("before"))


TOPS = """() => {
  const named = [...document.querySelectorAll("#chart .y2tick text")];
  const top = Math.min(...named.map((name) => name.getBoundingClientRect().top));
  return top - document.querySelector("#lr-head").getBoundingClientRect().bottom;
}"""


def test_the_head_of_the_lr_chart_covers_no_tick_of_an_lr_that_never_moved(
    browser: BrowserContext, lab: Served
) -> None:
    optimizer = torch.optim.SGD(weight(), lr=0.01)
    scheduler = lr_scheduler.ReduceLROnPlateau(optimizer, patience=9)
    loop = Loop(optimizer, scheduler, 5, False, epochs=9)
    spool = watch(lab, loop)
    spool.write(line(loop, 1.0), line(loop, 0.9), END | {"at": time.time()})
    for size in ("desktop", "phone"):
        with opened(browser, lab.url, size) as page:
            all_drawn(page, 2)
            expect(page.locator("#chart .y2tick text").filter(has_text="0.001")).to_be_visible()
            assert page.evaluate(TOPS) >= 0
