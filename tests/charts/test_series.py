"""Rows -> series -> figure: pure, and JSON all the way."""

import json
from dataclasses import replace

import pytest

from app.charts import batches as within
from app.charts import figures
from app.charts.series import Line, Mark, by_hand, ratio, sentences, series, with_parent
from tests.small import metrics
from trainer.config import schedules
from trainer.config.run import RunConfig
from trainer.config.schedules import ReduceLROnPlateau
from trainer.schedule.epoch import Epoch
from trainer.schedule.interventions import RecordedIntervention
from trainer.schedule.schedule import Schedule
from trainer.schedule.trace import Trace, groups

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
GROUPS: dict[str, float | None] = {"lr, group 2": 0.01, "lr, group 3": 0.1}
DIVERGED = Epoch(5, 0.05, 0.05, metrics(None, None, 0.1), 0.1, None)


def test_a_cut_has_a_full_cell_and_its_mark_is_between_its_epoch_and_the_next() -> None:
    drawn = series(CONFIG, FLAT)
    assert drawn.cells["cut"] == Line([2.58, 2.58, 3.42, 3.42], [0.0, 1.0, 1.0, 0.0])
    assert drawn.marks == [Mark(3.5, 0.05, "cut", "÷2")]


def test_the_lr_of_an_epoch_is_drawn_across_it() -> None:
    drawn = series(CONFIG, FLAT)
    assert drawn.lr.x == [0.5, 1.5, 1.5, 2.5, 2.5, 3.5, 3.5, 4.5]
    assert drawn.lr.y == [0.1] * 6 + [0.05] * 2


def test_the_level_drawn_at_an_epoch_is_in_force_until_the_next() -> None:
    assert series(CONFIG, FLAT).level.y == [0.9999, 0.9999, 0.9999, 0.5 * 0.9999]


def test_accuracy_is_drawn_as_the_error_that_is_left() -> None:
    watching = CONFIG.model_copy(update={"monitor": "val_accuracy"})
    drawn = series(watching, rows([0.6, 0.75, 0.7], watching))
    assert drawn.level.y[0] == pytest.approx(1 - 0.6 * 1.0001)
    assert drawn.metrics["val_accuracy"].y == pytest.approx([0.1] * 3)
    assert "val_accuracy" not in series(CONFIG, FLAT).metrics


def filled(line: Line) -> list[float]:
    """The epochs of the cells in an outline."""
    return sorted({round(x) for x in line.x})


def test_every_epoch_has_one_cell_by_what_the_schedule_did() -> None:
    cooling = CONFIG.model_copy(
        update={"schedule": ReduceLROnPlateau(factor=0.5, patience=0, cooldown=1, min_lr=0.05)}
    )
    drawn = series(cooling, rows([1.0] * 5, cooling))
    assert [kind for _, kind, *_ in sentences(rows([1.0] * 5, cooling))] == [
        "improved", "cut", "cooldown", "no effect", "cooldown",
    ]  # fmt: skip
    cells = {kind: filled(line) for kind, line in drawn.cells.items() if line.x}
    assert cells == {"best": [1], "cut": [2], "cooldown": [3, 5], "no effect": [4]}
    assert [mark.kind for mark in drawn.marks] == ["cut"]


def test_bad_epochs_rise_with_their_count_and_a_moving_lr_slopes_its_way() -> None:
    patient = CONFIG.model_copy(update={"schedule": ReduceLROnPlateau(patience=3)})
    tops = series(patient, rows([1.0] * 4, patient)).cells["bad"].y
    assert tops[1] < tops[5] < tops[9] < 1  # type: ignore[operator]
    falling = CONFIG.model_copy(update={"schedule": schedules.ExponentialLR(), "warmup": 2})
    drawn = series(falling, rows([1.0] * 4, falling))
    up, down = drawn.cells["warm-up"].y, drawn.cells["moved"].y
    assert up[1] < up[2]  # type: ignore[operator]
    assert down[1] > down[2]  # type: ignore[operator]


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
    assert all(mark.lr is not None for mark in drawn.marks)


