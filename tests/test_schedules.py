"""Every LR is torch's own: the oracle is torch's class, driven by hand as its manual says."""

import inspect
import itertools
import math
import re

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from torch.optim import lr_scheduler

from trainer.config import schedules
from trainer.config.run import RunConfig
from trainer.config.table import OPTIMIZERS, SCHEDULES
from trainer.schedule import optimizers
from trainer.schedule.schedule import Schedule

LR, EPOCHS, BATCHES = 0.02, 12, 3
PER_BATCH = ("OneCycleLR", "CyclicLR")


def weight():
    return [torch.nn.Parameter(torch.zeros(1))]


HAND_MADE = {
    "SGD": lambda: torch.optim.SGD(weight(), lr=LR, momentum=0.9),
    "Adam": lambda: torch.optim.Adam(weight(), lr=LR),
    "AdamW": lambda: torch.optim.AdamW(weight(), lr=LR),
    "RMSprop": lambda: torch.optim.RMSprop(weight(), lr=LR),
    "Adagrad": lambda: torch.optim.Adagrad(weight(), lr=LR),
    "NAdam": lambda: torch.optim.NAdam(weight(), lr=LR),
    "RAdam": lambda: torch.optim.RAdam(weight(), lr=LR),
}

SPECS = [
    schedules.StepLR(step_size=3, gamma=0.3),
    schedules.MultiStepLR(milestones=(2, 3, 9), gamma=0.3),
    schedules.ExponentialLR(gamma=0.9),
    schedules.CosineAnnealingLR(T_max=9, eta_min=0.001),
    schedules.CosineAnnealingWarmRestarts(T_0=2, T_mult=2, eta_min=0.001),
    schedules.OneCycleLR(),
    schedules.OneCycleLR(anneal_strategy="linear", three_phase=True, pct_start=0.4, div_factor=7),
    schedules.OneCycleLR(cycle_momentum=False),
    schedules.CyclicLR(max_lr=0.1, step_size_up=2),
    schedules.CyclicLR(max_lr=0.1, step_size_up=1, mode="triangular2", base_momentum=0.7),
    schedules.CyclicLR(max_lr=0.1, step_size_up=2, mode="exp_range", gamma=0.97),
    schedules.LinearLR(start_factor=0.5, end_factor=0.1, total_iters=7),
    schedules.PolynomialLR(total_iters=9, power=2.0),
    schedules.ConstantLR(factor=0.25, total_iters=4),
    schedules.ReduceLROnPlateau(factor=0.3, patience=1, cooldown=1, min_lr=0.001),
]
METRICS = [2.0, 1.5, 1.6, 1.7, 1.8, 1.4, 1.5, 1.6, 1.7, 1.8, 1.9, 2.0]


def spec_id(spec):
    changed = spec.model_dump(exclude_defaults=True, exclude={"name"})
    return f"{spec.name}-{'-'.join(str(value) for value in changed.values())}"


def torch_scheduler(spec, optimizer, epochs=EPOCHS):
    """What a person would write for this schedule."""
    arguments = spec.model_dump(exclude={"name"})
    if spec.name == "OneCycleLR":
        arguments |= {"max_lr": LR, "total_steps": epochs * BATCHES}
    if spec.name == "CyclicLR":
        arguments |= {"base_lr": LR, "step_size_up": spec.step_size_up * BATCHES}
    if arguments.get("cycle_momentum") and isinstance(optimizer, torch.optim.Adagrad):
        arguments["cycle_momentum"] = False
    scheduler = getattr(lr_scheduler, spec.name)(optimizer, **arguments)
    optimizer.step()  # torch warns where a scheduler goes first
    return scheduler


def moved(optimizer):
    group = optimizer.param_groups[0]
    return group["lr"], group.get("momentum"), group.get("betas")


def by_torch(spec, optimizer, epochs=EPOCHS, metrics=METRICS):
    """(lr, momentum, betas) of every batch, epoch by epoch."""
    scheduler = torch_scheduler(spec, optimizer, epochs)
    for epoch in range(epochs):
        batches = []
        for batch in range(BATCHES):
            batches.append(moved(optimizer))
            if spec.name in PER_BATCH and (epoch, batch) != (epochs - 1, BATCHES - 1):
                scheduler.step()
        yield batches
        if spec.name == "ReduceLROnPlateau":
            scheduler.step(metrics[epoch])
        elif spec.name not in PER_BATCH:
            scheduler.step()


