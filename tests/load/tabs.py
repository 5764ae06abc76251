"""Pages without a browser: each asks the server as `assets/lab/live.js` does, and no sooner."""

import asyncio
import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event
from typing import Any
from urllib.parse import urlsplit

from app import ids

SOON_MS = 100  # from a drawing to the first poll, as in live.js


class Watch:
    """What the pages of a test have in common.

    Attributes:
        asking: while it is not set the pages ask for nothing, as hidden pages do.
        over: set it to close them all.
    """

    def __init__(self) -> None:
        self.asking, self.over = Event(), Event()
        self.asking.set()


@dataclass
class Tab:
    """One page on one run.

    Attributes:
        drawn: the epochs that it has drawn, in the order in which they came.
        took: seconds that each poll took.
        sizes: bytes and epochs of each answer that brought any.
        refused: what it met instead of news.
    """

    url: str
    run: int
    drawn: list[int] = field(default_factory=list)
    took: list[float] = field(default_factory=list)
    sizes: list[tuple[int, int]] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    async def look(self, watch: Watch) -> None:
        """Open the page, and ask again after each answer's wait time, until the watch is over."""
        address = urlsplit(self.url)
        self._host = address.netloc
        self._reader, self._writer = await asyncio.open_connection(address.hostname, address.port)
        try:
            cursor, wait = await self._open(), SOON_MS
            while not (watch.over.is_set() or self.refused):
                await asyncio.sleep(wait / 1000)
                if watch.asking.is_set():
                    wait = await self._ask(cursor)
        except Exception as error:  # else the others would wait for this one
            self.refused.append(repr(error))
        finally:
            self._writer.close()

    async def _ask(self, cursor: dict[str, Any]) -> int:
        """Show what is new since the cursor; the milliseconds to wait."""
        began = time.perf_counter()
        status, body = await self._post("/live", cursor)
        self.took.append(time.perf_counter() - began)
        if status != 200:
            self.refused.append(f"{status} {body[:200]!r}")
            return SOON_MS
        news = json.loads(body)
        if "runs" in news:
            cursor["begun"] = news["begun"]
        cursor |= {part: news[part]["token"] for part in ("ahead", "verdict") if part in news}
        if "redraw" in news:
            self.refused.append("redraw")
        if "readout" in news:
            cursor["token"] = news["token"]
            if drawn := news["drawn"]:
                before = len(self.drawn)
                self._draw(drawn["log"])
                self.sizes.append((len(body), len(self.drawn) - before))
                cursor |= {key: drawn[key] for key in cursor.keys() & drawn.keys()}
        return int(news["wait"])

    def _draw(self, log: list[list[Any]]) -> None:
        self.drawn += [epoch for epoch, kind, *_ in log if kind not in ("hand", "threads")]

    async def _open(self) -> dict[str, Any]:
        """Draw the run in full; the cursor after it."""
        asked = {
            "output": f"{ids.VIEW}.data",
            "outputs": {"id": ids.VIEW, "property": "data"},
            "inputs": [
                {"id": ids.RUN, "property": "value", "value": str(self.run)},
                {"id": ids.REDRAW, "property": "data"},
            ],
            "state": [{"id": ids.BEGUN, "property": "data", "value": self.run}],
            "changedPropIds": [],
        }
        status, body = await self._post("/_dash-update-component", asked)
        assert status == 200, body
        view = json.loads(body)["response"][ids.VIEW]["data"]
        self._draw(view["log"])
        cursor: dict[str, Any] = view["cursor"]
        return cursor

    async def _post(self, path: str, asked: Any) -> tuple[int, bytes]:
        body = json.dumps(asked).encode()
        head = (
            f"POST {path} HTTP/1.1\r\nHost: {self._host}\r\nContent-Length: {len(body)}\r\n"
            f"Origin: http://{self._host}\r\nSec-Fetch-Site: same-origin\r\n"
            "Content-Type: application/json\r\n\r\n"
        )
        self._writer.write(head.encode() + body)
        answer = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        status, *lines = answer.split("\r\n")
        headers = {name.lower(): value for name, _, value in (one.partition(": ") for one in lines)}
        length = int(headers["content-length"])
        return int(status.split()[1]), await self._reader.readexactly(length)


@contextmanager
def watching(url: str, run: int, count: int) -> Iterator[tuple[list[Tab], Watch]]:
    """So many pages on one run, from here to the end of the block."""
    tabs, watch = [Tab(url, run) for _ in range(count)], Watch()

    async def look() -> None:
        await asyncio.gather(*(tab.look(watch) for tab in tabs))

    with ThreadPoolExecutor(1) as thread:
        looking = thread.submit(asyncio.run, look())
        try:
            yield tabs, watch
        finally:
            watch.over.set()
        looking.result()
