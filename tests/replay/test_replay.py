"""A replay is what happened, up to where it says that it is not."""

import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.charts.test_series import rows as recorded
from tests.schedule.by_torch import SPECS, plateau_runs, run_of, sequences, spec_id
from trainer.config import schedules
from trainer.config.run import RunConfig
from trainer.config.schedules import NoSchedule, ReduceLROnPlateau
from trainer.config.table import ConfigError
from trainer.config.traits import ScheduleSettings
from trainer.engine.events import EpochEnded, Started
from trainer.engine.loop import train
from trainer.replay.difference import Past, first_difference
from trainer.replay.replay import cut_map, preview, replay, used
from trainer.schedule.epoch import monitored
from trainer.schedule.past import Stretch
from trainer.schedule.schedule import Schedule

NOWHERE = Path("no-such-folder")  # digits need none


def trained(run: RunConfig) -> tuple[int, list[EpochEnded]]:
    """The batches in an epoch and the epochs of a real training."""
    events = list(train(run, NOWHERE))
    started = next(event for event in events if isinstance(event, Started))
    return started.batches, [event for event in events if isinstance(event, EpochEnded)]


def small(spec: ScheduleSettings, **changes: Any) -> RunConfig:
    quick = {"model": "mlp", "batch_size": 512, "epochs": 7, "device": "cpu", "lr": 0.02}
    return RunConfig(schedule=spec, **quick | changes)


@pytest.mark.parametrize("warmup", [0, 2])
@pytest.mark.parametrize("spec", [NoSchedule(), *SPECS], ids=spec_id)
def test_a_replay_with_a_runs_own_parameters_gives_its_own_lrs_and_decisions(spec, warmup):
    run = small(spec, warmup=warmup)
    batches, rows = trained(run)
    steps = replay(monitored("val_loss", rows), run, batches=batches)
    assert [(s.lr, s.lr_last) for s in steps] == [(row.lr, row.lr_last) for row in rows]
    assert [s.decision for s in steps] == [row.decision for row in rows]


@pytest.mark.parametrize("monitor", ["train_loss", "val_accuracy"])
def test_a_replay_watches_what_the_run_watched(monitor):
    run = small(ReduceLROnPlateau(patience=0, threshold=0.9), monitor=monitor)
    batches, rows = trained(run)
    steps = replay(monitored(monitor, rows), run, batches=batches)
    assert [s.decision for s in steps] == [row.decision for row in rows]
    assert any(row.decision.kind == "cut" for row in rows)


