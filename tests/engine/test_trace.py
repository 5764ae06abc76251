"""The trace has the losses of the batches, as torch computes them, and costs no wait."""

import math
import warnings
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy
from torch.optim import lr_scheduler

from tests.small import NOWHERE, numbers, run, small
from trainer.config import optimizers, schedules
from trainer.config.run import RunConfig
from trainer.engine import datasets, models, threads
from trainer.engine import loop as engine
from trainer.engine import trace as traces
from trainer.engine.control import Control
from trainer.engine.datasets import Images, Splits
from trainer.engine.events import Diverged, EpochEnded, Event, Progress, Started
from trainer.engine.loop import train
from trainer.schedule.interventions import Intervention
from trainer.schedule.trace import EMPTY, Trace, group_size

COUNTS = [1, 17, 64, 65, 844]


@pytest.fixture(autouse=True)
def _told_after_every_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "PROGRESS_SECONDS", -1)


def of_batches(monkeypatch: pytest.MonkeyPatch, batches: int, **changes: Any) -> RunConfig:
    """A run whose epochs have so many batches, of two images and the last of one."""
    generator = torch.Generator().manual_seed(3)

    def images(n: int) -> Images:
        x = torch.randint(0, 256, (n, 1, 8, 8), dtype=torch.uint8, generator=generator)
        return Images(x, torch.randint(0, 3, (n,), generator=generator))

    splits = Splits(images(2 * batches - 1), images(4), images(4), classes=3)
    monkeypatch.setattr(datasets, "load", lambda *_: splits)
    return small(batch_size=2, **{"epochs": 2, "threads": 1} | changes)


