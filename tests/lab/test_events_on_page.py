"""The list of events in a real Chromium: what shares a line, and how one gets at each epoch."""

from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from app.charts.series import sentences
from tests.charts.test_series import rows
from tests.lab.page import (
    EN_DASH,
    NEEDS_CHROMIUM,
    all_drawn,
    choose_run,
    in_state,
    lines,
    points,
    shows,
)
from tests.lab.test_live import record
from tests.lab.test_readout import STARTED
from tests.page import Served, opened, served
from tests.small import SCHEDULES
from trainer.config import schedules
from trainer.config.recipe import Recipe
from trainer.config.run import RunConfig
from trainer.engine.events import Ended, Intervened
from trainer.schedule.epoch import Epoch
from trainer.store.store import Store

pytestmark = NEEDS_CHROMIUM

# A warm-up, new bests, a cut with its cooldown, cuts attempted in vain, and new bests again.
CUT = RunConfig(
    lr=0.1,
    epochs=40,
    warmup=2,
    schedule=schedules.ReduceLROnPlateau(factor=0.1, patience=2, cooldown=2, min_lr=0.01),
)
LOSSES = [3.0, 2.5, 2.0, 1.5, 1.2, *[1.3] * 3, *[1.4] * 2, *[1.35] * 14, 1.1, 1.0, *[1.1] * 4]
IN_VAIN = "Cut attempted {} times, no effect; LR stays at 0.01"
FOLDED = [
    ("29-30", "Cut attempted once, no effect; LR stays at 0.01"),
    ("27-28", "2 bad epochs; 1.00 stands"),
    ("26", "New best: 1.00 beats 1.10."),  # the best of the run, apart from the others
    ("25", "New best: 1.10 beats 1.20."),
    ("13-24", IN_VAIN.format(3)),
    ("11-12", "2 bad epochs; 1.20 stands"),
    ("9-10", "Cooldown: 2 bad epochs not counted"),
    ("8", "3 bad epochs, patience is 2: LR cut from 0.1 to 0.01."),
    ("6-7", "2 bad epochs; 1.20 stands"),
    ("3-5", "New best each epoch, down to 1.20"),
    ("1-2", "Warm-up: LR rises from 0.0333 to 0.1"),
]
FRESH = """([all, epochs, best]) => lrscope.log.fill(all, { epochs, best, forked: 0 })"""
STREAM = """([all, epochs, bests]) => {
  lrscope.log.fill([], { epochs, best: null, forked: 0 });
  all.forEach((said, i) => lrscope.log.prepend([said], { epochs, best: bests[i] }));
}"""
CHANGED = """(added) => {
  const seen = new MutationObserver(() => {});
  seen.observe(lrscope.page.element("log"), { childList: true, attributes: true, subtree: true });
  lrscope.log.prepend([added], { epochs: 10_000, best: 1 });
  return seen.takeRecords().length;
}"""
NARROW = """() => {
  const list = lrscope.page.element("log");
  return [list, ...list.children].every((part) => part.scrollWidth <= part.clientWidth);
}"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("lab")
    with served(folder / "home", folder / "datasets") as lab:
        yield lab


@pytest.fixture(scope="module")
def one_page(chrome: BrowserContext, lab: Served) -> Iterator[Page]:
    with opened(chrome, lab.url) as page:
        yield page


@pytest.fixture
def page(one_page: Page, lab: Served) -> Iterator[Page]:
    """A page that goes on to each run that begins, with the list of events in sight and folded."""
    one_page.mouse.move(0, 0)
    one_page.get_by_role("tab", name="Events").click()
    every = one_page.get_by_role("button", name="all epochs")
    if every.get_attribute("aria-pressed") == "true":
        every.click()
    yield one_page
    for run in lab.store.runs(99):
        if run.status == "training":  # the page would stay with it
            lab.store.record(run.id, Ended("stopped"))


def begun(store: Store, config: RunConfig) -> int:
    run = store.add(config, claimed=True)
    store.record(run, STARTED)
    return run


def over(store: Store, config: RunConfig, epochs: Sequence[Epoch]) -> int:
    run = begun(store, config)
    for epoch in epochs:
        record(store, run, epoch)
    store.record(run, Ended("finished"))
    return run


def row(page: Page, epochs: str) -> Any:
    epochs = epochs.replace("-", EN_DASH)
    return page.locator("#log [role=option]").filter(
        has=page.locator(".log-epoch").get_by_text(epochs, exact=True)
    )


def band(page: Page) -> list[tuple[float, float]]:
    """The epochs that the charts show as selected."""
    shapes: list[dict[str, Any]] = page.evaluate(
        "() => document.querySelector('#chart .js-plotly-plot').layout.shapes || []"
    )
    return [(s["x0"] + 0.5, s["x1"] - 0.5) for s in shapes if s.get("name") == "pointer"]


def test_runs_of_like_epochs_fold_and_what_matters_stands_out(page: Page, lab: Served) -> None:
    run = over(lab.store, CUT, rows(LOSSES, CUT))
    shows(page, run)
    all_drawn(page, len(LOSSES))
    assert lines(page) == FOLDED
    expect(page.locator("#log .log-best")).to_have_count(1)
    expect(row(page, "26").locator(".log-best")).to_be_visible()
    assert page.evaluate(NARROW)


def test_each_kind_of_schedule_has_its_line(page: Page) -> None:
    cosine = schedules.CosineAnnealingWarmRestarts(T_0=4)
    for schedule, expected in (
        (schedules.NoSchedule(), [("1-6", "Kept 0.1")]),
        (
            cosine,
            [
                ("5-6", "CosineAnnealingWarmRestarts: LR goes down from 0.1 to 0.0854"),
                (
                    "4",
                    "CosineAnnealingWarmRestarts: warm restart, LR back from 0.0146 to 0.1.",
                ),
                ("1-3", "CosineAnnealingWarmRestarts: LR goes down from 0.1 to 0.0146"),
            ],
        ),
        (
            schedules.StepLR(step_size=3),
            [
                ("6", "StepLR: LR cut from 0.01 to 0.001."),
                ("4-5", "Kept 0.01"),
                ("3", "StepLR: LR cut from 0.1 to 0.01."),
                ("1-2", "Kept 0.1"),
            ],
        ),
    ):
        config = RunConfig(lr=0.1, epochs=6, schedule=schedule)
        said = sentences(rows([1.0] * 6, config))
        page.evaluate(FRESH, [said, 6_000, None])
        assert lines(page) == expected
        assert page.evaluate(NARROW)


def test_what_is_done_by_hand_has_a_line_of_its_own(page: Page, lab: Served) -> None:
    config = RunConfig(lr=0.1, epochs=9, schedule=schedules.NoSchedule())
    said = "By hand: LR divided by 2, from 0.1 to 0.05."
    run = begun(lab.store, config)
    for epoch in rows([1.0] * 9, config):
        if epoch.epoch == 5:
            lab.store.record(run, Intervened(5, 3, "scale", 0.5, 0.1, 0.05, said))
        record(lab.store, run, epoch)
    lab.store.record(run, Ended("finished"))
    shows(page, run)
    all_drawn(page, 9)
    # The first of equal epochs is the best.
    first = ("1", "Kept 0.1.")
    assert lines(page) == [("5-9", "Kept 0.1"), ("5", said), ("2-4", "Kept 0.1"), first]
    page.evaluate("() => lrscope.pointing.pointAt(5)")
    expect(page.locator("#log-selected")).to_have_attribute("data-kind", "kept")


def test_a_click_unfolds_a_line_and_shows_its_epochs_and_another_folds_it(
    page: Page, lab: Served
) -> None:
    epochs = rows(LOSSES, CUT)
    run = over(lab.store, CUT, epochs)
    said = [(str(s.epoch), s.text) for s in sentences(epochs)]
    shows(page, run)
    all_drawn(page, len(LOSSES))
    points(page, "train loss", len(LOSSES))
    at = FOLDED.index(("3-5", "New best each epoch, down to 1.20"))
    row(page, "3-5").click()
    assert lines(page) == [*FOLDED[: at + 1], *said[4:1:-1], *FOLDED[at + 1 :]]
    assert band(page) == [(3, 5)]
    expect(page.locator("#fork")).to_have_text("Fork after 5")
    row(page, "4").click()
    assert band(page) == [(4, 4)]
    row(page, "4").click()
    assert band(page) == []
    row(page, "3-5").click()
    assert lines(page) == FOLDED
    assert band(page) == []


def test_the_keyboard_alone_reads_every_epoch(page: Page, lab: Served) -> None:
    run = over(lab.store, CUT, rows(LOSSES, CUT))
    shows(page, run)
    all_drawn(page, len(LOSSES))
    log, selected = page.locator("#log"), page.locator("#log [aria-selected=true]")

    def number() -> str:
        expect(selected).to_have_count(1)
        active = log.get_attribute("aria-activedescendant")
        expect(selected).to_have_attribute("id", str(active))
        return str(selected.locator(".log-epoch").text_content()).replace(EN_DASH, "-")

    log.focus()
    found = []
    for key in ("ArrowDown", "ArrowDown", "Enter", "ArrowDown", "ArrowDown", "ArrowDown"):
        page.keyboard.press(key)
        found.append(number())
    assert found == ["29-30", "27-28", "27-28", "28", "27", "26"]
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowLeft")
    assert number() == "27-28"
    assert lines(page) == FOLDED
    page.keyboard.press("Space")
    assert len(lines(page)) == len(FOLDED) + 2
    page.keyboard.press("Space")
    assert lines(page) == FOLDED
    page.keyboard.press("ArrowRight")
    assert len(lines(page)) == len(FOLDED) + 2
    expect(log).to_be_focused()
    in_state(page, "finished")


def test_every_sentence_is_there_on_demand(page: Page, lab: Served) -> None:
    epochs = rows(LOSSES, CUT)
    run = over(lab.store, CUT, epochs)
    every = [(str(s.epoch), s.text) for s in reversed(sentences(epochs))]
    shows(page, run)
    all_drawn(page, len(LOSSES))
    button = page.get_by_role("button", name="all epochs")
    button.click()
    expect(button).to_have_attribute("aria-pressed", "true")
    assert lines(page) == every
    button.click()
    expect(button).to_have_attribute("aria-pressed", "false")
    assert lines(page) == FOLDED
    page.get_by_role("tab", name="Family").click()
    expect(button).to_be_hidden()


def test_an_epoch_chosen_in_the_chart_is_unfolded(page: Page, lab: Served) -> None:
    run = over(lab.store, CUT, rows(LOSSES, CUT))
    shows(page, run)
    all_drawn(page, len(LOSSES))
    points(page, "train loss", len(LOSSES))
    frame = page.locator("#chart .nsewdrag").first.bounding_box()
    assert frame is not None
    x = frame["x"] + frame["width"] * 15.5 / CUT.epochs
    page.mouse.move(x - 5, frame["y"] + 60)
    page.mouse.move(x, frame["y"] + 60)
    page.locator("#chart .hoverlayer .legend, #chart .hoverlayer .hovertext").first.wait_for()
    chosen = page.locator("#log [aria-selected=true]")
    for _ in range(5):  # a click while the chart is drawn again is lost
        page.mouse.down()
        page.mouse.up()
        try:
            expect(chosen).to_have_count(1, timeout=5000)
            break
        except AssertionError:
            page.mouse.move(x - 5, frame["y"] + 60)
            page.mouse.move(x, frame["y"] + 60)
    expect(chosen).to_have_text(
        "16Kept 0.01: 1.35 did not beat 1.20; 1 of 2 bad epochs.", use_inner_text=False
    )
    expect(chosen).to_be_in_viewport()
    assert band(page) == [(16, 16)]


def test_a_line_grows_in_place_while_the_run_trains(page: Page, lab: Served) -> None:
    run = begun(lab.store, CUT)
    epochs = rows(LOSSES, CUT)
    shows(page, run)
    for epoch in epochs[:14]:
        record(lab.store, run, epoch)
    all_drawn(page, 14)
    newest = row(page, "13-14")
    newest.evaluate("(row) => { window.newest = row; }")
    record(lab.store, run, epochs[14])
    all_drawn(page, 15)
    assert page.evaluate("() => newest === document.querySelector('#log [role=option]')")
    page.evaluate("() => newest.click()")
    for epoch in epochs[15:18]:
        record(lab.store, run, epoch)
    all_drawn(page, 18)
    shown = [epochs for epochs, _ in lines(page)][:8]
    assert shown == ["13-18", "18", "17", "16", "15", "14", "13", "11-12"]
    assert band(page) == [(13, 18)]
    expect(page.locator("#log-selected")).to_contain_text(IN_VAIN.format(2))
    for epoch in epochs[18:]:
        record(lab.store, run, epoch)
    all_drawn(page, len(LOSSES))
    page.evaluate("() => newest.click()")
    assert lines(page) == FOLDED


def test_the_selected_epoch_stays_selected_when_another_joins_its_line(
    page: Page, lab: Served
) -> None:
    run = begun(lab.store, CUT)
    epochs = rows(LOSSES, CUT)
    shows(page, run)
    for epoch in epochs[:5]:
        record(lab.store, run, epoch)
    all_drawn(page, 5)
    row(page, "5").click()  # the best, until epoch 25
    for epoch in epochs[5:]:
        record(lab.store, run, epoch)
    all_drawn(page, len(LOSSES))
    expect(page.locator("#log [aria-selected=true] .log-epoch")).to_have_text("5")
    shown = [epochs for epochs, _ in lines(page)]
    assert shown[-5:] == ["3-5", "5", "4", "3", "1-2"]


def test_lines_that_came_one_by_one_are_those_of_a_page_that_is_opened_later(page: Page) -> None:
    losses = [1 + ((7 * e) % 11) / (e + 3) for e in range(60)]
    bests = [losses.index(min(losses[:e])) + 1 for e in range(1, 61)]
    for schedule in SCHEDULES.values():
        config = RunConfig(lr=0.005, epochs=60, warmup=3, schedule=schedule)
        said = sentences(rows(losses, config))
        page.evaluate(STREAM, [said, 60, bests])
        streamed = lines(page)
        page.evaluate(FRESH, [said, 60, bests[-1]])
        assert lines(page) == streamed
        assert len(streamed) < 60


def test_an_update_costs_the_same_however_long_the_run(page: Page) -> None:
    config = RunConfig(lr=0.1, epochs=10_000, schedule=schedules.NoSchedule())
    said = sentences(rows([1.0] * 10_000, config))
    cost = []
    for done in (10, 9_999):
        page.evaluate(FRESH, [said[:done], 10_000, 1])
        cost.append(page.evaluate(CHANGED, said[done]))
    assert cost[0] == cost[1]
    assert [epochs for epochs, _ in lines(page)] == ["2-10000", "1"]
    row(page, "2-10000").click()
    expect(page.locator("#log [role=option]")).to_have_count(502)
    page.evaluate("() => lrscope.pointing.pointAt(9_000)")
    expect(page.locator("#log-selected .log-epoch")).to_have_text("9000")
    expect(page.locator("#log-selected")).to_be_in_viewport()
    page.evaluate("() => lrscope.page.element('log').scrollTo(0, 1e9)")
    page.wait_for_function("() => document.querySelectorAll('#log [role=option]').length > 1500")
    assert page.evaluate(NARROW)


def test_a_run_of_2000_epochs_is_a_list_that_can_be_read(page: Page, lab: Served) -> None:
    losses = [1 + 1 / (e + 1) + 0.01 * (7 * e % 11) for e in range(2_000)]
    epochs = rows(losses, RunConfig(lr=0.1, epochs=2_000))
    run = lab.store.add_imported(Recipe(lr=0.1, epochs=2_000), "long.csv", epochs)
    choose_run(page, run)
    shows(page, run)
    all_drawn(page, 2_000)
    shown = lines(page)
    assert len(shown) < 200
    assert sum("LR cut" in said for _, said in shown) > 3
    assert page.evaluate(NARROW)
    page.evaluate("() => lrscope.pointing.pointAt(1000)")
    expect(page.locator("#log-selected .log-epoch")).to_have_text("1000")
    expect(page.locator("#log-selected")).to_be_in_viewport()
