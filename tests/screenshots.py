"""`python -m tests.screenshots`: the README's pictures, from the real page in mid-run."""

import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.lab.page import all_drawn
from tests.page import launch, opened, served

FOLDER = Path(__file__).parent.parent / "assets" / "screenshots"
EPOCH = 24


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    for scheme in ("light", "dark"):
        with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
            root = Path(folder)
            with served(root / "home", root / "datasets") as lab:
                browser = launch(playwright)
                with opened(browser, lab.url, scheme=scheme) as page:
                    page.get_by_role("button", name="Start").click()
                    all_drawn(page, EPOCH)
                    page.mouse.move(0, 0)
                    page.screenshot(path=FOLDER / f"lab-{scheme}.png")
                browser.close()


if __name__ == "__main__":
    main()
