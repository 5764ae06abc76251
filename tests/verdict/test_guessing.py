"""What says that a run does no better than guessing."""

import pytest

from tests.small import metrics
from trainer.schedule.epoch import Epoch
from trainer.verdict.guessing import at_chance


def chance(loss: float) -> list[Epoch]:
    return [Epoch(e, 0.1, 0.1, metrics(loss, loss, 0.1), 0.1, None) for e in (1, 2, 3)]


@pytest.mark.parametrize(
    ("loss", "dead"), [(2.303, True), (2.31, True), (60.0, True), (2.0, False)]
)
def test_a_loss_that_stays_at_that_of_guessing_is_shown(loss: float, dead: bool) -> None:
    assert (at_chance(10, chance(loss)) is not None) == dead


def test_two_epochs_are_too_few_to_call_a_run_dead() -> None:
    assert at_chance(10, chance(2.303)[:2]) is None
