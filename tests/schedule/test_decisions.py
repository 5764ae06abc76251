"""The sentence of every kind of decision, and the numbers in it."""

import math
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainer.config.run import RunConfig
from trainer.config.schedules import (
    CosineAnnealingWarmRestarts,
    NoSchedule,
    OneCycleLR,
    ReduceLROnPlateau,
    StepLR,
)
from trainer.config.text import distinct, epochs_text, lr_text, significant
from trainer.config.traits import ScheduleSettings
from trainer.schedule.decisions import Decision
from trainer.schedule.schedule import Schedule


def told(metrics: Sequence[float], **settings: Any) -> list[str]:
    """The sentence of each epoch, for these metrics."""
    return [decision.sentence for decision in decided(metrics, **settings)]


def decided(
    metrics: Sequence[float],
    lr: float = 0.1,
    schedule: ScheduleSettings | None = None,
    **changes: Any,
) -> list[Decision]:
    """The decision of each epoch, for these metrics."""
    run = RunConfig(lr=lr, epochs=100, schedule=schedule or NoSchedule(), **changes)
    live = Schedule(run, batches=1)
    decisions = []
    for metric in metrics:
        live.step_batch()
        decisions.append(live.advance(metric))
    return decisions


def test_plateau_from_the_first_value_to_the_cut():
    assert told([0.5, 0.4, 0.41, 0.39997, 0.4], schedule=ReduceLROnPlateau(patience=2)) == [
        "First value: 0.500 is the best so far.",
        "New best: 0.400 beats 0.500.",
        "Kept 0.1: 0.410 did not beat 0.400; 1 of 2 bad epochs.",
        "Kept 0.1: 0.39997 did not beat 0.39996; 2 of 2 bad epochs. The next bad epoch cuts.",
        "3 bad epochs, patience is 2: LR cut from 0.1 to 0.01.",
    ]


def test_patience_of_one_is_written_in_the_singular():
    assert told([0.5, 0.6, 0.6], schedule=ReduceLROnPlateau(patience=1))[1:] == [
        "Kept 0.1: 0.600 did not beat 0.500; 1 of 1 bad epoch. The next bad epoch cuts.",
        "2 bad epochs, patience is 1: LR cut from 0.1 to 0.01.",
    ]


def test_a_cut_without_patience_counts_one_bad_epoch():
    assert told([0.5, 0.6], schedule=ReduceLROnPlateau(patience=0))[1] == (
        "1 bad epoch, patience is 0: LR cut from 0.1 to 0.01."
    )


def test_cooldown_says_how_much_of_it_is_left():
    rule = ReduceLROnPlateau(patience=0, cooldown=2)
    assert told([0.5, 0.6, 0.7, 0.8], schedule=rule)[2:] == [
        "Kept 0.01: 0.700 did not beat 0.500, not counted in the cooldown; 1 epoch of it left.",
        "Kept 0.01: 0.800 did not beat 0.500, not counted in the cooldown; nothing of it left.",
    ]


def test_a_new_best_in_the_cooldown_is_a_new_best():
    rule = ReduceLROnPlateau(patience=0, cooldown=2)
    assert told([0.5, 0.6, 0.2], schedule=rule)[2] == "New best: 0.200 beats 0.500."


def test_a_cut_swallowed_by_eps_names_eps():
    rule = ReduceLROnPlateau(patience=1)
    assert told([1, 1, 1], lr=1e-8, schedule=rule)[2] == (
        "2 bad epochs, patience is 1: cut attempted, no effect, LR stays at 1e-8 "
        "(the cut would be no more than eps 1e-8)."
    )


def test_a_cut_stopped_by_min_lr_names_min_lr():
    rule = ReduceLROnPlateau(patience=0, min_lr=0.05)
    assert told([1, 1, 1], schedule=rule)[1:] == [
        "1 bad epoch, patience is 0: LR cut from 0.1 to 0.05.",
        "1 bad epoch, patience is 0: cut attempted, no effect, LR stays at 0.05 "
        "(already at min LR 0.05).",
    ]


