"""Trains, and explains what the learning-rate schedule did. Knows torch, never the web."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trainer.what_if import replay as replay


def __getattr__(name: str) -> Any:
    """`from trainer import replay`, which loads torch only when it is asked for."""
    if name == "replay":
        from trainer.what_if import replay

        return replay
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