def by_schedule(run, metrics=METRICS):
    """The same, as the engine does it, with each epoch's decision."""
    schedule = Schedule(run, BATCHES)
    trained = optimizers.build(run.optimizer, weight(), run.lr)
    for epoch in range(run.epochs):
        batches = []
        for _ in range(BATCHES):
            schedule.apply(trained)
            batches.append(moved(trained))
            schedule.step_batch()
        yield batches, schedule.advance(metrics[epoch])


def run_of(spec, optimizer="SGD", **changes):
    made = OPTIMIZERS[optimizer]()
    return RunConfig(schedule=spec, optimizer=made, lr=LR, epochs=EPOCHS, **changes)


def test_every_schedule_and_optimizer_is_compared_with_torch():
    assert {spec.name for spec in SPECS} == SCHEDULES.keys() - {"none"}
    assert HAND_MADE.keys() == OPTIMIZERS.keys()


@pytest.mark.parametrize("optimizer", HAND_MADE)
@pytest.mark.parametrize("spec", SPECS, ids=spec_id)
def test_every_batch_has_the_lr_and_momentum_of_torchs_own_class(spec, optimizer):
    got = [batches for batches, _ in by_schedule(run_of(spec, optimizer))]
    assert got == list(by_torch(spec, HAND_MADE[optimizer]()))


@pytest.mark.parametrize("spec", [schedules.OneCycleLR(), schedules.CyclicLR()], ids=spec_id)
def test_cycles_really_move_momentum_against_the_lr(spec):
    for optimizer, of in (("SGD", lambda m: m[1]), ("Adam", lambda m: m[2][0])):
        seen = [m for batches, _ in by_schedule(run_of(spec, optimizer)) for m in batches]
        low, high = min(seen), max(seen)
        assert of(low) == pytest.approx(spec.max_momentum)
        assert of(high) == pytest.approx(spec.base_momentum, abs=0.02)


@pytest.mark.parametrize("spec", [schedules.NoSchedule(), *SPECS], ids=spec_id)
def test_each_decision_holds_the_first_lr_of_its_epoch_and_of_the_next(spec):
    epochs = list(by_schedule(run_of(spec)))
    firsts = [batches[0][0] for batches, _ in epochs]
    assert [decision.lr for _, decision in epochs] == firsts
    assert [decision.next_lr for _, decision in epochs[:-1]] == firsts[1:]
    assert [decision.epoch for _, decision in epochs] == list(range(1, EPOCHS + 1))
    for _, decision in epochs:
        assert (decision.plateau is not None) == (spec.name == "ReduceLROnPlateau")


@pytest.mark.parametrize(
    ("spec", "kinds"),
    [
        (schedules.NoSchedule(), ["kept"] * 4),
        (schedules.StepLR(step_size=2), ["kept", "cut", "kept", "cut"]),
        (schedules.MultiStepLR(milestones=(1, 4)), ["cut", "kept", "kept", "cut"]),
        (schedules.ExponentialLR(), ["lowered"] * 4),
        (schedules.ExponentialLR(gamma=1), ["kept"] * 4),
        (schedules.CosineAnnealingLR(T_max=2), ["lowered", "bottom", "raised", "peak"]),
        (
            schedules.CosineAnnealingWarmRestarts(T_0=2, T_mult=1),
            ["lowered", "restart", "lowered", "restart"],
        ),
        (schedules.OneCycleLR(pct_start=0.5), ["raised", "peak", "lowered", "lowered"]),
        (schedules.CyclicLR(step_size_up=1), ["peak", "bottom", "peak", "bottom"]),
        (schedules.ConstantLR(total_iters=2), ["kept", "raised", "kept", "kept"]),
    ],
    ids=lambda value: spec_id(value) if hasattr(value, "name") else "",
)
def test_a_schedule_without_a_metric_says_what_the_lr_did(spec, kinds):
    run = RunConfig(schedule=spec, lr=LR, epochs=4)
    assert [decision.kind for _, decision in by_schedule(run)] == kinds


