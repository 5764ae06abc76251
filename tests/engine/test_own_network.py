"""A network in a file of one's own: built by name, and blamed by file and line."""

from pathlib import Path

import pytest
import torch

from tests.own.made import NET, digits_folder, network
from trainer.config.own import TORCHVISION
from trainer.config.run import MODELS, RunConfig
from trainer.engine import models
from trainer.engine.errors import EngineError
from trainer.engine.events import EpochEnded, Started
from trainer.engine.loop import train
from trainer.engine.own_network import NetworkError
from trainer.failures import reason
from trainer.own.errors import OwnError

IMAGES = torch.zeros((2, 1, 8, 8), dtype=torch.uint8)
IMPORT = "from torch import nn\n"
ROWS = torch.zeros((2, 5))


def built(folder: Path, text: str, images: torch.Tensor = IMAGES, name: str = "Net"):
    return models.built(network(folder, text, name), images, 3, seed=1)


def refused(folder: Path, text: str, name: str = "Net") -> str:
    """The sentence, without the path of the file."""
    with pytest.raises((NetworkError, OwnError)) as caught:
        built(folder, text, name=name)
    sentence = str(caught.value)
    assert reason(caught.value) == sentence
    assert "\n" not in sentence
    assert str(folder / "model.py") in sentence
    return sentence.replace(str(folder / "model.py"), "FILE")


def test_it_gets_what_it_takes_by_name(tmp_path):
    made = built(tmp_path, NET)
    assert made.network(IMAGES.float()).shape == (2, 3)
    assert made.notes == ()
    text = "from torch import nn\ndef Net(classes, hidden=7):\n    return nn.Sequential(" \
        "nn.Flatten(), nn.Linear(64, hidden), nn.Linear(hidden, classes))\n"  # fmt: skip
    assert built(tmp_path, text).network(IMAGES.float()).shape == (2, 3)


def test_it_is_said_if_it_takes_nothing(tmp_path):
    text = f"{IMPORT}def Net():\n    return nn.Sequential(nn.Flatten(), nn.Linear(64, 3))\n"
    (note,) = built(tmp_path, text).notes
    assert note.startswith("Net takes none of channels, size, classes")


def test_rows_of_numbers_have_features(tmp_path):
    text = f"{IMPORT}def Net(features, classes):\n    return nn.Linear(features, classes)\n"
    assert built(tmp_path, text, ROWS).network(ROWS).shape == (2, 3)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("def Net(:\n", "FILE, line 1: invalid syntax."),
        ("class Other: pass\ndef more(): pass\n", "FILE has no Net: it has Other, more."),
        ("x = 1\nNet = 2\n", "Net in FILE is no class and no function."),
        ("def Net(): return 3\n", "Net in FILE makes no torch.nn.Module but a int."),
        ("import nowhere_to_be_found\n",
         "FILE, line 1: ModuleNotFoundError: No module named 'nowhere_to_be_found'."),
        ("def Net():\n    raise SystemExit(3)\n",
         "FILE, line 2: it ends the program (SystemExit)."),
        ("def Net():\n    return 1 / 0\n", "FILE, line 2: ZeroDivisionError: division by zero."),
        ("from torch import nn\ndef Net():\n    return nn.Flatten()\n",
         "FILE: Net returns [2, 64] for 2 samples, and must return [2, 3]."),
        (NET.replace("* size, classes)", "* size, 7)"),
         "FILE, line 13: Net returns [2, 7] for 2 samples, and must return [2, 3]."),
        (NET.replace("4 * size * size", "5"), "FILE, line 15: RuntimeError: mat1 and mat2 shapes "
         "cannot be multiplied (2x256 and 5x3)."),
        (NET.replace("channels, size", "channels, depth, size"),
         "Net in FILE needs 'depth', which is not known here: give it a default; what is known of "
         "this data is channels, size, classes, height, width."),
        ("from torch import nn\nclass Net(nn.Module):\n    def forward(self, x):\n"
         "        return x.flatten(1)[:, :3]\n", "Net in FILE has no parameters to train."),
    ],
    ids=["syntax", "missing", "value", "no module", "import", "exit", "raises", "shape of torch's",
         "shape", "forward", "argument", "no parameters"],
)  # fmt: skip
def test_what_is_wrong_is_one_sentence_with_file_and_line(tmp_path, text, says):
    assert refused(tmp_path, text) == says


