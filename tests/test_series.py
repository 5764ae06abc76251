"""Rows -> series -> figure: pure, and JSON all the way."""

import json

from app import figures
from app.series import sentences, series
from trainer.config import ReduceLROnPlateau, RunConfig
from trainer.schedules import Schedule
from trainer.store import Epoch

CONFIG = RunConfig(lr=0.1, epochs=8, schedule=ReduceLROnPlateau(factor=0.5, patience=1))


def rows(losses: list[float]) -> list[Epoch]:
    """Epochs as a run records them, with the decisions of torch's own class."""
    schedule = Schedule(CONFIG, batches=1)
    made = []
    for epoch, loss in enumerate(losses, 1):
        lr = schedule.lr
        schedule.step_batch()
        made.append(Epoch(epoch, lr, lr, loss / 2, loss, 0.9, 0.1, schedule.advance(loss)))
    return made


FLAT = rows([1.0, 1.0, 1.0, 0.5])
DIVERGED = Epoch(5, 0.05, 0.05, None, None, 0.1, 0.1, None)


def test_a_cut_stands_on_its_epoch_and_its_line_between_it_and_the_next() -> None:
    drawn = series(CONFIG, FLAT)
    assert drawn.cuts.x == [3]
    assert drawn.cuts.text == ["2 bad epochs, patience is 1: LR cut from 0.1 to 0.05."]
    assert [(mark.x, mark.label) for mark in drawn.marks] == [(3.5, "÷2")]


def test_the_lr_of_an_epoch_is_drawn_across_it() -> None:
    drawn = series(CONFIG, FLAT)
    assert drawn.lr.x == [0.5, 1.5, 1.5, 2.5, 2.5, 3.5, 3.5, 4.5]
    assert drawn.lr.y == [0.1] * 6 + [0.05] * 2


def test_the_level_drawn_at_an_epoch_is_the_one_that_it_had_to_beat() -> None:
    assert series(CONFIG, FLAT).level.y == [None, 0.9999, 0.9999, 0.9999]


def test_the_level_is_left_out_where_the_monitor_is_not_a_loss() -> None:
    watching = CONFIG.model_copy(update={"monitor": "val_accuracy"})
    assert set(series(watching, FLAT).level.y) == {None}


def test_divergence_is_a_gap_and_a_mark() -> None:
    drawn = series(CONFIG, [*FLAT, DIVERGED])
    assert drawn.train_loss.y[-1] is None
    assert drawn.marks[-1].kind == "diverged"
    assert sentences([DIVERGED])[0].text == "Diverged at LR 0.05."


def test_bad_epochs_stand_on_the_curve_that_was_watched() -> None:
    assert series(CONFIG, FLAT).bad_epochs.y == [1.0]
    watching = CONFIG.model_copy(update={"monitor": "train_loss"})
    assert series(watching, FLAT).bad_epochs.y == [0.5]


def test_a_figure_extended_row_by_row_is_the_figure_of_all_rows() -> None:
    every = [*FLAT, DIVERGED]
    whole = figures.figure(CONFIG, series(CONFIG, every))
    grown = figures.figure(CONFIG, series(CONFIG, every[:1]))
    for row in every[1:]:
        added = figures.extension(series(CONFIG, [row]))
        for trace, x, y in zip(grown["data"], added["x"], added["y"], strict=True):
            trace["x"] += x
            trace["y"] += y
        grown["layout"]["shapes"] += added["shapes"]
        grown["layout"]["annotations"] += added["annotations"]
    for one, other in zip(whole["data"], grown["data"], strict=True):
        assert (one["x"], one["y"]) == (other["x"], other["y"])
    assert whole["layout"]["shapes"] == grown["layout"]["shapes"]
    assert whole["layout"]["annotations"] == grown["layout"]["annotations"]


def test_an_update_costs_the_same_late_in_a_run() -> None:
    early, late = (
        json.dumps(figures.extension(series(CONFIG, [FLAT[1].__class__(e, *_rest(FLAT[1]))])))
        for e in (2, 9_999)
    )
    assert abs(len(early) - len(late)) < 50


def _rest(row: Epoch) -> list[object]:
    return [getattr(row, name) for name in Epoch.__slots__[1:]]


def test_no_figure_holds_what_json_cannot() -> None:
    figure = figures.figure(CONFIG, series(CONFIG, [*FLAT, DIVERGED]))
    json.dumps(figure, allow_nan=False)


def test_the_two_themes_colour_the_same_things() -> None:
    assert figures.PALETTES["light"].keys() == figures.PALETTES["dark"].keys()
    traces = figures.figure(CONFIG, series(CONFIG, []))["data"]
    for scheme in figures.PALETTES:
        assert len(figures.template(scheme)["data"]["scatter"]) == len(traces)
