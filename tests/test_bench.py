import json

import pytest
import typer
from typer.testing import CliRunner

from tests import bench

DIGITS = bench.TUTORIAL.model_copy(update={"dataset": "digits"})
STEPS = 20  # more than the 17 batches of an epoch of digits


@pytest.fixture
def run():
    """Calls the command with arguments; its result."""
    app = typer.Typer()
    app.command()(bench.main)
    return lambda *arguments: CliRunner().invoke(app, list(arguments))


def test_the_engine_and_the_tutorials_loop_are_the_same_training(tmp_path):
    ours = bench.engine_losses(DIGITS, tmp_path, STEPS)
    theirs = bench.tutorial_losses(DIGITS, tmp_path, STEPS)
    assert len(ours) == STEPS
    assert bench.largest_difference(ours, theirs) <= 1e-5
    assert ours[-1] < ours[0]


def test_another_order_is_another_training(tmp_path):
    other = DIGITS.model_copy(update={"seed": 1})
    ours = bench.engine_losses(DIGITS, tmp_path, STEPS)
    theirs = bench.tutorial_losses(other, tmp_path, STEPS)
    assert bench.largest_difference(ours, theirs) > 1e-3


def test_turns_alternate_and_the_first_does_not_count():
    called: list[str] = []

    def turn(name: str) -> float:
        called.append(name)
        return float(len(called))

    ours, theirs = bench.in_turns(lambda: turn("A"), lambda: turn("B"), rounds=2)
    assert "".join(called) == "ABABAB"
    assert (ours, theirs) == ((3, 5), (4, 6))


def test_a_ratio_is_taken_round_by_round():
    assert bench.ratios((6.0, 8.0), (2.0, 4.0)) == (3.0, 2.0)


@pytest.mark.parametrize(
    ("operation", "kind"),
    [
        ("aten::conv2d", "convolutions"),
        ("autograd::engine::evaluate_function: ConvolutionBackward0", "convolutions"),
        ("Optimizer.step#Adam.step", "optimizer"),
        ("aten::index", "gather, convert"),
        ("aten::max_pool2d", "other torch"),
    ],
)
def test_an_operation_has_its_kind_of_work(operation, kind):
    assert bench.kind_of_work(operation) == kind


def test_json_holds_every_round(run, monkeypatch):
    report = bench.Report("Title", "Note", [bench.Figure("ratio", "times", (3.0, 1.0, 2.0))])
    monkeypatch.setattr(bench, "PARTS", {"epoch": lambda _: report})
    figures = json.loads(run("epoch", "--json").stdout)["parts"]["epoch"]["figures"]
    assert figures == [{"what": "ratio", "unit": "times", "values": [3, 1, 2], "median": 2}]


def test_the_table_shows_median_and_spread(run, monkeypatch):
    report = bench.Report("Title", "Note", [bench.Figure("ratio", "times", (3.0, 1.0, 2.0))])
    monkeypatch.setattr(bench, "PARTS", {"epoch": lambda _: report})
    shown = run("epoch").stdout
    row = next(line for line in shown.splitlines() if "ratio" in line)
    assert [cell.strip() for cell in row.split("│")[1:-1]] == [
        "ratio",
        "2.00",
        "1.00",
        "3.00",
        "times",
    ]
    assert "Note" in shown


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
