"""A store with runs that were trained in a moment, for tests of what is read of it."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.execute.runs import forked, trained
from tests.small import load, small
from trainer.config.schedules import CosineAnnealingLR, ReduceLROnPlateau
from trainer.curves.csv import read
from trainer.curves.importing import import_curve
from trainer.engine import datasets
from trainer.store.store import Store

PLATEAU = ReduceLROnPlateau(patience=0, threshold=0.2, factor=0.5)


@dataclass(frozen=True)
class Runs:
    """A home with runs: one with cuts, a fork of it and one of that, one that was imported, and one
    that diverged.
    """

    home: Path
    parent: int = 1
    fork: int = 2
    grandchild: int = 3
    imported: int = 4
    diverged: int = 5


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Runs:
    found = Runs(tmp_path_factory.mktemp("home"))
    curve = found.home / "curve.csv"
    curve.write_text("epoch,loss\n1,2\n2,1\n3,1.5\n")
    with pytest.MonkeyPatch.context() as patch, closing(Store(found.home)) as store:
        patch.setattr(datasets, "load", load)
        config = small(schedule=PLATEAU)
        assert trained(store, config) == found.parent
        changed = small(schedule=CosineAnnealingLR(T_max=5), epochs=5)
        assert forked(store, found.parent, 3, changed)[0] == found.fork
        more = changed.model_copy(update={"epochs": 6})
        assert forked(store, found.fork, 4, more)[0] == found.grandchild
        assert import_curve(store, read(curve), {}) == found.imported
        wild = small(optimizer={"name": "SGD", "weight_decay": 1.0}, lr=100.0)
        assert trained(store, wild) == found.diverged
    return found


@pytest.fixture
def store(runs: Runs) -> Iterator[Store]:
    with closing(Store(runs.home)) as opened:
        yield opened
