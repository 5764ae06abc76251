"""What is said of a run: each statement for a curve that calls for it, and not for one that does
not.
"""

import math
import random
from collections.abc import Sequence
from dataclasses import replace

import pytest

from tests.verdict.courses import course, imported, rows, said
from trainer.config.optimizers import SGD, AdamW
from trainer.config.run import RunConfig
from trainer.config.schedules import (
    CosineAnnealingLR,
    NoSchedule,
    OneCycleLR,
    ReduceLROnPlateau,
    StepLR,
)
from trainer.config.table import changed
from trainer.schedule.interventions import RecordedIntervention
from trainer.verdict.course import Course
from trainer.verdict.verdict import learned, verdict

PLATEAU = RunConfig(lr=0.01)
CONSTANT = RunConfig(lr=0.01, schedule=NoSchedule())
STEP = RunConfig(lr=0.01, schedule=StepLR(step_size=10), epochs=20)


def noisy(values: Sequence[float], noise: float, seed: int = 1) -> list[float]:
    draw = random.Random(seed)
    return [value + draw.gauss(0, noise) for value in values]


def falling(start: float, rate: float, epochs: int) -> list[float]:
    return [start * (1 - rate) ** epoch for epoch in range(epochs)]


LEARNED = [*falling(2.0, 0.3, 12), *noisy([0.03] * 8, 0.001)]


# Never learned, diverged


def test_nothing_is_said_of_the_first_two_epochs() -> None:
    assert said(PLATEAU, [2.31, 2.31], over=False) == {}


@pytest.mark.parametrize("over", [True, False])
def test_a_run_that_guesses_is_called_so_and_a_lower_lr_is_offered(over: bool) -> None:
    config = RunConfig(lr=0.1)
    found = said(config, noisy([2.306] * 20, 0.001), over=over)
    assert list(found) == ["guessing"]
    statement = found["guessing"]
    assert "ln 10 ≈ 2.303" in statement.sentence
    assert ("never did" in statement.sentence) == over
    assert statement.epochs == (1, 20)
    # The rule has cut to 0.01 by then, and that did not help either.
    assert statement.action.settings == {"lr": "0.005"}


def test_a_network_that_died_at_a_high_lr_is_not_offered_a_higher_one() -> None:
    """Once its LR was cut, its loss creeps down to that of guessing, as a slow one's does."""
    config = RunConfig(lr=0.1, optimizer=SGD())
    creeping = [2.3025 - 1e-5 * epoch for epoch in range(8)]
    found = said(config, [*noisy([2.31] * 12, 0.002), *creeping])
    assert float(found["guessing"].action.settings["lr"]) < 0.1


def test_a_run_that_fell_back_to_guessing_is_told_from_one_that_never_learned() -> None:
    found = said(PLATEAU, [1.5, 0.9, *[2.31] * 5])
    assert found["guessing"].sentence.startswith("From epoch 3 on it did no better than guessing")
    assert found["guessing"].epochs == (3, 7)


def test_an_accuracy_above_that_of_guessing_is_no_guessing() -> None:
    """A loss that has hardly moved from ln 10 can already be right in a third of the images."""
    slow = course(PLATEAU, [2.29, 2.285, 2.28])
    assert learned(slow) is False
    better = Course(PLATEAU, classes=10)
    for row in rows(PLATEAU, [2.29, 2.285, 2.28]):
        better.add(replace(row, metrics={**row.metrics, "val_accuracy": 0.3}))
    assert learned(better) is True


def test_a_loss_that_falls_from_guessing_on_is_given_time_and_then_a_higher_lr() -> None:
    config = RunConfig(lr=1e-5)
    losses = [2.302 - 0.002 * epoch for epoch in range(12)]
    assert said(config, losses[:4], over=False) == {}
    found = said(config, losses, over=False)
    assert list(found) == ["too low"]
    assert found["too low"].action.settings == {"lr": "1e-4"}
    assert "near the 2.303 of guessing" in found["too low"].sentence


def test_a_run_that_diverged_says_at_which_lr() -> None:
    config = RunConfig(lr=10, schedule=NoSchedule())
    run = course(config, [3.0])
    run.add(replace(rows(config, [None, None])[1], decision=None))
    (statement,) = verdict(run, 50, over=True)
    assert statement.kind == "diverged"
    assert "in epoch 2, at LR 10" in statement.sentence
    assert statement.action.settings == {"lr": "1"}
    assert learned(run) is False