def test_a_file_that_is_not_there_is_said(tmp_path):
    path = tmp_path / "model.py"
    with pytest.raises(OwnError, match="There is no file"):
        models.built(f"{path}:Net", IMAGES, 3, 0)


def test_a_file_beside_it_is_imported_and_blamed_too(tmp_path):
    (tmp_path / "blocks.py").write_text(
        "from torch import nn\ndef block():\n    return nn.Linear(64, 3)\n"
    )
    text = "from torch import nn\nfrom blocks import block\ndef Net():\n    return nn.Sequential(" \
        "nn.Flatten(), block())\n"  # fmt: skip
    first = built(tmp_path, text)
    (tmp_path / "blocks.py").write_text("def block():\n    raise ValueError('no')\n")
    with pytest.raises(NetworkError) as caught:
        built(tmp_path, text)
    assert str(caught.value) == f"{tmp_path / 'blocks.py'}, line 2: ValueError: no."
    (tmp_path / "blocks.py").write_text(
        "from torch import nn\ndef block():\n    return nn.Linear(64, 3, False)\n"
    )
    assert built(tmp_path, text).stamp != first.stamp


def test_its_weights_neither_move_nor_follow_torchs_generator(tmp_path):
    text = f"import torch\ntorch.manual_seed(5)\n{NET}"
    torch.manual_seed(1)
    before = torch.get_rng_state()
    one = built(tmp_path, NET).network.state_dict()
    other = built(tmp_path, text).network.state_dict()
    assert torch.equal(torch.get_rng_state(), before)
    assert not torch.equal(one["network.last.weight"], other["network.last.weight"])


def test_nothing_is_written_beside_it_and_nothing_left_in_python(tmp_path):
    import sys

    (tmp_path / "layers_of_mine.py").write_text("N = 3\n")
    before = list(sys.path)
    built(tmp_path, f"from layers_of_mine import N\n{NET}")
    assert sys.path == before
    assert "layers_of_mine" not in sys.modules


@pytest.mark.parametrize(
    "text",
    [
        "import random\n",
        "from numpy.random import default_rng\n",
        "import torch\ng = torch.Generator()\n",
    ],
)
def test_a_generator_of_its_own_is_said(tmp_path, text):
    (note,) = built(tmp_path, text + NET).notes
    assert note.startswith("model.py has a generator of its own in line ")


def test_a_buffer_that_is_not_kept_is_said(tmp_path):
    buffer = "        self.register_buffer('b', self.norm.weight.data, persistent=False)\n"
    text = NET.replace("        self.drop", f"{buffer}        self.drop")
    (note,) = built(tmp_path, text).notes
    assert note.startswith("Net has a buffer that is not persistent")


# In training


def config(tmp_path: Path, text: str = NET, **settings) -> RunConfig:
    digits_folder(tmp_path / "digits")
    return RunConfig(
        dataset=str(tmp_path / "digits"), model=network(tmp_path, text),
        **{"epochs": 2, "batch_size": 10, "device": "cpu", **settings},
    )  # fmt: skip


def test_dropout_and_normalisation_know_whether_it_trains(tmp_path, capfd):
    told = "        print('training' if self.training else 'evaluated', len(x))\n"
    text = NET.replace("        x = self.norm", f"{told}        x = self.norm")
    *_, ended = train(config(tmp_path, text, epochs=1))
    assert ended.status == "finished"
    lines = capfd.readouterr().out.splitlines()
    trained = ["training 10"] * 4
    assert lines == ["evaluated 2", *trained, "evaluated 4", "evaluated 4"]  # tried, val, test


def losses(events) -> list[dict[str, float | None]]:
    return [event.metrics for event in events if isinstance(event, EpochEnded)]


