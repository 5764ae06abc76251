"""What every training of these tests has: a moment's data, and a store of its own."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.small import load
from trainer.engine import datasets
from trainer.engine import loop as engine
from trainer.snapshots import writer as snapshots
from trainer.store.store import Store


@pytest.fixture(autouse=True)
def _small_and_told_after_every_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets, "load", load)
    monkeypatch.setattr(engine, "PROGRESS_SECONDS", -1)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(Store(tmp_path)) as store:
        yield store


@pytest.fixture
def none_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Training waits for the disk, so that it does not matter how fast that is."""
    keep = snapshots.SnapshotWriter.keep
    monkeypatch.setattr(
        snapshots.SnapshotWriter, "keep", lambda writer, capture, _: keep(writer, capture, True)
    )
