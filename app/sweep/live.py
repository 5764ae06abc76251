"""What is new of the sweep on show."""

import itertools
import threading
import time
from collections import OrderedDict
from typing import Any, NamedTuple, TypeVar

from flask import Response, abort, jsonify, request
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from app.sweep import address
from app.sweep.answered import answered
from app.sweep.curves import curves
from app.sweep.delta import changes
from app.sweep.heat import Made
from app.sweep.scene import metric, scene
from trainer.store.faults import StoreError
from trainer.store.store import Store
from trainer.store.sweeps import Sweep
from trainer.sweep.find.finding import with_pair
from trainer.sweep.reading import Reading
from trainer.sweep.settings import Tried
from trainer.sweep.shown import shown

LIVE_MS, IDLE_MS = 400, 3000
MOST_SHARE = 0.025  # of a core, which trains as well, for the map of a sweep
MANY, REST_SECONDS = 200, 10.0  # of more cells the map is drawn again at once, the rest rarely
KEPT = 32  # of what pages have on show
M = TypeVar("M", bound=BaseModel)


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")


class Seen(_Strict):
    """What a page has on show: a sweep, None for the newest; its address's query; the width that it
    has for a picture, None before it is laid out; and the version that it has of it all.
    """

    sweep: int | None = Field(default=None, gt=0, lt=2**63)
    query: str = Field(max_length=address.LONGEST)
    width: int | None = Field(default=None, gt=0, le=10_000)
    version: int | None = None


class Pointed(_Strict):
    """The cells whose curves a page shows."""

    runs: list[int] = Field(min_length=1, max_length=100)
    metric: str = Field(max_length=200)


class _Sent(NamedTuple):
    """What a page was sent, the request that it answers, the store's version then, when all of it
    was drawn, the cells of its map, and its settings.
    """

    version: int
    asked: tuple[int, str, int | None]
    stored: int
    parts: dict[str, Any]
    drawn: float
    made: Made
    tried: dict[int, Tried]


class News:
    """Says what is new to each page. What was sent is kept for a while, so that a page that has it
    gets only what has changed since, and another page that asks for the same gets it, too.
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
        began = time.thread_time()
        try:
            stored = self._store.version()
            sweep = self._sweep(seen.sweep)
            if sweep is None:
                # A page asks for one by number that it has on show.
                told = {"gone": f"Sweep {seen.sweep} was deleted."} if seen.sweep else {}
                return {**told, "wait": IDLE_MS}
            asked = sweep.id, seen.query, seen.width
            before, last = self._known(seen.version, asked)
            sent = last if last and last.stored == stored else self._new(sweep, asked, stored, last)
        except StoreError as error:
            return {"trouble": str(error), "wait": IDLE_MS}
        news: dict[str, Any] = {"sweep": sweep.id, "wait": IDLE_MS if sweep.over else LIVE_MS}
        if sent is not before:
            changed = changes(before.parts, sent.parts) if before else [[[], sent.parts]]
            news |= {"version": sent.version, "changes": changed}
        if seen.width is None and sweep.kind == "grid":
            news["wait"] = 0  # the rest, once there is a place for it
        elif not sweep.over and last and sent.drawn == last.drawn:
            cost = 1000 * (time.thread_time() - began)
            news["wait"] = max(LIVE_MS, round(cost / MOST_SHARE))
        return news

    def _sweep(self, sweep: int | None) -> Sweep | None:
        return self._store.sweep(sweep) if sweep else next(iter(self._store.sweeps(1)), None)

    def _known(
        self, version: int | None, asked: tuple[int, str, int | None]
    ) -> tuple[_Sent | None, _Sent | None]:
        """What a page has, and what was last made for the same request."""
        with self._lock:
            same = (sent for sent in reversed(self._sent.values()) if sent.asked == asked)
            return self._sent.get(version or 0), next(same, None)

    def _new(
        self,
        sweep: Sweep,
        asked: tuple[int, str, int | None],
        stored: int,
        last: _Sent | None,
    ) -> _Sent:
        """What there is to show now."""
        now = time.monotonic()
        if sweep.kind != "grid":
            parts = answered(self._store, sweep, self._store.epochs_of(sweep.id))
            self._name_what_it_waits_for(sweep, parts)
            return self._keep(asked, stored, parts, now, {}, {})
        _, query, width = asked
        look = address.read(query).look
        settings = {**last.tried} if last else {}
        found = shown(self._reading, sweep, metric(sweep, look), settings)
        many = not sweep.over and len(found.read.cells) > MANY
        kept = last if last and many and now - last.drawn < REST_SECONDS else None
        made = {**last.made} if last else {}
        archived = sweep.over and self._store.is_archived(sweep.id)
        parts = scene(sweep, found, look, width, archived, kept.parts if kept else None, made)
        if not kept and "statement" in parts:
            parts["statement"] = with_pair(self._store, sweep, parts["statement"])
        self._name_what_it_waits_for(sweep, parts)
        return self._keep(asked, stored, parts, kept.drawn if kept else now, made, settings)

    def _name_what_it_waits_for(self, sweep: Sweep, parts: dict[str, Any]) -> None:
        """Of a sweep that is queued."""
        behind = self._store.trained_here() if sweep.status == "queued" else None
        if behind:
            parts["head"]["status"] = [sweep.status, f"waiting for {behind}"]

    def _keep(self, *parts: Any) -> _Sent:
        with self._lock:
            sent = _Sent(next(self._versions), *parts)
            self._sent[sent.version] = sent
            while len(self._sent) > KEPT:
                self._sent.popitem(last=False)
        return sent


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
