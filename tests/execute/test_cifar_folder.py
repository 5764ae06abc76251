"""The manual's example: CIFAR-10 as a folder of images trains LeNet-5, with and without plateau."""

import re
from pathlib import Path

import pytest
import torchvision
from PIL import Image
from sklearn.datasets import load_digits

from tests.execute.runs import trained
from trainer.config.run import RunConfig
from trainer.config.schedules import NoSchedule, ReduceLROnPlateau
from trainer.store.store import Store

MANUAL = Path(__file__).parents[2] / "app" / "README.md"
DIGITS = load_digits(n_class=3)


class Few:
    """Some coloured images of 32 x 32 as torchvision's class gives them."""

    classes = ("plane", "car", "bird")

    def __init__(self, root: str, train: bool, download: bool) -> None:
        assert (root, download) == ("cifar10", True)
        digits = zip(DIGITS.images, DIGITS.target, strict=True)
        chosen = [pair for i, pair in enumerate(digits) if (i % 6 > 0) == train]
        self.pairs = [
            (Image.fromarray((x * 15).astype("uint8")).resize((32, 32)).convert("RGB"), int(y))
            for x, y in chosen
        ]

    def __getitem__(self, i: int) -> tuple[Image.Image, int]:
        return self.pairs[i]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What the manual's lines write."""
    (code,) = re.findall(r"```python\n(from pathlib.*?CIFAR10.*?)```", MANUAL.read_text(), re.S)
    monkeypatch.setattr(torchvision.datasets, "CIFAR10", Few)
    monkeypatch.chdir(tmp_path)
    exec(code, {})
    return tmp_path / "cifar10-images"


def test_the_folder_trains_lenet_with_a_plateau_and_without(store: Store, folder: Path) -> None:
    plateau = ReduceLROnPlateau(patience=0, threshold=0.9)
    config = RunConfig(
        dataset=str(folder), model="lenet5", lr=1e-3, epochs=8, schedule=plateau, device="cpu"
    )
    constant = config.model_copy(update={"schedule": NoSchedule()})
    runs = [trained(store, own) for own in (config, constant)]
    with_plateau, without = (store.epochs(run) for run in runs)
    started = store.run(runs[0]).started
    assert (started.train, started.val, started.test, started.classes) == (403, 44, 90, 3)
    assert started.notes == ("A tenth of the train part validates, another one for each seed.",)
    cut = next(e.epoch for e in with_plateau if e.decision.kind == "cut")
    assert [e.metrics for e in with_plateau[:cut]] == [e.metrics for e in without[:cut]]
    assert with_plateau[cut].lr == pytest.approx(1e-4)
    assert {e.lr for e in without} == {1e-3}
    assert (store.run(runs[1]).test_accuracy or 0) > 0.9
