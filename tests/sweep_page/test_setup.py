"""A sweep before it is started: its address, its cells, what is wrong with it, what it costs."""

from statistics import median
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from app.form import to_query
from app.sweep import address, values
from app.sweep.address import MOST_TEXT, Asked
from app.sweep.filled import Form, Texts, of_sweep
from app.sweep.plan import PlanError, cost, plan
from tests.compare.runs import recorded
from trainer.config.grid import MOST_CELLS
from trainer.config.run import RunConfig
from trainer.config.table import SETTINGS, to_config
from trainer.store.store import Store
from trainer.store.sweeps import Sweep
from trainer.sweep.adding import add

BASE = to_config({"model": "mlp", "epochs": 20})


def refused(rows: list[tuple[str, str]], **more: Any) -> PlanError:
    with pytest.raises(PlanError) as error:
        plan(BASE, rows, **more)
    return error.value


def test_the_address_has_a_whole_sweep_and_is_read_back():
    asked = Asked(config=BASE, over={"lr": "0.001, 0.01", "patience": "2"}, seeds=3, halving=True)
    assert address.read(address.write(asked)) == asked


@given(st.dictionaries(st.text(), st.text()))
def test_any_address_is_followed_as_far_as_it_goes(parts):
    query = "?" + "&".join(f"{key}={value}" for key, value in parts.items())
    asked = address.read(query)
    assert isinstance(asked.config, RunConfig)
    assert all(sentence.endswith((".", "?")) for sentence in asked.refused)


def test_a_wrong_part_of_the_address_costs_no_other():
    asked = address.read("?sweep=x&lr=0.02&over-lr=1,2&seeds=none&mode=x&colour=red")
    assert (asked.sweep, asked.config.lr, asked.over, asked.seeds) == (
        None, 0.02, {"lr": "1,2"}, 1,
    )  # fmt: skip
    assert list(asked.refused) == [
        "There is no sweep 'x'.",
        "seeds must be a whole number from 1 on, not 'none'.",
        "mode must be grid, halving, find, which or range, not 'x'.",
        "There is no setting 'colour'.",
    ]


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("?over-lrr=1&over-patience=2", "There is no setting 'lrr'. The nearest is lr."),
        ("?over-patience=2&find-colour=1&mode=which", "There is no setting 'colour'."),
        ("?over-patience=2&find-probe=1", "There is no setting 'probe'."),
    ],
)
def test_a_setting_of_the_address_that_there_is_not_is_said(query: str, says: str) -> None:
    asked = address.read(query)
    assert list(asked.refused) == [says]
    assert asked.over == {"patience": "2"}
    assert asked.plan == {}


def test_more_settings_than_there_are_rows_are_said() -> None:
    keys = [setting.key for setting in SETTINGS if setting.owner is None][:9]
    asked = address.read("?" + "&".join(f"over-{key}=1" for key in keys))
    assert [*asked.over] == keys[:8]
    assert list(asked.refused) == [
        f"At most 8 settings can take several values, without {keys[8]}."
    ]


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda s: f"{s.owner}-{s.key}")
def test_values_are_read_back_as_they_were_written(setting):
    given = [setting.default, *setting.choices]
    assert values.split(setting.key, values.joined(setting.key, given)) == [
        text for text in map(setting.text, given) if text
    ]


def test_each_setting_is_offered_with_values_that_can_be():
    """A setting of another schedule is offered beside that schedule."""
    for choice in values.keys(BASE)[:20]:
        made = plan(BASE, [(choice["value"], choice["usual"])])
        assert made.cells


def test_every_combination_is_a_cell_on_each_seed():
    made = plan(BASE, [("lr", "0.001, 0.01"), ("", "not read"), ("patience", "2; 5")], seeds=2)
    assert [(c.config.lr, c.config.schedule.patience, c.config.seed) for c in made.cells] == [
        (lr, patience, seed) for lr in (0.001, 0.01) for patience in (2, 5) for seed in (0, 1)
    ]