def test_the_same_seed_gives_the_same_numbers_also_with_dropout(tmp_path):
    own = config(tmp_path)
    torch.manual_seed(1)
    one = losses(train(own))
    torch.manual_seed(2)
    before = torch.get_rng_state()
    assert losses(train(own)) == one
    assert torch.equal(torch.get_rng_state(), before)
    assert losses(train(own, seed=1)) != one


def test_an_error_while_it_trains_is_blamed_on_its_line(tmp_path):
    text = NET.replace("        x = self.norm", "        if self.training:\n            x.nothing\n"
                       "        x = self.norm")  # fmt: skip
    with pytest.raises(NetworkError) as caught:
        list(train(config(tmp_path, text)))
    assert str(caught.value) == (
        f"{tmp_path / 'model.py'}, line 15: AttributeError: 'Tensor' object has no attribute "
        "'nothing'."
    )


def test_an_error_of_the_gradient_is_blamed_on_the_network(tmp_path):
    text = NET.replace("        return", "        x = x.exp()\n        x += 1\n        return")
    with pytest.raises(NetworkError, match=r"Net in .*model.py cannot be trained: RuntimeError: "):
        list(train(config(tmp_path, text)))


def test_a_last_batch_of_one_sample_is_said(tmp_path):
    text = """
from torch import nn

def Net(size, classes):
    return nn.Sequential(
        nn.Flatten(), nn.BatchNorm1d(size * size), nn.Linear(size * size, classes)
    )
"""
    own = config(tmp_path, text, batch_size=39)  # of 40
    with pytest.raises(NetworkError, match=r"The last batch of an epoch has one sample"):
        list(train(own))


def test_a_graph_that_it_cannot_have_is_said(tmp_path):
    events = train(config(tmp_path, epochs=1, cuda_graph=True))
    started = next(event for event in events if isinstance(event, Started))
    assert started.notes[-1].startswith("A CUDA graph is for LRScope's own networks")


def test_no_memory_in_it_is_said_as_of_any_network(tmp_path):
    text = NET.replace("        x = self.norm", "        raise MemoryError\n        x = self.norm")
    with pytest.raises(NetworkError) as caught:
        built(tmp_path, text)
    assert reason(caught.value) == (
        "The device does not have enough memory for this run; choose a smaller batch."
    )


# torchvision's


def test_the_names_are_torchvisions():
    import torchvision.models
    from torchvision.models import list_models

    known = set(list_models(module=torchvision.models))
    assert {*TORCHVISION, "resnet18"} == known
    assert not set(TORCHVISION) & MODELS.keys()


@pytest.mark.parametrize("name", ["squeezenet1_1", "mobilenet_v3_small", "googlenet", "vit_b_32"])
def test_a_network_of_torchvisions_has_as_many_scores_as_classes(name):
    network, _, notes = models.built(name, torch.zeros(2, 3, 64, 64), 5, seed=0)
    assert network.train()(torch.rand(2, 3, 64, 64)).shape == (2, 5)
    assert notes == ()


def test_grey_images_are_made_rgb_where_it_takes_three_channels():
    network, _, notes = models.built("squeezenet1_1", torch.zeros(2, 1, 32, 32), 5, seed=0)
    assert notes == ("squeezenet1_1 needs 3 channels: the images are made RGB.",)
    x = torch.rand(2, 1, 32, 32)
    plain, _, _ = models.built("squeezenet1_1", torch.zeros(2, 3, 32, 32), 5, seed=0)
    assert torch.equal(network.eval()(x), plain.eval()(x.expand(-1, 3, -1, -1)))


@pytest.mark.parametrize(
    ("name", "shape", "says"),
    [
        ("alexnet", (3, 32, 32),
         "alexnet does not take images of 32 × 32 pixels: choose the image size 64."),
        ("vit_b_16", (3, 40, 40),
         "vit_b_16 does not take images of 40 × 40 pixels: choose the image size 48."),
    ],
)  # fmt: skip
def test_what_a_network_does_not_take_is_refused(name, shape, says):
    with pytest.raises(EngineError) as caught:
        models.built(name, torch.zeros((2, *shape)), 3, 0)
    assert str(caught.value) == says
