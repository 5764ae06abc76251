"""Every model fits every image, and its weights come from the seed alone."""

import threading

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, max_pool2d, relu

from trainer.engine.models import MODELS, built

SHAPES = [(1, 28, 28), (3, 32, 32)]


def build(name: str, x: torch.Tensor, classes: int, seed: int) -> torch.nn.Module:
    return built(name, x, classes, seed).network


def images(shape: tuple[int, ...], n: int = 4) -> Tensor:
    return torch.zeros((n, *shape), dtype=torch.uint8)


def parameters(model: nn.Module) -> int:
    return sum(p.numel() for p in model.parameters())


def weights(model: nn.Module) -> Tensor:
    return torch.cat([p.detach().flatten() for p in model.parameters()])


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("name", MODELS)
def test_every_model_trains_a_step_on_every_shape(name, shape):
    model = build(name, images(shape), classes=10, seed=0)
    x, y = torch.rand(4, *shape), torch.arange(4)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    before = [p.detach().clone() for p in model.parameters()]
    scores = model(x)
    assert scores.shape == (4, 10)
    cross_entropy(scores, y).backward()
    optimizer.step()
    for old, new in zip(before, model.parameters(), strict=True):
        assert torch.isfinite(new).all()
        assert not torch.equal(old, new)


@pytest.mark.parametrize("classes", [2, 10])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_the_parameters_of_cnn_and_mlp_are_those_of_the_formula(shape, classes):
    c, h, w = shape
    convolutions = (9 * c + 1) * 8 + (9 * 8 + 1) * 16
    cnn = convolutions + (16 * (h // 4) * (w // 4) + 1) * classes
    assert parameters(build("cnn", images(shape), classes, 0)) == cnn
    mlp = (c * h * w + 1) * 50 + 51 * classes
    assert parameters(build("mlp", images(shape), classes, 0)) == mlp


def test_lenet_has_the_61706_parameters_of_the_books():
    assert parameters(build("lenet5", images((1, 28, 28)), 10, 0)) == 61_706
    assert parameters(build("lenet5", images((1, 32, 32)), 10, 0)) == 61_706


def test_resnet_keeps_small_images_large():
    model = build("resnet18", images((3, 32, 32)), 10, 0)
    assert isinstance(model.conv1, nn.Conv2d)
    assert model.conv1.stride == (1, 1)
    assert isinstance(model.maxpool, nn.Identity)
    assert parameters(model) == 11_173_962


def test_the_cnn_is_the_tutorials_function():
    model = build("cnn", images((1, 28, 28)), 10, 0)
    assert isinstance(model, nn.Sequential)
    first, second, last = model[0], model[3], model[7]
    x = torch.rand(4, 1, 28, 28)
    hidden = max_pool2d(relu(first(x)), 2)
    hidden = max_pool2d(relu(second(hidden)), 2)
    torch.testing.assert_close(model(x), last(hidden.flatten(1)))


@pytest.mark.parametrize("name", MODELS)
def test_the_same_seed_gives_the_same_weights_another_seed_others(name):
    one, same, other = (weights(build(name, images((1, 28, 28)), 10, seed)) for seed in (3, 3, 4))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


@pytest.mark.parametrize("name", MODELS)
def test_weights_neither_move_nor_follow_torchs_own_generator(name):
    torch.manual_seed(1)
    before = torch.get_rng_state()
    one = weights(build(name, images((1, 28, 28)), 10, seed=0).cpu())
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(2)
    assert torch.equal(weights(build(name, images((1, 28, 28)), 10, seed=0)), one)


def test_models_built_at_the_same_time_do_not_touch_each_other():
    x, seeds = images((1, 28, 28)), range(4)
    alone = [weights(build("lenet5", x, 10, seed)) for seed in seeds]
    state, start, wrong = torch.get_rng_state(), threading.Barrier(4), []

    def work(seed: int) -> None:
        start.wait()
        for _ in range(25):
            if not torch.equal(weights(build("lenet5", x, 10, seed)), alone[seed]):
                wrong.append(seed)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in seeds]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert torch.equal(torch.get_rng_state(), state)
