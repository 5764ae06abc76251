"""The rows of a grid's form: settings with their values, and the counts below them."""

from typing import Any

import dash_mantine_components as dmc
from dash import html
from dash.development.base_component import Component

from app import ids
from app.sweep import values
from app.sweep.address import ROWS, Asked
from trainer.config.grid import MOST_SEEDS, MOST_WORKERS


def rows(asked: Asked) -> list[Component]:
    """A row for each setting that takes several values, and empty ones."""
    keys = values.keys(asked.config)
    over = [*asked.over.items()][:ROWS]
    over += [("", "")] * (ROWS - len(over))
    return [_row(number, key, text, keys) for number, (key, text) in enumerate(over)]


def _row(number: int, key: str, text: str, keys: list[dict[str, str]]) -> Component:
    which: dict[str, Any] = {"aria-label": f"Setting {number + 1}"}
    named: dict[str, Any] = {"aria-label": f"Values {number + 1}"}
    return html.Div(
        [
            dmc.Select(
                id=ids.sweep_row("key", number),
                data=keys,
                value=key or None,
                placeholder="Add a setting\N{HORIZONTAL ELLIPSIS}",
                clearable=True,
                searchable=True,
                selectFirstOptionOnChange=True,
                size="xs",
                variant="unstyled",
                comboboxProps={"width": "max-content", "position": "bottom-start"},
                **which,
            ),
            dmc.Textarea(
                id=ids.sweep_row("values", number),
                value=text,
                placeholder="values, with commas between",
                autosize=True,
                minRows=1,
                maxRows=4,
                size="sm",
                **named,
            ),
        ],
        className="sweep-row",
    )


def counts(asked: Asked) -> Component:
    """How many seeds, epochs and workers."""
    common: dict[str, Any] = {
        "min": 1,
        "allowDecimal": False,
        "clampBehavior": "blur",
        "size": "sm",
    }
    boxes = [
        dmc.NumberInput(
            id=ids.SWEEP_SEEDS, label="Seeds", value=asked.seeds, max=MOST_SEEDS, **common
        ),
        dmc.NumberInput(
            id=ids.SWEEP_EPOCHS, label="Epochs", value=asked.config.epochs, max=10_000, **common
        ),
        dmc.NumberInput(
            id=ids.SWEEP_WORKERS, label="Workers", value=asked.workers, max=MOST_WORKERS, **common
        ),
    ]
    return html.Div(boxes, className="sweep-counts")
