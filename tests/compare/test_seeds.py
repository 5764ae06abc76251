"""Whether two settings differ by more than their seeds do: scipy and simulations are the judges."""

import math
import random
from statistics import stdev

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from trainer.compare.seeds import (
    MOST_SEEDS,
    Comparison,
    interval,
    needed,
    paired,
    percent,
    sentence,
    student,
)

losses = st.floats(1e-6, 1e3)
pairs = st.lists(st.tuples(losses, losses), min_size=2, max_size=30)


@given(pairs)
def test_the_interval_is_that_of_scipys_paired_t_test(pairs: list[tuple[float, float]]) -> None:
    first, second = ([math.log(pair[i]) for pair in pairs] for i in (0, 1))
    differences = [a - b for a, b in zip(first, second, strict=True)]
    assume(max(differences) - min(differences) > 1e-9)
    expected = stats.ttest_rel(first, second).confidence_interval(0.95)
    found = paired(
        "val_loss", dict(enumerate(p[0] for p in pairs)), dict(enumerate(p[1] for p in pairs))
    )
    assert found.interval == pytest.approx((expected.low, expected.high), rel=1e-9, abs=1e-12)


@given(st.integers(1, 300), st.floats(0.5, 0.9999))
def test_the_quantiles_are_scipys(freedom: int, probability: float) -> None:
    expected = stats.t.ppf(probability, freedom)
    assert student(freedom, probability) == pytest.approx(expected, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("seeds", [2, 5, 15])
def test_equal_settings_are_called_different_in_about_5_percent_of_the_cases(seeds: int) -> None:
    """Two runs of a seed share most of their noise, and each has some of its own."""
    rng, cases = random.Random(seeds), 4_000
    called = 0
    for _ in range(cases):
        common = [rng.gauss(0, 0.39) for _ in range(seeds)]
        first, second = (
            {i: math.exp(noise + rng.gauss(0, 0.16)) for i, noise in enumerate(common)}
            for _ in range(2)
        )
        called += paired("val_loss", first, second).differs
    assert 0.04 < called / cases < 0.06  # four standard deviations are 0.014


@pytest.mark.parametrize(("seeds", "truly"), [(5, 1.3), (15, 0.9)])
def test_the_interval_holds_the_true_difference_in_95_percent_of_the_cases(
    seeds: int, truly: float
) -> None:
    rng, cases = random.Random(1), 4_000
    held = 0
    for _ in range(cases):
        ends = interval([math.log(truly) + rng.gauss(0, 0.2) for _ in range(seeds)])
        assert ends is not None
        held += ends[0] <= math.log(truly) <= ends[1]
    assert 0.94 < held / cases < 0.96


@given(st.lists(st.floats(-2, 2), min_size=2, max_size=20))
def test_the_seeds_needed_are_the_first_number_whose_interval_is_narrow_enough(
    differences: list[float],
) -> None:
    found = needed(differences)
    assert found is not None

    def half(count: int) -> float:
        error = stdev(differences) / math.sqrt(count)
        return float(stats.t.ppf(0.975, count - 1) * error)

    assume(all(abs(half(n) - math.log(1.1)) > 1e-9 for n in (found, max(found - 1, 2))))
    assert half(found) <= math.log(1.1) or found == MOST_SEEDS
    assert found == 2 or half(found - 1) > math.log(1.1)


def test_only_seeds_that_both_have_are_compared() -> None:
    found = paired("val_loss", {0: 1.0, 1: 2.0, 2: None}, {1: 1.0, 2: 1.0, 3: 4.0})
    assert found.differences == {1: pytest.approx(math.log(2))}
    assert found.unusable == (2,)


def test_what_rises_is_compared_by_its_error() -> None:
    found = paired("val_accuracy", {0: 0.9, 1: 1.0}, {0: 0.8, 1: 0.9})
    assert found.differences == {0: pytest.approx(math.log(0.5))}
    assert found.unusable == (1,)  # no percentage is lower than nothing


def test_nothing_is_better_from_one_seed() -> None:
    one = Comparison({0: -3.0})
    assert not one.differs
    assert one.seeds_needed is None
    assert sentence("plateau", one) == "One seed cannot show a difference"
    assert sentence("plateau", Comparison({})) == "No seed in common"


def test_a_difference_is_told_with_its_interval_and_its_seeds() -> None:
    differences = dict(enumerate(math.log(r) for r in (0.85, 0.9, 0.88, 0.91, 0.86)))
    found = Comparison(differences)
    told = stats.t.interval(
        0.95, 4, stats.tmean(list(differences.values())), stats.sem(list(differences.values()))
    )
    near, far = (100 - 100 * math.exp(end) for end in reversed(told))
    assert sentence("plateau", found) == (
        f"plateau is 12 % lower, 95 % between {near:.1f} % and {far:.0f} %, 5 seeds"
    )
    worse = Comparison({seed: -value for seed, value in differences.items()})
    assert sentence("plateau", worse).startswith("plateau is 14 % higher, 95 % between ")
    noisy = Comparison({0: -0.5, 1: 0.4, 2: 0.1})
    assert sentence("plateau", noisy) == "No difference that 3 seeds can show"


def test_equal_runs_show_no_difference_of_0_percent() -> None:
    same = Comparison(dict.fromkeys(range(5), 0.0))
    assert same.interval == (0.0, 0.0)
    assert sentence("plateau", same) == "No difference that 5 seeds can show"


@pytest.mark.parametrize(
    ("ratio", "text"),
    [(1.05, "+5 %"), (0.96, "\u22124 %"), (1.0, "0 %"), (1.1234, "+12 %"), (26.0, "+2,500 %"),
     (0.9996, "0 %"), (1.003, "+0.3 %")],
)  # fmt: skip
def test_differences_are_told_in_percent(ratio: float, text: str) -> None:
    assert percent(math.log(ratio), signed=True) == text
