"""The browser and the LRScope of the Lab's tests."""

from tests.lab.conftest import lab

__all__ = ["lab"]
