"""A disk that is full or read-only ends in one sentence at every door, and loses nothing."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, expect

from app import ids
from app.lab.whole import view_of
from app.server import create_app
from tests.faults import disks
from tests.faults.terminal import lrscope, sentence
from tests.page import chromium, opened, served
from tests.small import metrics
from trainer.config.recipe import Recipe
from trainer.config.run import RunConfig
from trainer.replay.replay import replay
from trainer.schedule.epoch import Epoch
from trainer.store.faults import StoreFaultError
from trainer.store.store import Store, path_in
from trainer.worker import Worker

LOSSES = [1.0, 0.9, 0.8]
pytestmark = pytest.mark.skipif(not disks.can_mount(), reason="no disk can be mounted here")


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with disks.disk(tmp_path / "disk", 2_000_000) as folder:
        yield folder


def imported() -> list[Epoch]:
    steps = zip(replay(LOSSES), LOSSES, strict=True)
    return [Epoch(s.epoch, s.lr, s.lr_last, metrics(x, x, 0.5), 0.0, s.decision) for s, x in steps]


@pytest.fixture
def home(disk: Path) -> Path:
    """A home on a small disk, with an imported run and one whose process has died."""
    home = disk / "home"
    with closing(Store(home)) as store:
        store.add_imported(Recipe(epochs=3), "mine.csv", imported())
        store.add(RunConfig(), claimed=True)
    with closing(sqlite3.connect(path_in(home))) as connection, connection:
        connection.execute("UPDATE runs SET owner = ? WHERE id = 2", ("0" * 32,))
        connection.execute("UPDATE runs SET status = 'training' WHERE id = 2")
    return home


def statuses(home: Path) -> list[str]:
    with closing(sqlite3.connect(f"{path_in(home).as_uri()}?mode=ro", uri=True)) as connection:
        return [status for (status,) in connection.execute("SELECT status FROM runs ORDER BY id")]


COMMANDS = [
    ["train", "--epochs", "1", "--model", "mlp"],
    ["import", "curve.csv"],
    ["fork", "2", "0"],
    ["resume", "2"],
    ["control", "2", "pause"],
    ["--no-open", "--port", "0"],
]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_a_command_on_a_full_disk_ends_in_a_sentence_and_works_when_there_is_room(
    disk: Path, home: Path, command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "curve.csv").write_text("epoch,loss\n1,2\n2,1\n")
    monkeypatch.chdir(tmp_path)
    ballast = disks.fill(disk)
    said = sentence(lrscope(*command, home=home))
    assert str(home) in said
    assert "full" in said or "No space left" in said
    ballast.unlink()
    assert statuses(home) == ["finished", "training"]
    with closing(Store(home)) as store:
        assert [run.id for run in store.runs(9)] == [2, 1]
        assert store.run(2).status == "interrupted"
        assert store.add(RunConfig()) == 3


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_a_command_on_a_read_only_disk_ends_in_a_sentence(
    disk: Path, home: Path, command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "curve.csv").write_text("epoch,loss\n1,2\n2,1\n")
    monkeypatch.chdir(tmp_path)
    before = path_in(home).read_bytes()
    with disks.read_only(disk):
        said = sentence(lrscope(*command, home=home))
    assert str(home) in said
    assert "Read-only" in said or "cannot be written" in said
    assert path_in(home).read_bytes() == before


def test_a_first_start_on_a_full_disk_leaves_nothing_that_keeps_the_next_from_starting(
    disk: Path,
) -> None:
    ballast = disks.fill(disk)
    assert "is full" in sentence(lrscope("train", "--epochs", "1", home=disk / "new"))
    ballast.unlink()
    Store(disk / "new").close()


def test_what_cannot_be_written_is_written_whole_when_there_is_room(disk: Path, home: Path) -> None:
    with closing(Store(home)) as store:
        ballast = use_up(store, disk)
        commands = len(store.commands(1))
        with pytest.raises(StoreFaultError, match=r"^The disk of .* is full: .*\.$"):
            store.add(RunConfig())
        with pytest.raises(StoreFaultError, match="is full"):
            store.add_imported(Recipe(epochs=3), "mine.csv", imported())
        ballast.unlink()
        assert store.add(RunConfig()) == 3
        assert len(store.runs(9)) == 3
        assert len(store.commands(1)) == commands


# The page


def use_up(store: Store, folder: Path) -> Path:
    """Fill the disk, and the room that the store's log has; returns the file to remove for room."""
    ballast = disks.fill(folder)
    for _ in range(10_000):
        try:
            store.set_pace(1, 1.0)
        except StoreFaultError:
            return ballast
    raise AssertionError("the disk does not become full")


def test_a_full_disk_does_not_keep_the_page_from_showing_what_there_is(
    disk: Path, home: Path
) -> None:
    with closing(Store(home)) as store:
        client = create_app(store, Worker(store, disk)).server.test_client()
        use_up(store, disk)
        assert client.get("/_dash-layout").status_code == 200
        view = view_of(store, 1, store.newest_started())
        assert len(view["log"]) == len(LOSSES)
        assert client.post("/live", json=view["cursor"]).status_code == 200


@pytest.mark.browser
@pytest.mark.skipif(chromium() is None, reason="no Chromium on this machine")
def test_the_page_says_why_start_and_import_came_to_nothing_and_starts_when_there_is_room(
    browser: BrowserContext, disk: Path, home: Path, tmp_path: Path
) -> None:
    curve = tmp_path / "curve.csv"
    curve.write_text("epoch,loss\n1,2\n2,1\n")
    with served(home, disk) as lab, opened(browser, lab.url) as page:
        start, refused = page.locator(f"#{ids.START}"), page.locator(f"#{ids.START_REFUSED}")
        expect(start).to_be_enabled()
        ballast = use_up(lab.store, disk)
        start.click()
        expect(refused).to_contain_text("is full: free some space")
        page.locator(f"#{ids.IMPORT}").click()
        page.locator(f"#{ids.IMPORT_FILE} input").set_input_files(curve)
        expect(page.locator(f"#{ids.IMPORT_ERROR}")).to_contain_text("is full: free some space")
        page.get_by_role("button", name="Close").click()
        ballast.unlink()
        start.click()
        expect(refused).to_be_empty()
        expect(page.locator(f"#{ids.STATUS}")).to_have_text("training")


@pytest.mark.browser
@pytest.mark.skipif(chromium() is None, reason="no Chromium on this machine")
def test_the_page_says_what_is_wrong_with_the_store_and_recovers(
    browser: BrowserContext, tmp_path: Path
) -> None:
    with served(tmp_path, tmp_path) as lab, opened(browser, lab.url) as page:
        notice, status = page.locator(f"#{ids.NOTICE}"), page.locator(f"#{ids.STATUS}")
        expect(status).to_have_text("ready")
        rename(path_in(tmp_path), "runs", "gone")
        expect(notice).to_contain_text("is damaged or is not a store")
        page.reload()
        expect(notice).to_contain_text("is damaged or is not a store")
        rename(path_in(tmp_path), "gone", "runs")
        expect(notice).to_be_empty()
        lab.store.add_imported(Recipe(epochs=3), "mine.csv", imported())
        expect(status).to_have_text("imported")


def rename(path: Path, table: str, name: str) -> None:
    """What a damaged store does not have: to whoever reads it, a table that is renamed is gone."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"ALTER TABLE {table} RENAME TO {name}")
