"""What the Lab and the terminal say of a cell: what it shares, and what Stop would do."""

from typing import Any

from app import ids
from app.cli.tables import print_run
from app.lab.progress import progress
from app.lab.readout import state
from app.lab.received import traces_of
from tests.small import NOWHERE, small
from tests.sweep.conftest import _small
from tests.sweep.sweeps import added, trained
from trainer.engine.events import EpochEnded, Progress
from trainer.engine.loop import train
from trainer.export.summary import summaries
from trainer.schedule.trace import Trace
from trainer.store import rows, traces
from trainer.store.run import Run
from trainer.store.store import Store

__all__ = ["_small"]  # a fixture: a data set of a moment
WITHIN = Trace((0.5,))


def found(store: Store, run: int) -> Run:
    row = store.run(run)
    assert row is not None
    return row


def test_a_cell_that_shares_epochs_says_whose_they_are(store: Store, capsys: Any) -> None:
    sweep = added(store, small(epochs=4), {"lr": [0.01, 0.05], "patience": [2, 3]})
    seen: list[Run] = []

    def after_two(told: Any) -> bool:
        done = isinstance(told.event, EpochEnded) and (told.run, told.event.epoch) == (1, 2)
        seen.extend([found(store, 2), found(store, 3)] if done else [])
        return done

    trained(store, sweep, after_two)
    shares, waits = seen
    told = state(shares, [])
    assert told["status"] == ["training", "sharing"]
    assert told["cell"] == [
        sweep,
        "Its epochs so far are those of run #1, which trains; its own begin where their schedules "
        "part.",
    ]
    assert progress(shares)[ids.PROGRESS_LEFT] == "epoch 2 of 4 · shared"
    assert told["effects"]["stop"].startswith("Ends this cell alone")
    assert told[ids.HINT] == told["denied"]["lr"]
    assert "stop" not in told["denied"]
    assert {"pause", "step", "pace", "lr", "scale", "cut", "epochs"} <= told["denied"].keys()
    assert state(waits, [])["cell"] == [sweep, "It trains when its turn comes."]
    (summary,) = summaries(store, [shares])
    capsys.readouterr()
    print_run(store, shares, summary)
    out = capsys.readouterr().out
    assert "training, 2 of 4 epochs" in out
    assert f"Cell of sweep {sweep}. Its epochs so far are those of run #1" in out
    assert "continues" not in out


def test_a_cell_that_has_ended_says_which_of_its_epochs_are_anothers(store: Store) -> None:
    sweep = added(store, small(epochs=4), {"patience": [0, 3]})
    trained(store, sweep)
    first, second = store.cells(sweep)
    assert state(first, [])["cell"] == [sweep, ""]
    shared = second.parent_epoch
    which = "All its epochs" if shared == 4 else f"Its first {shared} epochs"
    assert state(second, [])["cell"] == [sweep, f"{which} are those of run #{first.id}."]
    assert state(second, [])["effects"] == {}


def test_a_run_of_no_sweep_is_no_cell(store: Store) -> None:
    assert state(found(store, store.add(small())), [])["cell"] == [None, ""]


def test_a_cell_has_the_losses_of_the_batches_that_another_trained_for_it(store: Store) -> None:
    sweep = added(store, small(epochs=4), {"lr": [0.05], "patience": [0, 3]})
    live: dict[int, Trace] = {}

    def within_the_second(told: Any) -> bool:
        run = found(store, 2)
        begun = isinstance(told.event, EpochEnded) and run.follows and run.epoch == 1
        if begun:
            store.record(1, Progress(epoch=2, batch=1, batches=2, trace=WITHIN))
            live.update(traces_of(store, found(store, 2), 0))
        return False

    trained(store, sweep, within_the_second)
    cell = found(store, 2)
    assert live[2] == WITHIN
    assert cell.config is not None
    lone = {e.epoch: e.trace for e in train(cell.config, NOWHERE) if isinstance(e, EpochEnded)}
    assert traces_of(store, cell, 0) == {epoch: _stored(trace) for epoch, trace in lone.items()}
    assert [*traces_of(store, cell, 2)] == [3, 4]


def _stored(trace: Trace) -> Trace:
    _, read = rows.trace(0, (1, traces.text(trace)))
    return read
