"""What the page shows beside the charts."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app import ids
from app.charts.best import Best
from app.lab.progress import progress
from app.lab.readout import after_epoch, state
from tests.charts.test_series import CONFIG, DIVERGED, FLAT
from trainer.config.recipe import Recipe
from trainer.config.text import duration
from trainer.engine.events import Started
from trainer.schedule.interventions import RecordedIntervention
from trainer.store.run import Elsewhere, Run

IMPORTED: dict[str, object] = {"source": "imported", "origin": "mine.csv", "recipe": Recipe()}
STARTED = Started("cpu", 1, 17, 1077, 360, 360, 10, 9098)


def run(**changed: object) -> Run:
    values: dict[str, object] = {
        "id": 1, "created": 0.0, "source": "trained", "origin": None, "recipe": CONFIG,
        "status": "training", "reason": None,
        "began": 0.0, "ended": None, "pace": None, "started": STARTED, "activity": None,
        "epoch": 3, "batch": 0, "test_loss": None, "test_accuracy": None,
    }  # fmt: skip
    return Run(**{**values, **changed})  # type: ignore[arg-type]


def test_the_meter_shows_the_classs_own_count_and_what_must_happen() -> None:
    shown = after_epoch(run(epoch=2), FLAT[:2], Best(1, 1.0))
    assert shown["meter"] == [1, 1]
    assert shown[ids.schedule("value")] == "1 of 1 bad epoch"
    assert shown[ids.schedule("sentence")] == (
        "To keep 0.1, validation loss must fall below 1.000. If it never does, the LR is cut to "
        "0.05 after epoch 3."
    ).replace("1.000", "1.00")


def test_the_earliest_cut_that_is_promised_is_the_one_that_torch_makes() -> None:
    """From epoch 2 on nothing improves: the cut comes after epoch 3, as was said."""
    assert FLAT[2].decision is not None
    assert FLAT[2].decision.kind == "cut"


def test_the_lr_card_shows_the_lr_that_comes_next_and_the_last_one_used_when_over() -> None:
    value, small = ids.card("lr", "value"), ids.card("lr", "small")
    shown = after_epoch(run(), FLAT[:3], Best(1, 1.0))
    assert (shown[value], shown[small]) == ("0.05", "÷2")
    assert after_epoch(run(status="finished"), FLAT[:3], Best(1, 1.0))[value] == "0.1"


def test_an_lr_that_was_set_since_the_last_epoch_is_on_the_card_and_in_the_sentence() -> None:
    def made(epoch: int) -> RecordedIntervention:
        return RecordedIntervention(
            id=1, at=0.0, epoch=epoch, batch=5, name="lr", value=0.02, lr_before=0.1, lr_after=0.02,
            sentence="By hand: LR set to 0.02.",
        )  # fmt: skip

    shown = after_epoch(run(epoch=2), FLAT[:2], Best(1, 1.0), [made(3)])
    assert shown[ids.card("lr", "value")] == "0.02"
    assert shown[ids.schedule("sentence")].startswith("To keep 0.02, ")
    assert "the LR is cut to 0.01 after epoch 3" in shown[ids.schedule("sentence")]
    # What the last epoch's decision knows of says nothing more.
    shown = after_epoch(run(epoch=2), FLAT[:2], Best(1, 1.0), [made(2)])
    assert shown[ids.card("lr", "value")] == "0.1"


def test_before_the_first_run_the_page_says_what_to_do() -> None:
    assert progress(None)[ids.PROGRESS_LEFT] == "Choose a learning rate and press Start."


def test_the_reason_of_a_failure_is_shown() -> None:
    failed = run(status="failed", reason="The disk is full.", started=None, epoch=0)
    assert state(failed, [])[ids.NOTICE] == "The disk is full."


def test_a_diverged_epoch_shows_dashes_not_numbers() -> None:
    cards = after_epoch(run(status="diverged"), [*FLAT, DIVERGED], Best(4, 0.5))
    assert cards[ids.card("val", "value")] == cards[ids.card("train", "value")] == "–"


def test_an_import_is_imported_and_not_finished() -> None:
    shown = state(run(status="finished", **IMPORTED), FLAT)
    assert shown["status"] == ["imported", "imported"]


def test_a_paused_run_says_so_and_what_the_schedule_does_after_an_intervention() -> None:
    shown = state(run(paused=True), FLAT)
    assert (shown["status"], shown["controls"]) == (["paused", "paused"], "live")
    assert shown[ids.HINT] == "ReduceLROnPlateau keeps the new LR; its next cut multiplies it."


@pytest.mark.parametrize(
    ("changed", "controls"),
    [
        ({"status": "queued"}, "none"),
        ({"status": "finished", **IMPORTED}, "none"),
        ({"status": "finished"}, "over"),
        ({"status": "diverged"}, "over"),
        ({"status": "stopped"}, "resumable"),
        ({"status": "interrupted"}, "resumable"),
    ],
)
def test_what_can_be_done_with_a_run_is_offered_and_nothing_else(
    changed: dict[str, object], controls: str
) -> None:
    assert state(run(**changed), FLAT)["controls"] == controls


def test_an_open_ended_run_says_that_it_is_in_its_first_epoch() -> None:
    known = Elsewhere(grows=True)
    mine = run(recipe=Recipe(), source="watched", started=None, epoch=0, elsewhere=known)
    assert progress(mine)[ids.PROGRESS_LEFT] == "first epoch · watched"
    assert progress(replace(mine, epoch=1))[ids.PROGRESS_LEFT] == "epoch 1 · watched"
    stopped = replace(mine, status="interrupted")
    assert progress(stopped)[ids.PROGRESS_LEFT] == "epoch 0 · watched"


RIGHT = ids.PROGRESS_RIGHT


def test_what_is_left_follows_from_the_seconds_of_the_last_epochs_and_the_pace() -> None:
    rows = [replace(row, seconds=2.0) for row in FLAT[:3]]
    timed = run(began=100.0, ended=106.0)
    assert progress(timed, rows)[RIGHT] == "6.0 s · 10 s left"
    paced = run(began=100.0, ended=106.0, pace=0.1)
    assert progress(paced, rows)[RIGHT] == "6.0 s · 50 s left"
    # A fork has only its own epochs' seconds.
    fork = run(began=100.0, ended=102.0, parent=1, parent_epoch=2)
    assert progress(fork, rows[2:])[RIGHT] == "2.0 s · 10 s left"


def test_what_is_not_known_of_the_time_is_left_out() -> None:
    assert progress(run(began=None))[RIGHT] == ""
    assert progress(run(ended=None))[RIGHT] == ""
    assert progress(run(began=9e9, ended=1.0))[RIGHT] == "0.0 s elapsed"
    rows = [replace(row, seconds=2.0) for row in FLAT[:3]]
    assert progress(run(began=0.0, ended=6.0, paused=True), rows)[RIGHT] == "6.0 s elapsed"


def test_a_run_that_was_asked_to_stop_says_that_it_waits_for_the_batch() -> None:
    left = progress(run(batch=4, stopping=True))[ids.PROGRESS_LEFT]
    assert left == "epoch 3 of 8 · stopping: waiting for the batch"


def test_added_epochs_count_in_what_is_left() -> None:
    assert progress(run(added=2))[ids.PROGRESS_LEFT] == "epoch 3 of 10"


def test_a_warning_and_a_changed_machine_are_shown() -> None:
    assert state(run(warning="The disk is full."), FLAT)[ids.NOTICE] == "The disk is full."
    elsewhere = replace(STARTED, torch="1.0")
    shown = state(run(status="stopped", started=elsewhere), FLAT)
    assert shown[ids.NOTICE].startswith("Retrained epochs may differ in the last bits: torch was")


@given(st.floats(0, 1e6))
def test_a_duration_never_says_sixty(seconds: float) -> None:
    assert "60 s" not in duration(seconds)
    assert "60 min" not in duration(seconds)


def test_a_run_that_is_over_says_how_far_its_next_cut_was() -> None:
    shown = after_epoch(run(epoch=1, status="finished"), FLAT[:1], Best(1, 1.0))
    sentence = shown[ids.schedule("sentence")]
    assert sentence == "The next cut would have come after 2 more bad epochs."
