"""Rows -> series -> figure: pure, and JSON all the way."""

import json
from dataclasses import replace

import pytest

from app.charts import figures
from app.charts.series import Line, Mark, by_hand, sentences, series
from tests.small import metrics
from trainer.config import schedules
from trainer.config.run import RunConfig
from trainer.config.schedules import ReduceLROnPlateau
from trainer.schedule.epoch import Epoch
from trainer.schedule.interventions import RecordedIntervention
from trainer.schedule.schedule import Schedule

CONFIG = RunConfig(lr=0.1, epochs=8, schedule=ReduceLROnPlateau(factor=0.5, patience=1))


def rows(losses: list[float], run: RunConfig = CONFIG) -> list[Epoch]:
    """Epochs as a run records them, with the decisions of torch's own class."""
    schedule = Schedule(run, batches=1)
    made = []
    for epoch, loss in enumerate(losses, 1):
        lr = schedule.lr
        schedule.step_batch()
        made.append(Epoch(epoch, lr, lr, metrics(loss / 2, loss, 0.9), 0.1, schedule.advance(loss)))
    return made


FLAT = rows([1.0, 1.0, 1.0, 0.5])
DIVERGED = Epoch(5, 0.05, 0.05, metrics(None, None, 0.1), 0.1, None)


def test_a_cut_is_on_its_epoch_and_its_line_between_it_and_the_next() -> None:
    drawn = series(CONFIG, FLAT)
    assert drawn.cuts.x == [3]
    assert drawn.cuts.text == ["2 bad epochs, patience is 1: LR cut from 0.1 to 0.05."]
    assert [(mark.x, mark.label) for mark in drawn.marks] == [(3.5, "÷2")]


def test_the_lr_of_an_epoch_is_drawn_across_it() -> None:
    drawn = series(CONFIG, FLAT)
    assert drawn.lr.x == [0.5, 1.5, 1.5, 2.5, 2.5, 3.5, 3.5, 4.5]
    assert drawn.lr.y == [0.1] * 6 + [0.05] * 2


def test_the_best_and_the_level_drawn_at_an_epoch_are_in_force_until_the_next() -> None:
    assert series(CONFIG, FLAT).best.y == [1.0, 1.0, 1.0, 0.5]
    assert series(CONFIG, FLAT).level.y == [0.9999, 0.9999, 0.9999, 0.5 * 0.9999]


def test_accuracy_is_drawn_as_the_error_that_is_left() -> None:
    watching = CONFIG.model_copy(update={"monitor": "val_accuracy"})
    drawn = series(watching, rows([0.6, 0.75, 0.7], watching))
    assert drawn.best.y == [0.4, 0.25, 0.25]
    assert drawn.level.y[0] == pytest.approx(1 - 0.6 * 1.0001)
    assert drawn.metrics["val_accuracy"].y == pytest.approx([0.1] * 3)
    assert "val_accuracy" not in series(CONFIG, FLAT).metrics


def test_cooldown_is_shaded_and_a_cut_without_effect_has_its_own_marker() -> None:
    cooling = CONFIG.model_copy(
        update={"schedule": ReduceLROnPlateau(factor=0.5, patience=0, cooldown=1, min_lr=0.05)}
    )
    drawn = series(cooling, rows([1.0] * 5, cooling))
    assert [kind for _, kind, *_ in sentences(rows([1.0] * 5, cooling))] == [
        "improved", "cut", "cooldown", "no effect", "cooldown",
    ]  # fmt: skip
    assert (drawn.cuts.x, drawn.no_effects.x) == ([2], [4])
    assert (drawn.lr_cuts.y, drawn.lr_no_effects.y) == ([0.1], [0.05])
    assert drawn.cooldown.x == [2.5, 2.5, 3.5, 3.5, 4.5, 4.5, 5.5, 5.5]
    assert [mark.kind for mark in drawn.marks] == ["cut"]


@pytest.mark.parametrize(
    ("schedule", "marks"),
    [
        (schedules.CosineAnnealingLR(T_max=3), [(3.5, "lowest"), (6.5, "peak")]),
        (
            schedules.CosineAnnealingWarmRestarts(T_0=3, T_mult=1),
            [(3.5, "restart"), (6.5, "restart")],
        ),
        (schedules.OneCycleLR(pct_start=0.5), [(4, "peak")]),
        (schedules.CyclicLR(max_lr=1.0, step_size_up=3), [(3.5, "peak"), (6.5, "lowest")]),
        (schedules.StepLR(step_size=3), [(3.5, "÷10"), (6.5, "÷10")]),
        (schedules.ExponentialLR(), []),
    ],
)
def test_every_turn_of_a_schedule_is_marked(schedule, marks) -> None:
    run = CONFIG.model_copy(update={"schedule": schedule})
    drawn = series(run, rows([1.0] * 8, run))
    assert [(mark.x, mark.label) for mark in drawn.marks] == marks


def test_divergence_is_a_gap_and_a_mark() -> None:
    drawn = series(CONFIG, [*FLAT, DIVERGED])
    assert drawn.metrics["train_loss"].y[-1] is None
    assert drawn.marks[-1].kind == "diverged"
    assert sentences([DIVERGED])[0].text == "Diverged at LR 0.05."


