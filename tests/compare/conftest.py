"""Stores with runs to compare, and a page that compares them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.compare.runs import recorded
from tests.lab.conftest import lab
from trainer.store.store import Store

__all__ = ["lab"]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path / "home")
    yield store
    store.close()


@pytest.fixture
def pairs(store: Store) -> Store:
    """Three seeds with the plateau rule (runs 1, 3, 5) and with a constant LR (2, 4, 6)."""
    for seed in range(3):
        recorded(store, seed=seed, epochs=6, patience=0)
        recorded(store, seed=seed, epochs=6, schedule="none")
    return store