@pytest.mark.parametrize("strategy", ["cos", "linear"])
def test_one_cycle_ends_at_its_lowest_lr_and_goes_no_further(strategy):
    spec = schedules.OneCycleLR(anneal_strategy=strategy)
    batches, decision = list(by_schedule(run_of(spec)))[-1]
    assert decision.next_lr == batches[-1][0] == pytest.approx(LR / 25 / 1e4)
    schedule = Schedule(run_of(spec), BATCHES)
    for _ in range(EPOCHS * BATCHES + 5):
        schedule.step_batch()
    assert schedule.lr == decision.next_lr


# Warm-up

WARMUP = 2


@pytest.mark.parametrize("spec", [schedules.NoSchedule(), *SPECS], ids=spec_id)
def test_warm_up_rises_in_a_line_and_then_the_schedule_begins_as_if_new(spec):
    epochs = list(by_schedule(run_of(spec, warmup=WARMUP), metrics=[9.0] * WARMUP + METRICS))
    steps = WARMUP * BATCHES

    optimizer = HAND_MADE["SGD"]()
    line = lr_scheduler.LinearLR(optimizer, start_factor=1 / (steps + 1), total_iters=steps)
    optimizer.step()
    expected = []
    for _ in range(steps):
        expected.append(optimizer.param_groups[0]["lr"])
        line.step()
    warm = [lr for batches, _ in epochs[:WARMUP] for lr, _, _ in batches]
    assert warm == expected
    assert warm == pytest.approx([LR * (k + 1) / (steps + 1) for k in range(steps)])
    assert [decision.kind for _, decision in epochs[:WARMUP]] == ["warm-up"] * WARMUP

    after = [batches for batches, _ in epochs[WARMUP:]]
    if spec.name == "none":
        assert {lr for batches in after for lr, _, _ in batches} == {LR}
    else:
        assert after == list(by_torch(spec, HAND_MADE["SGD"](), EPOCHS - WARMUP))


def test_warm_up_does_not_show_its_losses_to_the_plateau_rule():
    spec = schedules.ReduceLROnPlateau()
    (*_, (_, last), (_, first)) = list(by_schedule(run_of(spec, warmup=2), [0.1, 0.1, *METRICS]))[
        :3
    ]
    assert last.plateau is None
    assert (first.kind, first.plateau.level, first.plateau.best) == ("improved", None, 2.0)


# ReduceLROnPlateau, state by state


def sequences():
    """Plateaus, spikes, falls, and the values that break naive code."""
    special = st.sampled_from([math.nan, math.inf, -math.inf, 0.0, -0.0, 1.0, -1.0, 0.5])
    value = st.one_of(st.floats(-10, 10), st.floats(0, 3), special)
    return st.lists(st.tuples(value, st.integers(1, 6)), min_size=1, max_size=12).map(
        lambda runs: [value for value, times in runs for _ in range(times)]
    )


def plateau_runs():
    return st.builds(
        RunConfig,
        lr=st.floats(1e-4, 1),
        monitor=st.sampled_from(["val_loss", "train_loss", "val_accuracy"]),
        epochs=st.just(100),
        schedule=st.builds(
            schedules.ReduceLROnPlateau,
            factor=st.floats(0.01, 0.99),
            patience=st.integers(0, 5),
            threshold=st.one_of(st.sampled_from([0.0, 1e-4, 0.5]), st.floats(0, 0.9)),
            threshold_mode=st.sampled_from(["rel", "abs"]),
            cooldown=st.integers(0, 4),
            min_lr=st.sampled_from([0.0, 1e-4, 0.003, 0.05, 2.0]),
            eps=st.sampled_from([0.0, 1e-8, 1e-3, 0.1]),
        ),
    )


def torch_plateau(run):
    optimizer = torch.optim.SGD(weight(), lr=run.lr)
    arguments = run.schedule.model_dump(exclude={"name"})
    mode = "max" if run.monitor == "val_accuracy" else "min"
    return lr_scheduler.ReduceLROnPlateau(optimizer, mode=mode, **arguments)