def by_hand(settings: RunConfig, splits: Splits) -> list[list[float]]:
    """The losses of each epoch's batches, in a loop that a person would write."""
    model = models.built(settings.model, splits.train.x, splits.classes, settings.seed).network
    optimizer = torch.optim.Adam(model.parameters(), lr=settings.lr)
    order, epochs = torch.Generator().manual_seed(settings.seed), []
    torch.set_num_threads(settings.threads)
    for _ in range(settings.epochs):
        losses = []
        for rows in torch.randperm(len(splits.train), generator=order).split(settings.batch_size):
            loss = cross_entropy(model(splits.train.x[rows].float() / 255), splits.train.y[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        epochs.append(losses)
    return epochs


def whole(events: list[Event]) -> list[Trace]:
    return [event.trace for event in events if isinstance(event, EpochEnded | Diverged)]


@pytest.mark.parametrize("batches", COUNTS)
def test_a_trace_is_the_losses_of_the_batches_as_a_plain_loop_has_them(batches, monkeypatch):
    settings = of_batches(monkeypatch, batches)
    found = whole(run(settings))
    with threads.restored():
        expected = by_hand(settings, datasets.load("digits", NOWHERE, 0))
    assert len(found) == len(expected) == 2
    for trace, losses in zip(found, expected, strict=True):
        means = [group.mean().item() for group in torch.tensor(losses).split(group_size(batches))]
        assert len(trace.losses) <= 64
        assert trace.losses == pytest.approx(means, rel=1e-3)
        assert trace.lrs == ()


@pytest.mark.parametrize("batches", COUNTS)
def test_what_is_told_within_an_epoch_is_the_beginning_of_its_trace(batches, monkeypatch):
    told: dict[int, list[Progress]] = {1: [], 2: []}
    settings = of_batches(monkeypatch, batches, schedule=schedules.OneCycleLR())
    for event in run(settings):
        if isinstance(event, Progress):
            told[event.epoch].append(event)
        elif isinstance(event, EpochEnded):
            assert len(told[event.epoch]) == batches
            for progress in told[event.epoch]:
                complete = math.floor(progress.batch / group_size(batches))
                if progress.batch == batches:
                    complete = len(event.trace.losses)
                assert progress.trace.losses == event.trace.losses[:complete]
                if progress.trace.lrs:
                    assert progress.trace.lrs == event.trace.lrs[:complete]
            assert told[event.epoch][-1].trace == event.trace


@pytest.mark.parametrize("batches", COUNTS[1:])
def test_the_lrs_are_those_of_torch_at_each_groups_last_batch(batches, monkeypatch):
    settings = of_batches(monkeypatch, batches, schedule=schedules.OneCycleLR(), lr=0.02)
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=0.02, momentum=0.9)
    spec = settings.schedule
    assert isinstance(spec, schedules.OneCycleLR)
    scheduler = lr_scheduler.OneCycleLR(
        optimizer, max_lr=0.02, total_steps=2 * batches, pct_start=spec.pct_start
    )
    for trace in whole(run(settings)):
        lrs = []
        for _ in range(batches):
            lrs.append(float(optimizer.param_groups[0]["lr"]))
            optimizer.step()
            scheduler.step()
        size = group_size(batches)
        last = [lrs[min(first + size, batches) - 1] for first in range(0, batches, size)]
        assert trace.lrs == pytest.approx(last)


def test_a_warm_up_and_a_change_by_hand_show_in_their_epochs_and_no_other(monkeypatch):
    settings = of_batches(monkeypatch, 130, epochs=4, warmup=1, lr=0.01)
    made = Intervention(3, 10, "scale", 0.5)
    warming, second, third, fourth = whole(run(settings, control=Control([made])))
    assert len(set(warming.lrs)) == len(warming.losses) == 44
    assert (second.lrs, fourth.lrs) == ((), ())
    assert third.lrs == (0.01,) * 3 + (0.005,) * 41  # three batches a point


def test_a_change_within_the_first_group_is_one_of_the_epoch(monkeypatch):
    settings = of_batches(monkeypatch, 130, lr=0.01)
    first, second = whole(run(settings, control=Control([Intervention(1, 1, "lr", 0.02)])))
    assert set(first.lrs) == {0.02}
    assert second.lrs == ()


def test_a_loss_that_is_no_number_is_none(monkeypatch):
    settings = of_batches(
        monkeypatch, 70, lr=100, optimizer=optimizers.SGD(weight_decay=1.0), epochs=20
    )
    *_, last = run(settings)
    assert isinstance(last, Diverged)
    assert len(last.trace.losses) == 35
    assert None in last.trace.losses
    assert all(loss is None or math.isfinite(loss) for loss in last.trace.losses)


@pytest.mark.parametrize("batches", [17, 65])
@pytest.mark.parametrize("schedule", [schedules.OneCycleLR(), schedules.NoSchedule()])
def test_a_run_that_goes_on_within_an_epoch_has_the_trace_of_one_that_never_stopped(
    batches, schedule, monkeypatch
):
    settings = of_batches(monkeypatch, batches, schedule=schedule)
    taken: dict[tuple[int, int], Any] = {}

    def each(event: Event, control: Control) -> None:
        if isinstance(event, Progress):
            taken[event.epoch, event.batch] = control.capture(), event.trace

    events = run(settings, each=each)
    ended = [event for event in numbers(events) if isinstance(event, EpochEnded)]
    for at in ((1, 1), (1, batches // 2), (2, batches - 1), (2, batches)):
        start, trace = taken[at]
        assert traces.kept(start, batches) == trace
        rest = run(settings, start)
        assert [e for e in numbers(rest) if isinstance(e, EpochEnded)] == ended[at[0] - 1 :]
        for event in rest:
            if isinstance(event, Progress) and event.epoch == at[0]:
                assert event.trace == taken[event.epoch, event.batch][1]


def test_of_a_snapshot_without_lrs_the_epoch_it_was_taken_in_has_none(monkeypatch):
    settings = of_batches(monkeypatch, 17, schedule=schedules.OneCycleLR())
    starts: list[Any] = []

    def each(event: Event, control: Control) -> None:
        if isinstance(event, Progress) and (event.epoch, event.batch) == (1, 5):
            starts.append(control.capture())

    first, second = whole(run(settings, each=each))
    del starts[0]["lrs"]
    found = whole(run(settings, starts[0]))
    assert found == [Trace(first.losses), second]
    assert traces.kept(starts[0], 17) == Trace(first.losses[:5])


# A device that is not waited for


class Copied:
    """A CUDA event whose copy is done the second time that one looks."""

    def __init__(self) -> None:
        self.looks = 0

    def record(self) -> None:
        pass

    def query(self) -> bool:
        self.looks += 1
        return self.looks > 1


@pytest.fixture
def beside(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Losses that must be copied to be read; each copy says whether it is waited for."""
    copies: list[bool] = []
    copy = Tensor.copy_

    def noted(to: Tensor, source: Tensor, non_blocking: bool = False) -> Tensor:
        copies.append(non_blocking)
        return copy(to, source, non_blocking)

    monkeypatch.setattr(traces, "room", lambda losses: torch.full_like(losses, math.nan))
    monkeypatch.setattr(torch.cuda, "Event", Copied)
    monkeypatch.setattr(Tensor, "copy_", noted)
    return copies


@pytest.mark.parametrize("batches", COUNTS)
def test_what_has_not_arrived_is_told_the_next_time(batches, monkeypatch, beside):
    settings = of_batches(monkeypatch, batches, schedule=schedules.OneCycleLR())
    told: list[Trace] = []
    for event in run(settings):
        if isinstance(event, Progress):
            told.append(event.trace)
        elif isinstance(event, EpochEnded):
            size = group_size(batches)
            assert len(event.trace.losses) == math.ceil(batches / size)
            assert None not in event.trace.losses
            assert told[0] == EMPTY
            arrived = 0  # a copy starts at every second batch, and is seen when the next one does
            for batch, trace in enumerate(told, 1):
                arrived = batch - 2 if batch % 2 and batch > 1 else arrived
                assert trace.losses == event.trace.losses[: arrived // size]
            told.clear()
    assert beside
    assert all(beside)


def test_a_device_that_cannot_copy_beside_its_work_has_its_trace_at_the_end(monkeypatch):
    settings = of_batches(monkeypatch, 17)
    expected = whole(run(settings))
    monkeypatch.setattr(traces, "room", lambda _: None)
    events = run(settings)
    assert {event.trace for event in events if isinstance(event, Progress)} == {EMPTY}
    assert whole(events) == expected


READS = ("tolist", "item", "cpu", "numpy", "__bool__", "__float__", "__int__", "__index__")


@pytest.mark.usefixtures("beside")
@pytest.mark.parametrize("schedule", [schedules.OneCycleLR(), schedules.ReduceLROnPlateau()])
def test_the_device_is_waited_for_once_an_epoch_however_often_a_run_tells(schedule, monkeypatch):
    settings = of_batches(monkeypatch, 65, schedule=schedule, optimizer=optimizers.SGD(), epochs=3)
    waits: list[tuple[str, int]] = []
    host: list[Tensor] = []  # kept, so that no other tensor gets its place in memory

    def watched(name: str) -> Any:
        read = getattr(Tensor, name)

        def noted(tensor: Tensor, *args: Any, **how: Any) -> Any:
            place = tensor.untyped_storage().data_ptr()
            if place not in [made.untyped_storage().data_ptr() for made in host]:
                waits.append((name, tensor.numel()))
            return read(tensor, *args, **how)

        return noted

    def room(losses: Tensor) -> Tensor:
        made = torch.full_like(losses, math.nan)
        host.append(made)
        return made

    monkeypatch.setattr(traces, "room", room)
    for name in READS:
        monkeypatch.setattr(Tensor, name, watched(name))
    told = 0
    for event in train(settings, NOWHERE):
        told += isinstance(event, Progress)
        if isinstance(event, Started):
            waits.clear()  # to build a model may read what it likes
        if isinstance(event, EpochEnded):
            assert waits == [("tolist", 65 + 3)]
            waits.clear()
    assert told == 3 * 65


if torch.cuda.is_available():

    def test_an_epoch_waits_for_the_device_once(monkeypatch):
        """Where there is one: torch warns of each line that waits for it."""
        settings = of_batches(monkeypatch, 80, device="cuda", epochs=3)
        waited: list[str] = []
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always")
            for event in run(settings):
                if isinstance(event, EpochEnded) and event.epoch == 1:
                    seen.clear()
                    torch.cuda.set_sync_debug_mode("warn")
                elif isinstance(event, EpochEnded) and event.epoch == 2:
                    torch.cuda.set_sync_debug_mode("default")
                    waited = [str(one.message) for one in seen]
        assert sum("synchronizing" in sentence for sentence in waited) == 1
