"""What is drawn of a comparison: medians, bands, smoothed and thinned curves, rule strips."""

import statistics
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.charts import rule
from app.charts.series import Line
from app.charts.thinning import COLUMNS, corners, smoothed, thinned
from app.compare import address
from app.compare.address import Asked
from app.compare.reading import Reading
from app.compare.scene import Scene, scene
from app.compare.strips import MOST_CELLS, Strip, strip_cells
from app.compare.view import _shown
from tests.compare.runs import recorded
from trainer.compare.seeds import paired, sentence
from trainer.store.store import Store

values = st.none() | st.floats(-1e3, 1e3)


@given(st.lists(values, max_size=30), st.floats(0.01, 0.95))
def test_the_smoothed_value_is_the_mean_in_which_the_past_weighs_less(
    given: list[float | None], weight: float
) -> None:
    found = smoothed(given, weight)
    for i, value in enumerate(found):
        seen = [v for v in given[: i + 1] if v is not None]
        if given[i] is None:
            assert value is None
            continue
        weights = [weight ** (len(seen) - 1 - k) for k in range(len(seen))]
        mean = sum(w * v for w, v in zip(weights, seen, strict=True)) / sum(weights)
        assert value == pytest.approx(mean, abs=1e-6)


@given(st.lists(values, min_size=1, max_size=1500), st.integers(1, 60))
def test_a_thinned_curve_keeps_the_lowest_and_the_highest_point(
    given: list[float | None], columns: int
) -> None:
    line = Line([float(i) for i in range(len(given))], given)
    found = thinned(line, columns)
    assert len(found.x) <= 2 * columns + 1  # the last point, too
    assert found.x == sorted(found.x)
    finite = [value for value in given if value is not None]
    if len(given) <= 2 * columns:
        assert found == line
    elif finite:
        drawn = [value for value in found.y if value is not None]
        assert min(drawn) == pytest.approx(min(finite), rel=1e-4)
        assert max(drawn) == pytest.approx(max(finite), rel=1e-4)


@given(st.lists(st.sampled_from([1.0, 0.5, 0.1]), max_size=40))
def test_a_line_of_steps_is_the_same_by_its_corners(lrs: list[float]) -> None:
    line = Line([float(i) for i in range(len(lrs))], list(lrs))
    found = corners(line)
    at = dict(zip(found.x, found.y, strict=True))
    last = None
    for x, y in zip(line.x, line.y, strict=True):
        last = at.get(x, last)
        assert last == y


def drawn(store: Store, **asked: object) -> dict[str, Line]:
    reading = Reading(store)
    shown = _scene(reading, **asked)
    picture = shown.picture(reading.decisions(shown.strips()))
    return {curve.key: line for curve, line in picture.curves}


def _scene(reading: Reading, **asked: object) -> Scene:
    wanted = Asked(**{"runs": tuple(range(1, 7)), **asked})  # type: ignore[arg-type]
    return scene(wanted, reading.of(wanted.runs)[0])


def test_the_median_and_the_band_are_those_of_the_seeds(pairs: Store) -> None:
    found = drawn(pairs)
    every = list(
        zip(*([r.metrics["val_loss"] for r in pairs.epochs(run)] for run in (1, 3, 5)), strict=True)
    )
    assert found["median:0"].y == pytest.approx([statistics.median(v) for v in every])
    high, low = found["band:0"].y[:6], found["band:0"].y[6:][::-1]
    assert (low, high) == ([min(v) for v in every], [max(v) for v in every])
    assert found["median:0"].x == [1, 2, 3, 4, 5, 6]


def test_a_hidden_run_is_in_no_band(pairs: Store) -> None:
    found = drawn(pairs, hidden=frozenset({1}))
    every = zip(
        *([r.metrics["val_loss"] for r in pairs.epochs(run)] for run in (3, 5)), strict=True
    )
    assert found["median:0"].y == pytest.approx([statistics.median(v) for v in every])
    assert found["run:1"].y == [row.metrics["val_loss"] for row in pairs.epochs(1)]


def test_smoothing_touches_every_metric_and_no_lr(pairs: Store) -> None:
    plain, smooth = drawn(pairs), drawn(pairs, smooth=0.9)
    assert smooth["run:1"].y != plain["run:1"].y
    for key in plain:
        if key.startswith(("lr:", "cell:")):
            assert smooth[key] == plain[key]


