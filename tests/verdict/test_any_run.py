"""Whatever a run does, its verdict holds together: for any metrics through any schedule."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.small import OPTIMIZERS, SCHEDULES
from tests.verdict.courses import rows
from trainer.config import forks
from trainer.config.recipe import Recipe
from trainer.config.run import RunConfig
from trainer.config.table import changed, chosen, from_config, setting_of
from trainer.config.text import lr_text
from trainer.schedule.epoch import Epoch
from trainer.schedule.interventions import RecordedIntervention
from trainer.verdict.course import LEVELS, WINDOW, Course
from trainer.verdict.statement import Statement
from trainer.verdict.verdict import MOST, learned, verdict

FINITE = st.floats(-1e300, 1e300)
NEAR = st.floats(0.01, 3) | st.sampled_from([0.0, 0.1, 2.302, 2.31])
VALUE = st.none() | FINITE | NEAR
# Curves with a shape: without one hardly anything is said.
SHAPE = st.tuples(
    st.floats(-5, 5), st.floats(-0.1, 0.1), st.sampled_from([0.0, 1e-4, 0.01, 1.0]), st.randoms()
)


def shaped(shape: tuple[float, float, float, Any], epochs: int) -> list[float | None]:
    start, rate, noise, draw = shape
    return [start * (1 + rate) ** e + draw.gauss(0, noise) for e in range(epochs)]


@st.composite
def losses(draw: st.DrawFn, epochs: int) -> list[float | None]:
    values: list[float | None] = []
    while len(values) < epochs:
        part = draw(st.integers(1, epochs - len(values)))
        if draw(st.booleans()):
            values += shaped(draw(SHAPE), part)
        else:
            values += draw(st.lists(VALUE, min_size=part, max_size=part))
    return values


@st.composite
def configs(draw: st.DrawFn) -> RunConfig:
    fields: dict[str, Any] = {
        "schedule": draw(st.sampled_from(list(SCHEDULES.values()))),
        "optimizer": draw(st.sampled_from(list(OPTIMIZERS.values()))),
        "lr": draw(st.sampled_from([1e-7, 1e-5, 3e-4, 0.001, 0.01, 0.04])),
        "monitor": draw(st.sampled_from(["val_loss", "train_loss"])),
        "epochs": draw(st.integers(6, 40)),
    }
    return RunConfig(**fields)


@st.composite
def by_hand(draw: st.DrawFn, epochs: int) -> list[RecordedIntervention]:
    lr = st.floats(1e-6, 100)
    made = st.builds(
        RecordedIntervention, epoch=st.integers(1, epochs), batch=st.just(0),
        name=st.sampled_from(["lr", "scale", "cut", "epochs", "threads"]), value=lr,
        id=st.just(1), at=st.just(0.0), lr_before=lr, lr_after=lr, sentence=st.just(""),
    )  # fmt: skip
    return draw(st.lists(made, max_size=3))


def check(
    found: list[Statement],
    trained: list[Epoch],
    recipe: Recipe,
    epochs: int,
    made: list[RecordedIntervention],
) -> None:
    assert len(found) <= MOST
    assert len({statement.kind for statement in found}) == len(found)
    used = {lr_text(lr) for row in trained for lr in (row.lr, row.lr_last)}
    used |= {lr_text(m.lr_after) for m in made if m.by_hand} | {lr_text(recipe.lr)}
    for statement in found:
        assert statement.sentence.endswith(".")
        assert "nan" not in statement.sentence
        assert "inf" not in statement.sentence.split()
        assert statement.epochs is not None
        first, last = statement.epochs
        assert trained[0].epoch <= first <= last <= trained[-1].epoch
        action = statement.action
        if action is None:
            continue
        assert isinstance(recipe, RunConfig)  # nothing else can be trained
        parent = forks.changed_config(recipe, epochs, {}) if action.after is not None else recipe
        child = changed(parent, action.settings)
        assert {s.key for s in chosen(from_config(child))} >= action.settings.keys()
        if action.after is not None:
            assert 0 < action.after <= trained[-1].epoch
            forks.check(parent, child, action.after)
        if "lr" in action.settings:
            lr, bounds = float(action.settings["lr"]), setting_of("lr")
            assert bounds.most is not None
            assert 0 < lr <= bounds.most
            assert action.settings["lr"] not in used


@given(st.data(), configs(), st.integers(1, 40), st.sampled_from([0, 2, 10]), st.booleans())
def test_a_verdict_speaks_of_the_runs_own_epochs_and_advises_what_can_be_done(
    data: st.DataObject, config: RunConfig, epochs: int, classes: int, over: bool
) -> None:
    epochs = min(epochs, config.epochs)
    val = data.draw(losses(epochs))
    train = data.draw(st.one_of(st.just(val), losses(epochs)))
    trained = rows(config, val, train)
    after = data.draw(st.integers(0, epochs // 2))
    made = data.draw(by_hand(epochs))
    run = Course(config, classes, after)
    for row in trained:
        run.add(row)
        if row.epoch % 7 == 0 or row is trained[-1]:
            found = verdict(run, config.epochs, over and row is trained[-1], made)
            check(found, trained[: row.epoch], config, config.epochs, made)
            assert learned(run) in (True, False, None)


@given(
    st.data(),
    st.sampled_from(["val_loss", "loss", "val/acc", "Reward"]),
    st.integers(1, 60),
    st.booleans(),
)
def test_a_verdict_on_an_imported_curve_holds_together(
    data: st.DataObject, name: str, epochs: int, over: bool
) -> None:
    recipe = Recipe(monitor=name, epochs=epochs)
    values = data.draw(losses(epochs))
    other = data.draw(st.one_of(st.none(), losses(epochs)))
    trained = [
        Epoch(
            e, 0.01, 0.01, {name: values[e - 1]} | ({"acc": other[e - 1]} if other else {}), 0, None
        )
        for e in range(1, epochs + 1)
    ]
    run = Course(recipe).extend(trained)
    check(verdict(run, epochs, over), trained, recipe, epochs, [])
    assert learned(run) in (True, False, None)


def test_a_verdict_keeps_no_more_of_a_long_run_than_of_a_short_one() -> None:
    config = RunConfig(schedule=SCHEDULES["plateau"], epochs=3000)
    run = Course(config, 10).extend(rows(config, [1 + math.sin(e) for e in range(3000)]))
    assert len(run.window) == WINDOW
    assert len(run.levels) <= LEVELS
    assert run.epoch == 3000


@pytest.mark.parametrize("epochs", [1, 2, 3])
def test_without_any_metric_nothing_is_said(epochs: int) -> None:
    config = RunConfig()
    run = Course(config, 10).extend(rows(config, [None] * epochs))
    assert verdict(run, 50, over=False) == []
    assert learned(run) is None
