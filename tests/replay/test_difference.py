"""A replay is exact up to the batch that it names: the oracle is the other run, really trained."""

from collections.abc import Sequence
from itertools import chain
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.schedule.by_torch import SPECS
from tests.small import NOWHERE
from trainer.config import schedules
from trainer.config.optimizers import SGD
from trainer.config.run import RunConfig
from trainer.config.table import changed, keyed
from trainer.engine.control import Control
from trainer.engine.events import EpochEnded
from trainer.engine.loop import train
from trainer.engine.state import Snapshot
from trainer.replay.comparison import Comparison, compare
from trainer.replay.difference import Past
from trainer.schedule.interventions import Intervention
from trainer.schedule.past import Stretch
from trainer.schedule.schedule import Schedule

BATCHES = 3


def config(spec: Any, **changes: Any) -> RunConfig:
    """A run on digits, with three batches an epoch."""
    quick = {"model": "mlp", "batch_size": 512, "device": "cpu", "optimizer": SGD(), "lr": 0.01}
    return RunConfig(schedule=spec, **quick | changes)


def trained(
    run: RunConfig,
    made: Sequence[Intervention] = (),
    start: Snapshot | None = None,
    keep: int = 0,
) -> tuple[list[EpochEnded], Snapshot | None]:
    """The epochs of a real training with these interventions, and a snapshot of epoch `keep`."""
    control, rows, kept = Control(made), [], None
    for event in train(run, NOWHERE, control, start):
        if isinstance(event, EpochEnded):
            rows.append(event)
            if event.epoch == keep:
                kept = control.capture()
    return rows, kept


def losses(rows: Sequence[EpochEnded]) -> list[dict[str, float | None]]:
    return [row.metrics for row in rows]


def holds(run: RunConfig, made: Sequence[Intervention] = (), **values: Any) -> Comparison:
    """The comparison of a run with a replay under other values, after both were trained: they have
    the same losses before the epoch that it names, and others in that epoch.
    """
    other = changed(run, keyed(values))
    rows, _ = trained(run, made)
    real, _ = trained(other)
    comparison = compare(run, rows, other, run.batches or 0, [Stretch(run, 0, made)])
    exact = len(rows) if comparison.first is None else comparison.first - 1
    assert losses(rows)[:exact] == losses(real)[:exact]
    if exact < len(rows):
        assert losses(rows)[exact] != losses(real)[exact]
    return comparison


def test_two_epochs_with_the_same_first_and_last_lr_can_differ():
    run = config(schedules.OneCycleLR(cycle_momentum=False), epochs=1, batch_size=64)
    found = holds(run, pct_start=0.6)
    assert found.first == 1
    row, step = found.rows[0], found.steps[0]
    assert (row.lr, row.lr_last) == (step.lr, step.lr_last)
    assert found.sentence == (
        "Different from the start: in epoch 1, from batch 2 on, the LR would have been 6.77e-4 "
        "instead of 0.00174. The rest is a guess."
    )


@pytest.mark.parametrize(
    "made",
    [
        [Intervention(2, 1, "lr", 0.3)],
        [Intervention(2, 1, "scale", 0.5), Intervention(2, 1, "scale", 4.0)],
        [Intervention(2, 1, "cut")],
    ],
)
@pytest.mark.parametrize(
    "spec",
    [schedules.OneCycleLR(), schedules.CyclicLR(max_lr=0.1)],
    ids=lambda spec: spec.name,
)
def test_a_change_by_hand_that_the_schedule_undoes_is_a_difference(spec, made):
    found = holds(config(spec, epochs=4), made)
    assert found.difference is not None
    assert found.difference[:3] == (2, 1, "LR")
    assert "Exact up to epoch 1: in epoch 2, from batch 2 on, the LR" in found.sentence


@pytest.mark.parametrize("warmup", [0, 3])
def test_a_change_by_hand_that_is_undone_by_hand_is_a_difference(warmup):
    made = [Intervention(2, 1, "lr", 0.3), Intervention(2, 2, "lr", 0.01)]
    run = config(schedules.NoSchedule(), epochs=3, warmup=warmup and 2)
    found = holds(run, made)
    assert found.difference is not None
    assert found.difference[:3] == (2, 1, "LR")
    assert found.difference.did == 0.3


def test_a_change_by_hand_that_no_batch_was_trained_with_is_none():
    made = [Intervention(2, 1, "lr", 0.3), Intervention(2, 1, "lr", 0.01)]
    found = holds(config(schedules.NoSchedule(), epochs=3), made)
    assert found.sentence == "No difference: in 3 epochs every LR would be the same."


