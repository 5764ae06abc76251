"""A page on a live watched training."""

from tests.lab.conftest import lab

__all__ = ["lab"]
