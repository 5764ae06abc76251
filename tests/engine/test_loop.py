"""The training loop, against a loop that a person would write, and what it promises beside."""

import dataclasses
import math
import os
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy
from torch.optim import lr_scheduler

from trainer.config import schedules
from trainer.config.metrics import TRAINED
from trainer.config.optimizers import SGD, Adam
from trainer.config.run import RunConfig
from trainer.engine import datasets, models
from trainer.engine import loop as engine
from trainer.engine.control import Control
from trainer.engine.events import Diverged, Ended, EpochEnded, Event, Progress, Started
from trainer.engine.loop import DeviceError, pick_device, train
from trainer.schedule import optimizers
from trainer.schedule.epoch import Epoch
from trainer.schedule.trace import EMPTY

MNIST_ENV = "LRSCOPE_TEST_MNIST"
NOWHERE = Path("no-such-folder")  # digits need none


def tiny(**changes: Any) -> RunConfig:
    """A run of a moment: 1077 images in batches of 512, 512 and 53."""
    quick = {"model": "mlp", "batch_size": 512, "epochs": 3, "device": "cpu"}
    return RunConfig(**quick | changes)


def run(settings: RunConfig, control: Control | None = None) -> list[Event]:
    return list(train(settings, NOWHERE, control))


def numbers(events: Iterable[Event]) -> list[Event]:
    """What must not depend on the clock."""
    return [
        dataclasses.replace(event, seconds=0.0) if isinstance(event, Epoch) else event
        for event in events
        if not isinstance(event, Progress)
    ]


def epochs(events: Iterable[Event]) -> list[EpochEnded]:
    return [event for event in events if isinstance(event, EpochEnded)]


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, Any, Any]]:
    """(lr, momentum, betas) in force at each step of the real optimizer."""
    seen = []
    build = optimizers.build

    def watched(
        spec: Any, params: Any, lr: float, capturable: bool = False, is_trained: bool = True
    ) -> torch.optim.Optimizer:
        params = list(params)
        optimizer = build(spec, params, lr, capturable, is_trained)

        def note(optimizer: torch.optim.Optimizer, *_: Any) -> None:
            group = optimizer.param_groups[0]
            seen.append((group["lr"], group.get("momentum"), group.get("betas")))

        if sum(p.numel() for p in params) > 1:  # not the schedule's own optimizer of one number
            optimizer.register_step_pre_hook(note)
        return optimizer

    monkeypatch.setattr(optimizers, "build", watched)
    return seen


# The numbers


