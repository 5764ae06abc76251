"""From a snapshot a run goes on as if nothing had happened, bit by bit."""

import time
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from tests.small import OPTIMIZERS, SCHEDULES, load, numbers, run, small
from trainer.config import optimizers, schedules
from trainer.config.run import RunConfig
from trainer.engine import clock, datasets, models
from trainer.engine import loop as engine
from trainer.engine.control import Control
from trainer.engine.events import Ended, EpochEnded, Event, Forked, Intervened, Progress
from trainer.engine.state import Snapshot, SnapshotError
from trainer.schedule.interventions import Intervention, InterventionName
from trainer.snapshots.writer import read, write


@pytest.fixture(autouse=True)
def _small_and_told_after_every_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets, "load", load)
    monkeypatch.setattr(engine, "PROGRESS_SECONDS", -1)


def watched(
    settings: RunConfig, control: Control | None = None
) -> tuple[list[Event], dict[int, Snapshot]]:
    """A run's events and, by the number of events before it, a snapshot after each of them."""
    taken: dict[int, Snapshot] = {}
    seen = []

    def each(event: Event, control: Control) -> None:
        seen.append(event)
        if isinstance(event, EpochEnded | Progress):
            snapshot = control.capture()
            assert snapshot is not None
            taken[len(seen)] = snapshot

    return run(settings, control=control, each=each), taken


def through_a_file(snapshot: Snapshot, tmp_path: Path) -> Snapshot:
    write(snapshot, tmp_path / "epoch.pt")
    return read(tmp_path / "epoch.pt")


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_resumed_is_never_interrupted(optimizer, schedule, tmp_path):
    settings = small(optimizer=OPTIMIZERS[optimizer], schedule=SCHEDULES[schedule])
    events, taken = watched(settings)
    for done in (10, 13):  # within an epoch, and at the end of the third
        start = through_a_file(taken[done], tmp_path)
        assert numbers(run(settings, start)) == numbers(events[done:])


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_it_does_not_matter_where_a_run_is_resumed(schedule):
    settings = small(schedule=SCHEDULES[schedule], warmup=2, monitor="val_accuracy", model="cnn")
    events, taken = watched(settings)
    assert len(taken) == 6 * 4
    for done, start in taken.items():
        assert numbers(run(settings, start)) == numbers(events[done:])


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("warmup", [0, 3])
def test_a_fork_that_only_trains_longer_repeats_its_parent(schedule, warmup):
    settings = small(schedule=SCHEDULES[schedule], warmup=warmup)
    events, taken = watched(settings)
    ends = {event.epoch: i for i, event in enumerate(events, 1) if isinstance(event, EpochEnded)}
    for done in ends.values():
        longer = settings.model_copy(update={"epochs": 7})
        forked, *rest = numbers(run(longer, taken[done]))
        assert isinstance(forked, Forked)
        assert forked.decision == events[done - 1].decision
        if schedule == "OneCycleLR" and forked.epoch <= warmup:
            continue  # it has not begun, and is as long as the child
        shared = numbers(events[done:])[:-1]
        assert rest[: len(shared)] == shared
        assert isinstance(rest[-1], Ended)


def test_a_snapshot_may_be_gone_on_from_many_times():
    settings = small()
    _, taken = watched(settings)
    assert numbers(run(settings, taken[5])) == numbers(run(settings, taken[5]))


def test_a_model_that_draws_random_numbers_draws_them_again(monkeypatch):
    def dropping(*shape):
        return nn.Sequential(models.MLP(*shape), nn.Dropout(0.5))

    monkeypatch.setitem(models.MODELS, "mlp", dropping)
    events, taken = watched(small())
    assert numbers(run(small(), taken[5])) == numbers(events[5:])


