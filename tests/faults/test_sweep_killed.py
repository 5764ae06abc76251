"""A sweep whose process is killed costs the epochs that were under way, and no number."""

import random
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import LONG
from tests.forked import python
from tests.small import load, small
from tests.sweep.sweeps import added, assert_as_alone, least
from tests.sweep.test_halving import assert_as_far_alone
from trainer.config.table import changed
from trainer.engine import datasets
from trainer.store.store import Store
from trainer.sweep import batches

SEEDS = range(20 if LONG else 3)
VALUES: dict[str, Any] = {"lr": [0.01, 0.1], "factor": [0.1, 0.5], "patience": [0, 1]}
BASE = changed(small(epochs=8), {"threshold": 0.2})
PLACES = 2
# Trains the first sweep, new or again, and prints "epoch" for each that is trained. A snapshot is
# on the disk before the next batch, as where an epoch takes longer than to write one.
TRAIN = """
import sys
from pathlib import Path
from tests.small import NOWHERE, load
from trainer.engine import datasets
from trainer.engine.events import EpochEnded, Retraining
from trainer.engine.loop import train
from trainer.snapshots.writer import SnapshotWriter
from trainer.store.store import Store
from trainer.sweep import batches, sweeping
from trainer.sweep.starts import Starts
datasets.load = load
batches.batches = lambda _: 3
put = Starts.put
def keep(self, capture, _):
    snapshot = capture()
    at = snapshot["epoch"], snapshot["batch"]
    if at not in self._sizes:
        self._write(at, snapshot)
def put_down(self, run, start):
    put(self, run, start)
    with self._changed:
        self._changed.wait_for(lambda: run not in self._unwritten and self._writing != run)
SnapshotWriter.keep, Starts.put = keep, put_down
store = Store(Path(sys.argv[1]))
if store.sweep(1).over:
    store.resume_sweep(1)
assert store.claim_sweep(1) == 1
places = [train] * int(sys.argv[2])
for run, event in sweeping.execute_sweep(store, 1, NOWHERE, places=places):
    if isinstance(event, EpochEnded | Retraining):
        print("epoch", flush=True)
"""


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets, "load", load)
    monkeypatch.setattr(batches, "batches", lambda _: 3)


@contextmanager
def training(home: Path, places: int) -> Iterator["subprocess.Popen[str]"]:
    with python("-c", TRAIN, home, str(places), stdout=subprocess.PIPE) as process:
        yield process


@pytest.mark.parametrize("mode", ["grid", "halving"])
@pytest.mark.parametrize("places", [1, PLACES])
@pytest.mark.parametrize("seed", SEEDS)
def test_a_sweep_that_is_killed_again_and_again_costs_the_epochs_under_way(
    tmp_path: Path, seed: int, places: int, mode: str, record_property: Any
) -> None:
    moments, kills, told, over = random.Random(seed), 0, 0, False
    with closing(Store(tmp_path)) as store:
        sweep = added(store, BASE, VALUES, mode=mode)
        store.end_sweep(sweep, "interrupted")
    while not over:
        until = moments.randrange(1, 12)
        with training(tmp_path, places) as process:
            assert process.stdout is not None
            lines = [line for _ in range(until) if (line := process.stdout.readline())]
            over = len(lines) < until
            if not over:
                process.kill()
                kills += 1
                lines += process.stdout.readlines()
            told += len(lines)
        with closing(Store(tmp_path)) as store:  # whoever opens it next sees who has died
            over = over or store.sweep(sweep).status == "finished"
            assert over or store.sweep(sweep).status == "interrupted"
            assert over or not any(c.status in ("training", "queued") for c in store.cells(sweep))
    with closing(Store(tmp_path)) as store:
        assert store.sweep(sweep).status == "finished"
        (assert_as_alone if mode == "grid" else assert_as_far_alone)(store, sweep)
        trained = store.epochs_of(sweep).trained
        assert trained == least(store, sweep)
        record_property("kills", kills)
        record_property("again", told - trained)
        # Of two at a time one may need what the other is training again, and train it, too.
        assert told - trained <= kills * (1 if places == 1 else 2 * places)