@pytest.mark.parametrize(
    ("lr", "why"),
    [
        (0.001, "it is below min LR 0.01"),
        (0.01, "already at min LR 0.01"),
        (math.nextafter(0.01, 0), "it is below min LR 0.01"),
        (math.nextafter(0.01, 1), "the cut would be no more than eps 1e-8"),
    ],
)
def test_an_lr_below_min_lr_is_not_said_to_be_at_it(lr, why):
    rule = ReduceLROnPlateau(patience=0, min_lr=0.01)
    *_, last = told([1, 1], lr=lr, schedule=rule)
    assert "cut attempted, no effect" in last
    assert why in last


def test_accuracy_beats_by_rising():
    rule = ReduceLROnPlateau(threshold=0.1, threshold_mode="abs")
    assert told([0.5, 0.61, 0.7], schedule=rule, monitor="val_accuracy")[1:] == [
        "New best: 0.610 beats 0.600.",
        "Kept 0.1: 0.700 did not beat 0.710; 1 of 5 bad epochs.",
    ]


def test_warm_up_then_the_schedule():
    assert told([1, 1], schedule=NoSchedule(), warmup=1) == [
        "Warm-up: LR rises from 0.05 to 0.1.",
        "Kept 0.1.",
    ]


def test_a_step_is_a_cut_and_says_whose():
    assert told([1, 1], schedule=StepLR(step_size=2)) == [
        "Kept 0.1.",
        "StepLR: LR cut from 0.1 to 0.01.",
    ]


def test_a_warm_restart_is_told_from_the_way_down():
    assert told([1, 1], schedule=CosineAnnealingWarmRestarts(T_0=2, T_mult=1)) == [
        "CosineAnnealingWarmRestarts: LR goes down from 0.1 to 0.05.",
        "CosineAnnealingWarmRestarts: warm restart, LR back from 0.05 to 0.1.",
    ]


def test_one_cycle_goes_up_and_down():
    sentences = told([1] * 100, schedule=OneCycleLR(div_factor=10, final_div_factor=10))
    assert sentences[0].startswith("OneCycleLR: LR goes up from 0.01 to ")
    assert sentences[98].startswith("OneCycleLR: LR goes down from ")
    assert sentences[98].endswith(" to 0.001.")
    assert sentences[99] == "Kept 0.001."


def test_two_lrs_that_differ_never_read_the_same():
    rule = ReduceLROnPlateau(patience=0, factor=0.9999)
    assert told([1, 1], schedule=rule)[1].endswith("LR cut from 0.1 to 0.09999.")
    assert (
        told([1], schedule=NoSchedule(), warmup=99)[0] == "Warm-up: LR rises from 0.001 to 0.002."
    )


def test_a_decision_is_the_same_after_json_but_for_its_sentence_which_is_drawn_again():
    live = Schedule(RunConfig(), batches=1)
    decision = live.advance(0.5)
    fields = decision.model_dump(mode="json")
    assert fields.pop("sentence") == decision.sentence
    assert Decision.model_validate(fields) == decision


# Numbers

FLOATS = st.one_of(
    st.floats(-1e300, 1e300),
    st.floats(-2000, 2000),
    st.floats(0, 1),
    st.integers(-10_000_000, 10_000_000).map(float),
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "not a number"),
        (0, "0"),
        (0.0463, "0.0463"),
        (2.3, "2.30"),
        (8.4e-4, "8.40e-4"),
        (0.00099999, "0.00100"),
        (99.97, "100"),
        (999.7, "1000"),
        (1000.0, "1000"),
        (1234.5, "1.23e3"),
        (-0.5, "-0.500"),
        (1e300, "1.00e300"),
    ],
)
def test_a_loss_has_three_significant_digits(value, text):
    assert significant(value) == text


