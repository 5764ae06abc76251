"""torch's private parts behind one door: a torch that works differently is noticed at once."""

import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from torch.optim import lr_scheduler

from trainer.config.schedules import ReduceLROnPlateau
from trainer.replay.replay import replay
from trainer.schedule.plateau import Plateau
from trainer.schedule.torch_changed import TESTED, TorchChangedError

TORCH = lr_scheduler.ReduceLROnPlateau
ROOT = Path(__file__).parents[2]
FLAT = [1.0, 1.0, 1.0]


def rename(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """torch's class as a release would be that calls a private method by another name."""
    method = getattr(TORCH, name)

    def step(self: Any, metrics: float, epoch: int | None = None) -> None:
        renamed = type(self).__dict__.get(name)
        setattr(type(self), name, method)  # what torch calls now is its own, not LRScope's
        try:
            original(self, metrics, epoch)
        finally:
            if renamed is None:
                delattr(type(self), name)
            else:
                setattr(type(self), name, renamed)

    original = TORCH.step
    monkeypatch.setattr(TORCH, "step", step)


@pytest.mark.parametrize(("name", "what"), [("_reduce_lr", "changed the"), ("_is_better", "_is_")])
def test_a_renamed_private_method_raises_in_words(monkeypatch, name, what):
    rename(monkeypatch, name)
    with pytest.raises(TorchChangedError, match=what) as raised:
        replay(FLAT, patience=0)
    assert TESTED in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_cut_without_effect_that_is_not_seen_raises(monkeypatch):
    rename(monkeypatch, "_reduce_lr")
    with pytest.raises(TorchChangedError, match="bad epochs"):
        replay(FLAT, patience=0, lr=1e-9)  # its cuts change no more than eps


def test_a_cut_to_another_lr_than_the_factors_raises(monkeypatch):
    def halve(self, epoch):  # noqa: ARG001
        self.optimizer.param_groups[0]["lr"] *= 0.5

    monkeypatch.setattr(TORCH, "_reduce_lr", halve)
    with pytest.raises(TorchChangedError, match=r"where 0\.001 was expected"):
        replay(FLAT, patience=0, lr=0.01)


def test_a_comparison_with_another_level_raises(monkeypatch):
    monkeypatch.setattr(TORCH, "_is_better", lambda _, metric, best: metric < best)
    with pytest.raises(TorchChangedError, match="another level"):
        replay([1.0, 0.95], threshold=0.1)


@pytest.mark.parametrize("name", ["_reset", "_init_is_better"])
def test_beginning_anew_says_when_torch_cannot(monkeypatch, name):
    scheduler = built()
    monkeypatch.delattr(TORCH, name)
    with pytest.raises(TorchChangedError, match=name):
        scheduler.reset("max")


def test_cutting_now_says_when_torch_cannot(monkeypatch):
    scheduler = built()
    monkeypatch.delattr(TORCH, "_reduce_lr")
    with pytest.raises(TorchChangedError, match="_reduce_lr"):
        scheduler.cut()


def built() -> Plateau:
    from trainer.config.recipe import Recipe
    from trainer.schedule.parts import main_part

    scheduler = main_part(Recipe(schedule=ReduceLROnPlateau()), 1, 10).scheduler
    assert isinstance(scheduler, Plateau)
    return scheduler


def test_the_oldest_torch_that_may_be_installed_is_the_oldest_that_was_tested() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    oldest = next(r for r in project["dependencies"] if r.startswith("torch>=")).partition(">=")[2]
    assert TESTED.startswith(f"torch {oldest} to ")


@given(
    metrics=st.lists(st.floats(allow_nan=True, allow_infinity=True), min_size=1, max_size=30),
    patience=st.integers(0, 3),
    cooldown=st.integers(0, 3),
    factor=st.floats(0.01, 0.99),
    threshold=st.floats(0, 0.5),
    mode=st.sampled_from(["rel", "abs"]),
    min_lr=st.floats(0, 0.1),
    lr=st.floats(1e-9, 1),
)
def test_the_torch_that_is_installed_never_raises(
    metrics, patience, cooldown, factor, threshold, mode, min_lr, lr
):
    rule = ReduceLROnPlateau(
        patience=patience,
        cooldown=cooldown,
        factor=factor,
        threshold=threshold,
        threshold_mode=mode,
        min_lr=min_lr,
    )
    from trainer.config.recipe import Recipe

    replay(metrics, Recipe(schedule=rule, lr=lr, epochs=len(metrics)))
