"""Runs without training: metrics through a real schedule."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from tests.small import metrics
from trainer.config.recipe import Recipe
from trainer.config.run import RunConfig
from trainer.replay.replay import replay
from trainer.schedule.epoch import Epoch
from trainer.verdict.course import Course
from trainer.verdict.statement import Statement
from trainer.verdict.verdict import verdict

Values = Sequence[float | None]


def rows(recipe: Recipe, val: Values, train: Values | None = None) -> list[Epoch]:
    """The epochs of a run with these losses, by its own schedule."""
    measured = [metrics(t, v, None) for v, t in zip(val, train or val, strict=True)]
    watched = [row[recipe.monitor] for row in measured]
    return [
        Epoch(step.epoch, step.lr, step.lr_last, row, 0.1, step.decision)
        for step, row in zip(replay(watched, recipe), measured, strict=True)
    ]


def course(config: RunConfig, val: Values, train: Values | None = None) -> Course:
    return Course(config, classes=10).extend(rows(config, val, train))


def said(
    config: RunConfig, val: Values, train: Values | None = None, over: bool = True
) -> dict[str, Statement]:
    """The verdict on a run with these losses, by kind."""
    found = verdict(course(config, val, train), max(config.epochs, len(val)), over)
    return {statement.kind: statement for statement in found}


def imported(named: Mapping[str, Values], monitor: str, lrs: Sequence[float] = ()) -> Course:
    """An imported curve, with learning rates of its own or with those of an assumed schedule."""
    values = named[monitor]
    recipe = Recipe(monitor=monitor, epochs=len(values))
    found = Course(recipe)
    for i, step in enumerate(replay(values, recipe)):
        measured: dict[str, Any] = {name: of[i] for name, of in named.items()}
        row = Epoch(step.epoch, step.lr, step.lr_last, measured, 0.0, step.decision)
        if lrs:
            recorded = step.decision.model_copy(
                update={"kind": "kept", "schedule": "Recorded", "plateau": None}
            )
            row = replace(row, lr=lrs[i], lr_last=lrs[i], decision=recorded)
        found.add(row)
    return found
