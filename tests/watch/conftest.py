"""A small training to watch."""

from collections.abc import Callable

import pytest
import torch

from trainer.watch import obeying


@pytest.fixture
def looks_always(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands are looked at on every occasion, not by the clock."""
    monkeypatch.setattr(obeying, "EVERY", 0.0)


@pytest.fixture
def optimizer() -> torch.optim.Optimizer:
    return torch.optim.SGD([torch.nn.Parameter(torch.ones(1))], lr=0.1, momentum=0.9)


@pytest.fixture
def batch(optimizer: torch.optim.Optimizer) -> Callable[[], float]:
    """Trains a batch; its loss."""
    (parameter,) = optimizer.param_groups[0]["params"]

    def train() -> float:
        optimizer.zero_grad()
        loss = (parameter**2).sum()
        loss.backward()
        optimizer.step()
        return float(loss.detach())

    return train