def test_a_run_that_diverged_after_its_lr_was_raised_offers_a_fork_before_that() -> None:
    run = course(CONSTANT, falling(2, 0.1, 8))
    last = rows(CONSTANT, [1.0] * 9)[-1]
    run.add(replace(last, lr=50.0, lr_last=50.0, decision=None, metrics={"val_loss": None}))
    raised = RecordedIntervention(
        9, 0, "lr", 50.0, id=1, at=0, lr_before=0.01, lr_after=50.0, sentence=""
    )
    (statement,) = verdict(run, 50, True, [raised])
    assert (statement.action.after, statement.action.settings) == (8, {})


# Too high


def test_a_loss_that_jumps_until_the_first_cut_shows_that_the_lr_was_too_high() -> None:
    losses = [*noisy([1.0] * 10, 0.5), *noisy([0.1] * 10, 0.005)]
    found = said(STEP, losses)
    assert "LR 0.01 was too high to settle" in found["too high"].sentence
    assert "cuts" not in found
    # Neither the LR of the first ten epochs, nor that of the others.
    assert found["too high"].action.settings == {"lr": "0.003"}


def test_a_cut_that_helps_a_quiet_loss_is_no_sign_of_too_high_an_lr() -> None:
    losses = [*noisy([1.0] * 10, 0.02), *noisy([0.1] * 10, 0.005)]
    found = said(STEP, losses)
    assert "too high" not in found
    assert found["cuts"].sentence.startswith("The cut after epoch 10 brought validation loss from ")


# Cuts


def test_a_cut_is_measured_against_the_noise_before_it() -> None:
    quiet = said(STEP, [*noisy([1.0] * 10, 0.01), *noisy([0.9] * 10, 0.01)])
    assert "brought validation loss from" in quiet["cuts"].sentence
    loud = said(STEP, [*noisy([1.0] * 10, 0.4), *noisy([0.95] * 10, 0.4, seed=5)])
    assert "brought validation loss from" not in getattr(loud.get("cuts"), "sentence", "")


def test_noise_alone_seldom_passes_for_the_effect_of_a_cut() -> None:
    """The oracle: nothing changes at the cut; at two standard errors 1 in 20 would by chance."""
    claimed = 0
    for seed in range(200):
        found = said(STEP, noisy([1.0] * 20, 0.05, seed))
        claimed += "brought validation loss from" in getattr(found.get("cuts"), "sentence", "")
    assert claimed <= 20


def test_what_falls_anyway_is_not_owed_to_the_cut() -> None:
    found = said(STEP, falling(2.0, 0.05, 20))
    assert "cuts" not in found


def test_cuts_that_changed_nothing_are_counted_and_named() -> None:
    config = RunConfig(lr=0.01, schedule=StepLR(step_size=5), epochs=25)
    found = said(config, noisy([0.5] * 25, 0.01))
    assert found["cuts"].sentence.startswith(
        "The cuts after epochs 5, 10, 15 and 20 brought nothing: the median of validation loss"
    )


# Overfitting


def test_a_validation_loss_that_rises_while_the_train_loss_falls_is_overfitting() -> None:
    val = [*falling(1.0, 0.2, 10), *[0.13 + 0.01 * epoch for epoch in range(15)]]
    found = said(CONSTANT, val, falling(1.0, 0.2, 25))
    assert found["overfitting"].epochs == (11, 25) or found["overfitting"].epochs == (10, 25)
    assert "validation loss rose from 0.13" in found["overfitting"].sentence
    assert found["overfitting"].action.settings == {"weight-decay": "0.001"}
    present = said(CONSTANT, val, falling(1.0, 0.2, 25), over=False)
    assert "it seems: validation loss has risen" in present["overfitting"].sentence


OVERFITTED = (
    [*falling(1.0, 0.2, 10), *[0.13 + 0.01 * epoch for epoch in range(15)]],
    falling(1.0, 0.2, 25),
)


