"""What is new of the sweep on show."""

import itertools
import threading
import time
from collections import OrderedDict
from typing import Any, NamedTuple, TypeVar

from flask import Response, abort, jsonify, request
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from app.sweep import address
from app.sweep.answered import answered, compared
from app.sweep.curves import curves
from app.sweep.delta import changes
from app.sweep.scene import metric, scene
from trainer.store.faults import StoreError
from trainer.store.store import Store
from trainer.sweep.reading import Reading
from trainer.sweep.shown import shown

LIVE_MS, IDLE_MS = 400, 3000
MANY, REST_SECONDS = 200, 3.0  # of more cells the map is drawn again at once, the rest rarely
KEPT = 32  # of what pages have on show
M = TypeVar("M", bound=BaseModel)


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")


class Seen(_Strict):
    """What a page has on show: a sweep, its address's query, the width that it has for a picture,
    and the version that it has of it all.
    """

    sweep: int = Field(gt=0, lt=2**63)
    query: str = Field(max_length=8000)
    width: int = Field(gt=0, le=10_000)
    version: int | None = None


class Pointed(_Strict):
    """The cells whose curves a page shows."""

    runs: list[int] = Field(min_length=1, max_length=100)
    metric: str = Field(max_length=200)


class _Sent(NamedTuple):
    """What a page was sent, the request that it answers, the store's version then, and when all of
    it was drawn.
    """

    asked: tuple[int, str, int]
    stored: int
    parts: dict[str, Any]
    drawn: float


class News:
    """Says what is new to each page. What was sent is kept for a while, so that a page that has it
    gets only what has changed since.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._reading = Reading(store)
        self._sent: OrderedDict[int, _Sent] = OrderedDict()
        # Not those of a server that was here before.
        self._versions = itertools.count(int(1000 * time.time()))
        self._lock = threading.Lock()

    def of(self, seen: Seen) -> dict[str, Any]:
        """What the page does not show yet, and in how many milliseconds it should ask again."""
        asked = seen.sweep, seen.query, seen.width
        with self._lock:
            before = self._sent.get(seen.version or 0)
        try:
            stored = self._store.version()
            sweep = self._store.sweep(seen.sweep)
            if sweep is None:
                return {"trouble": f"There is no sweep {seen.sweep}.", "wait": IDLE_MS}
            wait = IDLE_MS if sweep.over else LIVE_MS
            if before and before.asked == asked and before.stored == stored:
                return {"wait": wait}
            epochs = self._store.epochs_of(sweep.id)
            if sweep.kind != "grid":
                parts = answered(self._store, sweep, epochs)
                return self._news(_Sent(asked, stored, parts, 0.0), before, wait)
            look = address.read(seen.query).look
            found = shown(self._reading, sweep, metric(sweep, look))
            told = compared(self._store, sweep)
        except StoreError as error:
            return {"trouble": str(error), "wait": IDLE_MS}
        now = time.monotonic()
        kept = None
        if before and before.asked == asked and not sweep.over and len(found.read.cells) > MANY:
            kept = before if now - before.drawn < REST_SECONDS else None
        parts = scene(sweep, epochs, found, look, seen.width, kept.parts if kept else None)
        parts["statement"] = [*told, *parts["statement"]] if not kept else parts["statement"]
        return self._news(_Sent(asked, stored, parts, kept.drawn if kept else now), before, wait)

    def _news(self, sent: _Sent, before: _Sent | None, wait: int) -> dict[str, Any]:
        """What is new of what is sent."""
        made = changes(before.parts, sent.parts) if before else [[[], sent.parts]]
        return {"version": self._keep(sent), "changes": made, "wait": wait}

    def _keep(self, sent: _Sent) -> int:
        with self._lock:
            version = next(self._versions)
            self._sent[version] = sent
            while len(self._sent) > KEPT:
                self._sent.popitem(last=False)
        return version


def register(server: Any, store: Store) -> None:
    """Answer the pages that ask what is new; outside Dash, for the reason in `app.lab.live`."""
    news = News(store)

    @server.post("/sweep/live")  # type: ignore[untyped-decorator]
    def sweep_live() -> Response:
        return jsonify(news.of(_asked(Seen)))

    @server.post("/sweep/curves")  # type: ignore[untyped-decorator]
    def sweep_curves() -> Response:
        pointed = _asked(Pointed)
        try:
            return jsonify({"curves": curves(store, pointed.runs, pointed.metric)})
        except StoreError as error:
            return jsonify({"trouble": str(error)})


def _asked(form: type[M]) -> M:
    try:
        return form.model_validate_json(request.get_data())
    except ValidationError:
        abort(400, "This is not what the page sends; reload it.")
