"""The table of runs in a real browser."""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, Response, Route, expect

from tests.lab.page import NEEDS_CHROMIUM
from tests.lab.test_access import tab_to, violations
from tests.page import Served, opened
from tests.runs.many import fill
from tests.small import small
from tests.store.test_store import ended
from trainer.config.recipe import Recipe
from trainer.config.run import RunConfig
from trainer.engine.events import Ended
from trainer.store.store import Store

pytestmark = NEEDS_CHROMIUM


@contextmanager
def table(
    browser: BrowserContext, lab: Served, size: str = "desktop", scheme: str = "light"
) -> Iterator[Page]:
    with opened(browser, lab.url + "runs", size, scheme, ".ag-row .runs-named") as page:
        yield page


SELECTED = "() => lrscope.table_of_runs.api().getSelectedNodes().map(({ data }) => data.id)"


def cell(page: Page, run: int, column: str) -> Locator:
    return page.locator(f'.ag-row[row-id="{run}"] [col-id="{column}"]')


def shown(page: Page, count: int) -> None:
    expect(page.locator("#runs-count")).to_have_text(f"{count:,} runs")


def named(lab: Served, runs: int, epochs: int = 3) -> None:
    fill(lab.store, runs, epochs)
    for run in range(1, runs + 1):
        lab.store.rename(run, f"number {run}")


def losses(store: Store, lasts: dict[int, float | None]) -> None:
    """Add runs of one epoch with these losses; None is a run without an epoch."""
    for run, loss in lasts.items():
        assert store.add(small(epochs=1), claimed=True) == run
        if loss is not None:
            store.record(run, ended(1, loss))
        store.record(run, Ended("stopped"))
        store.rename(run, f"number {run}")


def focus(page: Page, run: int, column: str) -> None:
    page.evaluate(
        """([run, column]) => {
          const api = lrscope.table_of_runs.api();
          api.setFocusedCell(api.getRowNode(String(run)).rowIndex, column);
        }""",
        [run, column],
    )


def test_runs_are_found_renamed_starred_noted_and_compared_by_keyboard(
    browser: BrowserContext, lab: Served
) -> None:
    named(lab, 12)
    with table(browser, lab) as page:
        tab_to(page, "Search the runs")
        page.keyboard.type("#7")
        expect(page.locator("#runs-count")).to_have_text("1 run")
        page.keyboard.press("Control+A")
        page.keyboard.press("Delete")
        shown(page, 12)
        focus(page, 9, "name")
        page.keyboard.press("Enter")
        page.keyboard.press("Control+A")
        page.keyboard.type("mine")
        page.keyboard.press("Enter")
        expect(cell(page, 9, "name")).to_have_text("mine")
        page.keyboard.press("Space")
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Space")
        expect(page.locator("#runs-count")).to_have_text("2 of 12 runs selected")
        compare = page.locator("#runs-compare")
        expect(compare).to_have_attribute("href", "/compare?runs=8,9")
        page.get_by_role("button", name="Tag…").press("Enter")
        expect(page.get_by_label("Tags, with commas between")).to_be_focused()
        page.keyboard.type("a, b")
        page.keyboard.press("Enter")
        page.wait_for_function(
            "() => lrscope.table_of_runs.api().getRowNode('8').data.tags.endsWith('a, b')"
        )
        focus(page, 8, "starred")
        starred = lab.store.run(8).starred
        page.keyboard.press("Enter")
        expect(cell(page, 8, "starred").get_by_role("button")).to_have_attribute(
            "aria-pressed", str(not starred).lower()
        )
        focus(page, 8, "id")
        page.keyboard.press("Enter")
        page.wait_for_url("**/?run=8")
        page.locator("#chart .ytick").first.wait_for()
    assert lab.store.run(9).name == "mine"
    assert {"a", "b"} <= set(lab.store.run(8).tags)


def test_a_deletion_is_undone_and_a_refusal_is_told_in_its_words(
    browser: BrowserContext, lab: Served
) -> None:
    named(lab, 6)
    lab.store.stop(lab.store.add(small(epochs=9), parent=(5, 2)))
    with table(browser, lab) as page:
        shown(page, 7)
        focus(page, 5, "name")
        page.keyboard.press("Delete")
        expect(page.locator("#runs-refused")).to_have_text(
            "Run 7 is a fork of run 5 and needs its epochs: delete both, or archive run 5 in the "
            "view Runs."
        )
        focus(page, 3, "name")
        page.keyboard.press("Space")
        page.keyboard.press("ArrowUp")
        page.keyboard.press("Space")
        before = page.locator(".runs-table").bounding_box()
        page.keyboard.press("Delete")
        expect(page.locator("#runs-deleted")).to_contain_text("Deleted #3, #4.")
        shown(page, 5)
        assert page.locator(".runs-table").bounding_box() == before
        page.reload()
        page.get_by_role("button", name="Undo").press("Enter")
        shown(page, 7)
        expect(cell(page, 3, "name")).to_have_text("number 3")
        expect(page.locator("#runs-deleted")).to_be_hidden()


