"""What a run trained on is kept with it, and told where it has changed since."""

import dataclasses
import platform

import pytest
import torch

from tests.small import load, run, small
from trainer.engine import datasets
from trainer.engine import environment as machine
from trainer.engine.events import Started


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> Started:
    monkeypatch.setattr(datasets, "load", load)
    return next(event for event in run(small(epochs=1)) if isinstance(event, Started))


def test_a_run_keeps_what_it_trained_on(started):
    assert (
        started.torch == torch.__version__.partition("+")[0] or started.torch == torch.__version__
    )
    assert started.python == platform.python_version()
    assert started.cpu
    assert machine.difference(started) is None


@pytest.mark.parametrize(
    ("then", "change"),
    [
        ({"torch": "1.0"}, "torch was 1.0, now "),
        ({"cpu": "a 486"}, "the CPU was a 486, now "),
    ],
    ids=lambda then: next(iter(then)) if isinstance(then, dict) else "",
)
def test_what_has_changed_since_is_told_in_a_sentence(started, then, change):
    sentence = machine.difference(dataclasses.replace(started, **then))
    assert sentence is not None
    assert sentence.startswith("Retrained epochs may differ in the last bits: ")
    assert change in sentence


def test_a_gpu_that_is_gone_is_told(started, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    sentence = machine.difference(dataclasses.replace(started, device="cuda"))
    assert sentence is not None
    assert "GPU" in sentence


def test_a_run_from_before_this_was_kept_is_not_accused(started):
    assert machine.difference(dataclasses.replace(started, torch="", cpu="")) is None
