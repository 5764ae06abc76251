"""How a setting is declared: its bound, default, unit and one-line help, once.

The form, the terminal's options, the URL, the store and the JSON schema are all drawn from it.
"""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

Scale = Literal["log", "linear", "none"]


def setting(
    default: Any,
    label: str,
    help: str,
    unit: str = "",
    scale: Scale = "none",
    slider: tuple[float, float] | None = None,
    main: bool = False,
    words: dict[str, str] | None = None,
    **bounds: Any,
) -> Any:
    """A pydantic field that also knows how to be shown.

    Args:
        default: the value of a run that says nothing.
        label: what a person calls it.
        help: one line that says what it does.
        unit: what it is counted in, "" for a pure number.
        scale: how a slider moves over it, "none" for no slider.
        slider: the ends of the slider, where they are narrower than the bounds.
        main: shown at once rather than under "More".
        words: what a choice is called, where its own name does not say it.
        bounds: pydantic's own (gt, ge, lt, le, ...).
    """
    extra: dict[str, Any] = {"unit": unit, "scale": scale, "slider": slider, "main": main}
    extra["words"] = words or {}
    return Field(default, title=label, description=help, json_schema_extra=extra, **bounds)


def refuse(field: str, sentence: str) -> PydanticCustomError:
    """The error of a rule between two fields, told beside `field`."""
    return PydanticCustomError("refused", "{sentence}", {"field": field, "sentence": sentence})


class Settings(BaseModel):
    """Frozen, and strict about names: a misspelt setting is an error, never ignored."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