def test_a_refusal_stands_beside_its_row():
    error = refused([("lr", "0.001, x"), ("patience", "2"), ("momentum", "0.5")])
    assert error.rows.keys() == {0, 2}
    assert error.rows[0].startswith("x is wrong: Learning rate must be a number")
    assert error.rows[2].startswith("momentum does not belong to the optimizer Adam")


def test_a_setting_named_twice_and_one_without_values_are_refused():
    assert refused([("lr", "1e-3"), ("lr", "1e-2")]).rows == {
        1: "Learning rate is named twice: write its values in one row."
    }
    assert refused([("lr", " , ")]).rows == {0: "Learning rate has no values: name at least one."}


def test_an_empty_value_is_refused_as_in_the_terminal_and_one_to_come_is_not():
    said = refused([("lr", "0.1,,0.2"), ("patience", "2")]).rows
    assert said == {
        0: "Learning rate '0.1,,0.2' has an empty value: part the values with one ',' each."
    }
    assert len(plan(BASE, [("lr", "0.1, 0.2, ")]).cells) == 2
    assert len(plan(BASE, [("lr", "0.1\n0.2")]).cells) == 2


def test_a_value_that_is_there_twice_is_refused_beside_its_row():
    said = refused([("patience", "2"), ("lr", "0.1, 0.10")]).rows
    assert said == {1: "Learning rate has 0.1 twice: name each value once."}


MANY = [f"{number / 100_000:.17f}" for number in range(1, MOST_CELLS + 1)]


def test_a_box_holds_the_values_of_the_largest_grid_and_more_are_refused_beside_it():
    text = ", ".join(MANY)
    assert len(plan(BASE, [("lr", text)]).cells) == MOST_CELLS
    assert TypeAdapter(Texts).validate_python([text]) == [text]
    more = TypeAdapter(Texts).validate_python([None, text + "0" * MOST_TEXT])
    said = refused([("patience", "2"), ("lr", more[1] or "")]).rows
    assert said == {
        1: f"Learning rate has {len(more[1] or ''):,} characters of values, and "
        f"{MOST_TEXT:,} is the most: name fewer."
    }
    # A form of long texts is refused there, too, and quoted in part.
    assert len(refused([("lr", f"{text},, 1")]).rows[0]) < 200


def test_values_that_are_too_long_for_an_address_are_left_out_of_it():
    def query(values: list[str]) -> str:
        texts = [", ".join(values)]
        return Form(to_query(BASE), ["lr"], texts, (2, 20, 1), False).query()

    assert address.read(query(MANY[:300])).over == {"lr": ", ".join(MANY[:300])}
    asked = address.read(query(MANY))
    assert (asked.over, asked.seeds, asked.config) == ({}, 2, BASE)


def test_too_many_cells_are_refused_for_no_row():
    error = refused(
        [
            ("seed", ", ".join(map(str, range(50)))),
            ("batch-size", ", ".join(map(str, range(1, 51)))),
        ]
    )
    assert not error.rows
    assert "2,500 cells" in " ".join(error.others)


def test_the_cost_is_told_from_the_epochs_that_were_recorded(store: Store):
    made = plan(BASE, [("lr", "0.001, 0.01")])
    cells, unknown = cost(store, made)
    assert cells == "2 cells, 40 epochs at most."
    assert unknown.startswith("How long that takes is not known")
    run = recorded(store, epochs=5)
    seconds = median(epoch.seconds for epoch in store.epochs(run))
    config = store.run(run).config
    assert config is not None
    told = cost(store, plan(config, [("lr", "0.001, 0.01")]))[1]
    assert told == f"{2 * config.epochs * seconds:.1f} s at most, as fast as earlier runs."


