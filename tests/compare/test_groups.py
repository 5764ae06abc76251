"""Runs that differ only in their seed are one setting; it is named by what differs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.compare.figure import Look, Subject, Wanted, picture
from trainer.compare.groups import (
    NOTHING,
    Compared,
    Past,
    differences,
    grouped,
    same_until,
    shared,
)
from trainer.config.recipe import Recipe
from trainer.config.table import to_config
from trainer.store.selection import Columns


def runs(*settings: dict[str, object]) -> list[Compared]:
    return [Compared(i, to_config(own)) for i, own in enumerate(settings, 1)]


def names(*settings: dict[str, object]) -> list[str]:
    return [group.name for group in grouped(runs(*settings))]


def test_runs_that_differ_only_in_their_seed_are_one_setting() -> None:
    plateau: dict[str, object] = {}
    constant: dict[str, object] = {"schedule": "none"}
    found = grouped(
        runs(*({**own, "seed": seed} for seed in (0, 1, 4) for own in (plateau, constant)))
    )
    assert [group.name for group in found] == ["plateau ÷10, patience 5", "constant LR"]
    assert [group.short for group in found] == ["plateau", "constant"]
    assert [group.runs for group in found] == [[1, 3, 5], [2, 4, 6]]
    assert found[1].by_seed == {0: 2, 1: 4, 4: 6}


def test_what_lrscope_does_not_know_of_a_run_is_named_and_not_claimed() -> None:
    unknown = (("optimizer", "Lion"), ("schedule", "Warm"))
    found = grouped([Compared(1, Recipe(), (), unknown), Compared(2, Recipe())])
    assert [group.name for group in found] == ["Warm, Lion", "plateau ÷10, patience 5, Adam"]
    told = {difference.label: difference.values for difference in differences(found)}
    assert (told["Optimizer"], told["Schedule"][0]) == (("Lion", "Adam"), "Warm")
    assert told.get("Patience", (NOTHING, "5")) == (NOTHING, "5")
    assert "Lion 0.01" in shared(found[:1])


def test_what_happened_to_a_run_is_part_of_its_setting() -> None:
    config = to_config({})
    halved = (Past("÷2 in epoch 3", ("scale", 0.5, 3, 0)),)
    found = grouped([Compared(1, config), Compared(2, config, halved), Compared(3, config)])
    assert [group.runs for group in found] == [[1, 3], [2]]
    assert found[0].name != found[1].name
    assert "÷2 in epoch 3" in found[1].name
    assert differences(found)[-1].values == (NOTHING, "÷2 in epoch 3")


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ([{"lr": 0.01}, {"lr": 0.1}], ["LR 0.01", "LR 0.1"]),
        ([{"patience": 2}, {"patience": 9}],
         ["plateau ÷10, patience 2", "plateau ÷10, patience 9"]),
        ([{"threshold": 0.01}, {}], ["threshold 0.01", "plateau ÷10, patience 5"]),
        ([{"model": "mlp"}, {"model": "cnn"}], ["MLP", "CNN"]),
        ([{"schedule": "none", "lr": 0.1}, {"lr": 0.1}, {"lr": 0.01}],
         ["constant LR", "plateau ÷10, patience 5", "plateau ÷10, patience 5, LR 0.01"]),
        ([{"epochs": 5}, {"epochs": 9}], ["5 epochs", "9 epochs"]),
        ([{"optimizer": "SGD"}, {}], ["SGD", "Adam"]),
    ],
)  # fmt: skip
def test_a_setting_is_named_by_what_differs(
    settings: list[dict[str, object]], expected: list[str]
) -> None:
    assert names(*settings) == expected


keys = st.fixed_dictionaries(
    {},
    optional={
        "lr": st.sampled_from([0.01, 0.1]), "patience": st.sampled_from([0, 5, 9]),
        "threshold": st.sampled_from([1e-4, 0.01]), "epochs": st.sampled_from([3, 9]),
        "model": st.sampled_from(["cnn", "mlp"]), "seed": st.integers(0, 3),
        "batch-size": st.sampled_from([32, 64]), "weight-decay": st.sampled_from([0, 0.1]),
    },
)  # fmt: skip


@given(st.lists(keys, min_size=1, max_size=6))
def test_each_setting_has_a_name_of_its_own_and_only_what_differs_is_told(
    settings: list[dict[str, object]],
) -> None:
    found = grouped(runs(*settings))
    assert len({group.name for group in found}) == len(found)
    assert len({group.short for group in found}) == len(found)
    assert sorted(run for group in found for run in group.runs) == [
        i for i, _ in enumerate(settings, 1)
    ]
    told = differences(found)
    assert all(len(set(row.values)) > 1 for row in told)
    assert bool(told) == (len(found) > 1)


FOLDER = "/home/somebody/projects/a long name/data"


def test_what_lies_under_a_path_is_called_by_its_last_part_in_every_label() -> None:
    found = grouped(runs({"dataset": f"{FOLDER}/flowers"}, {"dataset": f"{FOLDER}/birds"}))
    assert [group.short for group in found] == ["flowers", "birds"]
    assert [(row.label, row.values) for row in differences(found)] == [
        ("Data", ("flowers", "birds"))
    ]


def test_settings_of_the_same_name_are_told_apart_by_the_numbers_of_their_runs() -> None:
    one, other = f"{FOLDER}/2025/flowers", f"{FOLDER}/2026/flowers"
    found = grouped(
        runs({"dataset": one}, {"dataset": other}, {"dataset": f"{FOLDER}/birds"}),
    )
    assert [group.name for group in found] == ["flowers #1", "flowers #2", "birds"]
    assert [group.short for group in found] == ["flowers #1", "flowers #2", "birds"]
    assert differences(found)[0].values[:2] == (one, other)


def test_a_label_of_which_only_the_same_beginning_fits_is_the_numbers_of_its_runs() -> None:
    def ends(runs: int, *shorts: str) -> list[str]:
        columns = Columns([1], [0.1], [0.1], [1.0], [""], {"loss": [1.0]})
        looks = [Look(short, short, "c1") for short in shorts]
        places = [place for place in range(len(looks)) for _ in range(runs)]
        subjects = [
            Subject(7 + i, f"#{7 + i}", "c1", "", place, columns, 1)
            for i, place in enumerate(places)
        ]
        curves = picture(subjects, looks, Wanted("loss")).curves
        return [curve.end for curve, _ in curves if curve.end]

    long = "train_resnet_on_flowers.py"
    assert ends(1, f"{long} #7", f"{long} #8", "bert.py") == ["#7", "#8", "bert.py"]
    assert ends(2, f"{long} #7", f"{long} #8", "bert.py") == ["#7, #8", "#9, #10", "bert.py"]
    assert ends(3, f"{long} #7", f"{long} #8") == ["#7, #8, …", "#10, #11, …"]


def test_what_differs_is_a_table_and_the_rest_a_line() -> None:
    found = grouped(runs({"epochs": 40}, {"epochs": 40, "schedule": "none", "seed": 3}))
    assert [(row.label, row.values) for row in differences(found)] == [
        ("Schedule", ("ReduceLROnPlateau", "none")),
        ("Factor", ("0.1", NOTHING)),
        ("Patience", ("5", NOTHING)),
    ]
    assert shared(found) == "CNN, Digits, Adam 0.01, batch 64, 40 epochs"


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ([{"patience": 5}, {"patience": 2}, {"patience": 2, "seed": 1, "epochs": 9}],
         "plateau, factor 0.1"),
        ([{"factor": 0.5}, {"factor": 0.1}], "plateau, patience 5"),
        ([{"threshold": 0.5}, {}], "plateau ÷10, patience 5"),
    ],
)  # fmt: skip
def test_what_differs_of_a_schedule_is_not_said_to_be_the_same(
    settings: list[dict[str, object]], expected: str
) -> None:
    assert shared(grouped(runs(*settings))).endswith(expected)


def test_what_differs_of_an_imported_run_is_told_as_far_as_it_is_known() -> None:
    curve = Compared(2, Recipe(epochs=50), (Past("losses.csv", 2),))
    found = grouped([*runs({}), curve])
    assert [group.runs for group in found] == [[1], [2]]
    assert ("Model", ("cnn", NOTHING)) in differences(found)
    assert shared(found).startswith("Adam 0.01")


def test_a_pair_is_the_same_run_until_the_first_number_that_differs() -> None:
    assert same_until([(1, 0.5), (2, 0.4)], [(1, 0.5), (2, 0.3)]) == 1
    assert same_until([(1, 0.5)], [(1, 0.5), (2, 0.3)]) == 1
    assert same_until([(1, 0.5)], [(1, 0.6)]) == 0
