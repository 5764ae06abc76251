"""How a setting is declared, once: its bounds, default, unit and one-line help.

The form, the terminal's options, the URL, the store and the JSON schema are all derived from it.
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
        bounds: pydantic's constraints (gt, ge, lt, le, ...).
    """
    extra: dict[str, Any] = {"unit": unit, "scale": scale, "slider": slider, "main": main}
    extra["words"] = words or {}
    return Field(default, title=label, description=help, json_schema_extra=extra, **bounds)


def refuse(field: str, sentence: str) -> PydanticCustomError:
    """The error of a rule between two fields, shown beside `field`."""
    return PydanticCustomError("refused", "{sentence}", {"field": field, "sentence": sentence})


class Settings(BaseModel):
    """Frozen, and strict about names: a misspelt setting is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
