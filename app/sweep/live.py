"""What is new of the sweep on show."""

import itertools
import threading
import time
from collections import OrderedDict
from typing import Any

from flask import Response, abort, jsonify, request
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from app.sweep import head
from app.sweep.delta import changes
from trainer.store.faults import StoreError
from trainer.store.store import Store

LIVE_MS, IDLE_MS = 400, 3000
KEPT = 32  # of what pages have on show


class Seen(BaseModel):
    """What a page has on show: a sweep, how it is drawn, and the version that it has of that."""

    model_config = ConfigDict(strict=True, extra="forbid")
    sweep: int = Field(gt=0, lt=2**63)
    version: int | None = None


class News:
    """Says what is new to each page. What was sent is kept for a while, so that a page that has it
    gets only what has changed since.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._sent: OrderedDict[int, dict[str, Any]] = OrderedDict()
        # Not those of a server that was here before.
        self._versions = itertools.count(int(1000 * time.time()))
        self._lock = threading.Lock()

    def of(self, seen: Seen) -> dict[str, Any]:
        """What the page does not show yet, and in how many milliseconds it should ask again."""
        try:
            sweep = self._store.sweep(seen.sweep)
            if sweep is None:
                return {"trouble": f"There is no sweep {seen.sweep}.", "wait": IDLE_MS}
            shown = {"head": head.told(sweep, self._store.epochs_of(sweep.id))}
        except StoreError as error:
            return {"trouble": str(error), "wait": IDLE_MS}
        wait = IDLE_MS if sweep.over else LIVE_MS
        with self._lock:
            before = self._sent.get(seen.version or 0)
            if before == shown:
                return {"wait": wait}
            version = next(self._versions)
            self._sent[version] = shown
            while len(self._sent) > KEPT:
                self._sent.popitem(last=False)
        made = [[[], shown]] if before is None else changes(before, shown)
        return {"version": version, "changes": made, "wait": wait}


def register(server: Any, store: Store) -> None:
    """Answer the pages that ask what is new; outside Dash, for the reason in `app.lab.live`."""
    news = News(store)

    @server.post("/sweep/live")  # type: ignore[untyped-decorator]
    def sweep_live() -> Response:
        try:
            seen = Seen.model_validate_json(request.get_data())
        except ValidationError:
            abort(400, "This is not what the page sends; reload it.")
        return jsonify(news.of(seen))
