"""What a person changes of a sweep: paused, stopped, gone on with, renamed, archived, deleted,
checked.
"""

from typing import Any, Literal

from flask import Response, abort, jsonify, request
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from trainer.store.faults import CommandError, StoreError
from trainer.store.notes import NAME_LENGTH
from trainer.store.store import Store
from trainer.sweep.find.finding import add_check


class Checked(BaseModel):
    """The sweep whose answer is checked."""

    model_config = ConfigDict(strict=True, extra="forbid")
    sweep: int = Field(gt=0, lt=2**63)


class Change(BaseModel):
    """What is asked of a sweep."""

    model_config = ConfigDict(strict=True, extra="forbid")
    sweep: int = Field(gt=0, lt=2**63)
    what: Literal["pause", "stop", "resume", "rename", "archive", "unarchive", "delete", "restore"]
    value: str = Field(default="", max_length=NAME_LENGTH)


def change(store: Store, asked: Change) -> str:
    """Do it; returns why it cannot be, in a sentence, or ""."""
    try:
        match asked.what:
            case "pause" | "stop" as what:
                store.ask_sweep(asked.sweep, what)
            case "resume":
                store.resume_sweep(asked.sweep)
            case "archive" | "unarchive" as what:
                store.archive_sweep(asked.sweep, what == "archive")
            case "delete":
                store.delete_sweep(asked.sweep)
            case "restore":
                store.restore_sweep(asked.sweep)
            case "rename":
                store.rename_sweep(asked.sweep, asked.value.strip() or None)
    except (CommandError, StoreError) as refused:
        return str(refused)
    return ""


def register(server: Any, store: Store) -> None:
    """Answer the page; outside Dash, as `app.lab.live` does."""

    @server.post("/sweep/change")  # type: ignore[untyped-decorator]
    def sweep_change() -> Response:
        try:
            asked = Change.model_validate_json(request.get_data())
        except ValidationError:
            abort(400, "This is not what the page sends; reload it.")
        return jsonify({"refused": change(store, asked)})

    @server.post("/sweep/check")  # type: ignore[untyped-decorator]
    def sweep_check() -> Response:
        try:
            asked = Checked.model_validate_json(request.get_data())
        except ValidationError:
            abort(400, "This is not what the page sends; reload it.")
        try:
            return jsonify({"sweep": add_check(store, asked.sweep), "refused": ""})
        except (CommandError, StoreError) as refused:
            return jsonify({"refused": str(refused)})