def test_a_higher_weight_decay_is_not_offered_again_where_one_has_not_helped() -> None:
    first = said(CONSTANT, *OVERFITTED)["overfitting"].action
    then = changed(CONSTANT, first.settings)
    assert said(then, *OVERFITTED)["overfitting"].action is None
    usual = CONSTANT.model_copy(update={"optimizer": AdamW()})
    assert said(usual, *OVERFITTED)["overfitting"].action.settings == {"weight-decay": "0.1"}


def test_what_a_forks_parent_has_tried_is_not_offered() -> None:
    decayed = changed(CONSTANT, {"weight-decay": "0.001"})
    seen = course(CONSTANT, *OVERFITTED)
    (overfitting,) = verdict(seen, 25, over=True, tried=[decayed])
    assert overfitting.kind == "overfitting"
    assert overfitting.action is None
    dead = course(RunConfig(lr=0.1), noisy([2.306] * 20, 0.001))
    (guessing,) = verdict(dead, 20, over=True, tried=[RunConfig(lr=0.005)])
    assert guessing.action is not None
    assert guessing.action.settings == {"lr": "0.003"}


def test_a_lucky_best_in_a_loss_that_stands_still_is_not_overfitting() -> None:
    val = noisy([0.5] * 40, 0.01)
    assert "overfitting" not in said(CONSTANT, val, noisy([0.5] * 40, 0.01, seed=2))


# Frozen


def test_an_lr_so_small_that_nothing_moves_is_frozen() -> None:
    config = RunConfig(lr=0.01, schedule=StepLR(step_size=5), epochs=30)
    val = [*LEARNED[:10], *[0.0702] * 20]
    found = said(config, val)
    # The LR is a hundredth of the first from epoch 11 on.
    assert found["frozen"].epochs == (11, 30)
    assert "1e-4 or less from epoch 11 on, and these 20 epochs" in found["frozen"].sentence
    assert "stayed at 0.0702." in found["frozen"].sentence
    assert found["frozen"].action.settings == {"epochs": "11"}
    assert said(config, val[:20], over=False)["frozen"].action is None


def test_a_loss_that_stands_still_at_a_high_lr_is_not_frozen_by_it() -> None:
    assert "frozen" not in said(CONSTANT, [*LEARNED[:10], *[0.0702] * 20])


def test_a_frozen_run_of_ten_thousand_epochs_is_frozen_since_its_first_such_epoch() -> None:
    config = RunConfig(lr=0.01, schedule=StepLR(step_size=100), epochs=2000)
    found = said(config, [*falling(2, 0.02, 300), *[0.0702] * 1700])
    assert found["frozen"].epochs == (301, 2000)


# Falling


def test_a_loss_that_still_falls_at_the_end_gets_as_many_epochs_again() -> None:
    config = RunConfig(lr=0.01, schedule=NoSchedule(), epochs=8)
    found = said(config, falling(2.0, 0.2, 8))
    assert "still falling at the end, in each of the last 5 epochs" in found["unfinished"].sentence
    action = found["unfinished"].action
    assert (action.after, action.settings) == (8, {"epochs": "16"})


def test_a_schedule_with_a_length_is_not_forked_at_its_end() -> None:
    for schedule in (OneCycleLR(), CosineAnnealingLR(T_max=8)):
        config = RunConfig(lr=0.01, schedule=schedule, epochs=8)
        action = said(config, falling(2.0, 0.2, 8))["unfinished"].action
        assert action.after is None
        assert action.settings["epochs"] == "16"
        assert action.settings.get("t-max", "16") == "16"


def test_a_loss_that_has_settled_is_finished() -> None:
    assert "unfinished" not in said(CONSTANT, [*LEARNED, *noisy([0.03] * 20, 0.001)])


def test_a_loss_that_fell_and_has_stopped_is_not_still_falling() -> None:
    losses = [0.9, 0.5, 0.3, 0.2, 0.165, 0.12, 0.11, 0.1, 0.09, 0.0591, 0.063, 0.066, 0.065, 0.0663]
    assert "unfinished" not in said(CONSTANT, losses)
    assert "unfinished" in said(CONSTANT, [*losses[:9], 0.075, 0.0663, 0.068, 0.0591, 0.058])


def test_a_slow_steady_fall_means_that_the_lr_is_too_low() -> None:
    config = RunConfig(lr=1e-4, schedule=NoSchedule())
    found = said(config, falling(2.0, 0.02, 50))
    assert "fell in every epoch, but only by 2 % an epoch at the end" in found["too low"].sentence
    assert found["too low"].action.settings == {"lr": "0.001"}
    assert "unfinished" not in found


