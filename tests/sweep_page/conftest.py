"""Stores with sweeps to look at."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.conftest import lab
from trainer.store.store import Store

__all__ = ["lab"]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path / "home")
    yield store
    store.close()
