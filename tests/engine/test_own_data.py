"""Data of one's own as tensors: the pixels of PIL, the split of the seed, numbers standardised."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from tests.own.made import NET, digits_folder, network, picture
from trainer.config.optimizers import SGD
from trainer.config.run import RunConfig
from trainer.config.schedules import NoSchedule
from trainer.engine import loop, own_data
from trainer.engine.datasets import Splits
from trainer.engine.events import Ended, EpochEnded, Reading
from trainer.engine.loop import train
from trainer.own.errors import OwnError


def load(config: RunConfig) -> Splits:
    reading = own_data.load(config)
    while True:
        try:
            next(reading)
        except StopIteration as read:
            splits: Splits = read.value
            return splits


def images_of(splits: Splits) -> set[bytes]:
    return {
        x.numpy().tobytes() + bytes([int(y)])
        for part in (splits.train, splits.val, splits.test)
        for x, y in zip(part.x, part.y, strict=True)
    }


def test_every_image_is_in_one_part_with_its_class(tmp_path):
    root = digits_folder(tmp_path / "digits")
    splits = load(RunConfig(dataset=str(root)))
    told = {
        np.asarray(Image.open(path)).tobytes() + bytes([int(path.parent.name[-1])])
        for path in root.rglob("*.png")
    }
    assert images_of(splits) == told
    assert [len(part) for part in (splits.train, splits.val, splits.test)] == [40, 4, 4]
    assert splits.train.x.dtype == torch.uint8
    assert sorted(splits.val.y.tolist()) == [0, 1, 2, 3]  # in proportion


def test_the_seed_splits_train_and_validation_and_never_the_test(tmp_path):
    config = RunConfig(dataset=str(digits_folder(tmp_path / "digits")))
    one, same, other = (load(config.model_copy(update={"seed": s})) for s in (1, 1, 2))
    assert torch.equal(one.train.x, same.train.x)
    assert torch.equal(one.test.x, other.test.x)
    assert not torch.equal(one.val.x, other.val.x)
    assert images_of(one) == images_of(other)


def test_folders_for_the_parts_are_kept_apart(tmp_path):
    for part, classes in (("train", 3), ("val", 2), ("test", 2)):
        digits_folder(tmp_path / "own" / part, each=5, classes=classes)
    splits = load(RunConfig(dataset=str(tmp_path / "own"), seed=3))
    assert [len(part) for part in (splits.train, splits.val, splits.test)] == [15, 10, 10]
    assert splits.classes == 3


@pytest.mark.parametrize("size", [8, 20])
def test_images_are_resized_as_by_pil(tmp_path, size):
    for name, shade in (("cat", 40), ("dog", 200)):
        for i in range(5):
            picture(tmp_path / name / f"{i}.png", (30 + i, 20), "RGB", shade)
    splits = load(RunConfig(dataset=str(tmp_path), image_size=size))
    assert splits.train.x.shape[1:] == (3, size, size)
    for x, y in zip(splits.train.x, splits.train.y, strict=True):
        assert set(x[0].unique().tolist()) == {(40, 200)[int(y)]}
        assert set(x[1:].unique().tolist()) == {0}


def test_grey_of_16_bits_keeps_its_shades(tmp_path):
    for name, shade in (("cat", 64 * 256), ("dog", 255 * 256)):
        for i in range(4):
            picture(tmp_path / name / f"{i}.png", mode="I;16", shade=shade)
    splits = load(RunConfig(dataset=str(tmp_path)))
    shades = zip(splits.train.x.amax((1, 2, 3)).tolist(), splits.train.y.tolist(), strict=True)
    assert set(shades) == {(64, 0), (255, 1)}


def test_images_are_read_once_for_several_seeds(tmp_path, monkeypatch):
    config = RunConfig(dataset=str(digits_folder(tmp_path / "digits")))
    load(config)
    monkeypatch.setattr(own_data, "decoded", None)
    load(config.model_copy(update={"seed": 5}))
    monkeypatch.undo()
    broken = tmp_path / "digits" / "digit 0" / "0.png"
    broken.write_bytes(b"")
    (broken.parent / "more.png").write_bytes((broken.parent / "1.png").read_bytes())
    with pytest.raises(OwnError, match=r"0\.png cannot be read as an image"):
        load(config)


def table(path: Path, numbers: np.ndarray[Any, Any], labels: Any) -> RunConfig:
    rows = zip(numbers.tolist(), labels, strict=True)
    path.write_text("".join(f"{','.join(map(repr, row))},{label}\n" for row, label in rows))
    return RunConfig(dataset=str(path), model="mlp", device="cpu", batch_size=16, epochs=3)


def test_numbers_are_standardised_by_the_train_part(tmp_path):
    x = np.random.default_rng(0).normal([5, 1e9, 3], [2, 1e3, 0], (100, 3))
    splits = load(table(tmp_path / "a.csv", x, ["a", "b"] * 50))
    own = splits.train.x.double()
    torch.testing.assert_close(own.mean(0), torch.zeros(3, dtype=torch.float64), atol=1e-6, rtol=0)
    torch.testing.assert_close(
        own.std(0, correction=0), torch.tensor([1, 1, 0], dtype=torch.float64), atol=1e-6, rtol=0
    )
    back = splits.val.x[0].double()  # by the mean and the deviation of the others
    assert back.abs().max() < 6
    assert splits.train.x.dtype == torch.float32
    assert splits.train.y.dtype == torch.int64


def test_an_npz_gives_what_was_saved(tmp_path):
    generator = np.random.default_rng(0)
    x, y = generator.integers(0, 256, (40, 6, 6, 3), dtype=np.uint8), np.arange(40) % 4
    np.savez(tmp_path / "a.npz", x=x, y=y)
    splits = load(RunConfig(dataset=str(tmp_path / "a.npz")))
    first = x.transpose(0, 3, 1, 2)
    told = {one.tobytes() + bytes([label]) for one, label in zip(first, y, strict=True)}
    assert images_of(splits) == told
    larger = load(RunConfig(dataset=str(tmp_path / "a.npz"), image_size=12))
    assert larger.train.x.shape[1:] == (3, 12, 12)


def test_numbers_of_an_npz_that_are_not_finite_are_refused(tmp_path):
    x = np.zeros((40, 3))
    x[7, 1] = np.inf
    np.savez(tmp_path / "a.npz", x=x, y=np.arange(40) % 4)
    with pytest.raises(OwnError, match="has a number in x that is not finite"):
        load(RunConfig(dataset=str(tmp_path / "a.npz"), model="mlp"))


# In training


def linear(count: int = 200) -> tuple[Any, Any]:
    x = np.random.default_rng(1).normal(size=(count, 3))
    return x, 7 + x @ np.array([2.0, -1.0, 0.5])


def test_a_regression_has_the_losses_of_plain_torch(tmp_path):
    config = table(tmp_path / "a.csv", *linear()).model_copy(
        update={"optimizer": SGD(), "lr": 0.02, "schedule": NoSchedule(), "batch_size": 162}
    )
    config = config.model_copy(update={"model": network(
        tmp_path, "from torch import nn\ndef Net(features):\n    return nn.Linear(features, 1)\n"
    )})  # fmt: skip
    splits = load(config)
    with torch.random.fork_rng():
        torch.manual_seed(config.seed)
        model = nn.Linear(3, 1)
    optimizer = torch.optim.SGD(model.parameters(), 0.02, momentum=config.optimizer.momentum)
    told = []
    for _ in range(3):
        optimizer.zero_grad()
        loss = ((model(splits.train.x).squeeze(1) - splits.train.y) ** 2).mean()
        loss.backward()
        optimizer.step()
        with torch.no_grad():
            held = ((model(splits.val.x).squeeze(1) - splits.val.y) ** 2).mean()
        told.append([loss.item(), held.item()])
    *epochs, ended = [e for e in train(config) if isinstance(e, EpochEnded | Ended)]
    measured = [[e.metrics["train_loss"], e.metrics["val_loss"]] for e in epochs]
    assert [sorted(e.metrics) for e in epochs] == [["train_loss", "val_loss"]] * 3
    torch.testing.assert_close(torch.tensor(measured), torch.tensor(told), atol=1e-5, rtol=1e-4)
    assert ended.test_accuracy is None
    assert ended.test_loss is not None
    assert ended.told().startswith("test loss ")
    assert "          -" in epochs[0].told()


def test_the_mlp_learns_a_regression(tmp_path):
    config = table(tmp_path / "a.csv", *linear())
    *_, last, ended = train(config, epochs=30)
    assert ended.status == "finished"
    assert max(last.metrics.values()) < 0.1  # of 1 for the mean


def test_without_a_test_part_the_end_says_so(tmp_path):
    digits_folder(tmp_path / "own" / "train", each=8, classes=2)
    digits_folder(tmp_path / "own" / "val", each=4, classes=2)
    config = RunConfig(dataset=str(tmp_path / "own"), epochs=1, device="cpu")
    first, *_, ended = train(config)
    assert first == Reading(0, 16)
    assert ended == Ended("finished")
    assert ended.told() == "without a test, for which there is no data"


def test_large_images_are_evaluated_a_few_at_a_time(tmp_path, capfd, monkeypatch):
    root = tmp_path / "own"
    digits_folder(root, each=12, classes=2)
    text = NET.replace("        x = self.norm", "        print(len(x))\n        x = self.norm")
    config = RunConfig(
        dataset=str(root), model=network(tmp_path, text), image_size=8, epochs=1, batch_size=20,
        device="cpu",
    )  # fmt: skip
    monkeypatch.setattr(loop, "EVALUATED_NUMBERS", 64)
    list(train(config))
    assert capfd.readouterr().out.split() == ["2", "20", "1", "1", "1", "1"]
