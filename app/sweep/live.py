"""What is new of the sweep on show."""

import zlib
from typing import Any

from flask import Response, abort, jsonify, request
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from app.sweep import head
from trainer.store.faults import StoreError
from trainer.store.store import Store

LIVE_MS, IDLE_MS = 400, 3000


class Seen(BaseModel):
    """What a page has on show: a sweep, and a checksum of its head."""

    model_config = ConfigDict(strict=True, extra="forbid")
    sweep: int = Field(gt=0, lt=2**63)
    head: int | None = None


def news(store: Store, seen: Seen) -> dict[str, Any]:
    """What the page does not show yet, and in how many milliseconds it should ask again."""
    try:
        sweep = store.sweep(seen.sweep)
        if sweep is None:
            return {"trouble": f"There is no sweep {seen.sweep}.", "wait": IDLE_MS}
        told = head.told(sweep, store.epochs_of(sweep.id))
    except StoreError as error:
        return {"trouble": str(error), "wait": IDLE_MS}
    answer: dict[str, Any] = {"wait": IDLE_MS if sweep.over else LIVE_MS}
    token = zlib.crc32(repr(told).encode())
    if token != seen.head:
        answer |= {"head": told, "token": token}
    return answer


def register(server: Any, store: Store) -> None:
    """Answer the pages that ask what is new; outside Dash, for the reason in `app.lab.live`."""

    @server.post("/sweep/live")  # type: ignore[untyped-decorator]
    def sweep_live() -> Response:
        try:
            seen = Seen.model_validate_json(request.get_data())
        except ValidationError:
            abort(400, "This is not what the page sends; reload it.")
        return jsonify(news(store, seen))
