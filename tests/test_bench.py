import json
from collections.abc import Callable
from contextlib import closing

import pytest
import torch
import typer
from typer.testing import CliRunner, Result

from tests.bench import __main__ as bench
from tests.bench import profile, same, sides, storage, table, turns, watching
from tests.bench.table import Figure, Report, Row, Target
from trainer.engine.datasets import load
from trainer.store.store import Store

DIGITS = sides.TUTORIAL.model_copy(update={"dataset": "digits"})
MEASURED = Report(
    "Title",
    "Note",
    [
        Row(
            "what",
            Figure("LRScope", "s", (3.0, 1.0, 2.0)),
            Figure("tutorial", "s", (9.0, 4.0, 2.0)),
            (3.0, 4.0, 1.0),
            "as fast",
            Target("at least", 2.5),
        )
    ],
)
STEPS = 20  # more than the 17 batches of an epoch of digits


@pytest.fixture
def run() -> Callable[..., Result]:
    """Calls the command with arguments; its result."""
    app = typer.Typer()
    app.command()(bench.main)
    return lambda *arguments: CliRunner().invoke(app, list(arguments))


def test_the_engine_and_the_tutorials_loop_are_the_same_training(tmp_path):
    ours = same.engine_losses(DIGITS, tmp_path, STEPS)
    theirs = same.tutorial_losses(DIGITS, tmp_path, STEPS)
    assert len(ours) == STEPS
    assert same.largest_difference(ours, theirs) <= 1e-5
    assert ours[-1] < ours[0]


def test_in_float64_they_are_the_same_but_for_its_rounding(tmp_path):
    before = torch.get_default_dtype()
    with same.in_float64():
        ours = same.engine_losses(DIGITS, tmp_path, STEPS)
        theirs = same.tutorial_losses(DIGITS, tmp_path, STEPS)
    assert torch.get_default_dtype() == before
    assert same.largest_difference(ours, theirs) <= 1e-12
    assert ours != same.engine_losses(DIGITS, tmp_path, STEPS)


def test_another_order_is_another_training(tmp_path):
    other = DIGITS.model_copy(update={"seed": 1})
    ours = same.engine_losses(DIGITS, tmp_path, STEPS)
    theirs = same.tutorial_losses(other, tmp_path, STEPS)
    assert same.largest_difference(ours, theirs) > 1e-3


def test_turns_alternate_and_the_first_does_not_count():
    called: list[str] = []

    def turn(name: str) -> float:
        called.append(name)
        return float(len(called))

    ours, theirs = turns.in_turns(lambda: turn("A"), lambda: turn("B"), rounds=2)
    assert "".join(called) == "ABABAB"
    assert (ours, theirs) == ((3, 5), (4, 6))


def test_a_ratio_is_taken_round_by_round():
    assert table.ratios((6.0, 8.0), (2.0, 4.0)) == (3.0, 2.0)


@pytest.mark.parametrize(
    ("operation", "kind"),
    [
        ("aten::conv2d", "convolutions"),
        ("autograd::engine::evaluate_function: ConvolutionBackward0", "convolutions"),
        ("Optimizer.step#Adam.step", "optimizer"),
        ("aten::index", "gather, convert"),
        ("aten::max_pool2d", "pooling, other kernels"),
        ("store.record", "store"),
    ],
)
def test_an_operation_has_its_kind_of_work(operation, kind):
    assert profile.kind_of_work(operation) == kind


def test_json_holds_every_round(run, monkeypatch):
    monkeypatch.setattr(bench, "PARTS", {"epoch": lambda _: MEASURED})
    (row,) = json.loads(run("epoch", "--json").stdout)["parts"]["epoch"]["rows"]
    assert row["ours"] == {"name": "LRScope", "unit": "s", "values": [3, 1, 2], "median": 2}
    assert (row["ratios"], row["ratio"]) == ([3, 4, 1], 3)
    assert row["target"]["bound"] == 2.5
    assert row["reached"] is True


def test_the_table_shows_median_spread_target_and_verdict(run, monkeypatch):
    monkeypatch.setattr(bench, "PARTS", {"epoch": lambda _: MEASURED})
    shown = run("epoch").stdout
    line = next(line for line in shown.splitlines() if "tutorial" in line)
    assert [cell.strip() for cell in line.split("│")[1:-1]] == [
        "epoch",
        "what",
        "2.00 s (1.00 to 3.00)",
        "tutorial: 4.00 s (2.00 to 9.00)",
        "3.00 \N{MULTIPLICATION SIGN} (1.00 to 4.00) as fast",
        "≥ 2.5 \N{MULTIPLICATION SIGN}",
        "yes",
    ]
    assert "Note" in shown


def test_what_cannot_be_measured_is_a_row_and_a_sentence(run, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    shown = run("cuda").stdout
    assert "not measured" in shown
    assert "no CUDA device" in shown


def test_a_figure_without_ratio_is_judged_itself_at_p95_where_asked():
    figure = Figure("LRScope", "ms", (*[0.1] * 18, 5.0, 5.0))
    assert Row("", figure, target=Target("at most", 1)).reached
    assert not Row("", figure, target=Target("at most", 1, "p95")).reached


def test_the_barest_loop_trains_as_the_engine_does(tmp_path):
    loop = sides.Bare(DIGITS, load("digits", tmp_path, 0))
    first, *_ = loop.epoch()
    second, val_loss, accuracy = loop.epoch()
    assert second < first < 3
    assert val_loss < 3
    assert 0 < accuracy < 1


def test_every_side_is_asked_for_its_batches(tmp_path):
    splits = sides.part_of(load("digits", tmp_path, 0), 0.5, 10)
    with sides.recorded(DIGITS, splits) as run:
        run.epoch()
        run.train(STEPS)
        assert run.batches == 9
        assert run.done >= STEPS


def test_the_store_is_filled_with_copies_of_one_run(tmp_path):
    with closing(Store(tmp_path)) as store:
        storage.fill(store, 3)
        rows = [store.epochs(run) for run in (1, 2, 3)]
    assert rows[0] == rows[1] == rows[2]
    assert len(rows[0]) == storage.EPOCHS_EACH


def test_an_update_is_as_large_after_many_epochs():
    few, many = storage.update_sizes((12, 60))
    assert abs(many - few) < 40
    assert few > 500  # an epoch, its sentence and the readout


def test_each_call_of_a_watched_loop_is_timed(tmp_path, monkeypatch):
    monkeypatch.setattr(watching, "EPOCHS", 3)
    took = watching.call_times(watching.scope_in(str(tmp_path)))
    assert len(took) == 3
    assert all(milliseconds > 0 for milliseconds in took)


def test_an_unknown_part_is_refused_with_the_names_of_the_parts(run):
    result = run("speed")
    assert result.exit_code == 2
    assert "profile" in result.stderr


def test_a_folder_without_mnist_is_told_in_a_sentence_and_nothing_is_downloaded(run, tmp_path):
    for part in ("epoch", "same", "profile"):
        result = run(part, "--datasets", str(tmp_path))
        assert result.exit_code == 2
        assert str(tmp_path) in result.stderr
    assert list(tmp_path.iterdir()) == []