def test_divergence_is_a_gap_and_a_mark() -> None:
    drawn = series(CONFIG, [*FLAT, DIVERGED])
    assert drawn.metrics["train_loss"].y[-1] is None
    assert drawn.marks[-1].kind == "diverged"
    assert sentences([DIVERGED])[0].text == "Diverged at LR 0.05."


def test_a_figure_extended_row_by_row_is_the_figure_of_all_rows() -> None:
    every = [replace(row, metrics=row.metrics | GROUPS) for row in (*FLAT, DIVERGED)]
    whole = figures.figure(CONFIG, series(CONFIG, every))
    grown = figures.figure(CONFIG, series(CONFIG, every[:1]))
    for row in every[1:]:
        added = figures.extension(series(CONFIG, [row]))
        traces = {trace["meta"]: trace for trace in grown["data"]}
        for key, x, y in added["traces"]:
            traces[key]["x"] += x
            traces[key]["y"] += y
    for one, other in zip(whole["data"], grown["data"], strict=True):
        assert (one["x"], one["y"]) == (other["x"], other["y"])


def test_an_update_costs_the_same_late_in_a_run() -> None:
    one = replace(FLAT[1], metrics=FLAT[1].metrics | GROUPS)
    early, late = (
        json.dumps(figures.extension(series(CONFIG, [replace(one, epoch=e)]))) for e in (2, 9_999)
    )
    assert abs(len(early) - len(late)) < 100


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


def test_the_losses_are_drawn_under_their_names_and_what_has_any_size_is_only_told() -> None:
    measured = {"train_loss": 0.5, "perplexity": 7.0, "val_f1": 0.8, "val_kl_loss": None}
    drawn = series(CONFIG, [replace(row, metrics=measured) for row in FLAT[:2]])
    assert list(drawn.metrics) == ["train_loss", "val_loss", "val_kl_loss"]
    assert drawn.metrics["val_kl_loss"].y == [None, None]
    assert drawn.metrics["val_loss"].y == [None, None]
    assert drawn.told == {"perplexity": Line([1, 2], [7.0] * 2), "val_f1": Line([1, 2], [0.8] * 2)}
    traces = {trace["meta"]: trace for trace in figures.figure(CONFIG, drawn)["data"]}
    assert traces["metric:val_kl_loss"]["name"] == "val_kl_loss"
    assert traces["told:perplexity"]["name"] == "perplexity"
    assert "yaxis" not in traces["metric:val_kl_loss"]
    assert traces["told:perplexity"]["yaxis"] == "y5"
    sent = [key for key, *_ in figures.extension(drawn)["traces"]]
    assert {"told:perplexity", "metric:train_loss", "lr"} <= set(sent)


def test_the_monitor_is_drawn_with_its_like_on_other_data_whatever_its_size() -> None:
    watching = CONFIG.model_copy(update={"monitor": "val_perplexity"})
    measured: dict[str, float | None] = {
        "val_perplexity": 45.0,
        "train/perplexity": 40.0,
        "Loss/train": 0.3,
        "mse": 1e4,
    }
    drawn = series(watching, [replace(FLAT[0], metrics=measured)])
    assert set(drawn.metrics) == {
        "train_loss", "val_loss", "val_perplexity", "train/perplexity", "Loss/train",
    }  # fmt: skip
    assert list(drawn.told) == ["mse"]


def test_what_is_not_drawn_neither_bends_the_loss_axis_nor_is_marked_as_lost() -> None:
    measured = {"train_loss": 0.5, "kl": -1.0, "grad_norm": None}
    drawn = series(CONFIG, [replace(FLAT[0], metrics=measured)])
    assert figures.figure(CONFIG, drawn)["layout"]["yaxis"]["type"] == "log"
    assert drawn.lost.x == []


def test_the_lr_of_each_parameter_group_is_drawn_thinner_beside_the_first_ones() -> None:
    both = [replace(row, metrics=row.metrics | GROUPS) for row in FLAT[:2]]
    drawn = series(CONFIG, both)
    assert drawn.groups[2] == Line([0.5, 1.5, 1.5, 2.5], [0.01] * 4)
    assert not [name for name in drawn.metrics if "group" in name]
    traces = {trace["meta"]: trace for trace in figures.figure(CONFIG, drawn)["data"]}
    first, second = traces["lr"], traces["group:2"]
    assert (first["yaxis"], second["yaxis"]) == ("y2", "y2")
    assert second["line"]["width"] < first["line"]["width"]
    ends = figures.ends(drawn)
    assert [ends[key] for key in ("lr", "group:2", "group:3")] == [
        ["group 1", "lr"], ["group 2", "lr"], ["group 3", "lr"],
    ]  # fmt: skip
    assert "lr" not in figures.ends(series(CONFIG, FLAT))