def test_rows_follow_a_run_that_trains_and_selection_and_focus_stay(
    browser: BrowserContext, lab: Served
) -> None:
    named(lab, 3)
    with table(browser, lab) as page:
        focus(page, 2, "name")
        page.keyboard.press("Space")
        run = lab.store.add(RunConfig(model="mlp", epochs=500))
        cell(page, run, "status").get_by_text("training").wait_for()
        cell(page, run, "curve").locator("svg").wait_for()
        expect(page.locator("#runs-count")).to_have_text("1 of 4 runs selected")
        expect(cell(page, 2, "name")).to_be_focused()
        assert page.evaluate(SELECTED) == [2]
        lab.store.stop(run)
        cell(page, run, "status").get_by_text("stopped").wait_for()
        lab.store.delete([run])  # by another page
        expect(page.locator("#runs-count")).to_have_text("1 of 3 runs selected")


def test_a_run_is_repeated_with_as_many_other_seeds_as_are_typed(
    browser: BrowserContext, lab: Served
) -> None:
    lab.store.rename(lab.store.add(RunConfig(model="mlp", epochs=1)), "first")
    with table(browser, lab) as page:
        focus(page, 1, "name")
        page.keyboard.press("Space")
        page.get_by_role("button", name="Other seeds…").press("Enter")
        page.keyboard.type("2")
        page.keyboard.press("Enter")
        expect(page.locator("#runs-count")).to_have_text("1 of 3 runs selected")
        cell(page, 3, "status").get_by_text("finished").wait_for()
    assert [lab.store.run(run).config.seed for run in (2, 3)] == [1, 2]


def test_chosen_columns_are_kept(browser: BrowserContext, lab: Served) -> None:
    named(lab, 2)
    with table(browser, lab) as page:
        page.locator("#runs-columns summary").press("Enter")
        page.get_by_role("checkbox", name="Cooldown").check()
        page.get_by_role("checkbox", name="Star", exact=True).uncheck()
        page.keyboard.press("Escape")
        page.reload()
        expect(cell(page, 1, "name")).to_be_visible()
        expect(cell(page, 1, "starred")).to_have_count(0)
        visible = "() => lrscope.table_of_runs.api().getColumn('cooldown').isVisible()"
        assert page.evaluate(visible)


def test_blocks_are_fetched_as_one_scrolls_and_a_column_filters_and_sorts(
    browser: BrowserContext, lab: Served
) -> None:
    named(lab, 350, 2)
    lab.store.add_imported(Recipe(), "x.csv", lab.store.epochs(1))
    lab.store.archive(349, True)
    with closing(sqlite3.connect(lab.store.path)) as damaged, damaged:
        damaged.execute("UPDATE runs SET config = '[' WHERE id = 2")
    with table(browser, lab) as page:
        shown(page, 350)
        page.keyboard.press("Tab")
        focus(page, 351, "name")
        page.keyboard.press("Control+End")
        expect(cell(page, 1, "id")).to_have_text("#1")
        expect(cell(page, 2, "name")).to_contain_text("Run 2 cannot be read")
        page.keyboard.press("Control+Home")
        page.get_by_role("switch", name="archived").check()
        shown(page, 351)
        page.locator('.ag-header-cell[col-id="id"]').hover()
        page.locator('.ag-header-cell[col-id="id"] .ag-header-cell-filter-button').click()
        page.get_by_label("Filter Value").first.fill("4")
        shown(page, 3)
        page.keyboard.press("Escape")
        page.locator('.ag-header-cell[col-id="name"]').click()
        rows = page.locator(".ag-center-cols-container .ag-row")
        expect(rows.first).to_have_attribute("row-id", "1")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", ["desktop", "phone"])
def test_axe_finds_nothing_in_the_table_its_bar_and_its_choices(
    browser: BrowserContext, lab: Served, size: str, scheme: str
) -> None:
    named(lab, 30)
    lab.store.tag(30, ["paper"])
    with table(browser, lab, size, scheme) as page:
        assert violations(page) == []
        focus(page, 30, "name")
        page.keyboard.press("Space")
        page.locator("#runs-compare").wait_for()
        assert violations(page) == []
        page.get_by_role("button", name="Note…").click()
        page.get_by_label("Note", exact=True).wait_for()
        assert violations(page) == []
        page.keyboard.press("Escape")
        page.locator("#runs-columns summary").click()
        page.get_by_role("checkbox", name="Cooldown").wait_for()
        assert violations(page) == []
        page.keyboard.press("Escape")
        page.locator("#runs-search").fill("no such run")
        expect(page.locator("#runs-count")).to_have_text("0 runs")
        assert violations(page) == []
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def select(page: Page, run: int) -> None:
    focus(page, run, "name")
    page.keyboard.press("Space")


