"""A file that another process is writing, followed from the page in a real Chromium."""

import re
from pathlib import Path

from playwright.sync_api import BrowserContext, Page, expect

from tests.curves.writing import writing
from tests.lab.page import NEEDS_CHROMIUM, all_drawn, box, in_state, points
from tests.page import Served, opened
from trainer.replay.replay import replay

pytestmark = NEEDS_CHROMIUM

HEAD = "epoch,train_loss,val_loss"
LOSSES = [0.9, 0.7, 0.75, 0.72, 0.71, 0.73, 0.74, 0.75, 0.6]


def follow(page: Page, path: str) -> None:
    """Follow a file from the dialog."""
    page.get_by_role("button", name="Import").click()
    page.get_by_role("switch", name="Follow this file").click()
    box(page, "Path on this machine").fill(path)
    page.get_by_role("button", name="Follow", exact=True).click()


def test_a_file_is_drawn_while_another_process_writes_it_until_stop(
    browser: BrowserContext, lab: Served, tmp_path: Path
) -> None:
    file = tmp_path / "losses.csv"
    with writing(file) as writer, opened(browser, lab.url) as page:
        writer.write(HEAD)
        follow(page, str(file))
        in_state(page, "training")
        expect(page.locator("#progress-left")).to_have_text(
            "Waiting for the first epoch of losses.csv."
        )
        for epoch, loss in enumerate(LOSSES, 1):
            writer.write(f"{epoch},{1 / epoch},{loss}")
            all_drawn(page, epoch)
        assert points(page, "validation loss", 9) == LOSSES
        expect(page.locator("#log")).to_contain_text("LR cut from 0.01 to 0.001")
        for name in ("Pause", "Step"):
            button = page.get_by_role("button", name=name, exact=True)
            expect(button).to_be_disabled()
            place = page.locator(f'[data-command="{name.lower()}"]')
            expect(place).to_have_attribute("title", re.compile("cannot be changed from here"))
        page.get_by_role("button", name="Stop").click()
        in_state(page, "stopped")
    run = lab.store.run(1)
    assert run is not None
    assert (run.source, run.origin, run.recipe.epochs) == ("imported", "losses.csv", 9)
    decided = [row.decision for row in lab.store.epochs(1)]
    assert decided == [step.decision for step in replay(LOSSES, run.recipe)]


def test_what_cannot_be_followed_is_said_and_makes_no_run(
    browser: BrowserContext, lab: Served, tmp_path: Path
) -> None:
    (tmp_path / "secret.txt").write_text("root:x:0")
    (tmp_path / "odd.csv").write_text("epoch,val_loss\n1,2\n2,many\n")
    said = {
        "losses.csv": "is not a whole path",
        str(tmp_path / "none.csv"): "none.csv cannot be read (No such file or directory)",
        str(tmp_path / "secret.txt"): "is no CSV file",
        str(tmp_path): "is no CSV file",
        str(tmp_path / "odd.csv"): "odd.csv line 3: val_loss is 'many', not a number",
    }
    with opened(browser, lab.url) as page:
        page.get_by_role("button", name="Import").click()
        page.get_by_role("switch", name="Follow this file").click()
        for path, sentence in said.items():
            box(page, "Path on this machine").fill(path)
            page.get_by_role("button", name="Follow", exact=True).click()
            expect(page.locator("#import-error")).to_contain_text(sentence)
    assert lab.store.runs(9) == []
