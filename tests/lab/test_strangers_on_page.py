"""What a browser does with a link to the page, with the token's link, and on a hostile site."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page

from app.access import NO_TOKEN, Access
from tests.lab.page import NEEDS_CHROMIUM, box
from tests.page import Served, served

pytestmark = NEEDS_CHROMIUM
TOKEN = "right"


@pytest.fixture
def lab_with_token(tmp_path: Path) -> Iterator[Served]:
    with served(tmp_path / "home", tmp_path / "datasets", Access(token=TOKEN)) as lab:
        yield lab


@contextmanager
def another_site(content: str) -> Iterator[str]:
    """The address of a page with this content. `localhost` is another site than 127.0.0.1."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(content.encode())

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://localhost:{server.server_address[1]}/"
        server.shutdown()
        thread.join()


@pytest.fixture
def page(browser: BrowserContext) -> Page:
    page = browser.new_page()
    page.set_default_timeout(60_000)
    return page


def is_drawn(page: Page) -> None:
    page.locator("#chart .ytick").first.wait_for()


def test_a_link_on_another_site_opens_the_page_with_its_settings(page: Page, lab: Served) -> None:
    with another_site(f'<a href="{lab.url}?lr=0.02">my settings</a>') as site:
        page.goto(site)
        page.get_by_text("my settings").click()
        is_drawn(page)
        assert box(page, "Learning rate").input_value() == "0.02"
        assert lab.store.newest() is None


def test_another_site_neither_frames_nor_asks_nor_sends(page: Page, lab: Served) -> None:
    attack = """async (url) => {
      const of = async (path, options) => {
        try { return (await fetch(url + path, options)).type } catch { return "refused" }
      };
      const body = "{}", headers = { "Content-Type": "application/json" };
      return [
        await of("live", { method: "POST", body }),
        await of("_dash-update-component", { method: "POST", body, headers }),
        await of("_dash-layout", {}),
      ];
    }"""
    with another_site(f'<iframe src="{lab.url}"></iframe>') as site:
        answers: list[tuple[str, int]] = []
        page.on("response", lambda answer: answers.append((answer.url, answer.status)))
        page.goto(site)
        assert page.evaluate(attack, lab.url) == ["refused"] * 3
        frame = page.frames[1]
        assert frame.locator("#chart").count() == 0
        form = f'<form method="post" action="{lab.url}live"><button>go</button></form>'
        page.set_content(form)
        page.get_by_text("go").click()
        page.get_by_text("LRScope does not answer other sites.").wait_for()
    theirs = [status for url, status in answers if url.startswith(lab.url)]
    assert theirs
    assert set(theirs) == {403}
    assert lab.store.newest() is None


def test_the_printed_link_opens_the_page_and_leaves_the_address(
    page: Page, lab_with_token: Served
) -> None:
    url = lab_with_token.url
    page.goto(f"{url}?lr=0.02")
    page.get_by_text(NO_TOKEN).wait_for()
    page.goto(f"{url}?token={TOKEN}&lr=0.02")
    is_drawn(page)
    assert page.url == f"{url}?lr=0.02"
    assert page.evaluate("document.cookie") == ""
    (cookie,) = page.context.cookies()
    assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Strict")
    page.goto(url)
    is_drawn(page)


@pytest.mark.parametrize("query", [f"?token={TOKEN}&lr=0.02", "?lr=0.02"])
def test_a_link_on_another_site_opens_the_page_of_who_has_the_token(
    page: Page, lab_with_token: Served, query: str
) -> None:
    """The browser leaves out the cookie at first."""
    url = lab_with_token.url
    if "token" not in query:
        page.goto(f"{url}?token={TOKEN}")
        is_drawn(page)
    with another_site(f'<a href="{url}{query}" rel="noreferrer">my settings</a>') as site:
        page.goto(site)
        page.get_by_text("my settings").click()
        is_drawn(page)
        assert box(page, "Learning rate").input_value() == "0.02"


def test_without_the_token_a_link_asks_once_more_and_not_for_ever(
    page: Page, lab_with_token: Served
) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    with another_site(f'<a href="{lab_with_token.url}">go</a>') as site:
        page.goto(site)
        page.get_by_text("go").click()
        page.wait_for_function("() => sessionStorage.getItem('asked')")
        page.get_by_text(NO_TOKEN).wait_for()
        page.wait_for_load_state("networkidle")
    assert asked.count(lab_with_token.url) == 2