def finite(value):
    return value if math.isfinite(value) else None


def shown_in_order(decision, metric, level, counted, oracle):
    """The class's numbers that a sentence of this kind is to show, in order."""
    compared = [n for n in (metric, level) if n is not None] if math.isfinite(metric) else []
    lr = decision.lr
    match decision.kind:
        case "improved" if "no better" in decision.sentence:
            return [*compared, decision.plateau.met_best]
        case "improved":
            return compared
        case "waiting":
            return [lr, *compared, oracle.num_bad_epochs, oracle.patience]
        case "cooldown":
            return [lr, *compared, *filter(None, [oracle.cooldown_counter])]
        case "cut":
            return [counted, oracle.patience, lr, oracle.optimizer.param_groups[0]["lr"]]
        case "no effect":
            at_floor = oracle.min_lrs[0] and lr <= oracle.min_lrs[0]
            return [counted, oracle.patience, lr, oracle.min_lrs[0] if at_floor else oracle.eps]


NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e-?\d+)?")


@settings(max_examples=5000)
@given(run=plateau_runs(), metrics=sequences())
def test_plateau_is_torchs_class_in_every_state_on_any_losses(run, metrics):
    compare_with_torch(run, metrics)
    compare_with_torch(run, metrics[::-1])


def compare_with_torch(run, metrics):
    schedule, oracle = Schedule(run, BATCHES), torch_plateau(run)
    group, reduce_lr, attempts = oracle.optimizer.param_groups[0], oracle._reduce_lr, []
    oracle._reduce_lr = lambda epoch: (attempts.append(epoch), reduce_lr(epoch))
    for metric in metrics:
        lr, best, bad, cooling = group["lr"], oracle.best, oracle.num_bad_epochs, oracle.in_cooldown
        assert schedule.lr == lr
        better = oracle._is_better(metric, best)
        attempts.clear()
        oracle.step(metric)
        decision = schedule.advance(metric)
        seen = decision.plateau

        assert (decision.lr, decision.next_lr, schedule.lr) == (lr, group["lr"], group["lr"])
        assert seen.bad_epochs == oracle.num_bad_epochs
        assert seen.cooldown_left == oracle.cooldown_counter
        assert seen.best == finite(oracle.best)
        assert seen.metric == finite(metric)
        assert seen.counted == (bad + 1 if attempts else oracle.num_bad_epochs)
        assert (seen.patience, seen.factor) == (run.schedule.patience, run.schedule.factor)
        assert (seen.min_lr, seen.eps) == (run.schedule.min_lr, run.schedule.eps)

        assert (decision.kind == "cut") == (group["lr"] != lr)
        assert (decision.kind == "no effect") == (bool(attempts) and group["lr"] == lr)
        assert (decision.kind == "improved") == better
        assert (seen.met_best, seen.cooling, seen.mode) == (finite(best), cooling, oracle.mode)
        if decision.kind in ("waiting", "cooldown"):
            assert (decision.kind == "cooldown") == cooling

        worse = math.inf if oracle.mode == "min" else -math.inf
        for level, beaten in ((seen.level, best), (seen.next_level, oracle.best)):
            assert math.isfinite(beaten) or level is None
            if level is not None:
                assert not oracle._is_better(level, beaten)
                assert not oracle._is_better(math.nextafter(level, worse), beaten)
                assert oracle._is_better(math.nextafter(level, -worse), beaten)

        numbers = [float(number) for number in NUMBER.findall(decision.sentence)]
        expected = shown_in_order(decision, metric, seen.level, seen.counted, oracle)
        assert len(numbers) == len(expected)
        for number, state in zip(numbers, expected, strict=True):
            assert math.isclose(number, state, rel_tol=0.005)


# The facts of the page on ReduceLROnPlateau, of torch's class and of ours


def states_of_torch(run, metrics):
    scheduler = torch_plateau(run)
    group = scheduler.optimizer.param_groups[0]
    for metric in metrics:
        used = group["lr"]
        scheduler.step(metric)
        yield {
            "used": used,
            "next": group["lr"],
            "best": scheduler.best,
            "bad": scheduler.num_bad_epochs,
            "cooldown": scheduler.cooldown_counter,
        }


