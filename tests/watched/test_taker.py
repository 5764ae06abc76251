"""Spools become runs: each line once, whatever happens to the training, the page or the disk."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import torch
from torch.optim import lr_scheduler

from app import ids
from app.compare.address import Asked
from app.compare.reading import Reading
from app.compare.scene import scene
from app.lab.live import news
from app.lab.progress import progress
from app.lab.received import Cursor
from app.lab.whole import view_of
from tests.bench.turns import until
from tests.schedule.by_torch import weight
from tests.watched.spools import Loop, SpoolWriter, epoch, start
from trainer.config.table import changed
from trainer.replay.comparison import compare
from trainer.store.faults import CommandError
from trainer.store.lineage import stretches
from trainer.store.run import Run
from trainer.store.store import Store
from trainer.watched import taker as module
from trainer.watched.taker import Taker
from trainer.watched.taking import DIED

ALL = ["stop", "pause", "unpause", "step", "lr", "scale", "cut", "epochs"]
END = {"kind": "end", "status": "finished", "reason": None, "at": 1004.0}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(Store(tmp_path)) as store:
        yield store


@pytest.fixture
def taker(store: Store, monkeypatch: pytest.MonkeyPatch) -> Taker:
    """Looks when it is told to, and at every lock."""
    monkeypatch.setattr(module, "DEATH_SECONDS", 0.0)
    return Taker(store)


def begin(name: str = "mine", **told: object) -> dict[str, object]:
    return start(torch.optim.SGD(weight(), lr=0.1), name=name, **told)


def only(store: Store) -> Run:
    (run,) = store.runs(9)
    assert isinstance(run, Run)
    return run


def test_a_spool_becomes_a_run_as_it_grows(tmp_path, store, taker):
    spool = SpoolWriter(tmp_path, [begin(epochs=3, batches=4)])
    taker.once()
    run = only(store)
    assert (run.name, run.origin, run.status, run.source) == (
        "mine", "train.py", "training", "watched",
    )  # fmt: skip
    assert (run.epochs, run.batches, run.recipe.lr, run.began) == (3, 4, 0.1, 1000.0)
    spool.write({"kind": "progress", "epoch": 1, "batch": 2, "lr": 0.1, "trace": [[0, 2.0, 0.1]]})
    taker.once()
    assert (only(store).epoch, only(store).batch) == (0, 2)
    spool.write(epoch(1, batches=4, trace=[[0, 2.0, 0.1], [3, 1.0, 0.1]]))
    taker.once()
    assert (only(store).epoch, only(store).batch) == (1, 0)
    assert store.traces(run.id)[1].losses == (2.0, 2.0, 1.0, 1.0)
    spool.write(epoch(2), epoch(3), END)
    taker.once()
    run = only(store)
    assert (run.status, run.elapsed) == ("finished", 4.0)
    assert [row.metrics for row in store.epochs(run.id)] == [
        {"val_loss": 1.0}, {"val_loss": 0.5}, {"val_loss": 1 / 3},
    ]  # fmt: skip


def test_a_line_that_is_half_written_is_waited_for(tmp_path, store, taker):
    spool = SpoolWriter(tmp_path, [begin()])
    whole = json.dumps(epoch(1))
    spool.write_text(whole[:50])
    taker.once()
    assert store.epochs(only(store).id) == []
    spool.write_text(whole[50:] + "\n")
    taker.once()
    assert len(store.epochs(only(store).id)) == 1


def test_a_spool_that_is_over_and_taken_in_is_deleted(tmp_path, store, taker):
    spool = SpoolWriter(tmp_path, [begin(), epoch(1), END])
    spool.commands.touch()
    taker.once()
    assert only(store).status == "finished"
    spool.die()
    taker.once()
    assert [path.name for path in spool.folder.iterdir()] == ["taken-in.lock"]
    assert store.spools() == {}


def test_spools_that_wait_become_runs_in_the_order_of_their_beginning(tmp_path, store, taker):
    for number in range(9):
        lock = SpoolWriter(tmp_path, [begin(name=f"run {number}"), epoch(1)]).path
        os.utime(lock.with_suffix(".lock"), (number, number))
    taker.once()
    assert [run.name for run in store.runs(9)] == [f"run {number}" for number in range(8, -1, -1)]


def test_a_page_that_starts_later_takes_in_the_rest_and_nothing_twice(tmp_path):
    spool = SpoolWriter(tmp_path, [begin(), epoch(1)])
    for number in range(2, 6):
        with closing(Store(tmp_path)) as store:
            Taker(store).once()
            Taker(store).once()
        spool.write(epoch(number))
    with closing(Store(tmp_path)) as store:
        Taker(store).once()
        assert [row.epoch for row in store.epochs(only(store).id)] == [1, 2, 3, 4, 5]


def test_a_training_that_was_killed_is_interrupted_with_all_that_it_wrote(tmp_path, store, taker):
    spool = SpoolWriter(tmp_path, [begin(), epoch(1)])
    taker.once()
    assert only(store).status == "training"
    spool.write(epoch(2))
    spool.die()
    taker.once()
    run = only(store)
    assert (run.status, run.reason, run.epoch) == ("interrupted", DIED, 2)
    assert not spool.path.exists()


def test_a_training_that_could_not_lock_is_told_by_its_process(tmp_path, store, taker):
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    spool = SpoolWriter(tmp_path, [begin(locked=False, pid=process.pid), epoch(1)])
    spool.die()
    taker.once()
    assert only(store).status == "training"
    process.communicate(b"\n")
    taker.once()
    assert only(store).status == "interrupted"


def test_a_training_on_another_machine_that_could_not_lock_is_told_by_its_silence(
    tmp_path, store, taker, monkeypatch
):
    spool = SpoolWriter(tmp_path, [begin(locked=False, host="elsewhere"), epoch(1)])
    spool.die()
    taker.once()
    assert only(store).status == "training"
    monkeypatch.setattr("trainer.watched.taking.SILENT_SECONDS", -1.0)
    taker.once()
    assert only(store).status == "interrupted"


# Faults


def test_a_line_that_cannot_be_read_is_said_and_the_next_are_taken_in(tmp_path, store, taker):
    spool = SpoolWriter(tmp_path, [begin(), epoch(1)])
    spool.write_text('{"kind": "epoch", "epoch"\n')
    spool.write(epoch(2) | {"metrics": {"loss": "low"}}, {"kind": "poem"}, epoch(3))
    taker.once()
    run = only(store)
    assert [row.epoch for row in store.epochs(run.id)] == [1, 3]
    assert run.warning.startswith("Line 4 of its spool cannot be read (metrics.loss: ")


@pytest.mark.parametrize("text", ["no JSON\n", "[]\n", '{"kind": "epoch"}\n', "\n", "\0\n"])
def test_a_spool_that_does_not_begin_with_its_start_is_one_sentence(tmp_path, store, taker, text):
    spool = SpoolWriter(tmp_path)
    spool.write_text(text)
    other = SpoolWriter(tmp_path, [begin("other"), epoch(1)])
    for _ in range(3):
        taker.once()
    broken, whole = sorted(store.runs(9), key=lambda run: run.status)
    assert (broken.status, whole.name, whole.epoch) == ("failed", "other", 1)
    assert "\n" not in broken.reason
    assert spool.id in broken.reason
    assert other.path.exists()


def test_a_newer_spool_says_that_this_lrscope_is_too_old(tmp_path, store, taker):
    SpoolWriter(tmp_path, [begin(spool=2), epoch(1)])
    taker.once()
    run = only(store)
    assert (run.status, run.name) == ("failed", "mine")
    assert run.reason.startswith("It is watched by a newer LRScope (spool version 2, this one")


def test_a_store_that_cannot_be_written_loses_no_line(tmp_path, store, taker, monkeypatch):
    spool = SpoolWriter(tmp_path, [begin(), epoch(1)])
    taker.once()
    spool.write(epoch(2))
    take_in = store.take_in
    monkeypatch.setattr(store, "take_in", lambda *_: (_ for _ in ()).throw(OSError("full")))
    taker.once()
    monkeypatch.setattr(store, "take_in", take_in)
    assert only(store).epoch == 1
    spool.write(epoch(3))
    taker.once()
    assert [row.epoch for row in store.epochs(only(store).id)] == [1, 2, 3]


def test_no_look_ends_the_thread(tmp_path, store, monkeypatch, caplog):
    SpoolWriter(tmp_path, [begin()])
    taker, failed = Taker(store), list[int]()
    find = taker._find

    def fail_once() -> None:
        if not failed:
            failed.append(1)
            raise RuntimeError("unexpected")
        find()

    monkeypatch.setattr(module, "IDLE_SECONDS", 0.01)
    monkeypatch.setattr(taker, "_find", fail_once)
    taker.start()
    until(lambda: store.runs(1))
    taker.stop()
    assert "Watched trainings cannot be taken in: unexpected" in caplog.text


def test_only_one_process_takes_in(tmp_path, store, taker):
    SpoolWriter(tmp_path, [begin()])
    with closing(Store(tmp_path)) as other, Taker(other)._alone() as alone:
        assert alone
        taker.once()
        assert store.runs(9) == []
    taker.once()
    assert len(store.runs(9)) == 1


def test_eight_trainings_at_once_lose_nothing(tmp_path, store, taker):
    spools = [SpoolWriter(tmp_path, [begin(f"run {i}")]) for i in range(8)]
    for number in range(1, 6):
        for spool in spools:
            spool.write(epoch(number))
        taker.once()
    taken = {run.name: [row.epoch for row in store.epochs(run.id)] for run in store.runs(9)}
    assert taken == {f"run {i}": [1, 2, 3, 4, 5] for i in range(8)}


def test_nothing_is_made_where_nothing_is_watched(tmp_path, taker):
    taker.once()
    assert not (tmp_path / "watched").exists()


QUIET = """
import sys
from pathlib import Path
from trainer.store.store import Store
from trainer.watched.taker import Taker

