"""What the page cannot have sent is refused in a line, before a callback sees it."""

import json
import re
from collections.abc import Callable, Mapping
from functools import cache, wraps
from types import GenericAlias
from typing import Annotated, Any, NoReturn, get_type_hints

from dash import Dash
from dash.exceptions import DependencyException
from flask import Response, abort, request
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter, ValidationError
from werkzeug.exceptions import HTTPException

from app.paths import PATHS
from trainer.config.table import ConfigError

# A run as the run picker names it, and a number as SQLite can take it.
RunChoice = Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]{0,17}$")]
Whole = Annotated[int, Field(ge=0, lt=2**63)]
# A box for a number, whatever was typed into it.
Typed = Annotated[int, Field(ge=0, lt=2**31)] | Annotated[str, Field(max_length=20)] | None

CALLBACKS = "/_dash-update-component"
ANY_PATH = "/<path:path>"  # for which Dash would answer the page
LONE_SURROGATE = re.compile(rb"\\u[dD]")


class CheckedDash(Dash):
    """Dash, but a callback receives only values of its parameters' types."""

    def callback(self, *args: Any, **kwargs: Any) -> Callable[[Callable[..., Any]], Any]:
        """Like Dash's; a value of another type is answered with 400."""
        register = super().callback(*args, **kwargs)
        return lambda function: register(_checked(function))


def _checked(function: Callable[..., Any]) -> Callable[..., Any]:
    @cache
    def types() -> TypeAdapter[tuple[Any, ...]]:
        hints = get_type_hints(function, include_extras=True)
        hints.pop("return", None)
        wanted: Any = GenericAlias(tuple, tuple(hints.values()))
        return TypeAdapter(wanted)

    @wraps(function)
    def call(*values: Any) -> Any:
        try:
            values = types().validate_python(values, strict=True)
        except ValidationError:
            refuse()
        return function(*values)

    return call


def refuse() -> NoReturn:
    """Answer that the page does not send this."""
    abort(400, "This is not what the page sends; reload it.")


def refuse_what_is_forged(app: Dash, no_page: str) -> None:
    """Refuse callback requests of another form than the registered ones, and unknown paths; answer
    every refusal in a line, but an unknown path with the HTML of `no_page`.
    """

    @app.server.before_request  # type: ignore[untyped-decorator]
    def check() -> Response | None:
        if request.endpoint == ANY_PATH and request.path not in PATHS:
            return Response(no_page, 404)
        if request.path == CALLBACKS and request.method == "POST":
            try:
                body = request.get_json()
                if LONE_SURROGATE.search(request.get_data()):
                    json.dumps(body, ensure_ascii=False).encode()
                asked = _Asked.model_validate(body)
            except (RecursionError, UnicodeEncodeError, ValidationError):
                refuse()
            if not _fits(asked, app.callback_map):
                refuse()
        return None

    @app.server.errorhandler(HTTPException)  # type: ignore[untyped-decorator]
    def in_a_line(error: HTTPException) -> Response | HTTPException:
        if not error.description:
            return error
        answer = Response(status=error.code, headers=error.get_headers())
        answer.set_data(" ".join(error.description.split()) + "\n")
        answer.content_type = "text/plain; charset=utf-8"
        return answer

    @app.server.errorhandler(ConfigError)  # type: ignore[untyped-decorator]
    def refuse_setting(error: ConfigError) -> Response:
        return Response(f"{error}\n", 400, content_type="text/plain; charset=utf-8")

    @app.server.errorhandler(DependencyException)  # type: ignore[untyped-decorator]
    def refuse_path(_: DependencyException) -> Response:
        return Response("There is no such file.\n", 404, content_type="text/plain; charset=utf-8")


class _Property(BaseModel):
    """A property of a component, in a callback request."""

    model_config = ConfigDict(strict=True)
    id: str | dict[str, str | int | float | bool]
    property: str
    value: Any = None

    def name(self) -> str:
        """`id.property`, as Dash writes it."""
        own = self.id if isinstance(self.id, str) else _written(self.id)
        return f"{own}.{self.property}"


class _Asked(BaseModel):
    """A callback request. For a pattern it has a list of properties."""

    model_config = ConfigDict(strict=True)
    output: str
    outputs: _Property | list[_Property] = []
    inputs: list[_Property | list[_Property]]
    state: list[_Property | list[_Property]] = []
    changed: list[str] = Field(default=[], alias="changedPropIds")


def _fits(asked: _Asked, callbacks: Mapping[str, Mapping[str, Any]]) -> bool:
    """Whether a request has the form of a registered callback of the server's."""
    callback = callbacks.get(asked.output)
    if callback is None or "callback" not in callback:
        return False
    if not callback["no_output"] and (
        _output(asked.outputs) != asked.output or any(map(_is_written, _parts(asked.outputs)))
    ):
        return False
    if len(asked.inputs) != len(callback["inputs"]) or len(asked.state) != len(callback["state"]):
        return False
    given = [*asked.inputs, *asked.state]
    wanted = [*callback["inputs"], *callback["state"]]
    inputs = {part.name() for item in asked.inputs for part in _parts(item)}
    return (
        all(map(_fills, given, wanted))
        and _is_consistent(given, wanted)
        and inputs.issuperset(asked.changed)
    )


def _fills(given: _Property | list[_Property], wanted: Mapping[str, str]) -> bool:
    """Whether properties of a request are those that a callback has registered."""
    pattern = json.loads(wanted["id"]) if wanted["id"].startswith("{") else wanted["id"]
    is_open = isinstance(pattern, dict) and any(isinstance(v, list) for v in pattern.values())
    return is_open == isinstance(given, list) and all(
        part.property == wanted["property"] and _matches(part.id, pattern) for part in _parts(given)
    )


def _matches(given: str | dict[str, Any], pattern: str | dict[str, Any]) -> bool:
    """Whether an id is a pattern's, where a list stands for any value."""
    if isinstance(given, dict) and isinstance(pattern, dict) and given.keys() == pattern.keys():
        return all(isinstance(own, list) or given[key] == own for key, own in pattern.items())
    return given == pattern


def _is_consistent(
    given: list[_Property | list[_Property]], wanted: list[Mapping[str, str]]
) -> bool:
    """Whether each pattern has the same components in all of a request, and their own ids."""
    found: dict[str, list[Any]] = {}
    for item, registered in zip(given, wanted, strict=True):
        if isinstance(item, list):
            own = [part.id for part in item]
            if found.setdefault(registered["id"], own) != own:
                return False
            if registered["property"] == "id" and [part.value for part in item] != own:
                return False
    return True


def _parts(given: _Property | list[_Property]) -> list[_Property]:
    return given if isinstance(given, list) else [given]


def _output(outputs: _Property | list[_Property]) -> str:
    """The name of a callback with these outputs, as Dash writes it."""
    if isinstance(outputs, _Property):
        return outputs.name()
    return f"..{'...'.join(part.name() for part in outputs)}.."


def _is_written(part: _Property) -> bool:
    """Whether an id of several parts comes as text, which Dash does not take."""
    return isinstance(part.id, str) and part.id.startswith("{")


def _written(identity: Mapping[str, Any]) -> str:
    return json.dumps(identity, sort_keys=True, separators=(",", ":"))