def test_a_run_that_is_left_alone_for_a_while_is_never_paused(monkeypatch):
    away = iter(range(0, 10**9, 3600))
    settings, now = small(), time.perf_counter
    events, late = run(settings), 0.0

    class Time:
        @staticmethod
        def perf_counter():
            return now() + late

    def pause(*_):
        nonlocal late
        late = float(next(away))

    monkeypatch.setattr(clock, "time", Time)
    paused = run(settings, each=pause)
    assert numbers(paused) == numbers(events)
    assert all(event.seconds < 3600 for event in paused if isinstance(event, EpochEnded))


def test_a_stop_within_an_epoch_or_its_validation_is_gone_on_from_there(monkeypatch):
    settings = small()
    events = run(settings)
    evaluate = engine.evaluate
    for stop_at in ((3, 2), "validation"):
        control = Control()
        evaluated: list[datasets.Images] = []

        def stop(event: Event, control: Control, stop_at: Any = stop_at) -> None:
            if isinstance(event, Progress) and (event.epoch, event.batch) == stop_at:
                control.stop()

        def stopping(model, images, control, stop_at=stop_at, evaluated=evaluated):
            evaluated.append(images)
            if stop_at == "validation" and len(evaluated) == 3:
                control.stop()
            return evaluate(model, images, control)

        monkeypatch.setattr(engine, "evaluate", stopping)
        stopped = run(settings, control=control, each=stop)
        monkeypatch.setattr(engine, "evaluate", evaluate)
        assert stopped[-1] == Ended("stopped")
        start = control.capture()
        assert start is not None
        assert (start["epoch"], start["batch"]) == (2, 2 if stop_at != "validation" else 3)
        ended = sum(isinstance(event, EpochEnded) for event in stopped)
        assert numbers(stopped[:-1] + run(settings, start)) == numbers(events)
        assert ended == 2


def test_a_damaged_snapshot_is_refused_in_a_sentence(tmp_path):
    (tmp_path / "epoch.pt").write_bytes(b"half a file")
    with pytest.raises(SnapshotError, match="cannot be read"):
        read(tmp_path / "epoch.pt")


def test_a_snapshot_of_a_newer_lrscope_is_refused():
    _, taken = watched(small())
    with pytest.raises(SnapshotError, match="newer"):
        run(small(), taken[5] | {"version": 99})


def test_a_write_that_fails_leaves_the_older_file_whole(tmp_path, monkeypatch):
    _, taken = watched(small())
    path = tmp_path / "epoch.pt"
    write(taken[5], path)

    def full(_, file):
        file.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(OSError, match="No space"):
        write(taken[9], path)
    assert read(path)["epoch"] == taken[5]["epoch"]
    assert [file.name for file in tmp_path.iterdir()] == ["epoch.pt"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (optimizers.SGD(momentum=0), optimizers.SGD(momentum=0.9, nesterov=True)),
        (optimizers.Adam(), optimizers.Adam(amsgrad=True, beta1=0.5)),
        (optimizers.AdamW(amsgrad=True), optimizers.AdamW(weight_decay=0.5)),
        (optimizers.RMSprop(), optimizers.RMSprop(momentum=0.9, centered=True)),
        (optimizers.Adagrad(), optimizers.Adagrad(lr_decay=0.5)),
        (optimizers.NAdam(), optimizers.NAdam(momentum_decay=0.5)),
        (optimizers.RAdam(), optimizers.RAdam(beta2=0.9)),
    ],
    ids=lambda spec: spec.name,
)
def test_the_optimizers_parameters_may_change_in_a_fork(before, after):
    events, taken = watched(small(optimizer=before, schedule=schedules.NoSchedule()))
    child = run(small(optimizer=after, schedule=schedules.NoSchedule()), taken[13])
    ended = [event for event in child if isinstance(event, EpochEnded)]
    assert [event.epoch for event in ended] == [4, 5, 6]
    assert isinstance(child[-1], Ended)
    assert ended[0].metrics["train_loss"] != events[16].metrics["train_loss"]


