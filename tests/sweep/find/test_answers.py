"""What is said of runs at several LRs, from their numbers alone."""

import math
import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.sweep.find.tries import of_seeds, tried
from trainer.compare.seeds import student
from trainer.sweep.find.answers import Tried, best_here, lowest, which_lr, wobble

LRS = [1e-4, 1e-3, 0.01, 0.1, 1.0]
LOSSES = st.one_of(st.none(), st.floats(1e-3, 1e3))


def test_the_probes_with_the_lowest_last_losses_go_on_and_what_is_not_finite_drops_out() -> None:
    probes = [
        tried(1, 1e-4, (2.0, 1.9)),
        tried(2, 1e-3, (1.0, 1.2)),
        tried(3, 1e-2, (2.0, 1.2)),
        tried(4, 1e-1, (0.1, None), diverged=True),
    ]
    assert [p.run for p in lowest(probes, 2)] == [2, 3]
    assert [p.run for p in lowest(probes, 9)] == [2, 3, 1]


def test_the_best_run_is_that_with_the_lowest_loss_of_any_epoch() -> None:
    runs = [tried(8, 1e-3, (0.9, 0.3, 0.5)), tried(9, 1e-2, (0.8, 0.4, 0.31))]
    answer = best_here([tried(1, 1e-3, (0.9,)), tried(2, 1e-2, (0.8,))], runs)
    assert answer["best"] == {"run": 8, "lr": 1e-3, "val_loss": 0.3, "epoch": 2}
    assert answer["edge"] == "lowest"
    assert answer["within"] is None
    assert best_here([], [])["best"] is None


def test_the_scatter_of_a_smooth_loss_is_that_of_its_noise() -> None:
    noise = random.Random(0)
    logs = [-0.03 * n + noise.gauss(0, 0.2) for n in range(4000)]
    run = tried(1, 0.01, [math.exp(value) for value in logs])
    assert wobble([run]) == pytest.approx(0.2, rel=0.05)
    within = best_here([run], [run])["within"]
    assert within == pytest.approx(math.exp(1.96 * math.sqrt(2) * 0.2) - 1, rel=0.1)


def test_epochs_after_a_cut_do_not_make_a_run_seem_surer() -> None:
    losses = [1.0, 0.5, *[0.5, 0.7] * 5, *[0.4] * 8]
    constant = tried(1, 0.1, losses)
    cut = replace(constant, lrs=(*[0.1] * 12, *[0.01] * 8))
    before = replace(constant, losses=tuple(losses[:12]), lrs=constant.lrs[:12])
    assert (wobble([constant]) or 1.0) < (wobble([cut]) or 0.0)
    assert wobble([cut]) == pytest.approx(wobble([before]), rel=0.05)
    assert wobble([replace(cut, lrs=(*[0.1] * 6, *[0.01] * 14))]) is None


def test_the_lowest_lr_within_a_tenth_of_the_best_is_the_answer() -> None:
    answer = which_lr(
        of_seeds({1e-3: (0.5, 0.5), 3e-3: (0.2, 0.24), 0.01: (0.22, 0.2), 0.03: (9.0, None)}), 0.1
    )
    assert (answer["lr"], answer["best"], answer["band"]) == (3e-3, 0.01, [3e-3, 0.01])
    assert answer["cliff"] == {"lr": 0.03, "times": None}
    assert not answer["wide"]
    assert answer["edge"] is None


def test_a_band_of_more_than_two_decades_tells_nothing() -> None:
    table = {1e-4: (0.5,), 1e-3: (0.5,), 0.01: (0.5,)}
    assert which_lr(of_seeds(table), 0.1)["lr"] == 1e-4
    wide = which_lr(of_seeds({**table, 0.03: (0.5,)}), 0.1)
    assert wide["wide"]
    assert wide["lr"] is None
    assert wide["band"] == [1e-4, 0.03]


def test_an_lr_that_lacks_a_seed_is_not_compared() -> None:
    answer = which_lr(of_seeds({1e-3: (0.5, 0.6), 0.01: (0.1, None)}), 0.1)
    assert answer["lr"] == 1e-3
    assert [s["score"] for s in answer["scores"]][1] is None
    assert which_lr(of_seeds({0.1: (None, None)}), 0.1)["lr"] is None
    assert which_lr([], 0.1)["band"] is None


def test_how_far_lrs_must_be_apart_is_student_of_what_seeds_leave() -> None:
    # Two LRs on two seeds: what is left is a quarter of the difference of differences, four times.
    logs = {1e-3: (0.0, 0.3), 0.01: (0.1, 0.1)}
    table = {lr: [math.exp(v) for v in row] for lr, row in logs.items()}
    left = ((0.3 - 0.0) - (0.1 - 0.1)) / 4
    expected = math.exp(student(1, 0.975) * 2 * left * math.sqrt(2 / 2)) - 1
    assert which_lr(of_seeds(table), 0.1)["apart"] == pytest.approx(expected)
    assert which_lr(of_seeds({lr: row[:1] for lr, row in table.items()}), 0.1)["apart"] is None


@given(
    table=st.lists(st.tuples(LOSSES, LOSSES), min_size=1, max_size=5),
    within=st.floats(0.01, 1.0),
)
def test_no_lr_below_the_answer_is_as_good(
    table: list[tuple[float | None, float | None]], within: float
) -> None:
    rows = dict(zip(LRS, table, strict=False))
    answer = which_lr(of_seeds(rows), within)
    scores = {lr: (math.log(a) + math.log(b)) / 2 for lr, (a, b) in rows.items() if a and b}
    assert (answer["band"] is None) == (not scores)
    if not scores:
        return
    limit = min(scores.values()) + math.log1p(within)
    low, high = answer["band"]
    assert scores[low] <= limit + 1e-9
    assert all(score > limit for lr, score in scores.items() if lr < low or lr > high)
    assert (answer["lr"] is None) == (math.log10(high / low) > 2 + 1e-9)


@given(table=st.lists(st.tuples(LOSSES, LOSSES), min_size=1, max_size=5), factor=st.floats(0.1, 10))
def test_another_unit_of_the_loss_gives_the_same_answer(
    table: list[tuple[float | None, float | None]], factor: float
) -> None:
    rows = dict(zip(LRS, table, strict=False))
    scaled = {lr: [v and v * factor for v in row] for lr, row in rows.items()}
    first, second = (which_lr(of_seeds(t), 0.1) for t in (rows, scaled))
    known = [s["score"] for s in first["scores"] if s["score"] is not None]
    limit = min(known, default=0.0) + math.log1p(0.1)
    if all(abs(score - limit) > 1e-6 for score in known):  # else rounding decides
        assert first["band"] == second["band"]


def test_an_lr_that_still_trains_is_no_cliff():
    """A page shows the answer while it trains: what has no loss yet is not infinite."""
    known = of_seeds({1e-3: [0.5, 0.5], 1e-2: [0.1, 0.1]})
    trains = [Tried(90 + seed, 1e-1, seed, (0.4,), (1e-1,), False, False) for seed in (0, 1)]
    found = which_lr([*known, *trains], 0.1)
    assert found["cliff"] is None
    assert found["runs"] == 4
    dead = which_lr([*known, *of_seeds({1e-1: [None, None]})], 0.1)
    assert dead["cliff"] == {"lr": 1e-1, "times": None}