def test_a_what_if_fills_the_traces_that_every_figure_has_for_it() -> None:
    keys = {trace["meta"] for trace in figures.figure(CONFIG, series(CONFIG, []))["data"]}
    (cut,) = [row.decision for row in FLAT if row.decision and row.decision.kind == "cut"]
    added = figures.what_if(Line([1], [0.1]), [cut], [cut], 3)
    assert set(added["traces"]) <= keys
    assert [shape["x0"] for shape in added["shapes"]] == [2.5]
    assert added["marks"] == [
        Mark(2.5, None, "what-if", "differs from here"),
        Mark(3.5, 0.05, "cut", "÷2"),
        Mark(3.5, 0.05, "guess", "÷2?"),
    ]
    assert figures.what_if(Line([], []), [], [], None)["shapes"] == []


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
    assert by_hand([change], 20) == [Mark(1.75, 0.05, "hand", "÷2")]
    assert drawn.marks == by_hand([change], 20)
    log = sentences(changed, [change])
    assert [(s.epoch, s.kind) for s in log] == [(1, "kept"), (2, "hand"), (2, "kept"), (3, "kept")]


def test_a_change_by_hand_is_told_in_as_few_characters_as_possible() -> None:
    def told(name: str, value: float | None, before: float, after: float) -> str:
        change = RecordedIntervention(
            id=1, at=0.0, epoch=2, batch=0, name=name, value=value,  # type: ignore[arg-type]
            lr_before=before, lr_after=after, sentence="",
        )  # fmt: skip
        return by_hand([change], 20)[0].label

    assert told("scale", 2.0, 0.1, 0.2) == "×2"
    assert told("scale", 0.1, 0.1, 0.01) == "÷10"
    assert told("cut", None, 0.1, 0.1) == "no effect"
    assert told("lr", 0.003, 0.1, 0.003) == "= 0.003"
    assert told("epochs", 10, 0.1, 0.1) == "+10 epochs"


@pytest.mark.parametrize("batch", [0, 5])
def test_an_lr_that_trained_no_batch_is_not_drawn(batch: int) -> None:
    run = CONFIG.model_copy(update={"schedule": schedules.NoSchedule()})
    lr = 0.1 if batch else 0.05
    changed = [replace(row, lr=lr, lr_last=0.05) for row in rows([1.0], run)]
    changes = [
        RecordedIntervention(
            id=i, at=0.0, epoch=1, batch=batch, name="lr", value=after, lr_before=before,
            lr_after=after, sentence="",
        )
        for i, (before, after) in enumerate([(0.1, 7.0), (7.0, 0.05)])
    ]  # fmt: skip
    drawn = series(run, changed, changes, batches=20)
    assert set(drawn.lr.y) == {lr, 0.05}
    assert drawn.marks == [Mark(0.5 + batch / 20, 0.05, "hand", "= 7, = 0.05")]


def test_the_batches_are_drawn_within_their_epochs_each_once_and_in_order() -> None:
    whole = Trace(tuple(float(i) for i in range(groups(844, 844))))
    x, y = zip(*within.points(3, whole, 844, 64), strict=True)
    assert list(y) == list(whole.losses)
    assert 2.5 < x[0] < x[-1] < 3.5
    assert list(x) == sorted(x)


@pytest.mark.parametrize("most", [64, 10, 7, 2])
def test_a_trace_that_grows_is_drawn_point_by_point_as_the_whole_one(most: int) -> None:
    losses = tuple(float(i % 5) for i in range(groups(844, 844)))
    whole = within.points(3, Trace(losses), 844, most)
    assert len(whole) <= most
    grown: list[tuple[float, float | None]] = []
    for known in range(len(losses) + 1):
        grown += within.points(3, Trace(losses[:known]), 844, most, len(grown))
    assert grown == whole


