"""What the Lab and the terminal say of a cell: what it shares, and what Stop would do."""

from typing import Any

from app import ids
from app.cli.tables import print_run
from app.lab.progress import progress
from app.lab.readout import state
from tests.small import small
from tests.sweep.conftest import _small
from tests.sweep.sweeps import added, trained
from trainer.engine.events import EpochEnded
from trainer.export.summary import summaries
from trainer.store.run import Run
from trainer.store.store import Store

__all__ = ["_small"]  # a fixture: a data set of a moment


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