def test_curves_lie_over_epochs_batches_seconds_or_the_lr(pairs: Store) -> None:
    rows = pairs.epochs(1)
    batches = pairs.run(1).batches
    assert drawn(pairs, x="batches")["run:1"].x == [batches * row.epoch for row in rows]
    seconds = drawn(pairs, x="time")["run:1"].x
    assert seconds == pytest.approx(
        [sum(r.seconds for r in rows[: i + 1]) for i in range(6)], abs=2e-3
    )
    over_lr = drawn(pairs, x="lr")
    assert over_lr["run:1"].x == [row.lr_last for row in rows]
    assert not any(key.startswith(("lr:", "cell:", "band:")) for key in over_lr)


def test_only_runs_whose_lr_their_schedule_moves_have_a_strip(pairs: Store) -> None:
    assert [read.run.id for read in _scene(Reading(pairs)).strips()] == [1, 3, 5]


def test_a_strip_has_the_cells_of_the_lab(pairs: Store) -> None:
    rows = pairs.epochs(1)
    place = {row.epoch: (row.epoch - 0.5, row.epoch + 0.5) for row in rows}
    strip = Strip(1, "#1", {row.epoch: row.decision for row in rows}, 6, place)
    found = strip_cells(strip)
    assert [(c.kind, c.begins, c.ends) for c in found] == [rule.cell(r.decision, 6) for r in rows]
    long = strip._replace(epochs=12 * MOST_CELLS)
    assert len(strip_cells(long)) == 1  # and it shows what matters most
    kinds = {rule.cell(row.decision, 12 * MOST_CELLS)[0] for row in rows}
    assert strip_cells(long)[0].kind == ("cut" if "cut" in kinds else "best")


@pytest.mark.parametrize(
    ("by", "same"),
    [("setting", [[1, 3, 5], [2, 4, 6]]), ("seed", [[1, 2], [3, 4], [5, 6]]),
     ("run", [[1], [2], [3], [4], [5], [6]]), ("lr", [[1, 2, 3, 4, 5, 6]])],
)  # fmt: skip
def test_curves_are_coloured_by_setting_run_or_value(
    pairs: Store, by: str, same: list[list[int]]
) -> None:
    shown = _scene(Reading(pairs), colour=by)
    colours = [{shown.colour_of(run) for run in runs} for runs in same]
    assert all(len(found) == 1 for found in colours)
    assert len(set().union(*colours)) == len(same)


def test_the_page_tells_what_the_seeds_show(pairs: Store) -> None:
    shown = _shown(Reading(pairs), "?runs=1,2,3,4,5,6")
    best = [pairs.best(run, "val_loss").metrics["val_loss"] for run in range(1, 7)]
    expected = paired("val_loss", dict(enumerate(best[::2])), dict(enumerate(best[1::2])))
    text = str(shown["verdict"])
    if not expected.differs:
        assert sentence("plateau", expected) in text
    assert "6 runs, 2 settings" in shown["view"]["heading"]


def test_while_runs_are_awaited_no_more_seeds_are_asked_for(store: Store) -> None:
    recorded(store, epochs=2, patience=0)
    recorded(store, epochs=2, patience=1, upto=1)
    told = str(_shown(Reading(store), "?runs=1,2")["verdict"])
    assert "Not finished yet" in told
    assert "Wait until their runs have finished." in told
    assert "train more seeds" not in told


text = st.text(max_size=12) | st.sampled_from(
    ["1,2", "lr", "time", "0.5", "1e9", "nan", "-1", "on"]
)
keys = st.sampled_from([*Asked._fields, "off", "runs", "zoom"]) | st.text(max_size=5)


@given(st.dictionaries(keys, text, max_size=6))
def test_a_wrong_part_of_the_address_is_refused_in_a_sentence_and_costs_no_other(
    given: dict[str, str],
) -> None:
    good = {"runs": "3,1", "metric": "train_loss"}
    found = address.read("?" + urlencode({**given, **good}))
    assert (found.runs, found.metric) == ((3, 1), "train_loss")
    assert all(sentence.endswith(".") for sentence in found.refused)
    assert found.x in address.AXES
    assert 0 <= found.smooth <= address.MOST_SMOOTH
    assert found.colour in address.COLOURED_BY


def test_so_many_points_are_drawn_at_most() -> None:
    line = Line([float(i) for i in range(1000)], [float(i % 7) for i in range(1000)])
    assert len(thinned(line).x) <= 2 * COLUMNS + 1
