"""The script of a run repeats what was changed during it, at the same batch."""

from collections.abc import Callable, Mapping

import pytest

from tests.export.scripts import printed, quick, recorded, trained
from tests.small import SCHEDULES
from trainer.engine import loop, threads
from trainer.engine.events import EpochEnded, Event, Progress
from trainer.export.script import script
from trainer.store.run import CommandName
from trainer.store.store import Store

CHANGES: list[tuple[CommandName, float | None]] = [
    ("lr", 0.02),
    ("scale", 0.3),
    ("cut", None),
    ("epochs", 2),
]


@pytest.fixture(autouse=True)
def _told_after_every_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "PROGRESS_SECONDS", -1)


def changing(
    store: Store, changes: Mapping[tuple[int, int], tuple[CommandName, float | None]]
) -> Callable[[Event, int], None]:
    """Asks for each change before that batch (from 0) of that epoch."""

    def act(event: Event, run: int) -> None:
        if isinstance(event, Progress):
            change = changes.get((event.epoch, event.batch))
        else:
            change = changes.get((event.epoch + 1, 0)) if isinstance(event, EpochEnded) else None
        if change:
            store.ask(run, *change)

    return act


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change[0])
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_a_change_by_hand(store, root, schedule, change):
    config = quick(schedule=SCHEDULES[schedule], warmup=2, epochs=5)
    changes = {(1, 3): change, (2, 0): change, (3, 0): change, (4, 2): change}
    run = trained(store, config, root, act=changing(store, changes))
    assert {(i.epoch, i.batch) for i in store.interventions(run)} == set(changes)
    assert printed(store, run, root) == recorded(store, run), script(store, run)


def test_cuts_that_reach_the_lowest_lr_and_those_that_have_no_effect(store, root):
    plateau = SCHEDULES["plateau"].model_copy(update={"min_lr": 0.003, "eps": 1e-3})
    cut: tuple[CommandName, None] = ("cut", None)
    changes = {(2, 1): cut, (2, 2): cut, (3, 1): cut}
    config = quick(schedule=plateau, epochs=6)
    run = trained(store, config, root, act=changing(store, changes))
    assert store.interventions(run)[-1].lr_after == 0.003
    assert printed(store, run, root) == recorded(store, run), script(store, run)


def test_a_change_of_threads(store, root, monkeypatch):
    monkeypatch.setattr(threads.FreeCores, "threads", lambda _, now: 3 - now)
    monkeypatch.setattr(threads, "at_most", lambda *_: 2)
    run = trained(store, quick(threads=0, model="cnn", batch_size=40, epochs=3), root)
    assert {i.name for i in store.interventions(run)} == {"threads"}
    text = script(store, run)
    assert text.count("torch.set_num_threads(2)") == 2
    assert printed(store, run, root) == recorded(store, run), text


def test_a_stopped_run_ends_where_it_was_stopped(store, root):
    stop = changing(store, {(3, 2): ("stop", None)})
    run = trained(store, quick(epochs=9), root, act=stop)
    assert "The run of 9 epochs was stopped after epoch 2: its 2 epochs are trained here." in (
        " ".join(script(store, run).split())
    )
    assert printed(store, run, root) == recorded(store, run)
    assert len(recorded(store, run)) == 2
