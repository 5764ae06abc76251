"""`python -m tests.screenshots`: the README's picture, from the real page in mid-run."""

import io
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

from tests.page import launch, opened, served

FOLDER = Path(__file__).parent.parent / "assets" / "screenshots"
EPOCH = 33
MOVING = 960  # pixels that the animation is wide
FRAMES_A_SECOND = 5
MOST_BYTES = 2_000_000


def frame(page: Page) -> Image.Image:
    picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    return picture.resize((MOVING, picture.height * MOVING // picture.width))


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        root, frames = Path(folder), []
        with served(root / "home", root / "datasets") as lab:
            browser = launch(playwright)
            with opened(browser, lab.url) as page:
                page.get_by_role("button", name="Start").click()
                page.mouse.move(0, 0)
                while (page.evaluate("() => window.lrscope.live.epoch()") or 0) < EPOCH:
                    frames.append(frame(page))
                    page.wait_for_timeout(1000 / FRAMES_A_SECOND)
            browser.close()
    animation(frames, FOLDER / "lab.webp")


def animation(frames: list[Image.Image], path: Path) -> None:
    """Write an animation, at the best quality with which it is small enough for a README."""
    first, *more = frames
    for quality in (70, 50, 35, 20):
        first.save(
            path,
            save_all=True,
            append_images=more,
            duration=1000 // FRAMES_A_SECOND,
            loop=0,
            quality=quality,
            method=4,
        )
        if path.stat().st_size <= MOST_BYTES:
            return
    raise SystemExit(f"{path.name} is larger than {MOST_BYTES:,} bytes: take fewer frames.")


if __name__ == "__main__":
    main()
