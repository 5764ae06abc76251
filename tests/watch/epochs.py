"""The epochs that a watched training wrote, and what torch's plateau rule makes of their losses."""

from collections.abc import Callable
from pathlib import Path

import torch
from torch.optim.lr_scheduler import LRScheduler

from tests.watch.spools import lines


def metrics(home: Path) -> list[dict[str, float]]:
    """The metrics of each epoch."""
    return [line["metrics"] for line in lines(home, "epoch")]


def lrs(home: Path) -> list[float]:
    """The first LR of each epoch."""
    return [line["lr"] for line in lines(home, "epoch")]


def ending(home: Path) -> tuple[str, str | None]:
    """The status and the reason at the end."""
    last = lines(home)[-1]
    assert last["kind"] == "end"
    return last["status"], last["reason"]


def plateau_lrs(
    losses: list[float], lr: float, scheduler: Callable[[torch.optim.Optimizer], LRScheduler]
) -> list[float]:
    """The LR of each epoch with those losses."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(()))], lr=lr)
    rule, used = scheduler(optimizer), []
    for loss in losses:
        used.append(optimizer.param_groups[0]["lr"])
        rule.step(loss)  # type: ignore[arg-type]
    return used