def states_of_ours(run, metrics):
    schedule = Schedule(run, BATCHES)
    for metric in metrics:
        used = schedule.lr
        decision = schedule.advance(metric)
        assert decision.lr == used
        yield {
            "used": used,
            "next": schedule.lr,
            "best": decision.plateau.best,
            "bad": decision.plateau.bad_epochs,
            "cooldown": decision.plateau.cooldown_left,
            "kind": decision.kind,
        }


@pytest.fixture(params=[states_of_torch, states_of_ours], ids=["torch", "lrscope"])
def states(request):
    def drive(metrics, lr=0.1, monitor="val_loss", **rule):
        run = RunConfig(
            lr=lr, monitor=monitor, epochs=100, schedule=schedules.ReduceLROnPlateau(**rule)
        )
        return list(request.param(run, metrics))

    return drive


def above(value):
    return math.nextafter(value, math.inf)


def below(value):
    return math.nextafter(value, -math.inf)


UP = {"monitor": "val_accuracy"}
FACTS = {
    "1 better: a new best, no bad epochs": (
        {"patience": 5}, [3, 3, 3, 2, 2],
        {"best": [3, 3, 3, 2, 2], "bad": [0, 1, 2, 0, 1]},
    ),
    "1 a cut starts the cooldown, which ignores bad epochs but not a new best": (
        {"patience": 0, "cooldown": 3}, [3, 3, 3, 2, 2, 2],
        {
            "cooldown": [0, 3, 2, 1, 0, 3], "bad": [0] * 6, "best": [3, 3, 3, 2, 2, 2],
            "next": [0.1, 0.01, 0.01, 0.01, 0.01, 0.001],
        },
    ),
    "3 a cut at the end of an epoch is in force from the next": (
        {"patience": 1}, [1] * 5,
        {"used": [0.1, 0.1, 0.1, 0.01, 0.01], "next": [0.1, 0.1, 0.01, 0.01, 0.001]},
    ),
    "4 strict, min rel": (
        {"threshold": 0.5}, [4, 2, below(2)], {"best": [4, 4, below(2)]},
    ),
    "4 strict, min abs": (
        {"threshold": 0.5, "threshold_mode": "abs"}, [2, 1.5, below(1.5)],
        {"best": [2, 2, below(1.5)]},
    ),
    "4 strict, max rel": (
        UP | {"threshold": 0.5}, [0.5, 0.75, above(0.75)], {"best": [0.5, 0.5, above(0.75)]},
    ),
    "4 strict, max abs": (
        UP | {"threshold": 0.5, "threshold_mode": "abs"}, [0.25, 0.75, above(0.75)],
        {"best": [0.25, 0.25, above(0.75)]},
    ),
    "4 compared with the best, not with the value before": (
        {}, [1, 5, 4, 3], {"bad": [0, 1, 2, 3], "best": [1] * 4},
    ),
    "4 a slow gain adds up": (
        {"threshold": 0.1}, [1, 0.95, 0.92, 0.89], {"best": [1, 1, 1, 0.89], "bad": [0, 1, 2, 0]},
    ),
    "5 rel of a negative best takes worse for better": (
        {}, [-1, -0.99995], {"best": [-1, -0.99995], "bad": [0, 0]},
    ),
    "5 rel of a best of 0 is beaten by a negative value only": (
        {}, [0, 0, -1e-9], {"best": [0, 0, -1e-9], "bad": [0, 1, 0]},
    ),
    "5 abs is right where rel is wrong": (
        {"threshold_mode": "abs"}, [-1, -0.99995], {"best": [-1, -1], "bad": [0, 1]},
    ),
    "6 nan and inf are bad and never the best": (
        {}, [1, math.nan, math.inf], {"best": [1, 1, 1], "bad": [0, 1, 2]},
    ),
    "6 only nan: the first cut comes one call earlier": (
        {"patience": 2}, [math.nan] * 3, {"next": [0.1, 0.1, 0.01]},
    ),
    "7 a cut within eps is not made, but counted as if": (
        {"lr": 1e-8, "patience": 1, "cooldown": 2}, [1] * 6,
        {"next": [1e-8] * 6, "bad": [0, 1, 0, 0, 0, 1], "cooldown": [0, 0, 2, 1, 0, 0]},
    ),
    "8 min_lr clamps a cut": (
        {"patience": 0, "min_lr": 0.05}, [1] * 3, {"next": [0.1, 0.05, 0.05]},
    ),
    "8 min_lr never raises": (
        {"lr": 0.01, "patience": 0, "min_lr": 0.05}, [1] * 3, {"next": [0.01] * 3},
    ),
}  # fmt: skip


