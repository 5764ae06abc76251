"""How a setting is declared, once: its bounds, default, unit and one-line help.

The form, the terminal's options, the URL, the store and the JSON schema are all derived from it.
"""

from collections.abc import Mapping
from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field
from pydantic.fields import FieldInfo
from pydantic_core import PydanticCustomError

Scale = Literal["log", "linear", "none"]
Kind = Literal["choice", "bool", "int", "float", "list", "text"]
BOUNDS = ("ge", "gt", "le", "lt", "min_length", "max_length")


def setting(
    default: Any,
    label: str,
    help: str,
    unit: str = "",
    scale: Scale = "none",
    slider: tuple[float, float] | None = None,
    main: bool = False,
    words: dict[str, str] | None = None,
    least: float | None = None,
    own: str = "",
    **bounds: Any,
) -> Any:
    """A pydantic field that also holds how to display it.

    Args:
        default: the value if a run does not set it.
        label: its name on the page.
        help: one line on what it does.
        unit: the unit of its value, "" if it has none.
        scale: the scale of its slider, "none" for no slider.
        slider: the ends of the slider; they may be narrower than the bounds.
        main: shown at the top level rather than under "More".
        words: labels for choices whose names are not clear on their own; of a number, the word
            that stands for it.
        least: the smallest value that may be asked for, where runs were recorded with smaller ones:
            a bound would make them unreadable.
        own: what a person may name beside the choices, as it follows "or"; "" for nothing.
        bounds: pydantic's constraints (gt, ge, lt, le, ...), of whatever is read. Never narrow one.
    """
    extra: dict[str, Any] = {"unit": unit, "scale": scale, "slider": slider, "main": main}
    extra |= {"words": words or {}, "least": least, "own": own}
    return Field(default, title=label, description=help, json_schema_extra=extra, **bounds)


def bounds_of(field: FieldInfo) -> dict[str, Any]:
    """What may be asked of a field, as constraints by pydantic's names."""
    display: Any = field.json_schema_extra or {}
    bounds = {
        name: getattr(constraint, name)
        for constraint in field.metadata
        for name in BOUNDS
        if hasattr(constraint, name)
    }
    if display.get("least") is None:
        return bounds
    return {"ge": display["least"], **{n: b for n, b in bounds.items() if n not in ("ge", "gt")}}


def permitted(kind: Kind, field: FieldInfo, choices: tuple[str, ...]) -> str:
    """What a field's value must be, as it follows "must be": a number above 0 and below 1."""
    bounds = bounds_of(field)
    display: Any = field.json_schema_extra
    match kind:
        case "choice":
            own = display["own"] and f", or {display['own']}"
            return f"one of {', '.join(choices)}{own}"
        case "bool":
            return "on or off"
        case "list":
            (part,) = get_args(get_args(field.annotation)[0])[1:]
            such = ", ".join(map(str, field.default))
            counted = f"{bounds['min_length']} to {bounds['max_length']} whole numbers"
            return f"{counted} {_span(bounds_of(part))}, such as {such}"
        case "text":
            return "a name on one line"
        case "int":
            return " or ".join([f"a whole number {_span(bounds)}", *display["words"].values()])
        case "float":
            return f"a number {_span(bounds)}"


def _span(bounds: Mapping[str, Any]) -> str:
    """Bounds in words: from 1 to 10,000; above 0 and at most 100."""
    if {"ge", "le"} <= bounds.keys():
        return f"from {bounds['ge']:,.10g} to {bounds['le']:,.10g}"
    words = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below"}
    return " and ".join(f"{words[b]} {bounds[b]:,.10g}" for b in words if b in bounds)


def refuse(field: str, sentence: str) -> PydanticCustomError:
    """The error of a rule between two fields, shown beside `field`."""
    return PydanticCustomError("refused", "{sentence}", {"field": field, "sentence": sentence})


class Settings(BaseModel):
    """Frozen, and strict about names: a misspelt setting is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
