"""What is said of a what-if is what its replay did."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.lab import cut_map
from tests.charts.test_series import rows
from trainer.config import schedules
from trainer.config.run import RunConfig
from trainer.config.schedules import SCHEDULES, NoSchedule, ReduceLROnPlateau
from trainer.config.table import SETTINGS, changed
from trainer.replay.comparison import Comparison, compare, rules

RUN = RunConfig(lr=0.1, epochs=12, schedule=ReduceLROnPlateau(factor=0.5, patience=1))
LOSSES = [1.0, 0.8, 0.9, 0.9, 0.7, 0.8, 0.8, 0.8, 0.8, 0.9, 0.9, 0.9]
ROWS = rows(LOSSES, RUN)


def what_if(**values: Any) -> Comparison:
    return compare(RUN, ROWS, changed(RUN, values), 1)


def test_the_same_parameters_make_no_difference():
    same = what_if(patience=1)
    assert same.first is None
    assert same.sentence == "No difference: in 12 epochs every LR would be the same."
    assert same.cuts == same.would_cut == [4, 7, 9, 11]


def test_a_comparison_says_how_far_it_is_exact_and_what_would_have_helped():
    patient = what_if(patience=3)
    assert patient.first == 5
    assert patient.sentence.startswith(
        "Exact up to epoch 4: in epoch 5 the LR would have been 0.1 instead of 0.05."
    )
    assert patient.would_cut == [9]
    assert patient.remedy == (
        "The cut after epoch 4 came after 2 bad epochs: a patience of 2 or more would have avoided "
        "it."
    )
    assert what_if(patience=2).would_cut[0] > 4


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"warmup": 2}, "Different from the start: in epoch 1 the LR would have been 0.0333"),
        ({"schedule": "OneCycleLR"}, "Different from the start: in epoch 1 the LR would have"),
        ({"schedule": "CyclicLR", "max-lr": 1}, "Exact up to epoch 1: in epoch 2 the LR would"),
        ({"schedule": "CyclicLR", "max-lr": 1, "cycle-momentum": "off"}, "Exact up to epoch 1"),
        ({"schedule": "none"}, "Exact up to epoch 4"),
    ],
)
def test_any_other_schedule_can_be_tried(values, sentence):
    assert sentence in what_if(**values).sentence


def test_without_a_plateau_cut_there_is_no_remedy():
    still = RUN.model_copy(update={"schedule": NoSchedule()})
    assert compare(still, rows(LOSSES, still), RUN, 1).remedy is None
    steps = RUN.model_copy(update={"schedule": schedules.StepLR(step_size=3)})
    assert compare(steps, rows(LOSSES, steps), RUN, 1).remedy is None


def test_keras_and_fastai_are_asked_with_the_replays_parameters_after_the_warm_up():
    flat = RUN.model_copy(update={"warmup": 2, "schedule": ReduceLROnPlateau(patience=3)})
    assert rules(compare(flat, rows([1.0] * 12, flat), flat, 1)) == {
        "Keras": [6, 9, 12],
        "fastai": [6, 9, 12],
    }
    assert rules(what_if(schedule="StepLR")) == {}


@given(st.sampled_from([s for s in SETTINGS if s.slider and s.kind != "list"]), st.data())
def test_an_axis_has_twenty_values_in_order_and_the_current_one_among_them(setting, data):
    low, high = setting.slider
    kind = st.integers(int(low), int(high)) if setting.kind == "int" else st.floats(low, high)
    current = data.draw(kind)
    made = cut_map.values(setting, current, cut_map.side(50))
    assert current in made
    assert made == sorted(set(made))
    assert 2 <= len(made) <= cut_map.side(50) == 20
    assert all(setting.least <= value <= setting.most for value in made)


@pytest.mark.parametrize("name", SCHEDULES)
def test_every_schedule_has_a_map_that_can_be_drawn(name):
    other = changed(RUN, {"schedule": name, **({"max-lr": 1} if name == "CyclicLR" else {})})
    x, y = cut_map.default_axes(other)
    shown = cut_map.view_of(RUN, ROWS, 1, other, x, y)
    for measure in cut_map.MEASURES:
        heat = cut_map.figure(shown, measure)["data"][0]
        assert len(heat["z"]) == len(shown["y"])
        assert {len(row) for row in heat["z"]} == {len(shown["x"])}


def test_the_cell_of_a_runs_own_parameters_differs_nowhere():
    shown = cut_map.view_of(RUN, ROWS, 1, RUN, "patience", "factor")
    here = shown["y"].index("0.5"), shown["x"].index("1")
    assert shown["first"][here[0]][here[1]] is None
    assert shown["cuts"][here[0]][here[1]] == 4
    assert shown["now"] == shown["was"] == ["1", "0.5"]
    text = cut_map.figure(shown, "first")["data"][0]["text"][here[0]][here[1]]
    assert text == "Patience 1, Factor 0.5<br>no epoch differs, 4 cuts"