@pytest.mark.parametrize("fact", FACTS)
def test_fact(fact, states):
    rule, metrics, expected = FACTS[fact]
    rows = states(metrics, **rule)
    for name, column in expected.items():
        assert [row[name] for row in rows] == pytest.approx(column, rel=1e-15, abs=0), name


@pytest.mark.parametrize(
    ("patience", "cooldown", "cuts"),
    [
        (5, 0, [7, 13, 19, 25]),
        (0, 0, [2, 3, 4, 5]),
        (2, 3, [4, 10, 16, 22]),
        (1, 0, [3, 5, 7, 9]),
        (0, 2, [2, 5, 8, 11]),
    ],
    ids=lambda value: f"2-{value}",
)
def test_fact_2_patience_is_off_by_one(patience, cooldown, cuts, states):
    rows = states([1.0] * cuts[-1], patience=patience, cooldown=cooldown, factor=0.5)
    assert [call for call, row in enumerate(rows, 1) if row["next"] != row["used"]] == cuts
    assert cuts[0] == patience + 2
    assert {b - a for a, b in itertools.pairwise(cuts)} == {cooldown + patience + 1}


def test_fact_3_after_step_get_last_lr_is_the_next_epochs():
    scheduler = torch_plateau(RunConfig(lr=0.1, schedule=schedules.ReduceLROnPlateau(patience=0)))
    for _ in range(2):
        scheduler.step(1.0)
    assert scheduler.get_last_lr() == [0.1 * 0.1]


def test_fact_6_minus_infinity_is_the_best_for_ever():
    run = RunConfig(schedule=schedules.ReduceLROnPlateau())
    scheduler, schedule = torch_plateau(run), Schedule(run, BATCHES)
    for metric in (-math.inf, -1e300, -math.inf):
        scheduler.step(metric)
        decision = schedule.advance(metric)
    assert (scheduler.best, scheduler.num_bad_epochs) == (-math.inf, 2)
    assert (decision.plateau.best, decision.plateau.bad_epochs) == (None, 2)


def test_fact_7_a_cut_without_effect_is_named_so():
    run = RunConfig(lr=1e-8, schedule=schedules.ReduceLROnPlateau(patience=0))
    schedule = Schedule(run, BATCHES)
    assert [schedule.advance(1.0).kind for _ in range(3)] == ["improved", "no effect", "no effect"]


@pytest.mark.parametrize("factor", [1.0, 1.5, 0.0, -0.5])
def test_fact_9_torch_refuses_a_factor_of_1_or_more_the_form_also_0_or_less(factor):
    with pytest.raises(ValidationError):
        schedules.ReduceLROnPlateau(factor=factor)
    optimizer = HAND_MADE["SGD"]()
    if factor >= 1:
        with pytest.raises(ValueError, match="Factor"):
            lr_scheduler.ReduceLROnPlateau(optimizer, factor=factor)
    else:
        assert lr_scheduler.ReduceLROnPlateau(optimizer, factor=factor).factor == factor


def test_fact_9_step_needs_a_metric():
    with pytest.raises(TypeError):
        lr_scheduler.ReduceLROnPlateau(HAND_MADE["SGD"]()).step()


def test_fact_10_torch_cannot_compose_plateau_with_a_warm_up():
    optimizer = HAND_MADE["SGD"]()
    plateau = lr_scheduler.ReduceLROnPlateau(optimizer)
    assert not hasattr(plateau, "base_lrs")
    with pytest.raises(NotImplementedError):
        plateau.get_lr()
    warmup = lr_scheduler.LinearLR(optimizer)
    with pytest.raises(ValueError, match="ReduceLROnPlateau"):
        lr_scheduler.SequentialLR(optimizer, [warmup, plateau], milestones=[2])
    with pytest.raises(ValueError, match="ReduceLROnPlateau"):
        lr_scheduler.ChainedScheduler([warmup, plateau], optimizer=optimizer)


