"""The box for a number of seeds."""

from typing import Annotated

import dash_mantine_components as dmc
from dash.development.base_component import Component
from pydantic import Field

from trainer.compare.repeats import MOST_SEEDS

SEEDS = 4  # that are asked for unless another number is
Count = Annotated[int, Field(ge=1, le=MOST_SEEDS)]


def layout(identity: str, label: str) -> Component:
    """The box, with its label."""
    box: Component = dmc.NumberInput(
        id=identity,
        label=label,
        value=SEEDS,
        min=1,
        max=MOST_SEEDS,
        allowDecimal=False,
        clampBehavior="strict",
        size="xs",
    )
    return box
