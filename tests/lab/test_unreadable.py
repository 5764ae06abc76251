"""One run that cannot be read never keeps the page from starting, nor from showing the others."""

import json
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, expect

from app import ids
from app.lab.family import tree
from app.lab.live import news
from app.lab.received import Cursor
from app.lab.verdicts import Verdicts
from app.lab.whole import view_of
from app.run_picker import choices
from tests.page import chromium, opened, served
from tests.recorded import FOLDER, recorded
from tests.small import NOWHERE, metrics
from trainer.config.recipe import Recipe
from trainer.replay.replay import replay
from trainer.schedule.epoch import Epoch
from trainer.store.lineage import trees
from trainer.store.store import Store

LOSSES = [1.0, 0.9, 0.8]


def add(store: Store, name: str) -> int:
    """An imported run of three epochs."""
    steps = zip(replay(LOSSES), LOSSES, strict=True)
    rows = [Epoch(s.epoch, s.lr, s.lr_last, metrics(x, x, 0.5), 0.0, s.decision) for s, x in steps]
    return store.add_imported(Recipe(epochs=3), name, rows)


def damage(path: Path, run: int) -> None:
    """Rename one key in the config of a run."""
    with closing(sqlite3.connect(path)) as connection, connection:
        query = "SELECT config FROM runs WHERE id = ?"
        config = json.loads(connection.execute(query, (run,)).fetchone()[0])
        config["learning_rate"] = config.pop("lr")
        update = "UPDATE runs SET config = ? WHERE id = ?"
        connection.execute(update, (json.dumps(config), run))


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home whose newest run cannot be read."""
    with closing(Store(tmp_path)) as store:
        add(store, "one.csv")
        damage(store.path, add(store, "two.csv"))
    return tmp_path


def test_its_reason_is_shown_in_place_of_its_charts(home: Path) -> None:
    with closing(Store(home)) as store:
        view = view_of(store, 2, store.newest_started())
        assert view["readout"]["status"] == ["unreadable", "unreadable"]
        assert view["readout"][ids.NOTICE].startswith(
            "Run 2 cannot be read: There is no setting 'learning_rate'"
        )
        labels = [run["label"] for run in choices(store, None)]
        assert labels == [
            "#2 cannot be read",
            "#1 one.csv",
        ]
        later = news(store, Cursor(**view["cursor"]))
        assert later["readout"].items() <= view["readout"].items()
        assert later["readout"][ids.PROGRESS_LEFT] == "This run cannot be read."
        assert view_of(store, 1, store.newest_started())["readout"]["status"] == [
            "imported",
            "imported",
        ]


@pytest.fixture
def forked(tmp_path: Path) -> Iterator[Store]:
    """A home of version 1 whose run 2 was forked from a run that cannot be read."""
    shutil.copytree(FOLDER / "home-1", tmp_path / "home")
    with closing(Store(tmp_path / "home")) as store:
        damage(store.path, 1)
        yield store


def test_a_fork_of_it_is_shown_with_its_own_epochs(forked: Store) -> None:
    view = view_of(forked, 2, forked.newest_started())
    assert view["readout"]["status"] == ["finished", "finished"]
    assert [epoch for epoch, *_ in view["log"]] == [row.epoch for row in forked.epochs(2)]
    answer = news(forked, Cursor(**view["cursor"]), torch=True, verdicts=Verdicts(forked))
    assert "status" not in answer["readout"]


def test_the_family_shows_its_forks_and_a_run_whose_best_cannot_be_read(forked: Store) -> None:
    with closing(sqlite3.connect(forked.path)) as connection, connection:
        connection.execute("UPDATE epochs SET decision = '{}' WHERE run = 3")
    drawn = [tree(forked, root, None) for root in trees(forked, 50)]
    assert len(drawn) == len(recorded("home-1")["runs"]) - 1


@pytest.mark.browser
@pytest.mark.skipif(chromium() is None, reason="no Chromium on this machine")
def test_the_page_opens_on_it_and_shows_the_others(browser: BrowserContext, home: Path) -> None:
    with served(home, NOWHERE) as page_of, opened(browser, page_of.url) as page:
        expect(page.locator(f"#{ids.NOTICE}")).to_contain_text("Run 2 cannot be read")
        page.get_by_text("What if", exact=True).click()
        page.get_by_text("Family", exact=True).click()
        expect(page.locator(f"#{ids.FAMILY}")).to_contain_text("one.csv")
        page.locator(f"#{ids.FAMILY} button").first.click()
        expect(page.locator(f"#{ids.STATUS}")).to_have_text("imported")
        expect(page.locator(f"#{ids.NOTICE}")).to_be_empty()