def test_fact_11_a_loaded_state_brings_its_patience_but_not_its_lr():
    old = lr_scheduler.ReduceLROnPlateau(HAND_MADE["SGD"](), patience=0)
    for _ in range(3):
        old.step(1.0)
    new = lr_scheduler.ReduceLROnPlateau(HAND_MADE["SGD"](), patience=7, factor=0.5)
    new.load_state_dict(old.state_dict())
    assert (new.patience, new.factor, new.best) == (0, 0.1, 1.0)
    assert new.optimizer.param_groups[0]["lr"] == LR != old.optimizer.param_groups[0]["lr"]


WRITE_OVER = {"CyclicLR", "CosineAnnealingWarmRestarts", "OneCycleLR"}


@pytest.mark.parametrize("spec", SPECS, ids=spec_id)
def test_fact_12_an_lr_set_by_hand_is_written_over_or_survives_as_a_ratio(spec):
    if getattr(spec, "eta_min", 0):
        spec = spec.model_copy(update={"eta_min": 0.0})
    if spec.name == "ReduceLROnPlateau":
        spec = spec.model_copy(update={"min_lr": 0.0})
    lrs = {}
    for by_hand in (1.0, 0.5):
        optimizer = HAND_MADE["SGD"]()
        scheduler = torch_scheduler(spec, optimizer)
        lrs[by_hand] = []
        for epoch in range(6):
            if epoch == 2:
                optimizer.param_groups[0]["lr"] *= by_hand
            if spec.name == "ReduceLROnPlateau":
                scheduler.step(METRICS[epoch])
            else:
                scheduler.step()
            lrs[by_hand].append(optimizer.param_groups[0]["lr"])
    ratio = 1.0 if spec.name in WRITE_OVER else 0.5
    assert lrs[0.5][2:] == pytest.approx([ratio * lr for lr in lrs[1.0][2:]])


def test_fact_12_cosine_forgets_the_ratio_where_it_turns_up_again():
    optimizer = HAND_MADE["SGD"]()
    scheduler = torch_scheduler(schedules.CosineAnnealingLR(T_max=3), optimizer)
    optimizer.param_groups[0]["lr"] *= 0.5
    lrs = []
    for _ in range(4):
        scheduler.step()
        lrs.append(optimizer.param_groups[0]["lr"])
    assert lrs == pytest.approx([LR * 0.5 * 0.75, LR * 0.5 * 0.25, 0, LR * 0.25])


def test_fact_12_lambda_lr_writes_over_an_lr_set_by_hand():
    optimizer = HAND_MADE["SGD"]()
    scheduler = lr_scheduler.LambdaLR(optimizer, lambda _: 1.0)
    optimizer.step()
    optimizer.param_groups[0]["lr"] = 1.0
    scheduler.step()
    assert optimizer.param_groups[0]["lr"] == LR


def test_fact_13_cosine_rises_again_after_t_max():
    optimizer = HAND_MADE["SGD"]()
    lrs = [batches[0][0] for batches in by_torch(schedules.CosineAnnealingLR(T_max=6), optimizer)]
    assert lrs[:7] == sorted(lrs[:7], reverse=True)
    assert lrs[6:] == sorted(lrs[6:])
    assert lrs[-1] > lrs[6]


def test_fact_13_one_cycle_raises_past_its_total_steps():
    scheduler = torch_scheduler(schedules.OneCycleLR(), HAND_MADE["SGD"]())
    for _ in range(EPOCHS * BATCHES):
        scheduler.step()
    with pytest.raises(ValueError, match="total"):
        scheduler.step()


def test_fact_14_verbose_is_gone():
    for name in SCHEDULES.keys() - {"none"}:
        assert "verbose" not in inspect.signature(getattr(lr_scheduler, name)).parameters
    with pytest.raises(TypeError):
        lr_scheduler.ReduceLROnPlateau(HAND_MADE["SGD"](), verbose=True)