def test_halving_says_what_it_stops_and_costs_less(store: Store):
    rows = [("lr", "0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.2, 0.3")]
    whole, halved = (cost(store, plan(BASE, rows, halving=h))[:2] for h in (False, True))
    assert whole[0] == "9 cells, 180 epochs at most."
    # 9 cells for 2 epochs, 3 for 4 more, 1 for 14 more.
    assert halved[0] == "9 cells, about 44 epochs."
    assert halved[1] == (
        "Those that lag stop early: of 9 cells 3 go on after epoch 2, 1 after epoch 6; "
        "of equal ones all."
    )


def test_the_form_of_a_sweep_sets_the_same_one_up_again(store: Store):
    rows = [("schedule", "none, ReduceLROnPlateau"), ("lr", "0.001, 0.01")]
    made = plan(BASE, rows, seeds=3)
    configs = [cell.config for cell in made.cells]
    sweep = store.sweep(store.add_sweep("grid", BASE, made.grid.model_dump(mode="json"), configs))
    assert sweep is not None
    asked = of_sweep(sweep)
    again = plan(asked.config, list(asked.over.items()), asked.seeds, asked.halving)
    assert again == made


def form_of(sweep: Sweep, **changes: Any) -> Form:
    """The form of a sweep, as the page holds it."""
    asked = of_sweep(sweep)
    over = {**asked.over, **changes.pop("over", {})}
    return Form(
        to_query(changes.pop("config", asked.config)),
        list(over),
        list(over.values()),
        (changes.pop("seeds", asked.seeds), asked.config.epochs, asked.workers),
        asked.halving,
    )


def test_only_what_a_sweep_has_not_yet_is_added_to_it(store: Store):
    made = plan(BASE, [("lr", "0.001, 0.01"), ("patience", "2")])
    number = add(store, made.config, made.grid)
    store.end_sweep(number, "finished")
    sweep = store.sweep(number)
    assert sweep is not None
    grown = form_of(sweep, over={"lr": "0.01, 0.1", "factor": "0.5"}, seeds=2)
    assert grown.extend(store, sweep) == 10  # 3 LRs, 2 factors, 2 seeds, without the 2 there
    store.end_sweep(number, "finished")
    again = store.sweep(number)
    assert again is not None
    assert form_of(again).extend(store, again) == 0


def test_it_is_said_before_whether_there_is_something_to_add(store: Store):
    values = [("milestones", "1; 2, 4"), ("schedule", "MultiStepLR"), ("lr", "0.001, 0.01")]
    made = plan(BASE, values)
    sweep = store.sweep(add(store, made.config, made.grid))
    assert sweep is not None

    def why(**changes: Any) -> str:
        form = form_of(sweep, **changes)
        count, told = form.adding(store, sweep, form.plan())
        return told if count == 0 else f"{count}"

    none = f"Sweep {sweep.id} has all of these values already."
    assert why() == why(over={"lr": "0.01"}) == why(over={"batch-size": "64"}) == none
    assert why(over={"lr": "0.01, 0.1"}) == "2"
    assert why(over={"milestones": "2, 5"}) == "2"
    assert why(over={"batch-size": "8"}) == "4"
    assert why(seeds=2) == "4"
    added = form_of(sweep, seeds=2)
    assert added.adding(store, sweep, added.plan())[1] == "That adds 4 cells, 80 epochs at most."
    other = sweep.config.model_copy(update={"epochs": 7, "seed": 3})
    changed = form_of(sweep, config=other)
    assert changed.adding(store, sweep, changed.plan()) == (
        0,
        f"Sweep {sweep.id} has other settings in common (seed): train this as a new one.",
    )


def test_nothing_of_another_base_is_added(store: Store):
    made = plan(BASE, [("lr", "0.001, 0.01")])
    sweep = store.sweep(add(store, made.config, made.grid))
    assert sweep is not None
    with pytest.raises(PlanError, match="has other settings in common"):
        form_of(sweep, config=RunConfig()).extend(store, sweep)