def test_a_run_that_leaves_the_list_leaves_the_selection(
    browser: BrowserContext, lab: Served
) -> None:
    named(lab, 6)
    with table(browser, lab) as page:
        select(page, 6)
        page.locator("#runs-search").fill("#4")
        expect(cell(page, 4, "name")).to_be_visible()
        expect(page.locator("#runs-count")).to_have_text("1 run")
        select(page, 4)
        expect(page.locator("#runs-count")).to_have_text("1 of 1 run selected")
        page.get_by_role("button", name="Delete", exact=True).click()
        expect(page.locator("#runs-deleted")).to_contain_text("Deleted #4.")
        page.locator("#runs-search").fill("")
        shown(page, 5)
        select(page, 5)
        select(page, 3)
        expect(page.locator("#runs-count")).to_have_text("2 of 5 runs selected")
        lab.store.archive(5, True)  # by another page
        expect(page.locator("#runs-count")).to_have_text("1 of 4 runs selected")
        page.get_by_role("button", name="Archive", exact=True).click()
        shown(page, 3)
        assert page.evaluate(SELECTED) == []
    assert lab.store.has(6)


def test_archived_runs_are_shown_by_the_switch_and_listed_again(
    browser: BrowserContext, lab: Served
) -> None:
    named(lab, 4)
    with table(browser, lab) as page:
        shown(page, 4)
        select(page, 3)
        archive = page.get_by_role("button", name="Archive", exact=True)
        archive.click()
        shown(page, 3)
        assert lab.store.run(3).archived
        page.get_by_role("switch", name="archived").press("Space")
        shown(page, 4)
        expect(cell(page, 3, "name")).to_have_text("archivednumber 3")
        select(page, 3)
        back = page.get_by_role("button", name="Unarchive", exact=True)
        back.click()
        expect(archive).to_be_visible()
        expect(cell(page, 3, "name")).to_have_text("number 3")
        assert not lab.store.run(3).archived
        page.get_by_role("switch", name="archived").press("Space")
        expect(cell(page, 3, "name")).to_have_text("number 3")
        expect(page.locator("#runs-count")).to_have_text("1 of 4 runs selected")


def test_an_empty_list_says_why_in_words(browser: BrowserContext, lab: Served) -> None:
    with opened(browser, lab.url + "runs", "desktop", "light", ".runs-table") as page:
        overlay = page.locator(".runs-table .ag-overlay")
        expect(overlay).to_have_text("No run yet. Start one in the Lab.")
        named(lab, 1)
        expect(cell(page, 1, "name")).to_be_visible()
        page.locator("#runs-search").fill("no such run")
        expect(overlay).to_have_text("No run matches.")
        page.locator("#runs-search").fill("")
        expect(cell(page, 1, "name")).to_be_visible()
        lab.store.archive(1, True)
        expect(overlay).to_have_text("No run matches.")


def test_the_first_click_on_a_result_puts_the_best_run_first(
    browser: BrowserContext, lab: Served
) -> None:
    losses(lab.store, {1: 0.3, 2: None, 3: 0.1, 4: 0.2})
    with table(browser, lab) as page:
        for column in ("best", "last"):
            for expected in (["3", "4", "1", "2"], ["1", "4", "3", "2"]):
                page.locator(f'.ag-header-cell[col-id="{column}"]').click()
                page.wait_for_function(
                    "(ids) => ids.every((id, i) => "
                    "lrscope.table_of_runs.api().getDisplayedRowAtIndex(i)?.id === id)",
                    arg=expected,
                )


def test_a_late_answer_to_a_search_never_has_another_run_deleted_than_the_selected_one(
    browser: BrowserContext, lab: Served
) -> None:
    named(lab, 5)
    held: list[Route] = []

    def hold(route: Route) -> None:
        late = '"text":"number 3"' in (route.request.post_data or "")
        held.append(route) if late else route.continue_()

    def is_current(answer: Response) -> bool:
        of_rows = answer.url.endswith("/rows")
        return of_rows and '"text":"number"' in (answer.request.post_data or "")

    with table(browser, lab) as page:
        shown(page, 5)
        cell(page, 4, "ag-Grid-SelectionColumn").locator("input").check()
        asked = re.compile("/runs/(rows|news)$")  # the news, too, tell which runs are not listed
        page.route(asked, hold)
        search = page.get_by_role("textbox", name="Search the runs")
        with page.expect_request("**/runs/rows"):
            search.fill("number 3")
        search.fill("number")
        with page.expect_response(is_current):
            for late in held:
                late.continue_()
        page.unroute(asked)
        cell(page, 2, "status").click()
        expect(page.locator("#runs-count")).to_have_text("1 of 5 runs selected")
        page.keyboard.press("Delete")
        expect(page.locator("#runs-deleted")).to_contain_text("Deleted #4.")
        assert [run.id for run in lab.store.runs(9)] == [5, 3, 2, 1]


def test_a_key_that_was_meant_for_a_selection_does_nothing_once_it_is_listed_no_more(
    browser: BrowserContext, lab: Served
) -> None:
    named(lab, 5)
    with table(browser, lab) as page:
        shown(page, 5)
        cell(page, 4, "ag-Grid-SelectionColumn").locator("input").check()
        focus(page, 2, "status")
        lab.store.archive(4, True)  # by another page: it is listed no more
        shown(page, 4)
        page.keyboard.press("Delete")
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Delete")
        expect(page.locator("#runs-deleted")).to_contain_text("Deleted #1.")
        assert [run.id for run in lab.store.runs(9)] == [5, 3, 2]