# Patience


def test_a_cut_after_one_bad_epoch_of_a_run_that_learns_is_hasty() -> None:
    config = RunConfig(lr=0.01, schedule=ReduceLROnPlateau(patience=0))
    val = [0.48, 0.21, 0.13, 0.18, 0.11, 0.10, 0.10]
    found = said(config, val, falling(1.5, 0.2, 7), over=False)
    assert "after 1 bad epoch, in epoch 4" in found["patience"].sentence
    action = found["patience"].action
    assert (action.after, action.settings) == (4, {"patience": "5"})
    patient = RunConfig(lr=0.01, schedule=ReduceLROnPlateau(patience=5))
    assert "patience" not in said(patient, val, falling(1.5, 0.2, 7), over=False)


def test_a_fork_is_not_reproached_with_a_cut_of_its_past() -> None:
    hasty = RunConfig(lr=0.01, schedule=ReduceLROnPlateau(patience=0))
    val = [0.48, 0.21, 0.13, 0.18, 0.11, 0.10, 0.10]
    past = rows(hasty, val, falling(1.5, 0.2, 7))
    forked = Course(hasty, classes=10, after=5).extend(past)
    assert "patience" not in {s.kind for s in verdict(forked, 50, over=False)}


def test_noise_that_hides_the_trend_asks_for_patience() -> None:
    """The trend falls by 0.01 an epoch and the noise is 0.03: three epochs until it shows."""
    config = RunConfig(lr=0.01, schedule=ReduceLROnPlateau(patience=1))
    asked = []
    for seed in range(40):
        found = said(config, noisy([1 - 0.01 * e for e in range(20)], 0.03, seed), over=False)
        if "jitters by" in getattr(found.get("patience"), "sentence", ""):
            asked.append(int(found["patience"].action.settings["patience"]))
    assert asked
    assert min(asked) >= 2
    assert max(asked) <= 6


def test_a_quiet_loss_needs_no_patience() -> None:
    config = RunConfig(lr=0.01, schedule=ReduceLROnPlateau(patience=0))
    assert "patience" not in said(config, falling(2.0, 0.1, 20), over=False)


# Imports


def test_an_imported_curve_gets_no_action_and_no_word_on_lrs_that_are_only_assumed() -> None:
    run = imported({"val_loss": [*noisy([0.5] * 30, 0.01)]}, "val_loss")
    assert {s.kind for s in verdict(run, 30, over=True)} <= {"overfitting", "unfinished"}
    lrs = [0.01] * 10 + [0.001] * 20
    known = imported({"val_loss": [*[0.5, 0.51] * 5, *[0.1, 0.11] * 10]}, "val_loss", lrs)
    (statement,) = verdict(known, 30, over=True)
    assert statement.sentence.startswith("The cut after epoch 10 brought validation loss from")
    assert statement.action is None


def test_of_a_score_higher_is_better() -> None:
    run = imported({"val/acc": [0.5 + 0.04 * epoch for epoch in range(10)]}, "val/acc")
    (statement,) = verdict(run, 10, over=True)
    assert statement.sentence.startswith("val/acc was still rising at the end")
    assert "from 0.660 in epoch 5 to 0.860 in epoch 10" in statement.sentence
    assert learned(run) is True


def test_an_accuracy_that_stays_at_that_of_guessing_tells_the_number_of_classes() -> None:
    guesses = {"loss": [2.32, 2.31, 2.303, 2.304], "acc": [0.1, 0.097, 0.103, 0.1]}
    run = imported(guesses, "loss")
    (statement,) = verdict(run, 4, over=True)
    assert "guessing among 10 classes: accuracy stayed at 0.0970 to 0.103" in statement.sentence
    assert learned(run) is False
    better = imported({"loss": [1.2, 1.1, 1.05, 1.05], "acc": [0.1, 0.097, 0.103, 0.1]}, "loss")
    assert learned(better) is True


def test_a_run_of_one_epoch_has_learned_if_it_beats_guessing() -> None:
    assert learned(course(PLATEAU, [1.5])) is True
    assert learned(course(PLATEAU, [2.31])) is None
    assert learned(course(PLATEAU, [math.log(10)] * 3)) is False