def test_a_chart_of_a_long_run_has_no_more_points_of_batches_than_can_be_drawn() -> None:
    for epochs in (1, 50, 999, 2_000, 2_001, 20_000):
        assert epochs * within.an_epoch(epochs) <= within.MOST
    assert within.an_epoch(20_000) == 0


def test_an_lr_that_moves_with_the_batches_has_its_true_shape() -> None:
    one = schedules.OneCycleLR(pct_start=0.5)
    run = CONFIG.model_copy(update={"schedule": one})
    (row,) = rows([1.0], run)
    drawn = series(run, [row], batches=4, traces={1: Trace((1.0,) * 4, (0.01, 0.05, 0.1, 0.02))})
    assert drawn.lr.y[1:-1] == [0.01, 0.05, 0.1, 0.02]
    assert drawn.lr.x[0] == 0.5
    assert drawn.lr.x[-1] == 1.5


def test_a_fork_has_its_parent_behind_it() -> None:
    drawn = with_parent(series(CONFIG, rows([1.0, 0.9])), CONFIG, FLAT, [], 1)
    assert drawn.behind["val_loss"].y == [1.0, 1.0, 1.0, 0.5]
    assert drawn.behind_lr.y[-2:] == [0.05, 0.05]
    names = {trace["meta"]: trace["name"] for trace in figures.figure(CONFIG, drawn)["data"]}
    assert names["behind:train_loss"] == "train loss of the parent"
    assert series(CONFIG, FLAT).behind == {}


def test_a_value_that_is_not_finite_is_marked_and_hides_no_other() -> None:
    drawn = series(CONFIG, [FLAT[0], replace(FLAT[1], metrics=metrics(None, 1.0, 0.9)), FLAT[2]])
    assert drawn.lost.x == [2]
    unknown = [replace(row, metrics=metrics(0.5, 1.0, None)) for row in FLAT]
    assert series(CONFIG, unknown).lost.x == []
    curve = figures.figure(CONFIG, drawn)["data"]
    assert all(trace["connectgaps"] for trace in curve if trace["meta"].startswith("metric:"))


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        (schedules.CosineAnnealingWarmRestarts(T_0=4), "one more epoch would have LR 0.1 instead"),
        (schedules.StepLR(step_size=4), "one more epoch would have LR 0.01 instead of 0.1."),
        (schedules.CyclicLR(max_lr=0.5, step_size_up=2), "one more epoch would have LR 0.1 inst"),
        (
            ReduceLROnPlateau(patience=2),
            "3 bad epochs, patience is 2: one more epoch would have LR 0.01 instead of 0.1.",
        ),
    ],
)
def test_what_takes_effect_only_after_the_last_epoch_is_not_announced(spec, said) -> None:
    run = RunConfig(lr=0.1, epochs=4, schedule=spec)
    made = rows([1.0] * 4, run)
    assert said in sentences(made, epochs=4)[-1].text
    assert said not in sentences(made, epochs=5)[-1].text  # epochs were added
    assert not [mark for mark in series(run, made, epochs=4).marks if mark.x > 4]
    assert [mark for mark in series(run, made, epochs=5).marks if mark.x > 4]
    assert sentences(made, epochs=4)[-1].kind == "kept"
    for kind in ("cut", "turn"):
        assert not any(x > 3.5 for x in series(run, made, epochs=4).cells[kind].x)


def test_the_last_epoch_does_not_warn_of_a_cut_by_the_next() -> None:
    made = rows([1.0] * 4, RunConfig(lr=0.1, epochs=4, schedule=ReduceLROnPlateau(patience=3)))
    assert sentences(made, epochs=5)[-1].text.endswith("The next bad epoch cuts.")
    assert sentences(made, epochs=4)[-1].text.endswith("3 of 3 bad epochs.")


@pytest.mark.parametrize(
    ("before", "after", "text"),
    [(1.0, 0.1, "÷10"), (1.0, 1 / 1371, "÷1370"), (1.0, 1 / 3.1623, "÷3.16"), (1e-5, 1, "×100000")],
)
def test_a_factor_is_written_out_with_three_significant_digits(before, after, text) -> None:
    assert ratio(before, after) == text
