"""Every optimizer is torch's own class, with the config's arguments, fused where it can be."""

import inspect
from typing import Any

import pytest
import torch

from trainer.config import optimizers
from trainer.config.fields import Settings
from trainer.config.optimizers import OPTIMIZERS
from trainer.config.recipe import Recipe
from trainer.config.schedules import CyclicLR
from trainer.schedule.optimizers import build
from trainer.schedule.schedule import Schedule

# None of them the default of torch or of LRScope.
CHANGED: list[optimizers.Optimizer] = [
    optimizers.SGD(momentum=0.5, nesterov=True, weight_decay=0.02),
    optimizers.Adam(beta1=0.8, beta2=0.9, eps=1e-6, weight_decay=0.02, amsgrad=True),
    optimizers.AdamW(beta1=0.8, beta2=0.9, eps=1e-6, weight_decay=0.02, amsgrad=True),
    optimizers.RMSprop(alpha=0.9, momentum=0.5, centered=True, eps=1e-6, weight_decay=0.02),
    optimizers.Adagrad(lr_decay=0.1, initial_accumulator_value=0.5, eps=1e-6, weight_decay=0.02),
    optimizers.NAdam(beta1=0.8, beta2=0.9, eps=1e-6, weight_decay=0.02, momentum_decay=0.01),
    optimizers.RAdam(beta1=0.8, beta2=0.9, eps=1e-6, weight_decay=0.02),
]


def arguments(spec: Settings) -> dict[str, Any]:
    given = spec.model_dump(exclude={"name"})
    if "beta1" in given:
        given["betas"] = (given.pop("beta1"), given.pop("beta2"))
    return given


def weight() -> torch.nn.Parameter:
    return torch.nn.Parameter(torch.linspace(-1, 1, 7))


def train(optimizer: torch.optim.Optimizer, parameter: torch.nn.Parameter) -> torch.Tensor:
    for step in range(5):
        parameter.grad = torch.cos(parameter.detach() * (step + 1))
        optimizer.step()
    return parameter.detach()


def test_every_optimizer_is_tried():
    assert {spec.name for spec in CHANGED} == OPTIMIZERS.keys()


@pytest.mark.parametrize("spec", CHANGED, ids=lambda spec: spec.name)
def test_every_argument_reaches_torchs_class(spec):
    optimizer = build(spec, [weight()], lr=0.03)
    assert type(optimizer) is getattr(torch.optim, spec.name)
    assert optimizer.defaults.items() >= ({"lr": 0.03} | arguments(spec)).items()


@pytest.mark.parametrize("spec", CHANGED, ids=lambda spec: spec.name)
def test_one_that_is_never_trained_has_all_that_torchs_has_and_its_step_does_nothing(spec):
    parameter = weight()
    never = build(spec, [parameter], lr=0.03, is_trained=False)
    torchs = build(spec, [weight()], lr=0.03)
    assert isinstance(never, getattr(torch.optim, spec.name))
    own, theirs = never.state_dict(), torchs.state_dict()
    assert own["param_groups"] == theirs["param_groups"]
    torch.testing.assert_close(own["state"], theirs["state"], rtol=0, atol=0)
    assert torch.equal(train(never, parameter), weight())
    never.load_state_dict(theirs)
    assert never.state_dict()["param_groups"] == theirs["param_groups"]


@pytest.mark.parametrize("spec", CHANGED, ids=lambda spec: spec.name)
def test_it_is_fused_where_torch_offers_that(spec):
    optimizer = build(spec, iter([weight()]), lr=0.03)
    offered = "fused" in inspect.signature(type(optimizer)).parameters
    assert bool(optimizer.defaults.get("fused")) == offered
    assert offered == (spec.name in {"SGD", "Adam", "AdamW", "Adagrad"})


def test_it_is_not_fused_on_a_device_for_which_torch_has_no_kernel():
    parameter = torch.nn.Parameter(torch.zeros(1, device="meta"))
    assert not build(optimizers.SGD(), [parameter], lr=0.1).defaults["fused"]


@pytest.mark.parametrize("spec", [*(cls() for cls in OPTIMIZERS.values()), *CHANGED], ids=repr)
def test_its_steps_are_those_of_torchs_plain_optimizer(spec):
    ours, plain = weight(), weight()
    by_hand = getattr(torch.optim, spec.name)([plain], lr=0.03, foreach=False, **arguments(spec))
    torch.testing.assert_close(
        train(build(spec, [ours], lr=0.03), ours), train(by_hand, plain), rtol=1e-5, atol=1e-6
    )


def test_rmsprop_whose_momentum_rises_from_zero_starts_it_from_a_buffer_of_zeros():
    cycle = CyclicLR(max_lr=0.05, step_size_up=1, max_momentum=0, base_momentum=0.8)
    schedule = Schedule(Recipe(optimizer=optimizers.RMSprop(), schedule=cycle), 4)
    ours, expected = weight(), weight().detach()
    optimizer = build(optimizers.RMSprop(), [ours], lr=0.01)
    square, buffer, seen = torch.zeros(7), torch.zeros(7), []
    for step in range(9):
        schedule.apply(optimizer)
        lr, momentum = (optimizer.param_groups[0][name] for name in ("lr", "momentum"))
        ours.grad = torch.cos(ours.detach() * (step + 1))
        optimizer.step()
        schedule.step_batch()
        gradient = torch.cos(expected * (step + 1))
        square = 0.99 * square + 0.01 * gradient**2
        change = gradient / (square.sqrt() + 1e-8)
        if momentum:
            change = buffer = momentum * buffer + change
        expected = expected - lr * change
        seen.append(momentum)
    assert seen[0] == seen[8] == 0 < max(seen)
    torch.testing.assert_close(ours.detach(), expected, rtol=1e-5, atol=1e-6)
