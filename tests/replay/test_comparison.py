"""What is said of a what-if is what its replay did."""

import math
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.lab import cut_map
from app.lab.answer import overlay
from tests.charts.test_series import rows
from trainer.config import schedules
from trainer.config.run import RunConfig
from trainer.config.schedules import SCHEDULES, NoSchedule, ReduceLROnPlateau
from trainer.config.table import SETTINGS, changed
from trainer.replay.comparison import Comparison, compare, rules
from trainer.replay.replay import replay

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


@given(st.lists(st.sampled_from([0.5, 0.7, 0.9, 1.0, None]), min_size=3, max_size=25), st.data())
def test_the_patience_that_is_said_to_avoid_every_cut_does_and_the_next_lower_does_not(
    losses, data
):
    spec = ReduceLROnPlateau(
        patience=data.draw(st.integers(0, 3)), cooldown=data.draw(st.integers(0, 2))
    )
    run = RUN.model_copy(update={"schedule": spec, "warmup": data.draw(st.integers(0, 1))})
    values = [math.nan if loss is None else loss for loss in losses]
    told = compare(run, rows(values, run), run, 1)
    found = re.search(r"a patience of (\d+) or more never cuts", told.remedy or "")

    def cuts(patience: int) -> list[str]:
        steps = replay(losses, run, patience=patience)
        return [step.decision.kind for step in steps if step.decision.kind == "cut"]

    if found:
        assert not cuts(int(found[1]))
        assert cuts(int(found[1]) - 1)
    elif told.remedy:
        put_off = re.search(r"the last (\d+) epochs? (?:are all|is) bad", told.remedy)
        assert put_off
        bad = int(put_off[1])
        assert not cuts(bad)
        assert cuts(bad - 1)
    else:
        assert not told.cuts


def test_a_patience_that_only_puts_a_cut_off_is_not_called_a_remedy():
    losses = [1.0] * 12
    still = compare(RUN, rows(losses, RUN), RUN, 1)
    assert still.remedy == (
        "The cut after epoch 3 came after 2 bad epochs. No patience avoids a cut for good: the "
        "last 11 epochs are all bad, so a longer one only puts it off."
    )
    assert what_if().remedy == (
        "The cut after epoch 4 came after 2 bad epochs. No patience avoids a cut for good: the "
        "last 7 epochs are all bad, so a longer one only puts it off."
    )
    better = [*LOSSES, 0.1]
    assert compare(RUN, rows(better, RUN), RUN, 1).remedy == (
        "The cut after epoch 4 came after 2 bad epochs. On these values a patience of 7 or more "
        "never cuts."
    )


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
    made = cut_map.values(setting, {current}, cut_map.side(50))
    assert current in made
    assert made == sorted(set(made))
    assert 2 <= len(made) <= cut_map.side(50) == 20
    assert all(setting.least <= value <= setting.most for value in made)


@pytest.mark.parametrize("name", SCHEDULES)
def test_every_schedule_has_a_map_that_can_be_drawn(name):
    other = changed(RUN, {"schedule": name, **({"max-lr": 1} if name == "CyclicLR" else {})})
    x, y = cut_map.default_axes(other) or ("", "")
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


def test_a_map_without_any_difference_has_no_colour_and_no_cell_shares_it_with_one():
    """A run without a plateau in it is cut nowhere, with any patience."""
    falling = [1.0 / n for n in range(1, 13)]
    for losses, differs in ((falling, False), (LOSSES, True)):
        shown = cut_map.view_of(RUN, rows(losses, RUN), 1, RUN, "patience", "factor")
        z = cut_map.figure(shown, "first")["data"][0]["z"]
        strengths = {(first is None, level) for a, b in zip(shown["first"], z, strict=True)
                     for first, level in zip(a, b, strict=True)}  # fmt: skip
        assert (True, 0) in strengths
        assert all((level == 0) == same for same, level in strengths)
        assert any(level for _, level in strengths) == differs
    earliest = min(first for row in shown["first"] for first in row if first)
    strongest = max(level for row in z for level in row)
    for firsts, levels in zip(shown["first"], z, strict=True):
        for first, level in zip(firsts, levels, strict=True):
            assert (level == strongest) == (first == earliest)
    assert len({cut_map.COLOURS[measure] for measure in cut_map.MEASURES}) == 2
    texts = [line["text"] for line in cut_map.legend(shown, "first")]
    assert texts[:3] == ["what if", "this run", "no difference"]
    assert texts[-1] == f"from epoch {earliest}"


def test_the_runs_own_values_have_a_cell_of_the_map_of_another_what_if():
    shown = cut_map.view_of(RUN, ROWS, 1, changed(RUN, {"factor": 0.33}), "patience", "factor")
    assert {"0.5", "0.33"} <= set(shown["y"])
    assert shown["was"] == ["1", "0.5"]


def test_every_cut_of_a_what_if_is_marked_and_a_guess_is_told_from_what_is_exact():
    other = what_if(patience=1, factor=0.2)
    drawn = overlay(other)
    assert other.first == 5
    assert [mark.x for mark in drawn["marks"] if mark.kind == "cut"] == [4.5]
    assert [(mark.x, mark.label) for mark in drawn["marks"] if mark.kind == "guess"] == [
        (epoch + 0.5, "÷5?") for epoch in other.would_cut[1:]
    ]
    assert drawn["traces"]["what-if:cuts"] == [[4.5], [pytest.approx(0.02)]]
    same = overlay(what_if())
    assert [mark.label for mark in same["marks"]] == ["÷2"] * 4
    assert same["traces"]["what-if:cuts"][0] == [4.5, 7.5, 9.5, 11.5]


def test_of_a_curve_longer_than_any_patience_may_be_it_is_said_all_the_same():
    run = RUN.model_copy(update={"schedule": ReduceLROnPlateau(patience=9000)})
    told = compare(run, rows([1.0] * 10_003, run), run, 1)
    assert told.remedy is not None
    assert "bad epochs" in told.remedy