@pytest.mark.parametrize(
    ("lr", "text"),
    [
        (0, "0"),
        (0.01, "0.01"),
        (1e-4, "1e-4"),
        (1 / 3000, "3.33e-4"),
        (0.00099999, "0.001"),
        (1.0, "1"),
        (100, "100"),
        (999.7, "1e3"),
        (25_000, "2.5e4"),
    ],
)
def test_an_lr_has_no_trailing_zeros(lr, text):
    assert lr_text(lr) == text


@given(FLOATS, st.sampled_from([significant, lr_text]))
def test_a_text_read_back_is_the_number_to_three_digits(value, text):
    back = float(text(value))
    assert math.isclose(back, value, rel_tol=0.005, abs_tol=1e-322)
    assert math.copysign(1, back) == math.copysign(1, value) or value == 0


@given(FLOATS, st.integers(3, 17), st.sampled_from([significant, lr_text]))
def test_more_digits_are_more_exact(value, digits, text):
    back = float(text(value, digits))
    assert math.isclose(back, value, rel_tol=10.0 ** (1 - digits), abs_tol=1e-322)


@given(FLOATS, st.one_of(FLOATS, st.none()), st.sampled_from([significant, lr_text]))
def test_distinct_tells_apart_what_differs_and_nothing_else(a, b, text):
    near = [b, a, math.nextafter(a, math.inf), a * (1 + 1e-7), a + 1]
    for other in near if text is significant else near[1:]:
        one, two = distinct(a, other, text)
        if other is None:
            assert two == "not a number"
        else:
            assert (one == two) == (a == other)
            assert (float(one) == float(two)) == (a == other)


@given(st.floats(0.5, 1000), st.floats(0.5, 1000))
def test_distinct_keeps_the_order(a, b):
    one, two = (float(text) for text in distinct(a, b))
    assert (one < two) == (a < b)


def test_distinct_shows_three_digits_where_they_suffice():
    assert distinct(0.4391, 0.4379) == ("0.439", "0.438")
    assert distinct(0.43912, 0.43908) == ("0.43912", "0.43908")
    assert distinct(None, 0.5) == ("not a number", "0.500")


def test_counts_agree_with_their_noun():
    assert [epochs_text(n) for n in (0, 1, 2)] == ["0 epochs", "1 epoch", "2 epochs"]
    assert epochs_text(1, "bad epoch") == "1 bad epoch"


def endings(metrics: Sequence[float], **settings: Any) -> list[str]:
    return [decision.ending for decision in decided(metrics, **settings)]


def test_what_folds_says_what_its_line_ends_with_and_a_cut_does_not_fold():
    rule = ReduceLROnPlateau(patience=0, cooldown=1, min_lr=0.01)
    assert endings([0.5, 0.4, 0.6, 0.7, 0.6], schedule=rule) == [
        "down to 0.500", "down to 0.400", "", "0.400 stands", "0.01",
    ]  # fmt: skip
    assert endings([0.5, 0.6], schedule=rule, monitor="val_accuracy") == [
        "up to 0.500", "up to 0.600",
    ]  # fmt: skip
    assert endings([1.0] * 3, schedule=StepLR(step_size=2), warmup=1) == ["0.1", "0.1", ""]


def test_what_counts_as_better_but_is_not_stands_alone():
    worse = endings([-1.0, -0.99995], schedule=ReduceLROnPlateau())
    assert worse == ["down to -1.00", ""]
    infinite = endings([math.inf, math.nan], schedule=ReduceLROnPlateau())
    assert infinite == ["no finite best", "no finite best"]


@given(lr=st.floats(1e-9, 10), next_lr=st.floats(1e-9, 10))
def test_a_sentence_of_a_moved_lr_ends_with_its_ending(lr, next_lr):
    """The page replaces the one by the last one of several."""
    for kind in ("warm-up", "lowered", "raised"):
        moved = Decision(kind=kind, epoch=1, lr=lr, next_lr=next_lr, schedule="CyclicLR")
        assert moved.sentence.endswith(f" {moved.ending}.")
    kept = Decision(kind="kept", epoch=1, lr=lr, next_lr=lr, schedule="none")
    assert kept.sentence == f"Kept {kept.ending}."
