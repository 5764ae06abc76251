"""What is said of an answer: of which runs it holds, how far it reaches, and never that it is best
of all.
"""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.sweep.find.tries import of_seeds, tried
from trainer.sweep.find.answers import Answer, best_here, which_lr
from trainer.sweep.find.ranging import apart_of
from trainer.sweep.find.sentences import checked, is_a_cliff, sentences

NOISY = (1.0, 0.5, *[0.5, 0.7] * 6)


def test_the_best_run_is_told_with_what_one_seed_cannot_tell() -> None:
    probes = [tried(i, lr, (1.0, loss)) for i, (lr, loss) in enumerate(
        [(1e-3, 0.9), (0.01, 0.5), (0.1, 0.6)], 1
    )]  # fmt: skip
    probes.append(tried(4, 1.0, (9.0, None), diverged=True))
    runs = [tried(5, 0.01, NOISY), tried(6, 0.1, (*NOISY[:-1], 0.48))]
    told = sentences("find", best_here(probes, runs))
    assert told[0].startswith(
        "Of 4 runs on this seed and split, 2 of them trained to the end, LR 0.1 had the lowest "
        "validation loss (0.480 in epoch 14); runs within "
    )
    assert told[0].endswith(" % cannot be told apart from one seed.")
    assert told[1:] == [
        "Within that: LR 0.01 (+4.2 %).",
        "At LR 1 a loss became infinite or not a number.",
    ]


def test_which_lr_is_told_with_its_band_and_the_cliff() -> None:
    table = {1e-3: (0.5, 0.5), 3e-3: (0.2, 0.24), 0.01: (0.22, 0.2), 0.03: (1.0, 1.1)}
    told = sentences("which", which_lr(of_seeds(table), 0.1))
    assert told[0].startswith(
        "Of 8 runs on 2 seeds, each with its split, LR 0.003 is the lowest whose validation loss "
        "after the cool-down epoch is within 10 % of the lowest (LR 0.01); how far LRs must be "
        "apart to be told, these seeds do not show."
    )
    assert told[1:] == [
        "As good, as far as this shows: from 0.003 to 0.01.",
        "At the next higher LR, 0.03, the loss is 5 times the lowest.",
    ]


def test_a_loss_that_is_within_the_noise_is_called_no_cliff() -> None:
    table = {1e-3: (0.3, 0.2, 0.25), 3e-3: (0.2, 0.25, 0.22), 0.01: (0.26, 0.25, 0.31)}
    answer = which_lr(of_seeds(table), 0.1)
    assert not is_a_cliff(answer)
    near = (
        "At the next higher LR, 0.01, the loss is 1.2 times the lowest, which these seeds cannot "
        "tell from it."
    )
    assert near in sentences("which", answer)
    steady = {lr: (losses[0],) * 3 for lr, losses in table.items()}
    assert is_a_cliff(which_lr(of_seeds(steady), 0.1))


def test_a_band_that_is_too_wide_is_told_as_such() -> None:
    wide = sentences("which", which_lr(of_seeds({1e-4: (0.5,), 0.03: (0.5,)}), 0.1))
    assert wide == [
        "Cannot tell: of 2 runs on 1 seed, each with its split, LRs from 1e-4 to 0.03 come within "
        "10 % of the lowest validation loss, which is more than 2 decades. Train more epochs each."
    ]


def test_an_answer_at_the_edge_of_what_was_tried_says_so() -> None:
    told = sentences("which", which_lr(of_seeds({1e-3: (0.5,), 0.01: (0.1,)}), 0.1))
    assert told[-1] == "LR 0.01 is the highest that was tried: a higher one may do as well."


def test_no_lr_is_named_before_all_have_ended_on_every_seed() -> None:
    ended = of_seeds({1e-4: (2.2, 2.2), 0.01: (0.1, 0.1)})
    under_way = replace(ended[-1], finished=False, losses=(1.0,))
    told = which_lr([*ended[:-1], under_way], 0.1)
    assert (told["lr"], told["band"], told["best"]) == (None, None, None)
    assert sentences("which", told) == ["Nothing can be told before every LR has ended."]


def test_the_range_test_says_how_far_its_rules_are_apart() -> None:
    def seed(valley: float, slide: float) -> dict[str, object]:
        named = {"valley": valley, "slide": slide, "steep": None, "minimum": None}
        return {"suggestions": named, "apart": slide / valley}

    told = sentences("range", apart_of([seed(1e-3, 1e-2), seed(2e-3, 4e-2)]))
    assert told[1:] == [
        "Within a seed, what fastai's rules valley, slide, steep and minimum/10 suggest is 10 to "
        "20 times apart.",
        "Over 2 seeds they are apart: valley 2 times, slide 4 times.",
    ]
    assert sentences("range", apart_of([])) == ["No seed has been tested yet."]


def test_a_check_says_what_its_seeds_show() -> None:
    losses = {0.01: {1: 0.5, 2: 0.6, 3: 0.4}, 0.1: {1: 1.0, 2: 1.21, 3: 0.81}}
    assert checked((0.01, 0.1), losses).startswith(
        "The validation loss of LR 0.01 is 50 % lower, 95 % between "
    )
    assert checked((0.01, 0.1), {}) == "No seed in common."


@given(
    table=st.lists(
        st.tuples(*[st.one_of(st.none(), st.floats(1e-3, 1e3))] * 2), min_size=1, max_size=5
    ),
    within=st.floats(0.01, 1.0),
)
def test_every_answer_can_be_said_and_nothing_is_called_optimal(
    table: list[tuple[float | None, float | None]], within: float
) -> None:
    rows = dict(zip([1e-4, 1e-3, 0.01, 0.1, 1.0], table, strict=False))
    runs = of_seeds(rows)
    answers: list[tuple[str, Answer]] = [
        ("find", best_here(runs, runs)), ("which", which_lr(runs, within)),
    ]  # fmt: skip
    for kind, answer in answers:
        for sentence in sentences(kind, answer):  # type: ignore[arg-type]
            assert sentence.endswith(".")
            assert "optimal" not in sentence
            assert "nan" not in sentence


@pytest.mark.parametrize("kind", ["find", "which"])
def test_before_anything_ended_there_is_a_sentence_too(kind: str) -> None:
    empty = best_here([], []) if kind == "find" else which_lr([], 0.1)
    assert len(sentences(kind, empty)) == 1  # type: ignore[arg-type]