def test_momentum_that_moves_differently_only_later_differs_only_then():
    run = config(schedules.CyclicLR(step_size_up=2), epochs=8)
    assert holds(run, mode="triangular2").sentence == (
        "Exact up to epoch 4: in epoch 5, from batch 2 on, the LR would have been 0.0133 instead "
        "of 0.0167. The rest is a guess, since the losses would have been different."
    )


@pytest.mark.parametrize(("optimizer", "name"), [(SGD(), "momentum"), ({"name": "Adam"}, "beta 1")])
def test_momentum_alone_is_a_difference_and_is_named(optimizer, name):
    run = config(schedules.CyclicLR(step_size_up=2), epochs=2, optimizer=optimizer)
    assert holds(run, base_momentum=0.7).sentence == (
        f"Different from the start: in epoch 1, from batch 2 on, the {name} would have been 0.867 "
        "instead of 0.883. The rest is a guess."
    )
    assert holds(run, mode="exp_range").sentence == (
        f"No difference: in 2 epochs every LR and every {name} would be the same."
    )
    found = holds(run, max_momentum=0.95, base_momentum=0.95)
    assert found.difference is not None
    assert found.difference[:3] == (1, 0, "momentum")


def test_what_an_optimizer_without_momentum_cannot_move_is_no_difference():
    run = config(schedules.CyclicLR(), epochs=2, optimizer={"name": "Adagrad"})
    assert holds(run, cycle_momentum=False, base_momentum=0.5).first is None


@pytest.mark.parametrize(
    ("spec", "values", "first"),
    [
        (schedules.OneCycleLR(), {"final_div_factor": 10}, 2),
        (schedules.OneCycleLR(pct_start=0.5), {"three_phase": True}, 3),
        (schedules.OneCycleLR(anneal_strategy="linear"), {"anneal_strategy": "cos"}, 1),
        (schedules.NoSchedule(), {"warmup": 2}, 1),
        (schedules.StepLR(step_size=2), {"step_size": 3}, 3),
        (schedules.NoSchedule(), {"schedule": "StepLR", "step_size": 3}, 4),
    ],
)
def test_the_first_difference_is_where_the_other_run_differs(spec, values, first):
    run = config(spec, epochs=5)
    assert holds(run, **values).first == first


SEVERAL = [spec.model_copy(update={"max_lr": 0.1}) if spec.name == "CyclicLR" else spec
           for spec in SPECS]  # fmt: skip
HANDS = st.lists(
    st.builds(
        lambda epoch, batch, what: Intervention(epoch, batch, *what),
        st.integers(1, 6),
        st.integers(0, BATCHES - 1),
        st.sampled_from([("lr", 0.02), ("scale", 0.5), ("scale", 3.0), ("cut", None)]),
    ),
    max_size=4,
).map(lambda made: sorted(made, key=lambda past: (past.epoch, past.batch)))


@settings(
    max_examples=settings.default.max_examples // 20,  # an example trains two runs
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    specs=st.tuples(st.sampled_from(SEVERAL), st.sampled_from(SEVERAL)),
    same=st.booleans(),
    warmup=st.integers(0, 3),
    fork=st.integers(1, 5),
    hands=st.tuples(HANDS, HANDS),
    lr=st.sampled_from([0.01, 0.03]),
)
def test_a_past_has_what_every_batch_was_trained_with(
    specs, same, warmup, fork, hands, lr, monkeypatch
):
    """Also of a fork, whose past has two recipes, and with interventions in both."""
    applied: list[tuple[float, float]] = []
    apply = Schedule.apply

    def noted(self: Schedule, optimizer: Any) -> None:
        apply(self, optimizer)
        group = optimizer.param_groups[0]
        applied.append((group["lr"], group["momentum"]))

    with monkeypatch.context() as patch:
        patch.setattr(Schedule, "apply", noted)
        parent = config(specs[0], epochs=6, warmup=warmup)
        child = config(specs[0] if same else specs[1], epochs=6, warmup=warmup, lr=lr)
        before, start = trained(parent, hands[0], keep=fork)
        del applied[fork * BATCHES :]
        after, _ = trained(child, [past for past in hands[1] if past.epoch > fork], start)
    rows = [*before[:fork], *after]
    made = [past for past in hands[0] if past.epoch <= fork]
    stretches = [
        Stretch(parent, 0, made),
        Stretch(child, fork, [past for past in hands[1] if past.epoch > fork]),
    ]
    past = Past(stretches, rows, BATCHES)
    assert [list(chain(*past.epoch(i))) for i in range(6)] == [
        applied[i * BATCHES : (i + 1) * BATCHES] for i in range(6)
    ]
