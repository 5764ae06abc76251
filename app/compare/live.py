"""What is new in a comparison while one of its runs trains."""

import zlib
from typing import Any

from flask import Response, abort, jsonify, request
from pydantic import BaseModel, Field, ValidationError

from app.compare import address
from app.compare.listing import best, spark
from app.compare.reading import Reading
from app.compare.scene import Scene, scene
from trainer.config.text import significant
from trainer.store.faults import StoreError

LIVE_MS, IDLE_MS = 1000, 5000


class Seen(BaseModel):
    """What a page has on show: its address's query, a checksum of the state of its runs, and one of
    each trace's points by its key.
    """

    query: str = Field(max_length=8000)
    state: int
    tokens: dict[str, int] = Field(max_length=1000)


def state(shown: Scene) -> int:
    """A checksum of what the whole picture depends on but its epochs: runs, settings, states."""
    runs = [(read.run.id, read.run.status, read.run.paused) for read in shown.read]
    names = [(group.name, group.runs) for group in shown.groups]
    return zlib.crc32(repr((runs, names)).encode())


def news(reading: Reading, seen: Seen) -> dict[str, Any]:
    """What the page does not show yet, and in how many milliseconds it should ask again: the points
    of each trace that has others, and each run's best value and sparkline; or that all has changed.
    """
    asked = address.read(seen.query)
    try:
        read, _ = reading.of(asked.runs)
        shown = scene(asked, read)
        if state(shown) != seen.state:
            return {"redraw": True, "wait": LIVE_MS}
        if not shown.live:
            return {"wait": IDLE_MS}
        drawn = shown.picture(reading.decisions(shown.strips()))
    except StoreError:
        return {"wait": IDLE_MS}
    tokens = drawn.tokens()
    if tokens.keys() != seen.tokens.keys():
        return {"redraw": True, "wait": LIVE_MS}
    traces = [
        [curve.key, tokens[curve.key], line.x, line.y]
        for curve, line in drawn.curves
        if tokens[curve.key] != seen.tokens[curve.key]
    ]
    runs = [_run(shown, each.run.id) for each in shown.read if not each.run.over]
    return {"traces": traces, "runs": runs if traces else [], "wait": LIVE_MS}


def _run(shown: Scene, run: int) -> list[Any]:
    """A run's number, its best value as text, and its sparkline."""
    read = next(read for read in shown.read if read.run.id == run)
    value = best(read.columns, shown.metric)
    return [run, "" if value is None else significant(value), spark(read.columns, shown.metric)]


def register(server: Any, reading: Reading) -> None:
    """Answer the pages that ask what is new; outside Dash, for the reason in `app.lab.live`."""

    @server.post("/compare/live")  # type: ignore[untyped-decorator]
    def compare_live() -> Response:
        try:
            seen = Seen.model_validate_json(request.get_data())
        except ValidationError:
            abort(400, "This is not what the page sends; reload it.")
        return jsonify(news(reading, seen))
