"""Keras's and fastai's rules, by their closed forms and by their kinship with torch's class.

Both were also run against the classes themselves, Keras 3.15 (on torch) and fastai 2.8, on
thousands of random sequences with nan and infinite values, and gave the same cuts.
"""

import math

from hypothesis import given, settings
from hypothesis import strategies as st

from trainer.config.run import RunConfig
from trainer.config.schedules import ReduceLROnPlateau
from trainer.replay.keras_fastai import fastai, keras
from trainer.replay.replay import replay


@given(patience=st.integers(1, 10), cooldown=st.integers(0, 5))
def test_on_a_flat_loss_both_cut_one_epoch_before_torch(patience, cooldown):
    spec = ReduceLROnPlateau(patience=patience, cooldown=cooldown)
    flat = [1.0] * 100
    steps = replay(flat, RunConfig(schedule=spec))
    torchs = [step.epoch for step in steps if step.decision.kind == "cut"]
    assert torchs[0] == patience + 2
    assert keras(flat, "min", spec, 0.01)[0] == patience + 1
    assert fastai(flat, "min", spec, 0.01) == list(range(patience + 1, 101, patience))


@settings(max_examples=settings.default.max_examples // 4)  # an example steps three schedulers
@given(
    patience=st.integers(1, 5),
    # Keras keeps the LR in float32, which some 43 cuts by ten bring to 0: then it cuts no more.
    metrics=st.lists(
        st.sampled_from([0.1, 0.25, 0.5, 0.625, 0.75, 1.0, math.nan]), min_size=1, max_size=40
    ),
)
def test_without_a_cooldown_both_are_torchs_class_with_one_epoch_less_of_patience(
    patience, metrics
):
    # The first value is finite: keras takes any first value for the best, torch no nan.
    metrics = [1.0, *metrics]
    spec = ReduceLROnPlateau(patience=patience, threshold=0.0625, threshold_mode="abs", eps=0)
    sooner = spec.model_copy(update={"patience": patience - 1})
    steps = replay(metrics, RunConfig(schedule=sooner, epochs=1000))
    torchs = [step.epoch for step in steps if step.decision.kind == "cut"]
    assert keras(metrics, "min", spec, 0.01) == torchs
    assert fastai(metrics, "min", spec, 0.01) == torchs
    accuracy = [-metric for metric in metrics]
    assert keras(accuracy, "max", spec, 0.01) == fastai(accuracy, "max", spec, 0.01) == torchs


def test_min_lr_ends_the_cuts():
    spec = ReduceLROnPlateau(patience=1, min_lr=0.001)
    assert keras([1.0] * 10, "min", spec, 0.01) == [2]
    assert fastai([1.0] * 10, "min", spec, 0.01) == [2]


def test_a_missing_value_counts_as_bad():
    spec = ReduceLROnPlateau(patience=2)
    assert keras([1.0, None, None], "min", spec, 0.01) == [3]
    assert fastai([1.0, None, None], "min", spec, 0.01) == [3]


@given(patience=st.integers(1, 6), cooldown=st.integers(0, 6))
def test_keras_counts_the_last_epoch_of_a_cooldown_as_bad(patience, cooldown):
    # A cooldown of 1 changes nothing: the epoch that ends it counts.
    spec = ReduceLROnPlateau(patience=patience, cooldown=cooldown, factor=0.9)
    every = patience + max(cooldown - 1, 0)
    assert keras([1.0] * 60, "min", spec, 1.0) == list(range(patience + 1, 61, every))


def test_an_lr_at_min_lr_but_for_rounding_is_not_cut_again():
    spec = ReduceLROnPlateau(patience=1, min_lr=1e-4)
    assert 0.1 * 0.1 * 0.1 * 0.1 > 1e-4
    assert keras([1.0] * 10, "min", spec, 0.1) == fastai([1.0] * 10, "min", spec, 0.1) == [2, 3, 4]


def test_a_first_value_that_is_nan_is_kerass_best_for_ever_but_never_fastais():
    spec = ReduceLROnPlateau(patience=2, factor=0.5)
    metrics = [math.nan, 1.0, 0.5, 0.4, 0.3]
    assert keras(metrics, "min", spec, 1.0) == [3, 5]
    assert fastai(metrics, "min", spec, 1.0) == []
