"""A real page for a test: LRScope's own server in this process, and a Chromium that looks at it."""

import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page, Playwright, expect
from waitress.wasyncore import close_all

from app.access import Access
from app.listening import free_port, listen
from app.server import THIS_MACHINE, create_app
from trainer.followers import Followers
from trainer.store.store import Store
from trainer.watched.taker import Taker
from trainer.worker import Worker

expect.set_options(timeout=30_000)

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # A page lasts seconds: it ends before faster code has paid for its compiling.
    "--js-flags=--no-opt --no-maglev --single-threaded --min-semi-space-size=64",
]
SIZES = {"desktop": (1280, 800), "phone": (390, 844)}
HOST = "127.0.0.1"
PORT = free_port(HOST)  # of one server after the other: Chromium keeps compiled scripts by address


@dataclass
class Served:
    """A running LRScope: where its page is, what it stores, and its HTTP server."""

    url: str
    store: Store
    server: Any


@contextmanager
def served(
    home: Path, datasets: Path, access: Access = THIS_MACHINE, example: bool = False
) -> Iterator[Served]:
    """Serve a page over a store of its own until the block ends."""
    store = Store(home)
    worker, followers = Worker(store, datasets), Followers(store)
    app = create_app(store, worker, access, example, followers)
    try:
        server = listen(app, HOST, PORT)
    except OSError:  # taken since, or the server of a block around this one
        server = listen(app, HOST, 0)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    worker.start()
    taker = Taker(store)
    taker.start()
    try:
        yield Served(f"http://{HOST}:{server.effective_port}/", store, server)
    finally:
        server.task_dispatcher.shutdown()
        # Closed by its own loop: a socket closed under a loop that waits for it fails that loop.
        with suppress(OSError):  # the loop may close the trigger before it is pulled
            server.trigger.pull_trigger(lambda: _end(server))
        thread.join()
        followers.stop()
        taker.stop()
        worker.stop()
        store.close()


def _end(server: Any) -> None:
    """Close all connections, with the files of answers that were too large for memory."""
    for channel in [*server.active_channels.values()]:
        channel.handle_close()
    close_all(server._map)


def chromium() -> str | None:
    """The Chromium of the system, or the one that LRSCOPE_CHROMIUM names."""
    return os.environ.get("LRSCOPE_CHROMIUM") or shutil.which("chromium") or shutil.which("chrome")


def launch(playwright: Playwright) -> Browser:
    return playwright.chromium.launch(executable_path=chromium(), args=FLAGS)


def launch_with_profile(playwright: Playwright, profile: Path) -> BrowserContext:
    """A Chromium that keeps what it has compiled of the page's scripts, which is most of what a
    page costs; the contexts of a browser without a profile compile them anew.

    Its first page is an empty one of our servers' site, in whose process all others of the site
    open, so that none starts a process of its own.
    """
    context = playwright.chromium.launch_persistent_context(
        profile, executable_path=chromium(), args=[*FLAGS, "--process-per-site"]
    )
    (first,) = context.pages
    first.route("**", lambda route: route.fulfill(body="", content_type="text/html"))
    first.goto(f"http://{HOST}:{PORT}/")
    return context


@contextmanager
def opened(
    browser: Browser | BrowserContext,
    url: str,
    size: str = "desktop",
    scheme: str = "light",
    ready: str = ".ytick",
) -> Iterator[Page]:
    """A fresh page on a URL, once `ready` is there; a browser opens it in a context of its own.

    Fails at its end on a console error or a request to elsewhere.
    """
    context = browser.new_context() if isinstance(browser, Browser) else browser
    page = context.new_page()
    page.set_default_timeout(60_000)
    width, height = SIZES[size]
    page.set_viewport_size({"width": width, "height": height})
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    wrong: list[str] = []
    page.on(
        "console",
        lambda m: wrong.append(f"console: {m.text}") if m.type in ("error", "warning") else None,
    )
    page.on("pageerror", lambda error: wrong.append(f"error: {error}"))
    page.on(
        "request",
        lambda r: (
            None
            if r.url.startswith((f"http://{HOST}:", "data:", "blob:"))
            else wrong.append(f"request: {r.url}")
        ),
    )
    try:
        page.goto(url)
        page.locator(ready).first.wait_for()
        yield page
    finally:
        (page if context is browser else context).close()
    assert not wrong, wrong
