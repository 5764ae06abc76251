"""What is on the cards above the charts, whatever the metrics are called."""

from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from app import ids
from app.charts.best import Best, best_of
from app.lab.cards import cards, number, on_cards
from app.lab.whole import view_of
from app.picture.drawn import drawn
from tests.charts.test_series import FLAT
from tests.lab.test_readout import run
from tests.watched.spools import SpoolWriter, epoch
from tests.watched.test_taker import begin
from trainer.config.recipe import Recipe
from trainer.store.store import Store
from trainer.watched.taker import Taker


@pytest.mark.parametrize(
    ("monitor", "metrics", "expected"),
    [
        ("val_loss", ["train_loss", "val_loss", "val_accuracy"],
         ["val_loss", "train_loss", "val_accuracy"]),
        ("eval_loss", ["loss", "eval_loss", "eval_f1"], ["eval_loss", "loss", "eval_f1"]),
        ("f1", ["acc", "loss", "f1"], [None, "loss", "f1"]),
        ("train_loss", ["train_loss", "acc"], [None, "train_loss", "acc"]),
        ("error", ["lr, group 2", "error", "lr, group 3"], ["error", None, None]),
        ("val_loss", [], [None, None, None]),
    ],
)  # fmt: skip
def test_each_card_shows_the_metric_that_fits_it_by_name(
    monitor: str, metrics: list[str], expected: list[str | None]
) -> None:
    assert list(on_cards(monitor, metrics).values()) == expected


def test_only_an_accuracy_within_1_is_in_percent() -> None:
    assert number("eval_accuracy", 0.912) == number("top-1 acc", 0.912) == "91.2 %"
    assert number("accuracy", 91.2) == "91.2"
    assert number("f1", 0.912) == number("accurate", 0.912) == "0.912"


def test_a_card_is_labelled_by_its_metric_and_says_when_that_was_best() -> None:
    rows = [replace(FLAT[0], metrics={"loss": 2.0, "f1": 0.5})]
    mine = run(recipe=Recipe(monitor="f1"), source="watched", started=None)
    shown = cards(mine, rows, best_of(rows, "val_loss", "f1"), 0.1)
    told = {card: [shown[ids.card(card, part)] for part in ("label", "value", "small")]
            for card in ("val", "train", "accuracy")}  # fmt: skip
    assert told == {
        "val": ["validation", "–", ""],
        "train": ["loss", "2.00", ""],
        "accuracy": ["f1", "0.500", "best 0.500 at 1"],
    }


def test_the_best_of_a_run_without_a_validation_loss_is_by_what_ranks_it(tmp_path: Path) -> None:
    values = [0.5, 0.75, 0.625]
    lines = [epoch(i, metrics={"loss": 1.0, "f1": value}) for i, value in enumerate(values, 1)]
    SpoolWriter(tmp_path, [begin(monitor="f1"), *lines])
    with closing(Store(tmp_path)) as store:
        Taker(store).once()
        view, picture = view_of(store, 1, 1), drawn(store, 1)
    assert view["readout"][ids.card("accuracy", "small")] == "best 0.750 at 2"
    (curve,) = [t for t in view["figure"]["data"] if t["meta"] == "metric:f1"]
    assert (view["best"][0], view["best"][1]) == (2, curve["y"][1])
    assert picture.best == Best(2, 0.75, "f1")