def test_bad_epochs_are_on_the_curve_that_was_watched() -> None:
    assert series(CONFIG, FLAT).bad_epochs.y == [1.0]
    watching = CONFIG.model_copy(update={"monitor": "train_loss"})
    assert series(watching, FLAT).bad_epochs.y == [0.5]


def test_a_figure_extended_row_by_row_is_the_figure_of_all_rows() -> None:
    every = [*FLAT, DIVERGED]
    whole = figures.figure(CONFIG, series(CONFIG, every))
    grown = figures.figure(CONFIG, series(CONFIG, every[:1]))
    for row in every[1:]:
        added = figures.extension(series(CONFIG, [row]))
        traces = {trace["meta"]: trace for trace in grown["data"]}
        for key, x, y, *_ in added["traces"]:
            traces[key]["x"] += x
            traces[key]["y"] += y
        grown["layout"]["shapes"] += added.get("shapes", [])
        grown["layout"]["annotations"] += added.get("annotations", [])
    for one, other in zip(whole["data"], grown["data"], strict=True):
        assert (one["x"], one["y"]) == (other["x"], other["y"])
    assert whole["layout"]["shapes"] == grown["layout"]["shapes"]
    assert whole["layout"]["annotations"] == grown["layout"]["annotations"]


def test_an_update_costs_the_same_late_in_a_run() -> None:
    early, late = (
        json.dumps(figures.extension(series(CONFIG, [replace(FLAT[1], epoch=e)])))
        for e in (2, 9_999)
    )
    assert abs(len(early) - len(late)) < 50


def test_no_figure_holds_what_json_cannot() -> None:
    figure = figures.figure(CONFIG, series(CONFIG, [*FLAT, DIVERGED]))
    json.dumps(figure, allow_nan=False)


def test_every_trace_has_its_own_key_and_a_colour_in_both_schemes() -> None:
    for run in (CONFIG, CONFIG.model_copy(update={"monitor": "val_accuracy"})):
        drawn = series(run, FLAT)
        keys = [trace["meta"] for trace in figures.figure(run, drawn)["data"]]
        assert len(set(keys)) == len(keys)
        for template in figures.chart_templates(drawn).values():
            assert len(template["data"]["scatter"]) == len(keys)


def test_a_metric_of_any_name_is_drawn_under_it_if_it_falls_as_it_gets_better() -> None:
    measured = {"train_loss": 0.5, "perplexity": 7.0, "val_f1": 0.8, "val_kl_loss": None}
    drawn = series(CONFIG, [replace(row, metrics=measured) for row in FLAT[:2]])
    assert drawn.metrics["perplexity"].y == [7.0, 7.0]
    assert drawn.metrics["val_kl_loss"].y == [None, None]
    assert drawn.metrics["val_loss"].y == [None, None]
    assert "val_f1" not in drawn.metrics
    names = {trace["meta"]: trace["name"] for trace in figures.figure(CONFIG, drawn)["data"]}
    assert names["metric:perplexity"] == "perplexity"
    assert names["behind:train_loss"] == "train loss of the parent"
    sent = [key for key, *_ in figures.extension(drawn)["traces"]]
    assert {"metric:perplexity", "metric:train_loss", "lr"} <= set(sent)


def test_a_what_if_fills_the_traces_that_every_figure_has_for_it() -> None:
    keys = {trace["meta"] for trace in figures.figure(CONFIG, series(CONFIG, []))["data"]}
    added = figures.what_if(Line([1], [0.1]), Line([], []), 3)
    assert set(added["traces"]) <= keys
    assert [shape["x0"] for shape in added["shapes"]] == [2.5]
    assert figures.what_if(Line([], []), Line([], []), None)["shapes"] == []


def test_an_intervention_is_a_step_where_it_was_made() -> None:
    run = CONFIG.model_copy(update={"schedule": schedules.NoSchedule()})
    changed = [
        replace(row, lr_last=0.05) if row.epoch == 2 else row for row in rows([1.0] * 3, run)
    ]
    change = RecordedIntervention(
        id=1, at=0.0, epoch=2, batch=5, name="scale", value=0.5, lr_before=0.1, lr_after=0.05,
        sentence="By hand: LR divided by 2.",
    )  # fmt: skip
    drawn = series(run, changed, [change], batches=20)
    assert drawn.lr.x == [0.5, 1.5, 1.5, 1.75, 1.75, 2.5, 2.5, 3.5]
    assert drawn.lr.y == [0.1, 0.1, 0.1, 0.1, 0.05, 0.05, 0.1, 0.1]
    assert by_hand([change], 20) == [Mark(1.75, "hand", "by hand")]
    log = sentences(changed, [change])
    assert [(s.epoch, s.kind) for s in log] == [(1, "kept"), (2, "hand"), (2, "kept"), (3, "kept")]


def test_a_fork_has_its_parent_behind_it() -> None:
    drawn = series(CONFIG, rows([1.0, 0.9]), behind=FLAT)
    assert drawn.behind["val_loss"].y == [1.0, 1.0, 1.0, 0.5]
    assert drawn.behind_lr.y[-2:] == [0.05, 0.05]
    assert series(CONFIG, FLAT).behind["train_loss"].x == []
