"""A moment's data for every sweep, a store of its own, and runs of their own to compare with."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.small import load
from trainer.engine import datasets
from trainer.store.store import Store
from trainer.sweep import batches


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets, "load", load)
    monkeypatch.setattr(batches, "batches", lambda _: 3)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(Store(tmp_path)) as store:
        yield store
