"""Runs of a moment, over data sets of 40 images."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
import torch
import torchvision

from trainer.engine import archives, datasets
from trainer.store.store import Store

TRAIN, TEST = 40, 10


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(Store(tmp_path / "home")) as store:
        yield store


@pytest.fixture(autouse=True)
def _torch_is_left_as_it_was() -> Iterator[None]:
    threads = torch.get_num_threads()
    with torch.random.fork_rng(devices=[]):
        yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files of the grey data sets, which have few images."""
    root = tmp_path_factory.mktemp("data")
    random = np.random.default_rng(7)
    for kind in ("MNIST", "FashionMNIST", "KMNIST"):
        raw = root / kind / "raw"
        raw.mkdir(parents=True)
        for part, n in (("train", TRAIN), ("t10k", TEST)):
            images = random.integers(0, 256, (n, 28, 28), dtype=np.uint8)
            labels = random.integers(0, 10, n, dtype=np.uint8)
            _idx(raw / f"{part}-images-idx3-ubyte", images)
            _idx(raw / f"{part}-labels-idx1-ubyte", labels)
    return root


def _idx(path: Path, data: "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]") -> None:
    sizes = b"".join(size.to_bytes(4) for size in data.shape)
    path.write_bytes(bytes([0, 0, 8, data.ndim]) + sizes + data.tobytes())


class FewColours:
    """As much of torchvision's CIFAR10 as is used, with few images."""

    def __init__(self, root: Path, train: bool, download: bool = False) -> None:  # noqa: ARG002
        random, n = np.random.default_rng(train), TRAIN if train else TEST
        self.data = random.integers(0, 256, (n, 32, 32, 3), dtype=np.uint8)
        self.targets = random.integers(0, 10, n).tolist()


@pytest.fixture
def few_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torchvision.datasets, "CIFAR10", FewColours)
    of = archives.archives_of
    monkeypatch.setattr(
        datasets, "archives_of", lambda name, root: [] if name == "cifar10" else of(name, root)
    )