def by_hand(
    settings: RunConfig,
    make_optimizer: Callable[[Iterable[nn.Parameter]], torch.optim.Optimizer],
    make_scheduler: Callable[[torch.optim.Optimizer], lr_scheduler.ReduceLROnPlateau] | None = None,
) -> tuple[list[tuple[float, float, float]], tuple[float, float]]:
    """The tutorial's loop: (train loss, val loss, val accuracy) of each epoch, and the test's."""
    splits = datasets.load(settings.dataset, NOWHERE, settings.seed)
    model = models.built(settings.model, splits.train.x, 10, settings.seed).network
    model = model.to(memory_format=torch.contiguous_format)
    optimizer = make_optimizer(model.parameters())
    scheduler = make_scheduler and make_scheduler(optimizer)
    order = torch.Generator().manual_seed(settings.seed)

    def evaluate(images: datasets.Images) -> tuple[float, float]:
        model.eval()
        with torch.no_grad():
            scores = model(images.x.float() / 255)
        correct = (scores.argmax(1) == images.y).double().mean()
        return cross_entropy(scores, images.y).item(), correct.item()

    records = []
    for _ in range(settings.epochs):
        model.train()
        total = 0.0
        shuffled = torch.randperm(len(splits.train), generator=order)
        for start in range(0, len(shuffled), settings.batch_size):
            rows = shuffled[start : start + settings.batch_size]
            loss = cross_entropy(model(splits.train.x[rows].float() / 255), splits.train.y[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(rows)
        records.append((total / len(shuffled), *evaluate(splits.val)))
        if scheduler:
            scheduler.step(records[-1][1])
    return records, evaluate(splits.test)


@pytest.mark.parametrize(
    ("settings", "optimizer", "scheduler"),
    [
        (
            tiny(optimizer=SGD(momentum=0.8), lr=0.1),
            lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.8),
            None,
        ),
        (
            tiny(model="cnn", lr=0.003, seed=5, epochs=2),
            lambda p: torch.optim.Adam(p, lr=0.003),
            None,
        ),
        (
            tiny(
                lr=0.01,
                epochs=5,
                schedule=schedules.ReduceLROnPlateau(patience=0, factor=0.5, threshold=0.9),
            ),
            lambda p: torch.optim.Adam(p, lr=0.01),
            lambda o: lr_scheduler.ReduceLROnPlateau(o, patience=0, factor=0.5, threshold=0.9),
        ),
    ],
    ids=["mlp-SGD", "cnn-Adam", "mlp-Adam-plateau"],
)
def test_every_number_is_that_of_a_plain_loop(settings, optimizer, scheduler):
    events = run(settings)
    records, tested = by_hand(settings, optimizer, scheduler)
    assert len(epochs(events)) == len(records)
    for event, (train_loss, val_loss, val_accuracy) in zip(epochs(events), records, strict=True):
        assert event.metrics["train_loss"] == pytest.approx(train_loss, rel=1e-5)
        assert event.metrics["val_loss"] == pytest.approx(val_loss, rel=1e-5)
        assert event.metrics["val_accuracy"] == pytest.approx(val_accuracy, abs=1e-6)
    assert events[-1].status == "finished"
    assert events[-1].test_loss == pytest.approx(tested[0], rel=1e-5)
    assert events[-1].test_accuracy == pytest.approx(tested[1], abs=1e-6)


def test_a_model_trains_in_training_mode_and_is_judged_in_evaluation_mode(monkeypatch):
    def normed(channels, height, width, classes):
        pixels = channels * height * width
        return nn.Sequential(nn.Flatten(), nn.BatchNorm1d(pixels), nn.Linear(pixels, classes))

    monkeypatch.setitem(models.MODELS, "mlp", normed)
    settings = tiny(optimizer=SGD(), lr=0.01)
    records, tested = by_hand(settings, lambda p: torch.optim.SGD(p, lr=0.01, momentum=0.9))
    events = run(settings)
    for event, (train_loss, val_loss, _) in zip(epochs(events), records, strict=True):
        assert event.metrics["train_loss"] == pytest.approx(train_loss, rel=1e-4)
        assert event.metrics["val_loss"] == pytest.approx(val_loss, rel=1e-4)
    assert events[-1].test_loss == pytest.approx(tested[0], rel=1e-4)


def test_the_record_holds_the_lr_that_was_used_not_the_next(steps):
    rule = schedules.ReduceLROnPlateau(patience=0, threshold=0.99)
    events = epochs(run(tiny(schedule=rule, epochs=4, lr=0.01)))
    assert [event.lr for event in events] == pytest.approx([0.01, 0.01, 0.001, 0.0001])
    assert [lr for lr, _, _ in steps[::3]] == [event.lr for event in events]
    for event, after in zip(events, [*events[1:], None], strict=True):
        assert event.lr_last == event.lr == event.decision.lr
        assert after is None or event.decision.next_lr == after.lr


def test_the_engine_measures_what_can_be_watched():
    assert epochs(run(tiny(epochs=1)))[0].metrics.keys() == TRAINED.keys()


@pytest.mark.parametrize("monitor", ["val_loss", "train_loss", "val_accuracy"])
def test_the_schedule_watches_what_the_monitor_names(monitor):
    for event in epochs(run(tiny(monitor=monitor))):
        assert event.decision.plateau.metric == event.metrics[monitor]
        assert event.decision.plateau.monitor == monitor


@pytest.mark.parametrize("optimizer", [SGD(), Adam()], ids=lambda spec: spec.name)
def test_one_cycle_moves_lr_and_momentum_of_every_batch_as_torch_does(optimizer, steps):
    settings = tiny(optimizer=optimizer, lr=0.05, schedule=schedules.OneCycleLR())
    events = epochs(run(settings))
    by_torch = getattr(torch.optim, optimizer.name)([torch.nn.Parameter(torch.zeros(1))], lr=0.05)
    scheduler = lr_scheduler.OneCycleLR(by_torch, max_lr=0.05, total_steps=9)
    by_torch.step()
    expected = []
    for _ in range(9):
        group = by_torch.param_groups[0]
        expected.append((group["lr"], group.get("momentum"), group.get("betas")))
        scheduler.step()
    assert steps == expected
    assert [(e.lr, e.lr_last) for e in events] == [
        (expected[first][0], expected[first + 2][0]) for first in (0, 3, 6)
    ]


def test_started_describes_the_run():
    started = run(tiny(epochs=1))[0]
    assert isinstance(started, Started)
    assert (started.device, started.batches) == ("cpu", 3)
    assert (started.train, started.val, started.test, started.classes) == (1077, 360, 360, 10)
    assert started.parameters == 784 * 50 + 50 + 500 + 10


@pytest.mark.parametrize("batch_size", [1077, 5000])
def test_a_batch_may_hold_all_images_or_more(batch_size):
    events = run(tiny(batch_size=batch_size, epochs=1))
    records, _ = by_hand(tiny(batch_size=batch_size, epochs=1), torch.optim.Adam, None)
    assert events[0].batches == 1
    measured: dict[str, Any] = epochs(events)[0].metrics
    assert measured["val_loss"] < 3
    assert math.isclose(measured["train_loss"], records[0][0], rel_tol=1e-5)


def test_fifty_epochs_are_fifty_epochs():
    events = run(tiny(epochs=50, batch_size=1077))
    assert [event.epoch for event in epochs(events)] == list(range(1, 51))
    assert events[-1].status == "finished"


# The same config, the same numbers


def test_the_same_config_gives_the_same_numbers():
    settings = tiny(model="cnn")
    torch.manual_seed(1)
    one = numbers(run(settings))
    torch.manual_seed(2)
    assert numbers(run(settings)) == one


def test_another_seed_gives_other_numbers():
    one, other = (epochs(run(tiny(seed=seed)))[0] for seed in (0, 1))
    assert one.metrics["train_loss"] != other.metrics["train_loss"]
    assert one.metrics["val_loss"] != other.metrics["val_loss"]


def test_two_runs_at_once_have_the_numbers_that_each_has_alone():
    both = [tiny(model="cnn", epochs=2), tiny(model="lenet5", epochs=2, seed=1, batch_size=128)]
    alone = [numbers(run(settings)) for settings in both]
    together: list[list[Event]] = [[], []]
    start = threading.Barrier(2)

    def work(which: int) -> None:
        start.wait()
        for event in train(both[which], NOWHERE):
            together[which].append(event)
            if isinstance(event, Started):
                start.wait()

    threads = [threading.Thread(target=work, args=(which,)) for which in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [numbers(events) for events in together] == alone


def test_training_leaves_torchs_generator_alone():
    before = torch.get_rng_state()
    run(tiny(epochs=1))
    assert torch.equal(torch.get_rng_state(), before)


def test_training_leaves_torchs_threads_as_they_were():
    before = torch.get_num_threads()
    run(tiny(epochs=1))
    assert torch.get_num_threads() == before
    events = train(tiny(), NOWHERE)
    next(events)
    events.close()
    assert torch.get_num_threads() == before


# Stop, divergence, devices


def test_a_stop_is_obeyed_before_the_next_batch(monkeypatch):
    monkeypatch.setattr(engine, "PROGRESS_SECONDS", -1)
    batches = []
    pixels = engine.pixels

    def counted(x):
        batches.append(len(x))
        return pixels(x)

    monkeypatch.setattr(engine, "pixels", counted)
    control, events = Control(), []
    for event in train(tiny(), NOWHERE, control):
        events.append(event)
        if isinstance(event, Progress) and event.batch == 1:
            control.stop()
    assert [type(event) for event in events] == [Started, Progress, Ended]
    assert events[-1] == Ended("stopped")
    assert batches == [512]


def test_a_stop_before_the_first_batch_trains_nothing():
    control = Control()
    control.stop()
    assert [type(event) for event in run(tiny(), control)] == [Started, Ended]


def test_a_stop_after_an_epoch_is_followed_by_no_other():
    control, events = Control(), []
    for event in train(tiny(), NOWHERE, control):
        events.append(event)
        if isinstance(event, EpochEnded) and event.epoch == 2:
            control.stop()
    assert len(epochs(events)) == 2
    assert events[-1] == Ended("stopped")


def test_progress_counts_the_batches_of_its_epoch(monkeypatch):
    monkeypatch.setattr(engine, "PROGRESS_SECONDS", -1)
    progress = [event for event in run(tiny(epochs=2)) if isinstance(event, Progress)]
    counted = [(event.epoch, event.batch, event.batches) for event in progress]
    assert counted == [(epoch, batch, 3) for epoch in (1, 2) for batch in (1, 2, 3)]


def test_a_run_that_diverges_ends_there_with_none_for_what_is_not_a_number():
    # Each step makes every weight some hundred times as large, until it overflows.
    events = run(tiny(optimizer=SGD(weight_decay=1), lr=100, epochs=20))
    last = events[-1]
    assert isinstance(last, Diverged)
    assert 1 < last.epoch == len(epochs(events)) + 1 < 20
    assert None in (last.metrics["train_loss"], last.metrics["val_loss"])
    assert last.lr == last.lr_last == 100
    for number in (
        last.metrics["train_loss"],
        last.metrics["val_loss"],
        last.metrics["val_accuracy"],
    ):
        assert number is None or math.isfinite(number)
    assert f"in epoch {last.epoch}, at LR 100; try a tenth of it." in last.reason


@pytest.mark.parametrize(
    ("train_loss", "val_loss", "said"),
    [
        (math.nan, math.nan, "The train loss became not a number"),
        (math.inf, 1.0, "The train loss became infinite"),
        (1.0, math.nan, "The validation loss became not a number"),
        (1.0, math.inf, "The validation loss became infinite"),
    ],
)
def test_the_record_of_a_divergence_says_which_loss_and_keeps_the_other(train_loss, val_loss, said):
    measured = {"train_loss": train_loss, "val_loss": val_loss, "val_accuracy": 0.1}
    record = engine.diverged(3, 0.5, 0.5, measured, 1.0, EMPTY)
    assert record.reason == f"{said} in epoch 3, at LR 0.5; try a tenth of it."
    assert record.metrics["train_loss"] == (train_loss if math.isfinite(train_loss) else None)
    assert record.metrics["val_loss"] == (val_loss if math.isfinite(val_loss) else None)


@pytest.mark.parametrize("device", ["cuda", "mps"])
def test_a_device_that_is_not_there_is_refused_in_a_sentence(device, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    with pytest.raises(DeviceError, match=f"^torch finds no {device} device here; choose .*cpu.$"):
        run(tiny(device=device))


@pytest.mark.parametrize(
    ("cuda", "mps", "picked"),
    [(True, True, "cuda"), (True, False, "cuda"), (False, True, "mps"), (False, False, "cpu")],
)
def test_auto_takes_the_best_device_there_is(cuda, mps, picked, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
    assert pick_device("auto") == torch.device(picked)
    assert pick_device("cpu") == torch.device("cpu")


@pytest.mark.mnist
def test_the_cnn_learns_mnist_in_one_epoch():
    root = os.environ.get(MNIST_ENV)
    if not root:
        pytest.skip(f"{MNIST_ENV} does not name the folder of the full MNIST")
    settings = RunConfig(dataset="mnist", model="cnn", lr=0.001, epochs=1, device="cpu")
    (epoch,) = epochs(train(settings, Path(root)))
    accuracy = epoch.metrics["val_accuracy"]
    assert accuracy is not None
    assert accuracy > 0.95