# By hand


DOUBLED = Intervention(2, 1, "scale", 2.0)


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("warmup", [0, 2])
def test_a_record_repeated_gives_the_same_numbers(schedule, warmup):
    settings = small(schedule=SCHEDULES[schedule], warmup=warmup)
    asked: dict[int, tuple[InterventionName, float | None]]
    asked = {5: ("scale", 2.0), 9: ("cut", None), 14: ("lr", 0.003), 25: ("epochs", 2)}
    seen = []

    def ask(event: Event, control: Control) -> None:
        seen.append(event)
        if len(seen) in asked:
            control.ask(*asked[len(seen)])

    events = run(settings, each=ask)
    made = [event for event in events if isinstance(event, Intervened)]
    record = [Intervention(e.epoch, e.batch, e.name, e.value) for e in made]
    assert [event.name for event in made] == ["scale", "cut", "lr", "epochs"]
    assert sum(isinstance(event, EpochEnded) for event in events) == 8
    again, taken = watched(settings, Control(record))
    assert numbers(again) == numbers(events)
    assert numbers(again) != numbers(run(settings))
    for done, start in taken.items():
        assert numbers(run(settings, start, Control(record))) == numbers(events[done:])


def test_epochs_added_at_the_very_end_are_trained():
    def ask(event: Event, control: Control) -> None:
        if isinstance(event, EpochEnded) and event.epoch == 2:
            control.ask("epochs", 1)

    events = run(small(epochs=2), each=ask)
    assert [event.epoch for event in events if isinstance(event, EpochEnded)] == [1, 2, 3]


def test_a_change_by_hand_counts_from_the_very_next_batch():
    events, _ = watched(small(schedule=schedules.NoSchedule()), Control([DOUBLED]))
    ended = [event for event in events if isinstance(event, EpochEnded)]
    assert [(e.lr, e.lr_last) for e in ended[:3]] == [(0.01, 0.01), (0.01, 0.02), (0.02, 0.02)]
    at_first = Intervention(2, 0, "scale", 2.0)
    second = [e for e in run(small(), control=Control([at_first])) if isinstance(e, EpochEnded)][1]
    assert (second.lr, second.lr_last) == (0.02, 0.02)


def test_the_schedule_is_not_blamed_for_what_was_done_by_hand():
    events, _ = watched(small(schedule=schedules.StepLR(step_size=5)), Control([DOUBLED]))
    second = [event for event in events if isinstance(event, EpochEnded)][1]
    assert second.decision.sentence == "Kept 0.02."


def test_a_cut_by_hand_is_the_plateaus_own():
    plateau = schedules.ReduceLROnPlateau(patience=9, factor=0.5, cooldown=3, min_lr=0.004)
    cuts = [Intervention(3, 1, "cut"), Intervention(4, 0, "cut"), Intervention(4, 1, "cut")]
    events = run(small(schedule=plateau), control=Control(cuts))
    made = [event for event in events if isinstance(event, Intervened)]
    assert [event.lr_after for event in made] == [0.005, 0.004, 0.004]
    assert "no effect" in made[2].sentence
    ended = [event for event in events if isinstance(event, EpochEnded)]
    assert ended[2].decision.plateau.cooldown_left == 2
    assert ended[2].decision.plateau.bad_epochs == 0


@pytest.mark.parametrize(
    ("schedule", "factor"),
    [("StepLR", 0.1), ("ExponentialLR", 0.7), ("none", 0.1), ("CyclicLR", 0.1)],
)
def test_a_cut_by_hand_under_another_schedule_takes_its_gamma(schedule, factor):
    cut = Control([Intervention(1, 1, "cut")])
    events = run(RunConfig(**small(schedule=SCHEDULES[schedule]).model_dump()), control=cut)
    (made,) = [event for event in events if isinstance(event, Intervened)]
    assert made.lr_after == pytest.approx(made.lr_before * factor)
