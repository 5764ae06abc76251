"""An LRScope to look at."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.page import Served, served


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Served]:
    with served(tmp_path / "home", tmp_path / "datasets") as lab:
        yield lab