@settings(max_examples=settings.default.max_examples // 4)  # an example steps two schedules
@given(
    spec=st.sampled_from(SPECS),
    warmup=st.integers(0, 2),
    parts=st.lists(st.integers(0, 5), min_size=1, max_size=30),
)
def test_many_batches_at_once_are_the_batches_one_by_one(spec, warmup, parts):
    run = run_of(spec, warmup=warmup)
    together, singly = Schedule(run, 4), Schedule(run, 4)
    for part in parts:
        together.step_batch(part)
        for _ in range(part):
            singly.step_batch()
        assert together.lr == singly.lr
        together.step_epoch(1.0)
        singly.step_epoch(1.0)
        assert together.lr == singly.lr


@settings(max_examples=settings.default.max_examples // 4)  # an example replays a run twice
@given(run=plateau_runs(), metrics=sequences())
def test_the_lrs_alone_are_those_of_the_whole_replay(run, metrics):
    steps = replay(metrics, run)
    assert used(run, metrics) == [(s.lr, s.lr_last, s.decision.next_lr) for s in steps]


OTHERS = [
    ReduceLROnPlateau(patience=1, factor=0.5, threshold=0.2),
    ReduceLROnPlateau(patience=0, factor=0.1, threshold=0.2, cooldown=2),
    schedules.StepLR(step_size=4),
    schedules.OneCycleLR(),
]


@pytest.mark.parametrize("other", OTHERS, ids=spec_id)
def test_up_to_the_first_differing_epoch_the_other_run_trains_the_same(other):
    """The oracle is a real training with the other schedule."""
    run = small(ReduceLROnPlateau(patience=0, threshold=0.2, factor=0.5))
    instead = run.model_copy(update={"schedule": other})
    batches, rows = trained(run)
    _, real = trained(instead)
    steps = used(instead, monitored("val_loss", rows), batches)
    difference = first_difference(Past([Stretch(run)], rows, batches), instead, steps)
    assert difference is not None
    first = difference.epoch
    exact = first - 1
    assert [r.metrics["val_loss"] for r in real[:exact]] == [
        r.metrics["val_loss"] for r in rows[:exact]
    ]
    assert [(r.lr, r.lr_last) for r in real[:first]] == [s[:2] for s in steps[:first]]
    assert real[exact].metrics["val_loss"] != rows[exact].metrics["val_loss"]


@settings(max_examples=settings.default.max_examples // 4)  # an example replays a run three times
@given(
    run=plateau_runs(),
    warmup=st.integers(0, 3),
    metrics=st.lists(st.floats(0.01, 3), min_size=1, max_size=40),
)
def test_every_run_stays_between_the_edges_of_its_preview(run, warmup, metrics):
    run = run.model_copy(update={"warmup": warmup})
    edges = preview(run, 2)
    assert edges.flat is not None
    steps = used(run, metrics, 2)
    for fastest, step, flat in zip(edges.steps, steps, edges.flat, strict=False):
        assert fastest.lr <= step.lr <= flat.lr
    cuts = [i for i, s in enumerate(steps, 1) if i > warmup and s.next_lr < s.lr]
    if cuts:
        assert edges.first_cut is not None
        assert edges.first_cut <= cuts[0]


@given(patience=st.integers(0, 30), warmup=st.integers(0, 5))
def test_the_first_cut_of_a_flat_loss_comes_after_patience_and_two(patience, warmup):
    run = RunConfig(schedule=ReduceLROnPlateau(patience=patience), warmup=warmup, epochs=50)
    assert preview(run, 1).first_cut == warmup + patience + 2


@pytest.mark.parametrize("spec", [s for s in SPECS if s.name != "ReduceLROnPlateau"], ids=spec_id)
def test_a_preview_is_the_lr_that_trains(spec):
    run = small(spec, warmup=1)
    batches, rows = trained(run)
    assert [(s.lr, s.lr_last) for s in preview(run, batches).steps] == [
        (row.lr, row.lr_last) for row in rows
    ]


METRICS = [1.0, 0.8, 0.9, 0.85, 0.7, 0.75, 0.74, 0.73, 0.8, 0.9]


def test_each_cell_of_the_cut_map_is_a_replay():
    run = RunConfig(schedule=ReduceLROnPlateau(patience=2, factor=0.5), epochs=10)
    rows = recorded(METRICS, run)
    patience, factor = range(5), [0.1, 0.5, 0.9]
    past = Past([Stretch(run)], rows, 1)
    cells = cut_map(past, METRICS, run, ("patience", patience), ("factor", factor))
    for i, f in enumerate(factor):
        for j, p in enumerate(patience):
            steps = replay(METRICS, run, patience=p, factor=f)
            cuts = [s for s in steps if s.decision.kind == "cut"]
            assert cells.cuts[i][j] == len(cuts)
            differing = [s.epoch for s, row in zip(steps, rows, strict=True) if s.lr != row.lr]
            assert cells.first[i][j] == (differing[0] if differing else None)
    assert cells.first[1][2] is None


def test_values_that_do_not_go_together_leave_a_gap_in_the_cut_map():
    run = RunConfig(epochs=10)
    past = Past([Stretch(run)], recorded(METRICS, run), 1)
    cells = cut_map(past, METRICS, run, ("warmup", [0, 9, 10]), ("patience", [1]))
    assert [cell is None for cell in cells.cuts[0]] == [False, False, True]


def test_a_missing_value_counts_as_not_a_number():
    assert replay([1.0, None, 0.5]) == replay([1.0, math.nan, 0.5])


def test_settings_are_named_as_in_the_terminal_and_refused_as_there():
    assert replay([1.0] * 4, patience=1)[-1].decision.kind == "waiting"
    assert replay([1.0] * 4, patience="1", threshold_mode="abs")[-2].decision.kind == "cut"
    assert replay([1.0] * 4, schedule="StepLR", step_size=3)[2].decision.kind == "cut"
    with pytest.raises(ConfigError, match="Factor must be a number above 0 and below 1"):
        replay([1.0], factor=2)
    with pytest.raises(ConfigError, match="no setting 'patiense'"):
        replay([1.0], patiense=2)


def test_a_replay_is_a_function_that_a_script_may_call():
    code = (
        "import sys, trainer; assert 'torch' not in sys.modules\n"
        "from trainer.replay.replay import replay; print(*replay([0.9, 0.5], lr=0.1), sep='\\n')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [
        "epoch 1, LR 0.1: First value: 0.900 is the best so far.",
        "epoch 2, LR 0.1: New best: 0.500 beats 0.900.",
    ]


@settings(max_examples=50)
@given(metrics=sequences())
def test_a_replay_says_what_it_did_for_any_values(metrics):
    assert all(str(step).startswith(f"epoch {step.epoch}, LR ") for step in replay(metrics))