store = Store(Path(sys.argv[1]))
Taker(store).once()
print(len(store.epochs(1)), "torch" in sys.modules)
store.close()
"""


def test_torch_is_not_loaded_where_no_scheduler_decides(tmp_path):
    SpoolWriter(tmp_path, [begin(), epoch(1), epoch(2, next_lrs=[0.01])])
    done = subprocess.run(
        [sys.executable, "-c", QUIET, tmp_path], capture_output=True, text=True, check=True
    )
    assert done.stdout == "2 False\n"


# Commands


def test_what_is_asked_reaches_the_training_once_and_its_answer_the_run(tmp_path, store, taker):
    spool = SpoolWriter(tmp_path, [begin(controls=ALL, epochs=9), epoch(1)])
    taker.once()
    run = only(store).id
    store.ask(run, "scale", 0.5)
    store.ask(run, "pause")
    taker.once()
    with closing(Store(tmp_path)) as other:  # another page, after this one
        Taker(other).once()
    scale, pause = spool.asked()
    assert (scale["name"], scale["value"], pause["name"]) == ("scale", 0.5, "pause")
    changed = {"epoch": 2, "batch": 3, "name": "scale", "value": 0.5, "lr_before": 0.1}
    spool.write({"kind": "intervened", "command": scale["id"], "lr_after": 0.05, **changed})
    spool.write({"kind": "obeyed", "command": pause["id"]}, {"kind": "paused"})
    taker.once()
    (made,) = store.interventions(run)
    assert (made.epoch, made.batch, made.lr_after) == (2, 3, 0.05)
    assert made.sentence == "By hand: LR divided by 2, from 0.1 to 0.05."
    assert (only(store).paused, only(store).asked) == (True, pause["id"])
    spool.write({"kind": "unpaused"})
    taker.once()
    assert not only(store).paused


def test_a_refusal_is_said_with_its_reason(tmp_path, store, taker):
    spool = SpoolWriter(tmp_path, [begin(controls=ALL, epochs=9), epoch(1)])
    taker.once()
    run = only(store).id
    store.ask(run, "epochs", 5)
    taker.once()
    (asked,) = spool.asked()
    reason = "OneCycleLR was made for 90 steps and raises an error after."
    spool.write({"kind": "refused", "command": asked["id"], "reason": reason})
    taker.once()
    assert (only(store).warning, only(store).asked) == (reason, asked["id"])
    assert store.interventions(run) == []


def test_a_training_that_says_later_what_it_obeys_is_asked_from_then_on(tmp_path, store, taker):
    spool = SpoolWriter(tmp_path, [begin(), epoch(1)])
    taker.once()
    with pytest.raises(CommandError, match="does not obey stop"):
        store.ask(1, "stop")
    spool.write({"kind": "controls", "controls": ["stop"]})
    taker.once()
    store.ask(1, "stop")
    taker.once()
    assert [command["name"] for command in spool.asked()] == ["stop"]
    assert only(store).stopping


def test_an_intervention_never_takes_an_epoch_away_that_is_over(tmp_path, store, taker):
    spool = SpoolWriter(tmp_path, [begin(controls=ALL), epoch(1), epoch(2)])
    changed = {"epoch": 2, "batch": 0, "name": "lr", "value": 0.2, "lr_before": 0.1}
    spool.write({"kind": "intervened", "command": 1, "lr_after": 0.2, **changed})
    taker.once()
    assert [row.epoch for row in store.epochs(1)] == [1, 2]
    assert [made.epoch for made in store.interventions(1)] == [3]


def test_a_what_if_of_an_unknown_rule_claims_no_batch(tmp_path, store, taker):
    moved = epoch(1) | {"lr_last": 0.05, "next_lrs": [0.05], "batches": 9}
    alive = SpoolWriter(tmp_path, [begin(epochs=9), moved, epoch(2, lr=0.05)])
    taker.once()
    run = store.run(1)
    other = changed(run.recipe, {"schedule": "ReduceLROnPlateau"})
    found = compare(run.recipe, store.epochs(1), other, run.batches, stretches(store, 1))
    assert found.sentence.startswith(
        "Different from the start: in epoch 1 the LR would have been 0.1 instead of 0.05."
    )
    assert alive.path.exists()


def test_batches_arrive_in_an_epoch_of_which_nobody_knows_how_long_it_is(tmp_path, store, taker):
    optimizer = torch.optim.SGD(weight(), lr=0.1)
    loop = Loop(optimizer, lr_scheduler.ReduceLROnPlateau(optimizer), 400, False, epochs=9)
    spool = SpoolWriter(tmp_path, [loop.started | {"batches": None, "controls": ALL}])
    at = {"epoch": 1, "batch": 312}
    spool.write({"kind": "progress", **at, "lr": 0.1, "trace": [[0, 2.0, 0.1], [200, 1.0, 0.1]]})
    changed = {"name": "scale", "value": 0.5, "lr_before": 0.1, "lr_after": 0.05}
    spool.write({"kind": "intervened", "command": 1, **at, **changed})
    taker.once()
    run = only(store)
    assert (run.batch, run.known_batches, run.inside) == (312, 0, 0.0)
    assert progress(run)[ids.PROGRESS_LEFT] == "batch 312 of epoch 1"
    view = view_of(store, run.id, 0)
    told = news(store, Cursor(**view["cursor"]), torch=True)
    assert told["ahead"]["low"][0][0] <= 1.5  # and not 312 epochs later
    assert [mark.x for mark in view["marks"]] == [1.5]
    spool.write(loop.epoch(val_loss=1.0))
    taker.once()
    run = only(store)
    assert (run.batch, run.known_batches) == (0, 400)
    assert progress(run)[ids.PROGRESS_LEFT] == "epoch 1 of 9 · watched"
    assert [mark.x for mark in view_of(store, run.id, 0)["marks"]] == [0.5 + 312 / 400]


def test_trainings_of_one_script_are_compared_under_their_names_or_else_their_numbers(
    tmp_path, store, taker
):
    for name in ("big", "small", "", ""):
        SpoolWriter(tmp_path, [begin(name, script="train_on_flowers.py"), epoch(1)])
        taker.once()  # in this order
    read, _ = Reading(store).of([1, 2, 3, 4])
    named = [group.name for group in scene(Asked((1, 2, 3, 4)), read).groups]
    assert named == ["big", "small", "train_on_flowers.py #3", "train_on_flowers.py #4"]
