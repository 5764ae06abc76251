"""Other runs behind the displayed one: what a page draws of each, and what is new in them."""

import zlib
from typing import Annotated, Any

from dash import ClientsideFunction, Dash, Input, html
from dash.development.base_component import Component
from flask import Response, abort, jsonify, request
from pydantic import BaseModel, Field, ValidationError

from app import ids, run_names
from app.charts.others import MOST, Other, drawn, metric_of
from app.checked import RunChoice
from app.lab.turns import Turns
from app.run_columns import RunColumns, stamp, whole
from trainer.store.faults import StoreError
from trainer.store.rows import Unreadable
from trainer.store.run import Run
from trainer.store.selection import Columns

LIVE_MS = 3000


class Laid(BaseModel):
    """A run that a page lays behind another: the place of its colour, and a checksum of what the
    page has of it.
    """

    run: RunChoice
    place: Annotated[int, Field(ge=0, lt=MOST)]
    token: int | None = None


class Wanted(BaseModel):
    """All that a page lays behind the displayed run."""

    runs: Annotated[list[Laid], Field(max_length=MOST)]


def news(columns: RunColumns, wanted: Wanted) -> dict[str, Any]:
    """What a page does not have of these runs yet, a sentence for each that cannot be drawn, and in
    how many milliseconds to ask again: never, where all of them are over.
    """
    numbers = {int(laid.run): laid for laid in wanted.runs}
    try:
        found = columns.with_parents(numbers)
        its = {number: run for number in numbers if isinstance(run := found.get(number), Run)}
        tokens = {number: _token(run, found, numbers[number]) for number, run in its.items()}
        new = [number for number in its if tokens[number] != numbers[number].token]
        rows = [run for run in found.values() if isinstance(run, Run)]
        epochs = columns.of(rows) if new else {}
    except StoreError:  # the readout says so
        return {"runs": [], "refused": {}, "wait": LIVE_MS}
    refused, runs = {}, []
    for number in numbers:
        run, own = found.get(number), epochs.get(number)
        if run is None:
            refused[str(number)] = f"There is no run {number}."
        elif isinstance(run, Unreadable):
            refused[str(number)] = run.reason
        elif isinstance(own, Unreadable):
            refused[str(number)] = own.reason
        elif number in new:
            token, place = tokens[number], numbers[number].place
            status = "" if run.over else run_names.status(run)[1]
            shown = drawn(_other(run, whole(run, found, epochs), place))
            runs.append({**shown, "token": token, "status": status})
    live = any(not run.over for run in its.values())
    return {"runs": runs, "refused": refused, "wait": LIVE_MS if live else None}


def _other(run: Run, epochs: Columns, place: int) -> Other:
    metric = metric_of(run.recipe, epochs.metrics)
    return Other(
        run=run.id,
        name=run_names.name(run),
        place=place,
        metric=metric,
        epochs=epochs.epochs,
        values=epochs.metric(metric),
        lrs=epochs.lrs,
        last_lrs=epochs.last_lrs,
    )


def _token(run: Run, found: Any, laid: Laid) -> int:
    """A checksum of what determines how a run is drawn: its epochs and its ancestors', its name and
    its colour.
    """
    parts: list[Any] = [laid.place, run_names.name(run), run_names.status(run)]
    each: Any = run
    while isinstance(each, Run):
        parts.append(stamp(each))
        each = found.get(each.parent or 0)
    return zlib.crc32(repr(parts).encode())


def layout() -> Component:
    """The names of the runs behind, with what takes each away; above the charts."""
    named: dict[str, Any] = {"aria-label": "Runs behind this one"}
    most: dict[str, Any] = {"data-most": str(MOST)}
    return html.Div(
        [
            html.Ul(id=ids.OTHERS_LIST, className="others-list", **named),
            html.Span(id=ids.OTHERS_NOTE, className="card-small", role="status"),
        ],
        id=ids.OTHERS,
        className="others",
        **most,
    )


def register(app: Dash, columns: RunColumns, turns: Turns) -> None:
    """Answer the pages that draw runs behind another; outside Dash, for the reason in
    `app.lab.live`.
    """

    @app.server.post("/live/others")  # type: ignore[untyped-decorator]
    def others() -> Response:
        try:
            wanted = Wanted.model_validate_json(request.get_data())
        except ValidationError:
            abort(400, "This is not what the page sends; reload it.")
        answer = news(columns, wanted)
        if answer["wait"] is not None:
            answer["wait"] = turns.wait(answer["wait"])
        return jsonify(answer)

    app.clientside_callback(
        ClientsideFunction("others", "choose"),
        Input(ids.AGAIN_WITH, "value"),
    )
