"""The exported page, opened offline: it says what LRScope says, and nothing in it is amiss."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from app.formats import FORMATS, content
from tests.execute.conftest import store
from tests.execute.runs import at, forked, trained
from tests.lab.page import NEEDS_CHROMIUM
from tests.lab.test_access import violations
from tests.page import SIZES
from tests.small import load, small
from trainer.config import schedules
from trainer.config.table import changed, keyed
from trainer.config.text import lr_text
from trainer.curves.csv import read
from trainer.curves.importing import import_curve
from trainer.engine import datasets
from trainer.engine import loop as engine
from trainer.engine.events import Failed
from trainer.replay.comparison import Comparison, compare
from trainer.store import lineage
from trainer.store.store import Store

__all__ = ["store"]
pytestmark = NEEDS_CHROMIUM
RULE = schedules.ReduceLROnPlateau
PLATEAU = RULE(patience=1, threshold=0.05, factor=0.5, cooldown=1)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets, "load", load)
    monkeypatch.setattr(engine, "PROGRESS_SECONDS", -1)


@contextmanager
def offline(
    browser: BrowserContext, text: str, folder: Path, size: str = "desktop", scheme: str = "light"
) -> Iterator[Page]:
    """An exported page in a browser without a network. Fails on a console error or a request."""
    file = folder / "page.html"
    file.write_text(text)
    width, height = SIZES[size]
    browser.set_offline(True)
    page, wrong = browser.new_page(), []
    page.set_viewport_size({"width": width, "height": height})
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    page.on("console", lambda message: wrong.append(message.text))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on(
        "request",
        lambda r: None if r.url.startswith(("file:", "data:")) else wrong.append(r.url),
    )
    try:
        page.goto(file.as_uri())
        yield page
    finally:
        page.close()
        browser.set_offline(False)
    assert wrong == []


def html(store: Store, *runs: int) -> str:
    made = content(FORMATS["html"], store, list(runs))
    assert isinstance(made, str)
    return made


def replayed(store: Store, run: int, **values: Any) -> Comparison:
    row = store.run(run)
    assert row is not None
    other = changed(row.recipe, {"schedule": RULE().name, **keyed(values)})
    rows, past = lineage.lineage(store, run), lineage.stretches(store, run)
    return compare(row.recipe, rows, other, row.batches, past)


def set_to(page: Page, values: dict[str, Any]) -> None:
    for name, value in values.items():
        box = page.locator(f"#if-{name}")
        if name == "threshold_mode":
            box.select_option(value)
        else:
            box.fill(str(value))


def says_what_lrscope_says(page: Page, wanted: Comparison) -> None:
    expect(page.locator("#answer")).to_have_text(wanted.sentence)
    cuts = wanted.would_cut
    end = f"{len(cuts)} cut{'' if len(cuts) == 1 else 's'}; the LR ends at "
    expect(page.locator("#answer-cuts")).to_have_text(f"{end}{lr_text(wanted.steps[-1].lr_last)}.")
    for place, epochs in (("run", wanted.cuts), ("what-if", cuts)):
        text = page.locator(f"#cuts-{place}").inner_text()
        assert [int(number) for number in re.findall(r"\d+", text.split("…")[0])] == epochs[:6]


CHANGES: list[dict[str, Any]] = [
    {"patience": 0},
    {"patience": 3, "factor": 0.3},
    {"threshold": 0.9, "cooldown": 0, "patience": 0, "min_lr": 0.004},
    {"threshold": 0.02, "threshold_mode": "abs", "eps": 0.001},
]


def halved(store: Store, run: int) -> Any:
    return lambda event: store.ask(run, "scale", 0.5) if at(2, 1)(event) else None


@pytest.mark.parametrize(
    "kind", ["plain", "warm-up", "by hand", "fork", "other fork", "monitor", "imported", "constant"]
)
def test_its_what_if_says_what_the_lab_says(
    browser: BrowserContext, store: Store, tmp_path: Path, kind: str
) -> None:
    quick = small(schedule=PLATEAU, epochs=12)
    constant = small(schedule=schedules.NoSchedule(), epochs=12)
    match kind:
        case "warm-up":
            run = trained(store, small(schedule=PLATEAU, epochs=12, warmup=3))
        case "by hand":
            run = trained(store, quick, halved(store, 1))
            assert store.interventions(run)
        case "fork":
            first = trained(store, quick)
            more = small(schedule=PLATEAU.model_copy(update={"patience": 0}), epochs=12, lr=0.02)
            run, _ = forked(store, first, 4, more)
        case "other fork":
            run, _ = forked(store, trained(store, constant), 4, quick)
        case "monitor":
            watching = small(schedule=PLATEAU, epochs=12, monitor="train_loss")
            run, _ = forked(store, trained(store, quick), 4, watching)
        case "imported":
            file = tmp_path / "curve.csv"
            file.write_text(
                "loss,lr\n3,0.1\n2,0.1\n2,0.1\n2.5,0.1\nnan,0.1\n2,0.01\n1,0.01\n1,0.01\n"
            )
            run = import_curve(store, read(file), {"patience": 1})
        case "constant":
            run = trained(store, constant)
        case _:
            run = trained(store, quick)
    row = store.run(run)
    assert row is not None
    with offline(browser, html(store, run), tmp_path) as page:
        own = RULE() if kind == "constant" else row.recipe.schedule
        says_what_lrscope_says(page, replayed(store, run, **own.model_dump(exclude={"name"})))
        for values in CHANGES:
            page.get_by_role("button", name="As it was").click()
            set_to(page, values)
            given = {**own.model_dump(exclude={"name"}), **values}
            says_what_lrscope_says(page, replayed(store, run, **given))


def test_what_a_setting_must_be_is_said_beside_it(
    browser: BrowserContext, store: Store, tmp_path: Path
) -> None:
    run = trained(store, small(schedule=PLATEAU))
    with offline(browser, html(store, run), tmp_path) as page:
        before = page.locator("#answer").inner_text()
        for name, value, said in (
            ("factor", "1", "Factor must be a number above 0 and below 1."),
            ("patience", "1.5", "Patience must be a whole number from 0 to 10,000."),
            ("threshold", "", "Threshold must be a number at least 0 and below 1."),
            ("eps", "x", "Smallest cut (eps) must be a number from 0 to 1."),
        ):
            page.locator(f"#if-{name}").fill(value)
            expect(page.locator(f"#if-{name}-problem")).to_have_text(said)
            assert page.locator("#answer").inner_text() == before
        page.get_by_role("button", name="As it was").click()
        expect(page.locator(".problem").first).to_have_text("")
        page.get_by_label("Mode", exact=True).select_option("max")
        expect(page.locator("#answer")).not_to_have_text(before)


def test_it_tells_of_the_epoch_that_is_pointed_at_and_of_every_event(
    browser: BrowserContext, store: Store, tmp_path: Path
) -> None:
    run = trained(store, small(schedule=PLATEAU, epochs=12))
    rows = store.epochs(run)
    with offline(browser, html(store, run), tmp_path) as page:
        expect(page.locator("#epoch-number")).to_have_text("epoch 12")
        page.get_by_label("Epoch", exact=True).focus()
        page.keyboard.press("Home")
        expect(page.locator("#epoch-number")).to_have_text("epoch 1")
        expect(page.locator("#sentence")).to_have_text(rows[0].decision.sentence)
        for row in rows:
            if row.decision.kind == "cut" and row.epoch < 12:
                expect(page.locator("#events")).to_contain_text(row.decision.sentence)
        chart = page.locator(".for-wide svg")
        box = chart.bounding_box()
        assert box is not None
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        expect(page.locator("#epoch-number")).not_to_have_text("epoch 1")


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_in_a_run_and_in_a_comparison(
    browser: BrowserContext, store: Store, tmp_path: Path, size: str, scheme: str
) -> None:
    one = trained(store, small(schedule=PLATEAU))
    two = trained(store, small(schedule=schedules.OneCycleLR()))
    for runs in ([one], [one, two], [store.add(small())]):
        with offline(browser, html(store, *runs), tmp_path, size, scheme) as page:
            set_to(page, {"patience": 0} if one in runs else {})
            assert violations(page) == []
            width = page.evaluate("document.documentElement.scrollWidth")
            assert width == SIZES[size][0]


def test_a_comparison_shows_the_run_that_is_chosen_and_what_differs(
    browser: BrowserContext, store: Store, tmp_path: Path
) -> None:
    one = trained(store, small(schedule=PLATEAU, epochs=12))
    two = trained(store, small(schedule=schedules.OneCycleLR(), epochs=12, seed=3))
    with offline(browser, html(store, one, two), tmp_path) as page:
        says_what_lrscope_says(page, replayed(store, one, **PLATEAU.model_dump(exclude={"name"})))
        page.get_by_label("Run", exact=True).select_option(index=1)
        expect(page.locator("#answer")).to_contain_text("moves the LR within epochs")
        expect(page.locator("#events")).to_contain_text("LR at its peak")
        differs = page.get_by_role("region", name="What differs")
        expect(differs.get_by_role("row", name="Seed 0 3")).to_be_visible()
        assert differs.get_by_text("Epochs").count() == 0


def test_it_says_why_a_run_failed(store: Store) -> None:
    run = store.add(small(), claimed=True)
    store.record(run, Failed("torch finds no cuda device here."))
    assert "failed \N{MIDDLE DOT} torch finds no cuda device here." in html(store, run)


def test_no_name_breaks_out_of_the_page(
    browser: BrowserContext, store: Store, tmp_path: Path
) -> None:
    run = trained(store, small(schedule=PLATEAU))
    name = "</script><script>document.title = 1</script><!--<script> ]]> \u2028 <b>é</b>"
    store.rename(run, name)
    with offline(browser, html(store, run, store.add(small())), tmp_path) as page:
        assert page.title() == f"Runs {run} and {run + 1} \N{MIDDLE DOT} LRScope"
        expect(page.get_by_label("Run", exact=True)).to_contain_text("<b>é</b>")
    with offline(browser, html(store, run), tmp_path) as page:
        assert "document.title = 1" in page.title()
        expect(page.get_by_role("heading", level=1)).to_contain_text("</script>")


def test_a_policy_keeps_it_from_loading_and_sending(
    browser: BrowserContext, store: Store, tmp_path: Path
) -> None:
    text = html(store, trained(store, small(schedule=PLATEAU)))
    assert "default-src &#x27;none&#x27;" in text
    assert "unsafe" not in text
    file = tmp_path / "page.html"
    file.write_text(text)
    page = browser.new_page()
    page.goto(file.as_uri())
    blocked = page.evaluate(
        "() => fetch('http://127.0.0.1:9/').then(() => 'sent', (error) => error.message)"
    )
    page.close()
    assert blocked == "Failed to fetch"
