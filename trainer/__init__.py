"""Trains, and explains what the learning-rate schedule did. Knows torch, never the web."""

import os
from typing import TYPE_CHECKING, Any

# How long GNU OpenMP's threads spin before they sleep, read when torch loads it. By its own default
# a waiting thread keeps its core busy: beside one busy program on two cores a batch took 50 to
# 300 ms where it takes 3. At this count it takes 22, and as little as ever on a quiet machine.
os.environ.setdefault("GOMP_SPINCOUNT", "10000")

if TYPE_CHECKING:
    from trainer.what_if import replay as replay


def __getattr__(name: str) -> Any:
    """`from trainer import replay`, which loads torch only when it is asked for."""
    if name == "replay":
        from trainer.what_if import replay

        return replay
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
