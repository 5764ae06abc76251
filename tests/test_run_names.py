"""What a run is called, and what the control that picks one says of each."""

from pathlib import Path
from typing import Any

import pytest

from app import run_names
from app.run_picker import LISTED_RUNS, choices
from tests.lab.test_readout import IMPORTED, run
from trainer.config.recipe import Recipe
from trainer.config.run import RunConfig
from trainer.config.schedules import SCHEDULES
from trainer.config.table import to_config
from trainer.schedule.epoch import Epoch
from trainer.store.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Any:
    store = Store(tmp_path / "home")
    yield store
    store.close()


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({"schedule": "none"}, "constant LR"),
        ({}, "plateau ÷10, patience 5"),
        ({"factor": 0.3}, "plateau ×0.3, patience 5"),
        ({"warmup": 5, "factor": 0.5}, "plateau ÷2, patience 5, warm-up 5"),
        ({"schedule": "StepLR"}, "steps ÷10 every 10"),
        ({"schedule": "MultiStepLR"}, "steps ÷10 at 20, 35, 45"),
        ({"schedule": "ExponentialLR"}, "exponential ×0.95"),
        ({"schedule": "CosineAnnealingLR", "t-max": 30}, "cosine, T max 30"),
        ({"schedule": "CosineAnnealingWarmRestarts"}, "cosine with restarts, T 0 10"),
        ({"schedule": "OneCycleLR"}, "one cycle to 0.01"),
        ({"schedule": "CyclicLR"}, "cycles from 0.01 to 0.05"),
        ({"schedule": "LinearLR"}, "linear from ×1 to ×0.01 over 50"),
        ({"schedule": "PolynomialLR"}, "polynomial to 0 over 50, power 1"),
        ({"schedule": "ConstantLR"}, "×0.333 for 5"),
    ],
)
def test_a_run_is_named_by_its_schedule_and_the_rest_is_behind_it(
    settings: dict[str, Any], name: str
) -> None:
    named = run(recipe=to_config(settings))
    assert run_names.name(named) == name
    assert run_names.details(named) == "CNN · Digits · Adam 0.01"


def test_every_schedule_has_words_of_its_own() -> None:
    names = {run_names.name(run(recipe=to_config({"schedule": name}))) for name in SCHEDULES}
    assert len(names) == len(SCHEDULES)
    assert not names & set(SCHEDULES)


def test_a_factor_that_cannot_be_divided_by_is_named() -> None:
    tiny = run(recipe=to_config({"factor": 5e-324}))
    assert run_names.name(tiny).startswith("plateau ×")


def test_a_list_without_end_is_cut() -> None:
    many = to_config({"schedule": "MultiStepLR", "milestones": ",".join(map(str, range(1, 51)))})
    assert len(run_names.name(run(recipe=many))) <= run_names.MOST_SHOWN


def test_a_fork_is_named_by_its_parent_and_an_import_by_its_file() -> None:
    fork = run(recipe=RunConfig(), parent=19, parent_epoch=12)
    assert run_names.name(fork) == "fork of #19 after 12"
    assert run_names.details(fork) == "plateau ÷10, patience 5 · CNN · Digits · Adam 0.01"
    assert run_names.name(run(**IMPORTED)) == "mine.csv"


def test_a_given_name_comes_first_and_leaves_nothing_out() -> None:
    named = run(recipe=RunConfig(), name="the good one")
    assert run_names.name(named) == "the good one"
    assert run_names.details(named) == "plateau ÷10, patience 5 · CNN · Digits · Adam 0.01"
    fork = run(recipe=RunConfig(), parent=19, parent_epoch=12, name="ours")
    assert run_names.details(fork).startswith("fork of #19 after 12 · plateau")
    assert run_names.details(run(**IMPORTED, name="theirs")).startswith("mine.csv · ")


def test_the_choices_are_the_newest_runs_and_the_one_on_show(store: Store) -> None:
    for _ in range(LISTED_RUNS + 5):
        store.add(RunConfig())
    newest = [str(run) for run in range(LISTED_RUNS + 5, 5, -1)]
    assert [choice["value"] for choice in choices(store, 20)] == newest
    assert [choice["value"] for choice in choices(store, 3)] == [*newest, "3"]
    assert [choice["value"] for choice in choices(store, 99)] == newest


def test_a_choice_has_status_result_and_time(store: Store) -> None:
    rows = [Epoch(1, 0.01, 0.01, {"loss": 0.12345}, 0.0, None)]
    store.add_imported(Recipe(epochs=1, monitor="loss"), "mine.csv", rows)
    trained = store.add(RunConfig())
    (waiting, imported) = choices(store, None)
    assert (waiting["status"], waiting["result"]) == (["queued", "waiting"], "")
    assert (imported["status"], imported["result"]) == (["imported", "imported"], "0.123")
    added = store.run(trained)
    assert added is not None
    assert waiting["when"] == added.created


def test_a_renamed_run_is_called_so_until_its_name_is_taken_away(store: Store) -> None:
    run = store.add(RunConfig())
    store.rename(run, "  <b>mine</b> ")
    assert choices(store, run)[0]["label"] == "#1 <b>mine</b>"
    assert choices(store, run)[0]["called"] == "plateau ÷10, patience 5"
    store.rename(run, " ")
    assert choices(store, run)[0]["label"] == "#1 plateau ÷10, patience 5"
