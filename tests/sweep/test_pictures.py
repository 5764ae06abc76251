"""The heat map, the ranked table, the parallel coordinates and the sentences of a sweep."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.charts import shades, theme
from app.sweep import heat, parallel, ranking
from app.sweep.heat import Axes, heat_map
from app.sweep.heat_cells import SIGNS
from tests.small import small
from tests.sweep.measured import measured
from tests.sweep.sweeps import added, trained
from trainer.config.text import significant
from trainer.store.store import Store
from trainer.sweep.reading import Read, Reading
from trainer.sweep.settings import Standing, standing, tried
from trainer.sweep.shown import shown
from trainer.sweep.statement import noise, statement

GRID: dict[str, list[Any]] = {"lr": [0.001, 0.01, 0.1], "factor": [0.1, 0.5], "patience": [2, 5]}


def loss(values: dict[str, Any], seed: int) -> float:
    distance = abs(math.log10(float(values["lr"])) + 2)
    return 0.1 * math.exp(distance) * (1 + 0.1 * seed)


def drawn(read: Read, axes: Axes | None = None) -> heat.Map:
    settings = tried(read)
    found = standing(settings, read.metric)
    return heat_map(read, settings, found, axes or heat.default_axes(read))


def numbers(picture: heat.Map) -> list[str]:
    return [cell["number"] for cell in picture.cells if cell["number"]]


def filled(picture: heat.Map) -> int:
    return sum(cell["shade"] is not None for cell in picture.cells)


def lost(picture: heat.Map) -> int:
    return sum(cell["lost"] for cell in picture.cells)


def marked(picture: heat.Map, mark: str) -> list[dict[str, Any]]:
    return [cell for cell in picture.cells if cell["mark"] == mark]


def test_every_setting_has_one_cell_with_its_number() -> None:
    read = measured(GRID, loss)
    picture = drawn(read)
    assert filled(picture) == 12
    assert sorted(numbers(picture)) == sorted(significant(cell.best) for cell in read.cells)
    runs = [run for cell in picture.cells for run in cell["runs"]]
    assert sorted(runs) == [cell.run for cell in read.cells]
    places = [cell["at"] for cell in picture.cells]
    assert len(set(places)) == 12
    assert [len(own) for own in picture.columns] == [2, 2]
    sides = len(picture.panels), len(picture.rows), 2
    assert sides == (2, 3, 2)
    assert tuple(map(max, zip(*places, strict=True))) == tuple(side - 1 for side in sides)


def test_what_was_not_reached_is_empty_and_nothing_is_between() -> None:
    read = measured(GRID, loss)
    first = read.cells[0]._replace(status="queued", epoch=0, best=None, at=None)
    picture = drawn(read._replace(cells=[first, *read.cells[1:]]))
    assert filled(picture) == 11
    assert lost(picture) == 0
    [empty] = [cell for cell in picture.cells if cell["shade"] is None]
    assert (empty["number"], empty["sign"], empty["runs"]) == ("", "", [first.run])


@pytest.mark.parametrize(
    ("status", "sign"), [("training", "…"), ("stopped", "■"), ("diverged", "✕")]
)
def test_a_cell_that_has_not_finished_has_its_own_mark(status: str, sign: str) -> None:
    read = measured(GRID, loss)
    first = read.cells[0]._replace(status=status, epoch=7)
    picture = drawn(read._replace(cells=[first, *read.cells[1:]]))
    assert [cell["sign"] for cell in picture.cells].count(sign) == 1
    assert sign in [entry.get("sign") for entry in picture.legend]
    assert filled(picture) + lost(picture) == 12
    assert lost(picture) == (status == "diverged")
    told = [line for cell in picture.cells for line in cell["told"]]
    assert told.count(f"{status}, after epoch 7 of 20") == 1


def test_the_values_of_an_axis_are_in_their_order() -> None:
    read = measured({"lr": [0.1, 1e-4, 0.01], "factor": [0.5, 0.1]}, loss)
    picture = drawn(read)
    assert picture.rows == ["0.1", "0.01", "1e-4"]  # from the top
    assert picture.columns == [["0.1", "0.5"]]
    assert picture.cells[2]["told"][0] == "LR 0.01, factor 0.1"
    assert picture.cells[2]["at"] == (0, 1, 0)


def test_of_settings_that_differ_in_no_axis_the_best_is_shown() -> None:
    read = measured({**GRID, "momentum": [0.5, 0.9]}, lambda v, s: loss(v, s) + v["momentum"])
    picture = drawn(read)
    assert filled(picture) == 12
    shown = {run for cell in picture.cells for run in cell["runs"]}
    assert shown == {cell.run for cell in read.cells if cell.values["momentum"] == 0.5}
    assert "differ in momentum" in picture.note


def test_of_several_seeds_the_mean_is_shown_and_the_spread_is_told() -> None:
    read = measured({"lr": [0.01, 0.1]}, loss, seeds=3)
    picture = drawn(read)
    assert filled(picture) == 2
    mean = math.exp(sum(math.log(loss({"lr": 0.01}, seed)) for seed in range(3)) / 3)
    [best] = marked(picture, "best")
    assert best["number"] == significant(mean)
    assert "3 seeds, from 0.100 to 0.120" in best["told"]
    assert "geometric mean of 3 seeds" in picture.note


def test_seeds_can_be_an_axis() -> None:
    read = measured({"lr": [0.01, 0.1]}, loss, seeds=3)
    assert filled(drawn(read, Axes("lr", "seed"))) == 6


def test_a_setting_that_diverged_on_one_seed_has_no_mean() -> None:
    read = measured({"lr": [0.01, 0.1]}, loss, seeds=2)
    cells = [read.cells[0]._replace(status="diverged", epoch=3), *read.cells[1:]]
    settings = tried(read._replace(cells=cells))
    assert settings[0].mean is None
    assert standing(settings, "val_loss").best == 1


def test_the_best_and_what_is_within_the_noise_are_outlined() -> None:
    def value(values: dict[str, Any], seed: int) -> float:
        own = 0.1 if values["lr"] == 0.01 else 1.0
        return own * (1 + 0.05 * ((seed * 7 + int(values["patience"]) * 3) % 5))

    read = measured({"lr": [0.01, 0.1], "patience": [1, 2, 3, 4]}, value, seeds=3)
    settings = tried(read)
    found = standing(settings, read.metric)
    assert found.best is not None
    assert {settings[i].values["lr"] for i in (found.best, *found.within)} == {0.01}
    picture = drawn(read)
    assert len(marked(picture, "best")) == 1
    assert len(marked(picture, "within")) == len(found.within) > 0


def test_what_one_seed_tells_is_said_by_the_sentences_alone() -> None:
    read = measured(GRID, lambda v, _s: v["lr"] * v["patience"] / v["factor"])
    settings = tried(read)
    alone = standing(settings, read.metric, noise=lambda _: math.log(1.01))
    picture = heat_map(read, settings, alone, heat.default_axes(read))
    assert picture.note == "Best validation loss, one seed; faintest: 4 times the best, or more."
    assert statement(read, settings, alone)[1] == (
        "No other setting comes within 1 % of it, which is how far this one run moves by itself; "
        "another seed may still order them otherwise."
    )


def test_those_that_share_the_lowest_are_counted() -> None:
    read = measured(GRID, lambda v, _s: v["lr"])
    (first, *_) = statement(read, tried(read), standing(tried(read), read.metric))
    assert "and 3 others had the lowest validation loss" in first  # of 4 with the lowest LR
    under_way = read._replace(cells=[read.cells[0]._replace(status="interrupted"), *read.cells[1:]])
    settings = tried(under_way)
    (first, *_) = statement(under_way, settings, standing(settings, read.metric))
    assert "so far" in first


def test_one_run_is_compared_with_nothing() -> None:
    read = measured({"lr": [0.1]}, lambda _v, _s: 0.25)._replace(keys=())
    told = statement(read, tried(read), standing(tried(read), read.metric))
    assert told == ["The one run: lowest validation loss 0.250, epoch 15."]
    read = measured({"lr": [0.1]}, lambda _v, _s: 0.25, seeds=3)._replace(keys=())
    told = statement(read, tried(read), standing(tried(read), read.metric))
    assert told == ["The mean of 3 seeds: lowest validation loss 0.250."]


def test_a_setting_that_changed_nothing_is_told_as_such() -> None:
    read = measured(GRID, lambda v, _s: v["lr"] * (1 + v["factor"]))
    settings = tried(read)
    told = statement(read, settings, standing(settings, read.metric, lambda _: 0.01))
    assert told[1:] == [
        "No other setting comes within 1 % of it, which is how far this one run moves by itself; "
        "another seed may still order them otherwise.",
        "Next to the best, patience changes nothing: the best epoch is one that these runs share.",
    ]


def test_of_a_sweep_that_was_stopped_at_its_first_run_no_more_is_told_than_this_run() -> None:
    read = measured({"lr": [0.1, 0.2, 0.3]}, lambda v, _s: 0.25 if v["lr"] == 0.1 else None)
    others = [c if c.best else c._replace(status="interrupted", epoch=0) for c in read.cells]
    read = read._replace(cells=others)
    told = statement(read, tried(read), standing(tried(read), read.metric))
    assert told == ["So far only LR 0.1 is measured: lowest validation loss 0.250, epoch 15."]


def test_what_was_stopped_early_shows_no_lack_of_a_difference() -> None:
    read = measured({"lr": [0.1, 0.2]}, lambda v, _s: 1 + 0.01 * v["lr"])
    within = standing(tried(read), read.metric, lambda _: 0.1)
    assert "no difference" in statement(read, tried(read), within)[-1]
    read.cells[1] = read.cells[1]._replace(status="stopped")
    assert "no difference" not in statement(read, tried(read), within)[-1]


def test_seeds_that_have_not_begun_are_not_counted() -> None:
    read = measured(GRID, lambda v, s: loss(v, s) if s == 0 else None, seeds=3)
    read = read._replace(cells=[c if c.best else c._replace(status="queued") for c in read.cells])
    settings = tried(read)
    (first, *_) = statement(read, settings, standing(settings, read.metric))
    assert first.startswith("Of 12 settings, one seed, LR 0.01, ")


def of_schedules() -> Read:
    """Two LRs of a constant LR, of steps with two gammas, and of the plateau rule with two
    patiences.
    """
    values: dict[str, list[Any]] = {
        "lr": [0.01, 0.1], "schedule": ["none", "StepLR", "ReduceLROnPlateau"],
        "patience": [2, 5], "gamma": [0.1, 0.5],
    }  # fmt: skip
    own = {"none": set(), "StepLR": {"gamma"}, "ReduceLROnPlateau": {"patience"}}
    read = measured(values, loss)
    cells: dict[tuple[Any, ...], Any] = {}
    for cell in read.cells:
        kept = {"lr", "schedule"} | own[cell.values["schedule"]]
        found = {key: value for key, value in cell.values.items() if key in kept}
        cells.setdefault(tuple(found.items()), cell._replace(values=found))
    return read._replace(cells=[*cells.values()])


def test_the_usual_axes_are_those_that_every_cell_has() -> None:
    picture = drawn(of_schedules())
    assert heat.default_axes(of_schedules()) == Axes("lr", "schedule", None)
    assert filled(picture) == 2 * 3
    assert "differ in patience and gamma" in picture.note
    assert "no such combination" not in picture.note


def test_a_panel_has_only_the_columns_that_there_are_in_it() -> None:
    picture = drawn(of_schedules(), Axes("lr", "schedule", "patience"))
    assert filled(picture) == 2 * 4
    assert sorted(map(len, picture.columns)) == [1, 1, 2]
    assert len(picture.panels) == 3
    assert "no such combination" not in picture.note
    for panel, _, column in (cell["at"] for cell in picture.cells):
        assert column < len(picture.columns[panel])
    sparse = drawn(of_schedules(), Axes("patience", "gamma"))
    assert filled(sparse) == 2 + 2 + 1
    assert "Where there is no cell, there is no such combination." in sparse.note


def test_colours_follow_the_scheme_and_no_trace_brings_its_own() -> None:
    read = measured(GRID, loss)
    settings = tried(read)
    found = standing(settings, read.metric)
    picture = parallel.parallel(read, settings, found)
    count = sum(each["type"] == "scatter" for each in picture.figure["data"])
    for template in picture.templates.values():
        assert len(template["data"]["scatter"]) == count
    assert "color" not in str(picture.figure)


def test_a_value_of_a_run_that_still_trains_is_told_as_such() -> None:
    read = measured(GRID, loss)
    read.cells[-1] = read.cells[-1]._replace(status="training")
    settings = tried(read)
    rows = ranking.rows(read, settings, standing(settings, read.metric))
    under_way = [row for row in rows if not row["ended"]]
    assert [row["run"] for row in under_way] == [read.cells[-1].run]
    assert "still trains: its value so far" in under_way[0]["said"]
    assert all("still" not in row["said"] for row in rows if row["ended"])


def test_the_numbers_of_a_map_can_be_read_in_either_scheme() -> None:
    for cell in drawn(measured(GRID, loss)).cells:
        for scheme, ink in zip(theme.COLOURS, cell["ink"], strict=True):
            colours = theme.colours(scheme)
            ground = shades.shade(colours, cell["shade"] / 100)
            assert shades.contrast(colours[ink], ground) >= shades.AA


def test_a_cell_that_has_not_changed_is_the_same_object() -> None:
    read, made = measured(GRID, loss), heat.Made()
    settings = tried(read)
    found = standing(settings, read.metric)
    first = heat_map(read, settings, found, heat.default_axes(read), made)
    last = read.cells[-1]._replace(status="training", epoch=7)
    settings = tried(read._replace(cells=[*read.cells[:-1], last]))
    then = heat_map(read, settings, found, heat.default_axes(read), made)
    changed = [new for old, new in zip(first.cells, then.cells, strict=True) if new is not old]
    assert [cell["runs"] for cell in changed] == [[last.run]]
    assert then == heat_map(read, settings, found, heat.default_axes(read))


def test_a_setting_whose_cells_have_not_changed_is_the_same_object() -> None:
    for seeds in (1, 2):
        read, made = measured(GRID, loss, seeds=seeds), dict[int, Any]()
        first = tried(read, made=made)
        *others, last = read.cells
        read = read._replace(cells=[*others, last._replace(best=0.5, cost=0.5)])
        then = tried(read, made=made)
        assert then == tried(read)
        changed = [new for old, new in zip(first, then, strict=True) if new is not old]
        assert [its.runs for its in changed] == [first[-1].runs]


def test_an_accuracy_is_better_the_higher_it_is() -> None:
    read = measured(GRID, lambda v, s: 1 - loss(v, s), metric="val_accuracy")
    settings = tried(read)
    found = standing(settings, read.metric)
    assert found.best is not None
    assert settings[found.best].values["lr"] == 0.01
    rows = ranking.rows(read, settings, found)
    assert [row["lr"] for row in rows[:4]] == ["0.01"] * 4
    assert "the highest validation accuracy" in statement(read, settings, found)[0]


def test_the_table_has_every_setting_from_the_best_to_the_worst() -> None:
    read = measured(GRID, loss)
    cells = [read.cells[0]._replace(status="diverged"), *read.cells[1:]]
    settings = tried(read._replace(cells=cells))
    rows = ranking.rows(read, settings, standing(settings, read.metric))
    means = [float(row["mean"]) for row in rows[:-1]]
    assert means == sorted(means)
    assert (rows[0]["rank"], rows[0]["mark"]) == ("1", "best")
    assert (rows[-1]["mean"], rows[-1]["status"]) == ("", "diverged after 20")
    assert len({row["id"] for row in rows}) == 12
    for column in ranking.definitions(read):
        assert all({column["colId"], column["field"]} <= row.keys() for row in rows)


def test_the_sentence_names_the_lowest_and_what_one_seed_cannot_tell() -> None:
    read = measured(
        {"lr": [0.01, 0.1], "patience": [2, 5]}, lambda v, _s: v["lr"] + v["patience"] / 1e3
    )
    settings = tried(read)
    found = standing(settings, read.metric, lambda _: math.log(1.3))
    assert statement(read, settings, found) == [
        "Of 4 runs on this seed and split, LR 0.01, patience 2 had the lowest validation loss "
        "(0.0120, epoch 15).",
        "1 setting within 30 % cannot be told apart from one seed.",
        "Next to the best, patience makes no difference that can be told.",
    ]


def test_nothing_is_said_before_there_is_a_value() -> None:
    read = measured(GRID, lambda _v, _s: None, status="queued", epoch=0)
    settings = tried(read)
    found = standing(settings, read.metric)
    assert found == Standing(None, frozenset(), None, 0)
    assert statement(read, settings, found) == ["Nothing is measured yet."]
    assert filled(drawn(read)) == 0
    assert ranking.rows(read, settings, found)[0]["rank"] == ""


def test_the_noise_of_one_run_is_the_step_between_its_epochs() -> None:
    course = [1.0, 1.1, 1.0, 1.1, 1.0]
    assert noise(course, "val_loss") == pytest.approx(math.log(1.1))
    assert noise(course[:3], "val_loss") is None


def test_a_sweep_is_shown_with_the_noise_of_its_best_run(store: Store) -> None:
    sweep = added(store, small(epochs=6), {"lr": [0.01, 0.1], "patience": [0, 1]})
    trained(store, sweep)
    row = store.sweep(sweep)
    assert row is not None
    found = shown(Reading(store), row)
    assert found.standing.best is not None
    assert len(found.settings) == 4
    told = " ".join(statement(found.read, found.settings, found.standing))
    assert "optimal" not in told


values = st.none() | st.floats(0, 1e3)
states = st.sampled_from([*SIGNS, "finished"])


@given(st.lists(st.tuples(values, states), min_size=18, max_size=18))
def test_whatever_was_measured_can_be_drawn(found: list[tuple[float | None, str]]) -> None:
    read = measured({"lr": [0.1, 0.2, 0.3], "patience": [1, 2]}, lambda _v, _s: 1.0, seeds=3)
    cells = [
        cell._replace(best=best, status=status, at=None if best is None else 3,
                      cost=math.inf if best is None else best)
        for cell, (best, status) in zip(read.cells, found, strict=True)
    ]  # fmt: skip
    read = read._replace(cells=cells)
    settings = tried(read)
    seen = standing(settings, read.metric, lambda _: 0.1)
    picture = heat_map(read, settings, seen, heat.default_axes(read))
    assert filled(picture) == sum(its.mean is not None for its in settings)
    parallel.parallel(read, settings, seen)
    assert len(ranking.rows(read, settings, seen)) == 6
    assert all(sentence.endswith(".") for sentence in statement(read, settings, seen))
