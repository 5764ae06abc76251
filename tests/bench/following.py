"""A file that another process is writing: how soon a line is a point in the page."""

import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

from tests.bench.page import NO_CHROMIUM, WATCH_CHART, chrome, serving
from tests.bench.table import Figure, Plan, Report, Row, Target
from tests.page import chromium, opened
from trainer.followers import Followers

LINES = 20  # a round
# An epoch every 0.6 to 1.2 s, so that no line has a place of its own between two looks.
WRITES = f"""
import random, sys, time
chance = random.Random(int(sys.argv[2]))
for epoch in range(1, {LINES} + 1):
    time.sleep(chance.uniform(0.6, 1.2))
    with open(sys.argv[1], "a") as file:
        file.write(f"{{epoch}},{{1 / epoch}},{{1 / epoch + 0.1}}\\n")
    print(time.time(), flush=True)
"""


def following(plan: Plan) -> Report:
    """Seconds from the write of a line to its point in the page."""
    title = "A file that is followed"
    if chromium() is None:
        return Report(title, NO_CHROMIUM)
    took: list[float] = []
    with chrome() as browser, serving(plan.root) as lab:
        followers = Followers(lab.store)
        try:
            for number in range(plan.rounds + 1):
                with tempfile.TemporaryDirectory() as folder, opened(browser, lab.url) as page:
                    found = _a_file(page, followers, Path(folder) / "losses.csv", number)
                took += found if number else []  # the first round warms up
        finally:
            followers.stop()
    return Report(
        title,
        "A process appends a line an epoch to a CSV, which the page's server follows; one Chromium "
        "on the same cores draws it.",
        [
            Row(
                "a line's write to its point",
                Figure("LRScope", "s", tuple(took)),
                target=Target("at most", 0.5, "p95"),
            )
        ],
    )


def _a_file(page: Page, followers: Followers, file: Path, seed: int) -> list[float]:
    file.write_text("epoch,train_loss,val_loss\n")
    page.evaluate(WATCH_CHART)
    run = followers.follow(file, {})
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITES, str(file), str(seed)], stdout=subprocess.PIPE, text=True
    )
    written: list[float] = []
    reads = threading.Thread(target=lambda: written.extend(map(float, writer.stdout or ())))
    reads.start()
    drawn: list[tuple[float, int, int]] = []
    while not any(shown == run and n >= LINES for _, shown, n in drawn):
        page.wait_for_timeout(500)
        drawn = page.evaluate("() => window.drawn")
    reads.join()
    writer.wait()
    points: list[Any] = [(at, n) for at, shown, n in drawn if shown == run]
    return [next(at for at, n in points if n >= epoch) - at for epoch, at in enumerate(written, 1)]
