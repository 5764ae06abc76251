"""A grid: every combination, each once, and what cannot be is a sentence."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainer.config.grid import Grid, cells, grid, rungs, split
from trainer.config.run import RunConfig
from trainer.config.table import ConfigError, from_config

BASE = RunConfig()
LRS = st.lists(st.floats(1e-6, 1), min_size=1, max_size=4, unique=True)
PATIENCES = st.lists(st.integers(0, 50), min_size=1, max_size=4, unique=True)


@given(lrs=LRS, patiences=PATIENCES, seeds=st.integers(1, 4))
def test_there_is_a_cell_for_each_combination_and_seed(
    lrs: list[float], patiences: list[int], seeds: int
) -> None:
    found = cells(BASE, grid(BASE, {"lr": lrs, "patience": patiences}, seeds=seeds))
    made = [
        (c.config.lr, getattr(c.config.schedule, "patience", None), c.config.seed) for c in found
    ]
    assert sorted(made) == sorted(
        (lr, patience, seed) for lr in lrs for patience in patiences for seed in range(seeds)
    )


def test_text_is_read_as_in_the_form() -> None:
    made = grid(BASE, {"lr": ["1e-3", "0,01"], "threads": ["auto", "2"]})
    assert [axis.values for axis in made.axes] == [(0.001, 0.01), (0, 2)]


@pytest.mark.parametrize(
    ("key", "text", "values"),
    [
        ("lr", " 0.1, 0.2 ", ["0.1", "0.2"]),
        ("lr", "0,1; 0,2", ["0,1", "0,2"]),
        ("milestones", "1, 2; 3", ["1, 2", "3"]),
        ("lr", " ", []),
    ],
)
def test_a_text_is_parted_into_values(key: str, text: str, values: list[str]) -> None:
    assert split(key, text) == values


@pytest.mark.parametrize(
    ("key", "text"), [("lr", "0.1,,0.2"), ("lr", "0.1,"), ("lr", ","), ("milestones", "1;;2")]
)
def test_an_empty_value_in_a_text_is_refused(key: str, text: str) -> None:
    with pytest.raises(ConfigError, match="has an empty value"):
        split(key, text)


def test_a_setting_of_one_schedule_applies_to_it_and_the_others_are_there_once() -> None:
    values: dict[str, list[Any]] = {
        "schedule": ["none", "ReduceLROnPlateau", "StepLR"],
        "patience": [2, 5],
        "step-size": [3, 4],
    }
    found = [from_config(cell.config) for cell in cells(BASE, grid(BASE, values))]
    told = [(v["schedule"], v.get("patience"), v.get("step-size")) for v in found]
    assert told == [
        ("none", None, None),
        ("ReduceLROnPlateau", 2, None),
        ("ReduceLROnPlateau", 5, None),
        ("StepLR", None, 3),
        ("StepLR", None, 4),
    ]


def test_what_was_stored_is_the_same_grid_again() -> None:
    values: dict[str, list[Any]] = {
        "schedule": ["MultiStepLR"],
        "milestones": [(1, 2), (5,)],
        "lr": [0.1, 0.2],
    }
    made = grid(BASE, values, seeds=2, mode="halving")
    again = Grid.model_validate_json(made.model_dump_json())
    assert [c.config for c in cells(BASE, again)] == [c.config for c in cells(BASE, made)]


@pytest.mark.parametrize(
    ("values", "seeds", "says"),
    [
        ({"factor": [0.1, 2]}, 1, "Factor must be a number above 0 and below 1."),
        ({"gamma": [0.1]}, 1, "gamma does not belong to the schedule ReduceLROnPlateau"),
        ({"pace": [1]}, 1, "There is no setting 'pace'."),
        ({"lr": ["0.1", "0,10", "1"]}, 1, "Learning rate has 0.1 twice: name each value once."),
        ({"milestones": ["1, 2", [1, 2]], "schedule": ["MultiStepLR"]}, 1, "has 1, 2 twice"),
        ({"lr": ["0", "01"]}, 1, "at most 100. Write a decimal with a point, such as 0.1."),
        ({"lr": ["0.01 0.1"]}, 1, "at most 100. Part values with commas."),
        ({"schedule": ["cosine"]}, 1, "The nearest is CosineAnnealingLR."),
        ({"lr": []}, 1, "Learning rate has no values: name at least one."),
        ({"lr": [0.1]}, 0, "Seeds must be a whole number from 1 to 100."),
        ({"seed": [1, 2]}, 3, "Name the seeds, or say how many there are, but not both."),
        ({"seed": range(500), "lr": [0.1, 0.2, 0.3, 0.4, 0.5]}, 1, "The grid has 2,500 cells"),
        ({"warmup": [60]}, 1, "Warm-up must be shorter than the run of 50 epochs."),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(
    values: dict[str, Any], seeds: int, says: str
) -> None:
    with pytest.raises(ConfigError) as refused:
        grid(BASE, values, seeds=seeds)
    assert says in str(refused.value)


@given(
    count=st.integers(2, 500), epochs=st.integers(2, 300), keep=st.integers(2, 5),
    first=st.integers(0, 20),
)  # fmt: skip
def test_each_rung_is_further_and_keeps_fewer(
    count: int, epochs: int, keep: int, first: int
) -> None:
    made = Grid(axes=(), mode="halving", keep=keep, first=first)
    found = rungs(made, count, epochs)
    at = [epoch for epoch, _ in found]
    left = [cells for _, cells in found]
    assert at == sorted(set(at))
    assert all(0 < epoch < epochs for epoch in at)
    assert left == sorted(set(left), reverse=True)
    assert all(1 <= cells < count for cells in left)
